import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from daemon.core.actions import Mode
from daemon.core.batches import Act
from daemon.core.decisions import Outcome, Verb
from daemon.core.plans import DueGroup, PlanItem, PlannedGroup, PlanState
from daemon.core.ramp import Stage
from daemon.core.usage import Usage
from tests.contract.store_values import (
    ELSEWHERE,
    LATER,
    NOON,
    OTHER_STEP,
    STEP,
    Store,
    batch,
    group,
    held,
    intend,
    judged,
    minutes,
    save,
    unmatched,
)

EXPIRES = minutes(30)


async def planned(store: Store, wanted: PlannedGroup, *, limit: int = 100) -> list[str]:
    """Freeze one group and return the ids of its items, paged by *limit*."""
    plan = await store.make_plan("acme", "rules@1", [wanted], PlanState.MADE, NOON, EXPIRES)
    found: list[PlanItem] = []
    while page := await store.plan_items(plan.plan_id, wanted, found[-1] if found else None, limit):
        assert len(page) <= limit
        found += page
    return [each.error_id for each in found]


async def test_due_groups_are_what_rules_want_done_now_by_step_rule_and_act(store: Store) -> None:
    await save(
        store,
        judged("e1"),
        judged("e2", case_key="t:order-1"),
        judged("e3", rule_id="r2"),
        judged("e4", due_at=LATER),
        judged("e5", occurred_at=None, tag=True, assign=True),
        judged("e6", verb=Verb.RESOLVE),
        judged("e7", verb=Verb.RESOLVE, case_key="t:order-6"),
        unmatched("e8"),
        held("e9", tag=True, assign=True, due_at=NOON),
        judged("e10", tag=True, due_at=LATER),
    )
    await save(store, judged("e1"), step=OTHER_STEP)
    await save(store, judged("e1"), step=ELSEWHERE)
    assert await store.due_groups("acme", NOON) == [
        DueGroup(step=STEP, rule_id="r1", act=Act.TAG, count=2),
        DueGroup(step=STEP, rule_id="r1", act=Act.ASSIGN, count=1),
        DueGroup(step=STEP, rule_id="r1", act=Act.RETRY, count=1),
        DueGroup(step=STEP, rule_id="r1", act=Act.RESOLVE, count=2),
        DueGroup(step=STEP, rule_id="r2", act=Act.RETRY, count=1),
        DueGroup(step=OTHER_STEP, rule_id="r1", act=Act.RETRY, count=1),
    ]


async def test_cases_that_were_tried_before_go_before_older_ones_that_were_not(store: Store) -> None:
    batch_id = await intend(store, "e1")
    await store.settle(batch_id, {"e1": Outcome.CAME_BACK}, NOON, gone={"e1"})
    await save(store, judged("e2", occurred_at=minutes(-300)), judged("e3", occurred_at=minutes(-200)))
    await save(store, judged("e9", case_key="t:order-1", occurred_at=minutes(-1)))
    assert await planned(store, group(send=2)) == ["e2", "e9"]
    assert await planned(store, group(send=1)) == ["e9"]


async def test_an_error_in_flight_is_due_for_nothing(store: Store) -> None:
    await save(store, judged("e1", tag=True, assign=True))
    await intend(store, "e1")
    assert await store.due_groups("acme", LATER) == []
    for act in Act:
        assert await planned(store, group(act)) == []


async def test_unmarking_clears_one_wish_and_leaves_the_other(store: Store) -> None:
    await save(store, unmatched("e1", tag=True, assign=True), unmatched("e2", tag=True), unmatched("e3", assign=True))
    for _ in range(2):
        await store.unmark(STEP, ["e1", "e3", "e9"], Act.TAG)
    assert [(each.act, each.count) for each in await store.due_groups("acme", NOON)] == [(Act.TAG, 1), (Act.ASSIGN, 2)]
    await store.unmark(STEP, ["e1"], Act.ASSIGN)
    assert await planned(store, group(Act.ASSIGN, rule_id="")) == ["e3"]
    assert await planned(store, group(Act.TAG, rule_id="")) == ["e2"]


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_a_plan_freezes_the_oldest_first_and_is_read_in_pages(store: Store, limit: int) -> None:
    ages = {"e1": 5, "e2": 50, "e3": 20, "e4": 20, "e5": 1}
    await save(store, *(judged(each, occurred_at=minutes(-age)) for each, age in ages.items()))
    assert await planned(store, group(send=4), limit=limit) == ["e2", "e3", "e4", "e1"]


async def test_a_retry_takes_the_newest_error_of_each_case(store: Store) -> None:
    await save(
        store,
        judged("e1", occurred_at=minutes(-50), case_key="t:a"),
        judged("e2", occurred_at=minutes(-10), case_key="t:a"),
        judged("e4", occurred_at=minutes(-10), case_key="t:a"),
        judged("e5", occurred_at=minutes(-5), case_key="t:a", due_at=LATER),
        judged("e3", occurred_at=minutes(-20), case_key="t:b"),
    )
    assert await planned(store, group()) == ["e3", "e2"]
    assert await planned(store, group(send=1)) == ["e3"]


async def test_a_resolvingtakes_every_error_of_a_case(store: Store) -> None:
    await save(store, *(judged(each, verb=Verb.RESOLVE, case_key="t:a") for each in ("e1", "e2")))
    assert await planned(store, group(Act.RESOLVE)) == ["e1", "e2"]


async def test_a_plan_names_only_what_is_due_for_its_rule_and_act_on_its_step(store: Store) -> None:
    await save(
        store, judged("e1"), judged("e2", rule_id="r2"), judged("e3", verb=Verb.RESOLVE), judged("e4", due_at=LATER)
    )
    await save(store, judged("e5"), step=OTHER_STEP)
    await save(store, judged("e6"), step=ELSEWHERE)
    await save(store, judged("e7", occurred_at=None))
    assert await planned(store, group()) == ["e1"]
    assert await planned(store, group(step=OTHER_STEP)) == ["e5"]


async def test_a_frozen_plan_does_not_follow_later_changes(store: Store) -> None:
    await save(store, judged("e1", fingerprint=1))
    plan = await store.make_plan("acme", "rules@1", [group()], PlanState.MADE, NOON, EXPIRES)
    await save(store, judged("e2"), unmatched("e1", fingerprint=2))
    assert await store.plan_items(plan.plan_id, group(), None, 10) == [
        PlanItem(error_id="e1", case_key="t:order-1", occurred_at=minutes(-60), fingerprint=1)
    ]


async def test_a_plan_comes_back_as_it_was_made(store: Store) -> None:
    groups = (
        group(),
        group(Act.TAG, send=0, mode=Mode.OBSERVE, reason="observe", detail="only looks"),
        group(step=OTHER_STEP, mode=Mode.APPROVE, rule_id="r2"),
    )
    made = await store.make_plan("acme", "rules@1", groups, PlanState.WAITING, NOON, EXPIRES)
    assert (made.groups, made.state, made.made_at, made.expires_at) == (groups, PlanState.WAITING, NOON, EXPIRES)
    assert await store.plan(made.plan_id) == made
    assert await store.plan(made.plan_id + 1) is None
    assert await store.plan_items(made.plan_id + 1, group(), None, 10) == []


async def test_plans_are_listed_newest_first_by_account(store: Store) -> None:
    made = [await store.make_plan("acme", "rules@1", [], PlanState.MADE, NOON, EXPIRES) for _ in range(3)]
    await store.make_plan("globex", "rules@1", [], PlanState.MADE, NOON, EXPIRES)
    assert await store.plans("acme", 2) == [made[2], made[1]]


ANY = (PlanState.MADE, PlanState.WAITING, PlanState.APPROVED)
WAITING, APPROVED, APPLYING, APPLIED = PlanState.WAITING, PlanState.APPROVED, PlanState.APPLYING, PlanState.APPLIED


async def test_of_two_who_move_a_plan_the_first_does_and_is_remembered(store: Store) -> None:
    made = await store.make_plan("acme", "rules@1", [group()], WAITING, NOON, EXPIRES)
    assert await store.move_plan(made.plan_id, [WAITING], APPROVED, "anna", NOON)
    assert not await store.move_plan(made.plan_id, [WAITING], APPROVED, "bert", NOON)
    assert await store.plan(made.plan_id) == replace(made, state=APPROVED, decided_by="anna")


async def test_of_many_who_move_a_plan_at_once_one_does(store: Store) -> None:
    made = await store.make_plan("acme", "rules@1", [group()], WAITING, NOON, EXPIRES)
    moved = await asyncio.gather(*(store.move_plan(made.plan_id, ANY, APPLYING, f"p{n}", NOON) for n in range(9)))
    assert sorted(moved) == [False] * 8 + [True]
    plan = await store.plan(made.plan_id)
    assert plan is not None
    assert plan.decided_by == f"p{moved.index(True)}"


async def test_a_move_by_nobody_keeps_who_decided_before(store: Store) -> None:
    made = await store.make_plan("acme", "rules@1", [group()], WAITING, NOON, EXPIRES)
    await store.move_plan(made.plan_id, ANY, APPROVED, "anna", NOON)
    assert await store.move_plan(made.plan_id, ANY, APPLYING, "", NOON)
    assert await store.plan(made.plan_id) == replace(made, state=APPLYING, decided_by="anna")


@pytest.mark.parametrize("state", ANY)
async def test_a_plan_moves_until_it_expires_and_then_no_more(store: Store, state: PlanState) -> None:
    early, late = [await store.make_plan("acme", "rules@1", [group()], state, NOON, EXPIRES) for _ in range(2)]
    assert await store.move_plan(early.plan_id, ANY, APPLYING, "anna", EXPIRES - timedelta(milliseconds=1))
    assert not await store.move_plan(late.plan_id, ANY, APPLYING, "anna", EXPIRES)
    assert await store.plan(late.plan_id) == late


async def test_a_plan_that_is_being_sent_when_its_time_is_up_is_still_noted_as_applied(store: Store) -> None:
    made = await store.make_plan("acme", "rules@1", [group()], APPLYING, NOON, EXPIRES)
    assert await store.move_plan(made.plan_id, [APPLYING], APPLIED, "", minutes(60))


@pytest.mark.parametrize("state", [APPLYING, APPLIED])
async def test_a_plan_that_was_taken_up_once_cannot_be_taken_up_again(store: Store, state: PlanState) -> None:
    made = await store.make_plan("acme", "rules@1", [group()], state, NOON, EXPIRES)
    assert not await store.move_plan(made.plan_id, ANY, APPLYING, "anna", NOON)
    assert not await store.move_plan(4711, ANY, APPLYING, "anna", NOON)


async def test_open_plans_wait_or_are_approved_and_have_not_expired_oldest_first(store: Store) -> None:
    assert await store.open_plans("acme", NOON) == []
    made = [await store.make_plan("acme", "rules@1", [], state, NOON, EXPIRES) for state in PlanState]
    await store.make_plan("acme", "rules@1", [], WAITING, NOON, minutes(1))
    theirs = await store.make_plan("globex", "rules@1", [group(step=ELSEWHERE)], WAITING, NOON, EXPIRES)
    mine = [plan for plan in made if plan.state in (WAITING, APPROVED)]
    assert await store.open_plans("acme", minutes(1)) == mine
    assert await store.open_plans(None, minutes(1)) == [*mine, theirs]
    assert await store.open_plans(None, EXPIRES) == []


async def test_what_came_of_a_plan_is_told_by_rule_and_act(store: Store) -> None:
    await save(store, *(judged(f"e{n}") for n in range(9)))
    groups = [group(), group(Act.RESOLVE), group(rule_id="r2")]
    made = await store.make_plan("acme", "rules@1", groups, APPLYING, NOON, EXPIRES)
    mine = made.plan_id
    first = await store.intend(batch("e0", "e1", "e2", plan_id=mine), NOON)
    await store.settle(first, {"e0": Outcome.CONFIRMED, "e1": Outcome.CAME_BACK}, NOON)
    second = await store.intend(batch("e3", plan_id=mine), LATER)
    await store.settle(second, {"e3": Outcome.CONFIRMED}, LATER)
    await store.intend(batch("e4", act=Act.RESOLVE, plan_id=mine), NOON)
    await store.refused(await store.intend(batch("e5", rule_id="r2", plan_id=mine), NOON), "no", NOON, NOON)
    await store.intend(batch("e6", plan_id=mine + 1), NOON)
    assert await store.plan_outcomes(mine) == {
        ("r1", Act.RETRY): {Outcome.CONFIRMED: 2, Outcome.CAME_BACK: 1, None: 1},
        ("r1", Act.RESOLVE): {None: 1},
    }
    assert await store.plan_outcomes(4711) == {}


async def test_usage_counts_what_happened_or_may_have_within_the_hour_and_the_day(store: Store) -> None:
    await save(store, *(judged(f"e{n}") for n in range(10)))
    for error_ids, age, act in (
        (("e0", "e1"), 59, Act.RETRY),
        (("e2",), 60, Act.RETRY),
        (("e3",), 1439, Act.RESOLVE),
        (("e4",), 1440, Act.RESOLVE),
        (("e5",), 0, Act.TAG),
    ):
        await store.intend(batch(*error_ids, act=act), minutes(-age))
    refused = await store.intend(batch("e6"), NOON)
    await store.refused(refused, "no", NOON, NOON)
    await intend(store, "e1", step=ELSEWHERE)
    retry, resolving, tag = ("r1", Act.RETRY), ("r1", Act.RESOLVE), ("r1", Act.TAG)
    assert await store.usage("acme", NOON) == Usage(hour={retry: 2, tag: 1}, day={retry: 3, resolving: 1, tag: 1})


async def test_usage_tells_what_each_rule_took_off_each_step_within_the_hour(store: Store) -> None:
    await save(store, *(judged(f"e{n}") for n in range(10)))
    taken = await store.intend(batch("e0", "e1", "e2", "e3", act=Act.RESOLVE), minutes(-59))
    await store.settle(taken, {"e0": Outcome.CONFIRMED, "e1": Outcome.CAME_BACK, "e2": Outcome.VANISHED}, NOON)
    await store.intend(batch("e4", act=Act.RESOLVE), NOON)
    await store.intend(batch("e5", act=Act.RESOLVE), minutes(-60))
    await store.intend(batch("e6", act=Act.RESOLVE, rule_id="r2"), NOON)
    await store.intend(batch("e7"), NOON)
    await store.refused(await store.intend(batch("e8", act=Act.RESOLVE), NOON), "no", NOON, NOON)
    await intend(store, "e1", step=OTHER_STEP, act=Act.RESOLVE)
    await intend(store, "e1", step=ELSEWHERE, act=Act.RESOLVE)
    resolved = (await store.usage("acme", NOON)).resolved
    assert resolved == {("r1", STEP): 4, ("r2", STEP): 1, ("r1", OTHER_STEP): 1}


async def test_stages_tell_what_each_plan_retried_of_a_rule_on_a_step_and_what_came_of_it(store: Store) -> None:
    await save(store, *(judged(f"e{n}") for n in range(12)))
    old = await store.intend(batch("e0", plan_id=1), minutes(-90))
    await store.settle(old, {"e0": Outcome.CONFIRMED}, minutes(-80))
    mixed = await store.intend(batch("e1", "e2", "e3", "e4", "e5", "e6", plan_id=2), minutes(-20))
    outcomes = (Outcome.CONFIRMED, Outcome.CAME_BACK, Outcome.REFUSED, Outcome.UNKNOWN, Outcome.VANISHED)
    await store.settle(mixed, {f"e{n}": outcome for n, outcome in enumerate(outcomes, 1)}, NOON)
    await store.intend(batch("e7", plan_id=2), minutes(-10))
    later = await store.intend(batch("e8", plan_id=3), minutes(-5))
    await store.intend(batch("e9", plan_id=3, act=Act.RESOLVE), minutes(-5))
    await store.intend(batch("e10", plan_id=3, rule_id="r2"), minutes(-5))
    await store.refused(await store.intend(batch("e11", plan_id=4), NOON), "no", NOON, NOON)
    assert await store.stages(STEP, "r1", minutes(-60)) == [
        Stage(plan_id=2, sent_at=minutes(-20), sent=6, confirmed=1, failed=2, open=2, settled_at=NOON),
        Stage(plan_id=3, sent_at=minutes(-5), sent=1, confirmed=0, failed=0, open=1),
    ]
    await store.settle(later, {"e8": Outcome.CONFIRMED}, LATER)
    assert [stage.settled_at for stage in await store.stages(STEP, "r1", minutes(-90))] == [minutes(-80), NOON, LATER]
    assert await store.stages(OTHER_STEP, "r1", NOON - timedelta(days=1)) == []


async def test_a_stage_counts_from_its_last_outcome_and_as_long_as_one_is_missing(store: Store) -> None:
    late = await intend(store, "e1", "e2", plan_id=1)
    await store.settle(late, {"e1": Outcome.CAME_BACK}, minutes(30))
    assert [stage.open for stage in await store.stages(STEP, "r1", minutes(120))] == [1]
    await store.settle(late, {"e2": Outcome.VANISHED}, minutes(90))
    assert [stage.settled_at for stage in await store.stages(STEP, "r1", minutes(90))] == [minutes(90)]
    assert await store.stages(STEP, "r1", minutes(91)) == []


async def test_what_a_plan_retried_long_ago_counts_as_soon_as_more_of_it_is_retried(store: Store) -> None:
    await store.settle(await intend(store, "e1"), {"e1": Outcome.CONFIRMED}, minutes(-30))
    assert await store.stages(STEP, "r1", LATER) == []
    await intend(store, "e2")
    assert [(stage.sent, stage.open) for stage in await store.stages(STEP, "r1", LATER)] == [(2, 1)]
