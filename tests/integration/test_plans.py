"""Plans between people and the service: frozen, looked at again, sent once (P3), and what limits hold until then (P6)."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.app.build import Daemon
from daemon.core.actions import Mode
from daemon.core.applied import CarriedOut
from daemon.core.exceptions import AuthError, LockedError, PlanError
from daemon.core.plans import Plan, PlanState
from daemon.sandbox import Fault, Options
from daemon.sandbox.truth import Truth
from tests.integration.shop import ACCOUNT
from tests.integration.small_shop import (
    FLOW,
    GET_CONNECTION,
    HOPELESS,
    POST_RETRY,
    RETRIES,
    during,
    fail,
    one_pass,
    people,
    sent,
    small_shop,
)

LIMITED = RETRIES.replace("ramp: off}}", "ramp: off}}\n    limit: {per_hour: 3}")
RESOLVES = """
version: 1
rules:
  - id: twice
    why: It is there already.
    when: {code: DUP_RCRD}
    then: {resolve: {because: it is there already}}
    limit: {per_hour: 1000}
"""
APPROVING = RETRIES.replace("ramp: off}}", "ramp: off}}\n    mode: approve")


async def plan_of(daemon: Daemon) -> Plan:
    """Make a plan as ``flowmend plan`` does."""
    _, plan = await daemon.accounts[ACCOUNT].cycle(act=False)
    assert plan is not None
    return plan


async def waiting(daemon: Daemon) -> Plan:
    """Return the one plan that waits for a person."""
    (plan,) = await daemon.accounts[ACCOUNT].waiting()
    return plan


async def approve(daemon: Daemon, plan: Plan, by: str = "anna") -> bool:
    """Approve a plan as the command does."""
    unsent = (PlanState.WAITING, PlanState.MADE)
    return await daemon.store.move_plan(plan.plan_id, unsent, PlanState.APPROVED, by, daemon.clock.now())


async def applied(daemon: Daemon, plan: Plan, wait: timedelta = timedelta(minutes=5)) -> CarriedOut:
    """Apply a plan as the command does."""
    _, done = await daemon.accounts[ACCOUNT].apply(plan.plan_id, "anna", wait, lambda *_: None)
    return done


async def state_of(daemon: Daemon, plan: Plan) -> PlanState:
    """Return how far a plan has come."""
    found = await daemon.store.plan(plan.plan_id)
    assert found is not None
    return found.standing(daemon.clock.now())


def runs(*truths: Truth) -> list[int]:
    """Return how often each record was retried."""
    return [truth.runs for truth in truths]


async def test_applying_a_plan_sends_exactly_what_it_names_although_more_is_due_by_now(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        named = fail(shop, count=2)
        plan = await plan_of(daemon)
        later = fail(shop, count=3)
        done = await applied(daemon, plan)

        assert (runs(*named), runs(*later)) == ([1, 1], [0, 0, 0])
        assert (done.sent, done.left, done.failure) == (2, 0, None)
        assert await state_of(daemon, plan) is PlanState.APPLIED
        (line,) = shop.events("plan.applied")
        assert (line["plan"], line["by"], line["sent"], line["dropped"]) == (plan.plan_id, "anna", 2, 0)


async def test_the_next_cycle_sends_an_approved_plan_first_and_only_the_ids_that_it_names(tmp_path: Path) -> None:
    async with small_shop(tmp_path, APPROVING) as shop, shop.daemon() as daemon:
        named = fail(shop, count=2)
        await daemon.accounts[ACCOUNT].cycle()
        plan = await waiting(daemon)
        later = fail(shop, count=3)
        assert await approve(daemon, plan)
        await one_pass(daemon)

        assert (runs(*named), runs(*later)) == ([1, 1], [0, 0, 0])
        assert await state_of(daemon, plan) is PlanState.APPLIED
        assert sum(group.send for group in (await waiting(daemon)).groups) == 3, "those that came later wait anew"


async def test_of_two_who_approve_the_same_plan_one_does_and_it_is_sent_once(tmp_path: Path) -> None:
    async with small_shop(tmp_path, APPROVING) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, HOPELESS)
        await daemon.accounts[ACCOUNT].cycle()
        plan = await waiting(daemon)
        assert [await approve(daemon, plan, by) for by in ("anna", "bert")] == [True, False]
        for _ in range(3):
            await daemon.accounts[ACCOUNT].cycle()
            shop.clock.pass_by(timedelta(seconds=20))

        assert (truth.runs, sent(shop, "POST retry")) == (1, 1)
        found = await daemon.store.plan(plan.plan_id)
        assert found is not None
        assert found.decided_by == "anna"
        assert not await approve(daemon, plan, "bert")


async def test_of_two_who_apply_the_same_plan_at_once_one_does(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, HOPELESS)
        plan = await plan_of(daemon)
        ends = await asyncio.gather(applied(daemon, plan), applied(daemon, plan), return_exceptions=True)

        assert [type(end) for end in ends] == [CarriedOut, PlanError]
        assert f"plan {plan.plan_id} was applied already by anna" in str(ends[1])
        assert truth.runs == 1


@pytest.mark.parametrize("how", ["apply", "approve"])
async def test_a_plan_that_another_process_takes_up_at_the_last_moment_is_left_to_it(tmp_path: Path, how: str) -> None:
    async with small_shop(tmp_path, APPROVING) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop)
        await daemon.accounts[ACCOUNT].cycle()
        plan = await waiting(daemon)

        def faster() -> None:
            with closing(sqlite3.connect(tmp_path / "flowmend.db")) as theirs, theirs:
                theirs.execute("UPDATE plans SET state = 'applying', decided_by = 'bert'")

        if how == "apply":
            during(daemon, after={GET_CONNECTION: faster})
            with pytest.raises(PlanError, match="is being sent by bert, or was interrupted"):
                await applied(daemon, plan)
        else:
            await approve(daemon, plan)
            during(daemon, after={GET_CONNECTION: faster})
            await daemon.accounts[ACCOUNT].cycle()
        assert truth.runs == 0


CHANGES: list[Any] = [
    pytest.param("resolve", {}, "gone", id="resolved by a person"),
    pytest.param("vanish", {}, "gone", id="purged"),
    pytest.param("assign", {"email": "clerk@example.com"}, "assigned", id="given to a person"),
    pytest.param("change", {"fields": {"message": "something else"}}, "changed", id="says something else"),
    pytest.param("change", {"fields": {"code": "OTHER"}}, "changed", id="has another code"),
    pytest.param("change", {"fields": {"retryDataKey": "other"}}, "changed", id="has other retry data"),
    pytest.param(
        "change",
        {"fields": {"retryAt": "2026-03-02T09:05:00.000Z"}},
        "platform-retries",
        id="the platform will retry it",
    ),
]


@pytest.mark.parametrize("how", ["apply", "approve"])
@pytest.mark.parametrize(("do", "more", "reason"), CHANGES)
async def test_what_changed_since_the_plan_was_made_is_dropped_with_the_reason_and_the_rest_goes(
    tmp_path: Path, do: str, more: dict[str, Any], reason: str, how: str
) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        touched, left = fail(shop, count=2)
        plan = await plan_of(daemon)
        people(shop, do, touched, **more)
        if how == "apply":
            done = await applied(daemon, plan)
            assert [(each.sent, each.dropped) for each in done.applied] == [(1, {reason: 1})]
        else:
            await approve(daemon, plan)
            await daemon.accounts[ACCOUNT].cycle()
            (line,) = shop.events("plan.applied")
            assert (line["plan"], line["sent"], line["dropped"], line["by"]) == (plan.plan_id, 1, 1, "anna")

        assert [truth.retries_accepted for truth in (touched, left)] == [0, 1]
        assert await state_of(daemon, plan) is PlanState.APPLIED


async def test_what_came_back_under_a_new_id_is_not_what_the_plan_names(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, HOPELESS)
        plan = await plan_of(daemon)
        people(shop, "retry", truth)
        shop.clock.pass_by(timedelta(minutes=1))
        shop.sandbox.settle()
        assert len(truth.open_ids) == 1
        done = await applied(daemon, plan)

        assert (done.sent, done.applied[0].dropped) == (0, {"gone": 1})
        assert truth.retries_accepted == 1, "only the one by people"


BY_AGE = """
version: 1
rules:
  - id: young
    why: It will pass.
    when: {code: SSS_REQUEST_LIMIT_EXCEEDED, age: {lt: 10m}}
    then: {retry: {ramp: off}}
  - id: old
    why: It did not pass.
    when: {code: SSS_REQUEST_LIMIT_EXCEEDED}
    then: {retry: {ramp: off, max_attempts: 1}}
"""


async def test_what_another_rule_takes_by_now_is_dropped(tmp_path: Path) -> None:
    async with small_shop(tmp_path, BY_AGE) as shop, shop.daemon() as daemon:
        fail(shop)
        plan = await plan_of(daemon)
        shop.clock.pass_by(timedelta(minutes=10))
        done = await applied(daemon, plan)
        assert (done.sent, done.applied[0].dropped) == (0, {"another-rule": 1})


async def test_a_plan_of_other_rules_than_those_in_force_is_dropped_whole(tmp_path: Path) -> None:
    async with small_shop(tmp_path, APPROVING) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop)
        await daemon.accounts[ACCOUNT].cycle()
        plan = await waiting(daemon)
        (shop.rules / "rules.yaml").write_text(APPROVING.replace("max_attempts: 3", "max_attempts: 2"))
        assert await daemon.rules.load(daemon.clock.now())
        await approve(daemon, plan)
        tally, _ = await daemon.accounts[ACCOUNT].cycle()

        assert (tally.dropped, truth.runs) == ({"rules-changed": 1}, 0)
        again = await waiting(daemon)
        await approve(daemon, again)
        await one_pass(daemon)
        assert truth.runs == 1


async def test_while_a_plan_waits_changed_rules_make_one_of_their_own(tmp_path: Path) -> None:
    async with small_shop(tmp_path, APPROVING) as shop, shop.daemon() as daemon:
        fail(shop)
        await daemon.accounts[ACCOUNT].cycle()
        (shop.rules / "rules.yaml").write_text(APPROVING.replace("max_attempts: 3", "max_attempts: 2"))
        assert await daemon.rules.load(daemon.clock.now())
        for _ in range(2):
            await daemon.accounts[ACCOUNT].cycle()
        assert len({plan.rules for plan in await daemon.accounts[ACCOUNT].waiting()}) == 2


async def test_what_a_cycle_has_sent_meanwhile_is_not_sent_again_by_the_plan(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, HOPELESS)
        plan = await plan_of(daemon)
        await one_pass(daemon)
        done = await applied(daemon, plan)
        assert (done.sent, truth.runs, sent(shop, "POST retry")) == (0, 1, 1)


OBSTACLES: list[Any] = [
    pytest.param({"do": "flow", "flow": FLOW, "disabled": True}, "flow-disabled", id="flow disabled"),
    pytest.param({"do": "connection", "offline": True}, "connection-offline", id="connection offline"),
]


@pytest.mark.parametrize(("act", "reason"), OBSTACLES)
async def test_where_a_retry_would_be_refused_or_pointless_the_plan_is_dropped_with_the_reason(
    tmp_path: Path, act: dict[str, Any], reason: str
) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        fail(shop, count=2)
        plan = await plan_of(daemon)
        (connection,) = shop.sandbox.world.connections
        shop.do(**{"connection": connection} | act)
        done = await applied(daemon, plan)

        assert (done.sent, done.left, done.applied[0].dropped) == (0, 0, {reason: 2})
        assert sent(shop, "POST retry") == 0


async def test_an_approved_plan_waits_for_a_retry_of_others_on_its_step_and_is_sent_then(tmp_path: Path) -> None:
    async with small_shop(tmp_path, APPROVING, options=Options(job_seconds=None)) as shop, shop.daemon() as daemon:
        theirs, ours = fail(shop, count=2)
        await daemon.accounts[ACCOUNT].cycle()
        plan = await waiting(daemon)
        job_id = people(shop, "retry", theirs)["job"]
        await approve(daemon, plan)
        await daemon.accounts[ACCOUNT].cycle()
        assert await state_of(daemon, plan) is PlanState.APPROVED
        (line,) = shop.events("plan.deferred")
        assert f"retry job {job_id} of this step is still" in line["reason"]

        shop.do(do="end_job", job=job_id, how="completed")
        shop.clock.pass_by(timedelta(seconds=1))
        await daemon.accounts[ACCOUNT].cycle()
        assert await state_of(daemon, plan) is PlanState.APPLIED
        assert [truth.retries_accepted for truth in (theirs, ours)] == [1, 1]


async def test_applying_waits_for_a_retry_that_is_at_work_and_leaves_the_plan_as_it_is_when_that_takes_too_long(
    tmp_path: Path,
) -> None:
    async with small_shop(tmp_path, options=Options(job_seconds=None)) as shop, shop.daemon() as daemon:
        theirs, ours = fail(shop, count=2)
        plan = await plan_of(daemon)
        people(shop, "retry", theirs)
        with pytest.raises(PlanError, match="a retry is still at work"):
            await applied(daemon, plan)
        assert await state_of(daemon, plan) is PlanState.MADE
        assert ours.retries_accepted == 0


@pytest.mark.parametrize("state", [PlanState.MADE, PlanState.WAITING, PlanState.APPROVED])
async def test_a_plan_that_has_expired_is_neither_applied_nor_sent(tmp_path: Path, state: PlanState) -> None:
    async with small_shop(tmp_path, APPROVING) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop)
        made = await plan_of(daemon)
        await daemon.store.move_plan(made.plan_id, (PlanState.MADE,), state, "anna", daemon.clock.now())
        shop.clock.pass_by(timedelta(minutes=30))
        with pytest.raises(PlanError, match=f"plan {made.plan_id} expired at 09:30 UTC"):
            await applied(daemon, made)
        await daemon.accounts[ACCOUNT].cycle()
        assert truth.runs == 0
        assert await state_of(daemon, made) is PlanState.EXPIRED


@pytest.mark.parametrize("state", [PlanState.APPLYING, PlanState.APPLIED])
async def test_a_plan_that_was_taken_up_is_never_taken_up_again_but_what_is_left_of_it_is_due(
    tmp_path: Path, state: PlanState
) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop)
        plan = await plan_of(daemon)
        await daemon.store.move_plan(plan.plan_id, (PlanState.MADE,), state, "bert", daemon.clock.now())
        with pytest.raises(PlanError, match="by bert"):
            await applied(daemon, plan)
        assert not await approve(daemon, plan)
        assert truth.runs == 0

        await one_pass(daemon)
        assert truth.runs == 1
        assert await state_of(daemon, plan) is state


async def test_beside_the_process_that_acts_a_person_plans_and_approves_but_does_not_apply(tmp_path: Path) -> None:
    async with small_shop(tmp_path, APPROVING) as shop, shop.daemon() as service, shop.daemon() as command:
        await service.accounts[ACCOUNT].cycle()
        (truth,) = fail(shop)
        await service.accounts[ACCOUNT].cycle()
        requests = len(shop.sandbox.seen)
        plan = await command.accounts[ACCOUNT].beside.plan_known()
        assert plan is not None
        assert "GET errors" not in [seen.endpoint for seen in shop.sandbox.seen[requests:]]

        with pytest.raises(LockedError, match=f"flowmend approve {plan.plan_id} lets it send the plan"):
            await applied(command, plan)
        assert await state_of(command, plan) is PlanState.MADE
        assert await approve(command, plan)
        await service.accounts[ACCOUNT].cycle()
        assert truth.retries_accepted == 1


async def test_planning_beside_the_process_that_acts_remembers_and_says_nothing_for_it(tmp_path: Path) -> None:
    rules = LIMITED.replace("per_hour: 3", "per_hour: 12")
    async with small_shop(tmp_path, rules) as shop, shop.daemon() as service, shop.daemon() as command:
        fail(shop, HOPELESS, count=12)
        runner = service.accounts[ACCOUNT]
        await runner.cycle()
        shop.clock.pass_by(timedelta(minutes=1))
        assert (await runner.confirm()).counts["came_back"] == 12
        fail(shop, count=13)
        await command.accounts[ACCOUNT].beside.plan_known()
        assert await command.store.breakers(ACCOUNT) == []
        assert (shop.events("limit.reached"), shop.events("breaker.opened")) == ([], [])

        await runner.cycle()
        assert len(await command.store.breakers(ACCOUNT)) > 0, "the service does"


async def test_a_plan_of_another_account_or_of_none_is_not_applied(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        theirs = await daemon.store.make_plan(
            "globex", "rules@1", [], PlanState.MADE, shop.clock.now(), shop.clock.now() + timedelta(hours=1)
        )
        runner = daemon.accounts[ACCOUNT]
        for plan_id in (theirs.plan_id, 4711):
            with pytest.raises(PlanError, match=f"account {ACCOUNT} has no plan {plan_id}"):
                await runner.apply(plan_id, "anna", timedelta(0), lambda *_: None)


async def test_in_observe_mode_nothing_is_applied_or_sent_and_the_plan_stays(tmp_path: Path) -> None:
    async with small_shop(tmp_path, APPROVING) as shop:
        fail(shop)
        async with shop.daemon() as daemon:
            await daemon.accounts[ACCOUNT].cycle()
            plan = await waiting(daemon)
        async with shop.daemon(Mode.OBSERVE) as daemon:
            with pytest.raises(PlanError, match="only observed"):
                await applied(daemon, plan)
            await approve(daemon, plan)
            await one_pass(daemon)
            assert await state_of(daemon, plan) is PlanState.APPROVED
        assert shop.sandbox.writes == []


async def test_a_rule_that_only_observes_by_now_sends_nothing_of_an_approved_plan(tmp_path: Path) -> None:
    async with small_shop(tmp_path, RETRIES.replace("ramp: off}}", "ramp: off}}\n    mode: observe")) as shop:
        fail(shop)
        async with shop.daemon() as daemon:
            plan = await plan_of(daemon)
            assert [(group.send, group.reason) for group in plan.groups] == [(0, "observe")]
            done = await applied(daemon, plan)
            assert (done.sent, list(done.applied)) == (0, [])
        assert shop.sandbox.writes == []


@pytest.mark.parametrize("mode", [Mode.APPROVE, Mode.ENFORCE])
async def test_in_approve_mode_applying_is_the_approval(tmp_path: Path, mode: Mode) -> None:
    async with small_shop(tmp_path, APPROVING) as shop, shop.daemon(mode) as daemon:
        (truth,) = fail(shop)
        await daemon.accounts[ACCOUNT].cycle()
        done = await applied(daemon, await waiting(daemon))
        assert (done.sent, truth.runs) == (1, 1)


async def test_a_plan_cut_short_by_a_stop_is_not_called_applied_and_tells_how_much_was_sent(tmp_path: Path) -> None:
    async with small_shop(tmp_path, APPROVING, actions={"batch_size": 1}) as shop, shop.daemon() as daemon:
        truths = fail(shop, count=3)
        await daemon.accounts[ACCOUNT].cycle()
        plan = await waiting(daemon)
        await approve(daemon, plan)

        def stop() -> None:
            daemon.stopping.asked = True

        during(daemon, before={POST_RETRY: stop})
        await daemon.accounts[ACCOUNT].cycle()
        assert await state_of(daemon, plan) is PlanState.APPLYING
        (line,) = shop.events("plan.interrupted")
        assert (line["plan"], line["sent"], line["dropped"], line["left"]) == (plan.plan_id, 1, 0, 2)
        assert shop.events("plan.applied") == []

        daemon.stopping.asked = False
        await one_pass(daemon)
        assert sum(truth.retries_accepted for truth in truths) == 1, "the others wait for a person again"
        assert sum(group.send for group in (await waiting(daemon)).groups) == 2


async def test_a_plan_cut_short_by_a_pause_is_not_called_applied_and_tells_how_much_was_sent(tmp_path: Path) -> None:
    async with small_shop(tmp_path, APPROVING, actions={"batch_size": 1}) as shop, shop.daemon() as daemon:
        fail(shop, count=3)
        await daemon.accounts[ACCOUNT].cycle()
        plan = await waiting(daemon)
        await approve(daemon, plan)
        during(daemon, before={POST_RETRY: (tmp_path / "PAUSE").touch})
        await daemon.accounts[ACCOUNT].cycle()

        assert await state_of(daemon, plan) is PlanState.APPLYING
        (line,) = shop.events("plan.interrupted")
        assert (line["plan"], line["sent"], line["dropped"], line["left"]) == (plan.plan_id, 1, 0, 2)


async def test_what_is_paused_is_not_applied_and_an_approved_plan_waits_for_the_end_of_the_pause(
    tmp_path: Path,
) -> None:
    async with small_shop(tmp_path, APPROVING) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop)
        await daemon.accounts[ACCOUNT].cycle()
        plan = await waiting(daemon)
        (tmp_path / "PAUSE").touch()
        with pytest.raises(PlanError, match=f"plan {plan.plan_id} was not applied: .*flowmend resume"):
            await applied(daemon, plan)
        assert await approve(daemon, plan)
        await daemon.accounts[ACCOUNT].cycle()
        assert (await state_of(daemon, plan), shop.sandbox.writes) == (PlanState.APPROVED, [])

        (tmp_path / "PAUSE").unlink()
        await one_pass(daemon)
        assert (await state_of(daemon, plan), truth.runs) == (PlanState.APPLIED, 1)


async def test_a_plan_cut_short_by_a_refused_token_tells_how_much_of_it_was_sent(tmp_path: Path) -> None:
    faults = [Fault(endpoint="POST retry", kind="status:401", call=2)]
    async with (
        small_shop(tmp_path, faults=faults, actions={"batch_size": 1}) as shop,
        shop.daemon() as daemon,
    ):
        fail(shop, count=3)
        plan = await plan_of(daemon)
        done = await applied(daemon, plan)

        assert isinstance(done.failure, AuthError)
        assert [(each.sent, each.refused, each.left) for each in done.applied] == [(1, 1, 1)]
        assert await state_of(daemon, plan) is PlanState.APPLYING


async def test_before_a_stop_no_approved_plan_is_begun(tmp_path: Path) -> None:
    async with small_shop(tmp_path, APPROVING) as shop, shop.daemon() as daemon:
        fail(shop)
        await daemon.accounts[ACCOUNT].cycle()
        plan = await waiting(daemon)
        await approve(daemon, plan)
        daemon.stopping.asked = True
        await daemon.accounts[ACCOUNT].cycle()
        assert await state_of(daemon, plan) is PlanState.APPROVED


async def test_over_a_limit_all_of_a_rule_waits_for_a_person_who_lets_exactly_these_go_once(tmp_path: Path) -> None:
    async with small_shop(tmp_path, LIMITED) as shop, shop.daemon() as daemon:
        runner = daemon.accounts[ACCOUNT]
        named = fail(shop, count=5)
        for _ in range(3):
            figures = await one_pass(daemon)
            shop.clock.pass_by(timedelta(minutes=1))
        plan = await waiting(daemon)
        assert sent(shop, "POST retry") == 0
        assert figures.to_json()["plans_waiting"] == [plan.plan_id]
        assert len(shop.events("limit.reached")) == 1
        assert [(group.send, group.reason) for group in plan.groups] == [(5, "limit")]

        later = fail(shop)
        await approve(daemon, plan)
        tally, _ = await runner.cycle()
        assert tally.counts["retried"] == 5
        figures = await one_pass(daemon)
        assert figures.tally.skipped["limit"] == 1, "the five count: nothing more goes within the hour"
        assert (runs(*named), runs(*later)) == ([1] * 5, [0])

        shop.clock.pass_by(timedelta(hours=1))
        await one_pass(daemon)
        assert runs(*later) == [1], "the window has moved on"
        assert len(shop.events("limit.reached")) == 1


async def test_what_is_over_a_limit_goes_by_itself_when_the_window_has_moved_on(tmp_path: Path) -> None:
    async with small_shop(tmp_path, LIMITED) as shop, shop.daemon() as daemon:
        first = fail(shop, count=3)
        await one_pass(daemon)
        second = fail(shop, count=2)
        await one_pass(daemon)
        plan = await waiting(daemon)
        assert (runs(*first), runs(*second)) == ([1] * 3, [0, 0])

        shop.clock.pass_by(timedelta(minutes=61))
        await one_pass(daemon)
        assert runs(*second) == [1, 1]
        assert await state_of(daemon, plan) is PlanState.EXPIRED


async def test_each_rule_over_a_limit_waits_in_a_plan_of_its_own(tmp_path: Path) -> None:
    both = LIMITED + RESOLVES.split("rules:\n")[1].replace("per_hour: 1000", "per_hour: 1")
    async with small_shop(tmp_path, both) as shop, shop.daemon() as daemon:
        fail(shop, count=4)
        fail(shop, "duplicate-order", count=2)
        await one_pass(daemon)
        plans = await daemon.accounts[ACCOUNT].waiting()
        assert [{(each.rule_id, each.send) for each in plan.groups} for plan in plans] == [
            {("again", 4)},
            {("twice", 2)},
        ]


async def test_a_plan_by_a_person_leaves_out_what_is_over_a_limit_and_lets_that_wait_beside_it(tmp_path: Path) -> None:
    async with small_shop(tmp_path, LIMITED) as shop, shop.daemon() as daemon:
        truths = fail(shop, count=5)
        plan = await plan_of(daemon)
        assert [(group.send, group.reason) for group in plan.groups] == [(0, "limit")]
        done = await applied(daemon, plan)
        assert (done.sent, runs(*truths)) == (0, [0] * 5)

        done = await applied(daemon, await waiting(daemon))
        assert (done.sent, runs(*truths)) == (5, [1] * 5)


async def test_a_resolving_rule_gets_no_second_half_in_the_next_cycle(tmp_path: Path) -> None:
    async with small_shop(tmp_path, RESOLVES) as shop, shop.daemon() as daemon:
        first = fail(shop, "duplicate-order", count=30)
        fail(shop, HOPELESS, count=30)
        await one_pass(daemon)
        assert {truth.state for truth in first} == {"resolved"}

        second = fail(shop, "duplicate-order", count=10)
        figures = await one_pass(daemon)
        assert figures.tally.skipped["limit"] == 10
        assert {truth.state for truth in second} == {"open"}
        (group,) = (await waiting(daemon)).groups
        assert group.detail.startswith("wants to resolve 10 after 30 in the last hour, of 70 open errors")

        shop.clock.pass_by(timedelta(hours=1))
        await one_pass(daemon)
        assert {truth.state for truth in second} == {"resolved"}


async def test_a_rule_held_back_by_its_ramp_leaves_the_accounts_budget_to_the_next(tmp_path: Path) -> None:
    rules = """
version: 1
rules:
  - id: slow
    why: In stages.
    when: {code: SSS_REQUEST_LIMIT_EXCEEDED}
    then: {retry: {ramp: [2, 30]}}
  - id: quick
    why: All at once.
    when: {code: UNEXPECTED_ERROR}
    then: {retry: {ramp: off}}
"""
    async with small_shop(tmp_path, rules, limits={"retries_per_hour": 6}) as shop, shop.daemon() as daemon:
        fail(shop, count=6)
        fail(shop, "netsuite-unexpected", count=4)
        tally, plan = await daemon.accounts[ACCOUNT].cycle()

        assert plan is not None
        assert {group.rule_id: group.send for group in plan.groups} == {"slow": 2, "quick": 4}
        assert tally.skipped == {"ramp": 4}
