"""Where two guards meet: orders of events that each of them would let pass, and both together must not."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.app.build import Daemon
from daemon.core.decisions import Outcome
from daemon.core.plans import Plan, PlanState
from daemon.sandbox import Fault, Options
from daemon.sandbox.truth import Truth
from tests.integration.shop import ACCOUNT
from tests.integration.small_shop import (
    BUSY,
    FLAKY,
    GET_ERRORS,
    GET_FLOW_ERRORS,
    HOPELESS,
    LOST,
    MOVING,
    NOTES,
    PUT_DATA,
    during,
    fail,
    no_auto_resolve,
    one_pass,
    one_run,
    people,
    person,
    row_of,
    sent,
    small_shop,
    until_unknown,
    with_the_same_data,
)

LONG = "k" * 200
RAN_AND_LOST = [Fault(endpoint="POST retry", kind="after", call=1)]
RIGHT_OR_SPELLED = """
version: 1
rules:
  - id: busy
    why: The record itself is fine.
    when: {code: SSS_REQUEST_LIMIT_EXCEEDED}
    then: {retry: {max_attempts: 3, ramp: off}}
  - id: state
    why: The state is wrong.
    when: {code: INVALID_KEY_OR_REF}
    then:
      patch: [{op: replace, path: /data/state, value: CA}]
      retry: {max_attempts: 3, ramp: off}
"""
CLOSES = """
version: 1
rules:
  - id: twice
    why: It is there already.
    mode: approve
    when: {code: DUP_RCRD}
    then: {resolve: {because: it is there already}}
"""


async def approved(daemon: Daemon, plans: Sequence[Plan | None]) -> list[Plan]:
    """Approve plans as the command does."""
    named = [plan for plan in plans if plan is not None]
    for plan in named:
        unsent = (PlanState.WAITING, PlanState.MADE)
        assert await daemon.store.move_plan(plan.plan_id, unsent, PlanState.APPROVED, "anna", daemon.clock.now())
    return named


async def test_a_job_that_either_of_two_lost_retries_may_have_started_is_taken_for_neither(tmp_path: Path) -> None:
    faults = [*LOST, Fault(endpoint="POST retry", kind="after", call=2)]
    options = Options(job_seconds=5.0, leaves="when_run")
    async with small_shop(tmp_path, faults=faults, options=options) as shop, shop.daemon() as daemon:
        runner, truths = daemon.accounts[ACCOUNT], list[Truth]()
        for family in (BUSY, HOPELESS):
            truths += fail(shop, family)
            await runner.cycle()
            shop.clock.pass_by(timedelta(minutes=1))
        await runner.confirm()
        assert [truth.runs for truth in truths] == [0, 1]
        assert [write.outcomes for write in await daemon.store.writes(ACCOUNT)] == [{}, {}]


@pytest.mark.parametrize("trace_key", ["", LONG], ids=["blank", "cut"])
@pytest.mark.parametrize("settled", [False, True], ids=["unknown", "found in the target"])
async def test_an_error_that_was_retried_is_no_new_record_because_somebody_edited_its_data(
    tmp_path: Path, trace_key: str, settled: bool
) -> None:
    async with small_shop(tmp_path, faults=LOST) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, traceKey=trace_key)
        await until_unknown(shop, daemon)
        if settled:
            (row,) = await daemon.store.unknown_items(ACCOUNT)
            assert await person(shop, row.case_key, Outcome.CONFIRMED) == 0
        people(shop, "edit_data", truth, pointer="/data/editedBy", value="clerk")
        shop.clock.pass_by(timedelta(hours=7))  # time for a full sweep
        await one_pass(daemon)
        assert (await row_of(daemon, truth)).reason == ("superseded" if settled else "unknown")
        assert sent(shop, "POST retry") == 1


async def test_what_was_tried_before_somebody_edited_its_data_counts_when_it_comes_back_with_it(tmp_path: Path) -> None:
    faults = [Fault(endpoint="POST retry", kind="job:fails", call=1)]  # so it is open again as it was
    async with small_shop(tmp_path, faults=faults) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, HOPELESS, traceKey="")
        runner = daemon.accounts[ACCOUNT]
        await runner.cycle()
        shop.clock.pass_by(timedelta(minutes=1))
        await runner.confirm()
        people(shop, "edit_data", truth, pointer="/data/editedBy", value="clerk")
        for _ in range(4):
            shop.clock.pass_by(timedelta(hours=2))
            await one_pass(daemon)
        assert (truth.retries_accepted, (await row_of(daemon, truth)).reason) == (3, "exhausted")


@pytest.mark.parametrize("later", [False, True], ids=["in one plan", "long after"])
async def test_a_patch_does_not_make_a_record_the_same_as_one_that_was_retried(tmp_path: Path, later: bool) -> None:
    async with small_shop(tmp_path, RIGHT_OR_SPELLED) as shop, shop.daemon() as daemon:
        (right,) = fail(shop, BUSY, traceKey="", age_s=60)
        (spelled,) = fail(shop, "state-name", traceKey="", age_s=120)
        for truth, state in ((right, "CA"), (spelled, "California")):
            people(shop, "edit_data", truth, pointer="/data", value={"order": 7, "state": state})
        if later:
            people(shop, "assign", spelled, email="clerk@example.com")
            await one_pass(daemon)
            people(shop, "assign", spelled, email="")
            shop.clock.pass_by(timedelta(hours=7))
        await one_pass(daemon)

        assert [truth.runs for truth in (right, spelled)] == [1, 0]
        assert ((await row_of(daemon, spelled)).reason, sent(shop, "PUT data")) == ("superseded", 0)


async def test_a_patched_record_that_came_back_is_not_taken_for_another_than_its_second_error(tmp_path: Path) -> None:
    options = Options(job_seconds=5.0, retried_in="first_run")
    rules = NOTES.replace("SSS_REQUEST_LIMIT_EXCEEDED", "UNEXPECTED_ERROR")
    async with small_shop(tmp_path, rules, options=options) as shop, shop.daemon() as daemon:
        no_auto_resolve(shop)
        first, second = one_run(shop, FLAKY, FLAKY)
        people(shop, "edit_data", first, second, pointer="/data/notes", value=[])
        with_the_same_data(shop)
        for _ in range(4):
            await one_pass(daemon)
            shop.clock.pass_by(timedelta(hours=7))  # a full sweep judges both together

        assert shop.events("case.separated") == []
        assert sorted([first.runs, second.runs]) == [0, 2]


async def test_what_a_person_found_before_the_key_was_known_to_be_shared_is_not_run_again(tmp_path: Path) -> None:
    async with small_shop(tmp_path, faults=LOST) as shop, shop.daemon() as daemon:
        no_auto_resolve(shop)
        (truth,) = fail(shop, traceKey="customer-7")
        await until_unknown(shop, daemon)
        one_run(shop, BUSY, BUSY)
        await one_pass(daemon)
        assert len(shop.events("case.separated")) == 1
        assert await person(shop, "customer-7", Outcome.CONFIRMED) == 0
        await one_pass(daemon)
        shop.clock.pass_by(timedelta(hours=2))
        await one_pass(daemon)
        assert (truth.runs, (await row_of(daemon, truth)).reason) == (0, "superseded")


async def test_what_came_back_unseen_is_not_run_again_once_a_person_found_the_record_in_the_target(
    tmp_path: Path,
) -> None:
    async with small_shop(tmp_path, faults=RAN_AND_LOST) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, HOPELESS, traceKey="order-7")
        (other,) = fail(shop, fields={"assignedTo": "clerk@example.com"})
        await daemon.accounts[ACCOUNT].cycle()
        people(shop, "retry", other, by=shop.sandbox.world.user_id)  # so that no job can be taken for the lost one
        shop.clock.pass_by(timedelta(minutes=11))
        await one_pass(daemon)
        assert (truth.runs, (await row_of(daemon, truth)).reason) == (1, "unknown")
        assert await person(shop, "order-7", Outcome.CONFIRMED) == 0
        await one_pass(daemon)
        assert (truth.runs, (await row_of(daemon, truth)).reason) == (1, "superseded")


async def test_of_two_plans_that_name_one_error_the_second_leaves_it_out_and_stops_nothing(tmp_path: Path) -> None:
    faults = [Fault(endpoint="PUT resolved", kind="before", call=1)]
    async with small_shop(tmp_path, CLOSES, faults=faults) as shop, shop.daemon() as daemon:
        fail(shop, "duplicate-order")
        runner = daemon.accounts[ACCOUNT]
        await runner.cycle()
        (waiting,) = await runner.waiting()
        _, made = await runner.cycle(act=False)
        plans = await approved(daemon, [waiting, made])
        await runner.cycle()  # the answer to the first is lost, and its error still listed
        states = [await daemon.store.plan(plan.plan_id) for plan in plans]
        assert [plan and plan.state for plan in states] == [PlanState.APPLIED, PlanState.APPLIED]
        assert [(line["sent"], line["dropped"]) for line in shop.events("plan.applied")] == [(1, 0), (0, 1)]


async def test_what_somebody_retries_while_others_are_patched_is_not_retried_beside_it(tmp_path: Path) -> None:
    options = Options(job_seconds=300.0, leaves="when_run")
    async with small_shop(tmp_path, NOTES, options=options) as shop, shop.daemon() as daemon:
        first, second = fail(shop, count=2)
        people(shop, "edit_data", first, second, pointer="/data/notes", value=[])
        during(daemon, after={PUT_DATA: lambda: people(shop, "retry", first)})
        tally, _ = await daemon.accounts[ACCOUNT].cycle()
        assert (sent(shop, "PUT data"), tally.dropped) == (2, {"retry-running": 2})
        for _ in range(3):
            shop.clock.pass_by(timedelta(minutes=20))
            await one_pass(daemon)
        assert [truth.runs for truth in (first, second)] == [1, 1]
        assert sent(shop, "PUT data") == 2


@pytest.mark.parametrize("kind", ["status:401", "status:403", "not_json", "wrong_types"])
async def test_where_nobody_can_tell_what_began_while_a_record_was_patched_it_is_retried_later(
    tmp_path: Path, kind: str
) -> None:
    async with small_shop(tmp_path, NOTES) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop)
        people(shop, "edit_data", truth, pointer="/data/notes", value=[])

        def jobs_are_closed() -> None:
            shop.sandbox.faults += (Fault(endpoint="GET jobs", kind=kind, call=shop.sandbox.calls["GET jobs"] + 1),)

        during(daemon, after={PUT_DATA: jobs_are_closed})
        tally, _ = await daemon.accounts[ACCOUNT].cycle()
        assert (tally.dropped, await daemon.store.unsettled(ACCOUNT)) == ({"unreachable": 1}, [])
        assert (await one_pass(daemon)).tally.counts["confirmed"] == 1
        assert (truth.runs, sent(shop, "PUT data")) == (1, 1)


async def test_errors_that_came_after_the_summary_do_not_stand_for_those_that_a_moving_list_hides(
    tmp_path: Path,
) -> None:
    async with small_shop(tmp_path, options=MOVING) as shop, shop.daemon() as daemon:
        no_auto_resolve(shop)
        leaving = fail(shop, "odd-approval", count=2, age_s=300)
        (truth,) = fail(shop, BUSY, traceKey="order-7")
        runner = daemon.accounts[ACCOUNT]
        await runner.cycle()
        shop.clock.pass_by(timedelta(minutes=1))
        shop.sandbox.settle()
        (again,) = fail(shop, BUSY, traceKey="order-7", age_s=1)  # another run failed on the record that was cured

        def as_many_come() -> None:
            shop.clock.pass_by(timedelta(seconds=1))
            fail(shop, "odd-approval", count=2, age_s=0)

        def as_many_leave() -> None:
            people(shop, "resolve", *leaving)

        during(daemon, after={GET_FLOW_ERRORS: as_many_come, GET_ERRORS: as_many_leave})
        hidden = (await runner.confirm()).counts
        assert ((truth.state, again.state), hidden["confirmed"], hidden["vanished"]) == (("cured", "open"), 0, 0)
        assert (await runner.confirm()).counts["came_back"] == 1


async def test_how_an_error_left_is_not_asked_for_ever_because_a_job_of_others_never_ends(tmp_path: Path) -> None:
    async with (
        small_shop(tmp_path, options=Options(job_seconds=1e9, leaves="when_run")) as shop,
        shop.daemon() as daemon,
    ):
        left, hangs = fail(shop, "odd-approval", count=2)
        await one_pass(daemon)
        people(shop, "retry", hangs)
        people(shop, "vanish", left)
        asked: list[int] = []
        for _ in range(3):
            await one_pass(daemon)
            asked.append(sent(shop, "GET resolved"))
            shop.clock.pass_by(timedelta(hours=16))
        await one_pass(daemon)
        assert asked[0] > 0
        assert sent(shop, "GET resolved") == asked[-1]
