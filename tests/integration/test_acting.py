"""What is sent, and what is not: no double send (P1), only what a plan names (P3), and what the platform is not asked."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.app.build import Daemon
from daemon.core.actions import Mode
from daemon.core.exceptions import AuthError, LimitExceededError, UnavailableError
from daemon.sandbox import Fault, Options
from tests.integration.shop import ACCOUNT, Shop
from tests.integration.small_shop import (
    FLOW,
    HOPELESS,
    POST_RETRY,
    between_plan_and_act,
    during,
    fail,
    one_pass,
    people,
    row_of,
    sent,
    small_shop,
    unhurried,
)


def retries(then: str, more: str = "") -> str:
    """Return a file with one rule about a busy target."""
    return f"""
version: 1
rules:
  - id: again
    why: The record itself is fine.
    when: {{code: [SSS_REQUEST_LIMIT_EXCEEDED, INVALID_KEY_OR_REF]}}
    then: {{retry: {{{then}}}}}
    {more}
"""


ONE_ATTEMPT = retries("max_attempts: 1, ramp: off")


async def days_pass(shop: Shop, daemon: Daemon) -> None:
    """Run a pass on each of the next three days."""
    for _ in range(3):
        shop.clock.pass_by(timedelta(days=1))
        await one_pass(daemon)


@pytest.mark.parametrize("kind", ["after", "half_body", "not_json"])
async def test_a_retry_that_ran_although_its_answer_was_lost_is_found_again_and_not_repeated(
    tmp_path: Path, kind: str
) -> None:
    faults = [Fault(endpoint="POST retry", kind=kind, call=1)]
    async with small_shop(tmp_path, faults=faults) as shop, shop.daemon() as daemon:
        truths = fail(shop, count=2)
        figures = await one_pass(daemon)
        await days_pass(shop, daemon)

        assert figures.tally.counts["confirmed"] == 2
        assert figures.unsettled == 0
        assert sent(shop, "POST retry") == 1
        assert [(truth.state, truth.runs, truth.harmed) for truth in truths] == [("cured", 1, False)] * 2


@pytest.mark.parametrize("kind", ["before", "status:500", "status:502"])
async def test_a_retry_that_left_no_trace_is_unknown_in_the_end_held_for_people_and_never_sent_again(
    tmp_path: Path, kind: str
) -> None:
    faults = [Fault(endpoint="POST retry", kind=kind, call=1)]
    async with small_shop(tmp_path, faults=faults) as shop, shop.daemon() as daemon:
        truths = fail(shop, count=2)
        figures = await one_pass(daemon)
        counts = figures.tally.counts
        assert (counts["unknown"], counts["held"], counts["confirmed"], figures.unsettled) == (2, 2, 0, 0)

        await days_pass(shop, daemon)
        assert sent(shop, "POST retry") == 1
        assert [truth.runs for truth in truths] == [0, 0]
        assert [row.queue for row in await daemon.store.held(ACCOUNT)] == ["unknown", "unknown"]


async def test_until_its_time_is_up_a_lost_retry_stays_unsettled_and_nothing_is_done(tmp_path: Path) -> None:
    faults = [Fault(endpoint="POST retry", kind="before", call=1)]
    async with small_shop(tmp_path, faults=faults) as shop:
        fail(shop)
        figures = await shop.once(wait=timedelta(minutes=5))

        assert figures.unsettled == 1
        assert figures.tally.counts["unknown"] == 0
        assert sent(shop, "POST retry") == 1


async def test_of_two_jobs_that_a_lost_retry_may_have_started_none_is_adopted(tmp_path: Path) -> None:
    faults = [Fault(endpoint="POST retry", kind="after", call=1)]
    async with small_shop(tmp_path, faults=faults) as shop, shop.daemon() as daemon:
        (ours,) = fail(shop)
        (theirs,) = fail(shop, fields={"assignedTo": "clerk@example.com"})
        runner = daemon.accounts[ACCOUNT]
        await runner.cycle()
        people(shop, "retry", theirs, by=shop.sandbox.world.user_id)
        shop.clock.pass_by(timedelta(minutes=9))
        assert (await runner.confirm()).settled == 0

        shop.clock.pass_by(timedelta(minutes=2))
        assert (await runner.confirm()).counts["unknown"] == 1
        assert ours.runs == 1


async def test_a_job_of_another_size_is_not_taken_for_the_one_that_a_lost_retry_may_have_started(
    tmp_path: Path,
) -> None:
    faults = [Fault(endpoint="POST retry", kind="before", call=1)]
    async with small_shop(tmp_path, faults=faults) as shop, shop.daemon() as daemon:
        fail(shop)
        theirs = fail(shop, HOPELESS, count=2, fields={"assignedTo": "clerk@example.com"})
        runner = daemon.accounts[ACCOUNT]
        await runner.cycle()
        people(shop, "retry", *theirs, by=shop.sandbox.world.user_id)
        shop.clock.pass_by(timedelta(minutes=1))
        assert (await runner.confirm()).settled == 0
        assert runner.unsettled == 1


@pytest.mark.parametrize("by", ["5f1d3c7e8a9b0c1d2e3f4a5b", "auto"])
@pytest.mark.parametrize(("kind", "outcome"), [("before", "unknown"), ("after", "confirmed")])
async def test_a_job_that_others_started_is_never_taken_for_a_lost_one_of_ours(
    tmp_path: Path, by: str, kind: str, outcome: str
) -> None:
    faults = [Fault(endpoint="POST retry", kind=kind, call=1)]
    async with small_shop(tmp_path, faults=faults) as shop, shop.daemon() as daemon:
        (ours,) = fail(shop)
        (theirs,) = fail(shop, fields={"assignedTo": "clerk@example.com"})
        await daemon.accounts[ACCOUNT].cycle()
        people(shop, "retry", theirs, by=by)
        counts = (await one_pass(daemon)).tally.counts

        assert counts["unknown"] + counts["confirmed"] == counts[outcome] == 1
        assert (ours.runs, theirs.runs, sent(shop, "POST retry")) == (kind == "after", 1, 1)


async def test_a_record_whose_outcome_stayed_unknown_is_left_to_people_under_whatever_id_it_comes_back(
    tmp_path: Path,
) -> None:
    faults = [Fault(endpoint="POST retry", kind="before", call=1)]
    async with small_shop(tmp_path, faults=faults) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, traceKey="order-7")
        await one_pass(daemon)
        people(shop, "resolve", truth)
        shop.clock.pass_by(timedelta(hours=1))
        (again,) = fail(shop, traceKey="order-7")
        await one_pass(daemon)

        assert sent(shop, "POST retry") == 1
        assert (await row_of(daemon, again)).reason == "unknown"


async def test_a_retry_refused_by_the_rate_limit_costs_no_attempt_and_is_sent_once_later(tmp_path: Path) -> None:
    faults = [Fault(endpoint="POST retry", kind="status:429", call=1)]
    async with small_shop(tmp_path, ONE_ATTEMPT, faults=faults) as shop, shop.daemon() as daemon:
        unhurried(daemon)
        (truth,) = fail(shop)
        first = await one_pass(daemon)
        assert (first.tally.counts["retried"], first.unsettled, truth.runs) == (0, 0, 0)

        shop.clock.pass_by(timedelta(minutes=1))
        later = await one_pass(daemon)
        assert later.tally.counts["confirmed"] == 1
        assert (sent(shop, "POST retry"), truth.runs) == (2, 1)


async def test_a_retry_that_never_left_the_process_costs_no_attempt_and_is_sent_later(tmp_path: Path) -> None:
    def no_connection() -> None:
        raise UnavailableError("no connection")

    async with small_shop(tmp_path, ONE_ATTEMPT) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop)
        during(daemon, before={POST_RETRY: no_connection})
        tally, _ = await daemon.accounts[ACCOUNT].cycle()
        assert (tally.counts["retried"], tally.dropped["unreachable"], sent(shop, "POST retry")) == (0, 1, 0)

        shop.clock.pass_by(timedelta(minutes=1))
        assert (await one_pass(daemon)).tally.counts["confirmed"] == 1
        assert truth.runs == 1


PEOPLE: list[Any] = [
    pytest.param("resolve", {}, "gone", id="resolved"),
    pytest.param("vanish", {}, "gone", id="purged"),
    pytest.param("assign", {"email": "clerk@example.com"}, "assigned", id="given to a person"),
    pytest.param("change", {"fields": {"message": "something else"}}, "changed", id="says something else"),
    pytest.param("change", {"fields": {"code": "OTHER"}}, "changed", id="has another code"),
    pytest.param("change", {"fields": {"retryDataKey": "other"}}, "changed", id="has other retry data"),
    pytest.param(
        "change", {"fields": {"retryAt": "2026-03-02T09:05:00.000Z"}}, "platform-retries", id="platform will retry"
    ),
]


@pytest.mark.parametrize(("do", "more", "reason"), PEOPLE)
async def test_what_was_touched_between_plan_and_act_is_dropped_with_the_reason_and_the_rest_goes(
    tmp_path: Path, do: str, more: dict[str, Any], reason: str
) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        touched, left = fail(shop, count=2)
        between_plan_and_act(daemon, lambda: people(shop, do, touched, **more))
        tally, _ = await daemon.accounts[ACCOUNT].cycle()

        assert tally.dropped == {reason: 1}
        assert tally.counts["retried"] == 1
        assert [truth.retries_accepted for truth in (touched, left)] == [0, 1]


@pytest.mark.parametrize("leaves", ["at_once", "when_run"])
async def test_a_retry_job_that_people_started_between_plan_and_act_is_waited_for(tmp_path: Path, leaves: Any) -> None:
    options = Options(job_seconds=60.0, leaves=leaves)
    async with small_shop(tmp_path, options=options) as shop, shop.daemon() as daemon:
        theirs, ours = fail(shop, count=2)
        between_plan_and_act(daemon, lambda: people(shop, "retry", theirs))
        tally, _ = await daemon.accounts[ACCOUNT].cycle()
        assert set(tally.dropped) <= {"retry-running", "gone"}
        assert (sum(tally.dropped.values()), sent(shop, "POST retry")) == (2, 0)

        shop.clock.pass_by(timedelta(minutes=2))
        await one_pass(daemon)
        assert [(truth.runs, truth.retries_accepted) for truth in (theirs, ours)] == [(1, 1), (1, 1)]


async def test_what_is_planned_is_resolved_or_tagged_no_more_once_a_person_has_it(tmp_path: Path) -> None:
    rules = """
version: 1
rules:
  - id: twice
    why: It is there already.
    when: {code: DUP_RCRD}
    then: {resolve: {because: it is there already}, tag: [F3ZBQ], assign: sales@example.com}
"""
    async with small_shop(tmp_path, rules) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, "duplicate-order")
        during(
            daemon,
            after={"GET /flows/{flow}/{step}/errors": lambda: people(shop, "assign", truth, email="clerk@example.com")},
        )
        tally, _ = await daemon.accounts[ACCOUNT].cycle()

        assert tally.dropped == {"assigned": 3}  # the tag, the assignment and the resolving of one error
        assert shop.sandbox.writes == []


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        pytest.param({"do": "flow", "flow": FLOW, "disabled": True}, "flow-disabled", id="flow disabled"),
        pytest.param({"do": "connection", "offline": True}, "connection-offline", id="connection offline"),
    ],
)
async def test_where_a_retry_would_be_refused_or_pointless_it_is_held_back_with_the_reason(
    tmp_path: Path, act: dict[str, Any], reason: str
) -> None:
    async with small_shop(tmp_path) as shop:
        fail(shop, count=2)
        (connection,) = shop.sandbox.world.connections
        shop.do(**{"connection": connection} | act)
        figures = await shop.once()

        assert figures.tally.skipped == {reason: 2}
        assert sent(shop, "POST retry") == 0


async def test_while_a_retry_job_of_somebody_else_is_at_work_on_the_step_no_other_is_started(tmp_path: Path) -> None:
    async with small_shop(tmp_path, options=Options(job_seconds=None)) as shop, shop.daemon() as daemon:
        theirs, _ = fail(shop, count=2)
        job_id = people(shop, "retry", theirs)["job"]
        figures = await one_pass(daemon)
        assert figures.tally.skipped == {"retry-running": 1}
        assert sent(shop, "POST retry") == 0

        shop.do(do="end_job", job=job_id, how="completed")
        shop.clock.pass_by(timedelta(seconds=1))
        await daemon.accounts[ACCOUNT].cycle()
        assert sent(shop, "POST retry") == 1


async def test_an_unreadable_state_of_one_step_holds_back_that_step_and_no_other(tmp_path: Path) -> None:
    faults = [Fault(endpoint="GET jobs", kind="not_json", call=1)]
    async with small_shop(tmp_path, faults=faults) as shop:
        fail(shop)
        shop.do(do="add_errors", flow=FLOW, step="Find customer", family="netsuite-concurrency", age_s=60)
        figures = await shop.once()

        assert figures.failure is None
        assert figures.tally.counts["confirmed"] == 2  # the other at once, this one in the next round


async def test_a_token_refused_in_mid_run_stops_all_writing_and_the_next_pass_goes_on(tmp_path: Path) -> None:
    faults = [Fault(endpoint="POST retry", kind="status:401", call=2)]
    actions = {"batch_size": 1}
    async with small_shop(tmp_path, ONE_ATTEMPT, faults=faults, actions=actions) as shop:
        truths = fail(shop, count=3)
        figures = await shop.once()
        assert isinstance(figures.failure, AuthError)
        assert [truth.retries_accepted for truth in truths] == [1, 0, 0]
        assert sent(shop, "POST retry") == 2

        shop.clock.pass_by(timedelta(minutes=20))
        figures = await shop.once()
        assert figures.failure is None
        assert figures.tally.counts["confirmed"] == 3
        assert [truth.runs for truth in truths] == [1, 1, 1]


async def test_once_the_token_is_refused_no_other_step_writes_either(tmp_path: Path) -> None:
    faults = [Fault(endpoint="POST retry", kind="status:401", call=1)]
    async with small_shop(tmp_path, faults=faults, actions={"batch_size": 1}) as shop:
        fail(shop, count=5)
        shop.do(do="add_errors", flow=FLOW, step="Find customer", family="netsuite-concurrency", age_s=60, count=5)
        await shop.once()

        assert sent(shop, "POST retry") <= 2  # two steps at once: one batch of each may have been under way


async def test_once_a_stop_is_asked_for_no_new_batch_is_begun(tmp_path: Path) -> None:
    async with small_shop(tmp_path, actions={"batch_size": 1}) as shop, shop.daemon() as daemon:
        truths = fail(shop, count=3)

        def stop() -> None:
            daemon.stopping.asked = True

        during(daemon, before={POST_RETRY: stop})
        await daemon.accounts[ACCOUNT].cycle()
        assert [truth.retries_accepted for truth in truths] == [1, 0, 0]


@pytest.mark.parametrize(
    ("exhausted", "state", "queue"), [("hold", "open", "exhausted"), ("leave", "open", ""), ("resolve", "resolved", "")]
)
async def test_a_case_that_had_all_its_attempts_is_held_left_or_resolved_as_its_rule_says(
    tmp_path: Path, exhausted: str, state: str, queue: str
) -> None:
    rules = retries(f"max_attempts: 2, ramp: off, exhausted: {exhausted}")
    async with small_shop(tmp_path, rules) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, HOPELESS)
        for _ in range(4):
            await one_pass(daemon)
            shop.clock.pass_by(timedelta(hours=2))

        assert truth.runs == 2
        assert truth.state == state
        assert [row.queue for row in await daemon.store.held(ACCOUNT)] == ([queue] if queue else [])


async def test_a_retry_is_not_sent_before_it_is_due_and_the_next_one_later_still(tmp_path: Path) -> None:
    rules = retries("after: 10m, max_attempts: 3, ramp: off")
    async with small_shop(tmp_path, rules) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, HOPELESS, age_s=0)
        runs: list[int] = []
        for _ in range(4):
            shop.clock.pass_by(timedelta(minutes=9))
            await one_pass(daemon)
            runs.append(truth.runs)
        # due 10 minutes after it occurred, then 10 and 20 minutes after the attempts before
        assert runs == [0, 1, 1, 2]


@pytest.mark.parametrize(
    ("family", "age_s", "fields", "reason"),
    [
        pytest.param("netsuite-concurrency", 3 * 3600, {}, "too-old", id="older than max_age"),
        pytest.param("netsuite-concurrency", 60, {"retryDataKey": ""}, "not-retryable", id="no retry data"),
        pytest.param(
            "netsuite-concurrency",
            60,
            {"retryAt": "2026-03-02T10:00:00.000Z"},
            "platform-retries",
            id="the platform retries",
        ),
        pytest.param("netsuite-concurrency", 60, {"assignedTo": "clerk@example.com"}, "assigned", id="a person has it"),
    ],
)
async def test_what_must_not_be_retried_is_not(
    tmp_path: Path, family: str, age_s: int, fields: dict[str, Any], reason: str
) -> None:
    async with small_shop(tmp_path, retries("max_age: 2h, ramp: off")) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, family, age_s=age_s, fields=fields)
        await one_pass(daemon)

        assert (await row_of(daemon, truth)).reason == reason
        assert shop.sandbox.writes == []


async def test_the_backlog_is_left_to_people_until_it_is_adopted(tmp_path: Path) -> None:
    async with small_shop(tmp_path, actions={"adopt_backlog": False}) as shop, shop.daemon() as daemon:
        (old,) = fail(shop)
        await one_pass(daemon)
        shop.clock.pass_by(timedelta(minutes=5))
        (new,) = fail(shop)
        await one_pass(daemon)
        assert [truth.runs for truth in (old, new)] == [0, 1]
        assert (await row_of(daemon, old)).reason == "backlog"

        await daemon.accounts[ACCOUNT].adopt_backlog()
        await one_pass(daemon)
        assert old.runs == 1


async def test_the_client_of_an_observing_account_lets_no_write_out_whoever_asks_it(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon(Mode.OBSERVE) as daemon:
        (truth,) = fail(shop)
        figures = await one_pass(daemon)
        (row,) = await daemon.store.errors(ACCOUNT)
        with pytest.raises(LimitExceededError):
            await daemon.accounts[ACCOUNT].pass_.client.resolve(row.step, truth.error_ids)
        assert (figures.open, shop.sandbox.writes) == (1, [])


@pytest.mark.parametrize(
    ("daemon_mode", "rule_mode"),
    [
        pytest.param(Mode.OBSERVE, "enforce", id="observing daemon"),
        pytest.param(Mode.ENFORCE, "observe", id="observing rule"),
        pytest.param(Mode.APPROVE, "enforce", id="approving daemon"),
        pytest.param(Mode.ENFORCE, "approve", id="approving rule"),
    ],
)
async def test_below_enforce_nothing_is_written_and_only_approve_leaves_one_waiting_plan(
    tmp_path: Path, daemon_mode: Mode, rule_mode: str
) -> None:
    rules = retries("ramp: off", f"mode: {rule_mode}").replace("}\n    mode", ", tag: [F3ZBQ]}\n    mode")
    async with small_shop(tmp_path, rules) as shop, shop.daemon(daemon_mode) as daemon:
        fail(shop, count=2)
        for _ in range(3):
            await one_pass(daemon)
            shop.clock.pass_by(timedelta(minutes=1))

        assert shop.sandbox.writes == []
        waiting = [plan for plan in await daemon.store.plans(ACCOUNT, 10) if plan.state == "waiting"]
        approving = Mode.APPROVE in (daemon_mode, Mode[rule_mode.upper()])
        assert len(waiting) == approving
        assert {group.act: group.send for plan in waiting for group in plan.groups} == (
            {"tag": 2, "retry": 2} if approving else {}
        )
