from datetime import timedelta
from typing import Any

import pytest

from daemon.core.batches import Act
from daemon.core.decisions import LEFT_ALONE, Outcome, Verb
from daemon.core.plans import PlanState
from daemon.core.rows import CaseEvent, ErrorRow, RulesRow
from tests.contract.store_values import (
    ELSEWHERE,
    LATER,
    NOON,
    OTHER_STEP,
    STEP,
    Clock,
    Store,
    batch,
    group,
    held,
    intend,
    item,
    judged,
    minutes,
    save,
    unmatched,
    waiting,
)

LONG = "x" * 128


async def test_an_error_row_shows_the_error_and_why(store: Store) -> None:
    await save(store, judged("e1"))
    assert await store.errors() == [
        ErrorRow(
            step=STEP,
            error_id="e1",
            case_key="t:order-1",
            code="INVALID_KEY",
            verb=Verb.RETRY,
            rule_id="r1",
            reason="due",
            detail="it will pass",
            occurred_at=minutes(-60),
            due_at=NOON,
            in_flight=False,
            first_seen_at=NOON,
        )
    ]


async def test_each_error_keeps_its_code_when_codes_that_none_has_any_more_are_cleared(store: Store) -> None:
    await save(store, judged("e1", code="A"), judged("e2", code="B"), held("e3", code="C"), judged("e4", code=""))
    await store.drop(STEP, ["e2", "e3"])
    await store.prune(NOON, NOON)
    await save(store, judged("e4", code="D"), judged("e5", code="B"), held("e6", code="E"), judged("e7", code="A"))
    codes = {row.error_id: row.code for row in await store.errors()}
    assert codes == {"e1": "A", "e4": "D", "e5": "B", "e6": "E", "e7": "A"}
    assert [row.code for row in await store.held()] == ["E"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["e5", "e4", "e2", "e1", "e6", "e3"]),
        ({"account": "acme"}, ["e5", "e4", "e2", "e1", "e3"]),
        ({"flow": "f1", "step": "s2"}, ["e5"]),
        ({"flow": "f9"}, []),
        ({"rule": "r1"}, ["e5", "e4", "e1", "e6"]),
        ({"rule": ""}, ["e3"]),
        ({"verb": Verb.NONE}, ["e3"]),
        ({"held": True}, ["e2"]),
        ({"held": False, "account": "acme"}, ["e5", "e4", "e1", "e3"]),
        ({"limit": 2}, ["e5", "e4"]),
        ({"limit": 2, "offset": 4}, ["e6", "e3"]),
    ],
    ids=str,
)
async def test_errors_are_filtered_and_listed_from_the_newest_to_the_undated(
    store: Store, asked: dict[str, Any], found: list[str]
) -> None:
    await save(store, judged("e1"), held("e2", rule_id="r2"), unmatched("e3", occurred_at=None))
    await save(store, judged("e4", occurred_at=minutes(-30)))
    await save(store, judged("e5", occurred_at=minutes(-10)), step=OTHER_STEP)
    await save(store, judged("e6"), step=ELSEWHERE)
    rows = await store.errors(**asked)
    if asked.get("limit"):
        assert [row.error_id for row in rows] == found
    else:
        assert sorted(row.error_id for row in rows) == sorted(found)
        moments = [row.occurred_at.timestamp() if row.occurred_at else 0.0 for row in rows]
        assert moments == sorted(moments, reverse=True)


async def test_counts_are_by_verb_rule_and_reason(store: Store) -> None:
    await save(store, judged("e1"), judged("e2"), judged("e3", reason="waiting"), unmatched("e4"))
    await save(store, unmatched("e1"), step=OTHER_STEP)
    await save(store, unmatched("e1"), step=ELSEWHERE)
    assert await store.error_counts("acme") == {
        (Verb.RETRY, "r1", "due"): 2,
        (Verb.RETRY, "r1", "waiting"): 1,
        (Verb.NONE, "", "unmatched"): 2,
    }
    assert await store.error_counts("acme", "waiting") == {(Verb.RETRY, "r1", "waiting"): 1}
    assert await store.error_counts("acme", "backlog") == {}
    assert await store.unmatched_count("acme") == 2
    assert await store.unmatched_count("nobody") == 0


async def test_those_without_a_rule_are_counted_as_they_come_and_go_and_are_judged_again(store: Store) -> None:
    counts = [await store.unmatched_count("acme")]
    await save(store, unmatched("e1"), unmatched("e2"), unmatched("e3"), judged("e4"))
    counts.append(await store.unmatched_count("acme"))
    await save(store, judged("e1"), unmatched("e2"))
    counts.append(await store.unmatched_count("acme"))
    await store.drop(STEP, ["e2"])
    counts.append(await store.unmatched_count("acme"))
    read = await store.begin_read(STEP, full=True)
    await store.see(read, ["e1", "e4"])
    await store.end_read(read, trusted=True)
    counts.append(await store.unmatched_count("acme"))
    assert counts == [0, 3, 2, 1, 0]


async def test_open_errors_are_counted_by_age_without_those_in_flight_and_those_that_a_rule_leaves_alone(
    store: Store,
) -> None:
    old: dict[str, Any] = {"occurred_at": minutes(-30)}
    left = judged("e2", verb=Verb.LEAVE, reason=LEFT_ALONE, due_at=None, **old)
    await save(store, unmatched("e1", **old), left, held("e3", **old), waiting("e4", **old), judged("e5", **old))
    await save(store, judged("e6", occurred_at=minutes(-29)), judged("e7", occurred_at=None))
    await save(store, unmatched("e1", **old), step=OTHER_STEP)
    await save(store, unmatched("e1", **old), step=ELSEWHERE)
    await intend(store, "e5")

    assert await store.open_between("acme", minutes(-30), minutes(-29)) == 4
    assert await store.open_between("acme", minutes(-30), minutes(0)) == 5
    assert await store.open_between("acme", minutes(-29), minutes(-28)) == 1
    assert await store.open_between("nobody", minutes(-30), minutes(0)) == 0


async def test_held_errors_are_listed_by_queue_longest_waiting_first(store: Store, clock: Clock) -> None:
    await save(store, held("e2"))
    clock.time = LATER
    await save(store, held("e1"), held("e3", queue="finance"))
    await save(store, held("e4"), step=ELSEWHERE)
    assert [row.error_id for row in await store.held("acme")] == ["e2", "e1", "e3"]
    assert [row.error_id for row in await store.held(queue="warehouse")] == ["e2", "e1", "e4"]
    assert await store.held("acme", "nobody") == []
    assert await store.held_counts("acme") == {"warehouse": 2, "finance": 1}
    assert await store.held_counts("nobody") == {}


async def test_writes_are_listed_newest_first(store: Store) -> None:
    first = await intend(store, "e1", rules="rules@7", plan_id=4)
    second = await intend(store, "e2", act=Act.RESOLVE)
    await intend(store, "e1", step=ELSEWHERE)
    assert [row.batch_id for row in await store.writes("acme")] == [second, first]
    assert len(await store.writes(limit=2)) == 2
    row = (await store.writes("acme"))[1]
    assert (row.step, row.act, row.rule_id, row.rules, row.plan_id) == (STEP, Act.RETRY, "r1", "rules@7", 4)


async def test_a_case_has_its_whole_history_in_the_order_of_time(store: Store, clock: Clock) -> None:
    await save(store, judged("e1"))
    number = await store.intend(batch(item("e1", before=b"old", after=b"new")), minutes(1))
    await store.accepted(number, "j1", minutes(2))
    await store.settle(number, {"e1": Outcome.CAME_BACK}, minutes(3), gone={"e1"})
    await store.note_others(STEP, {"x1": "t:order-1"}, minutes(4))
    clock.time = minutes(5)
    await save(store, judged("e2", case_key="t:order-1"), judged("e3"))
    events = await store.case_events("acme", "order-1")
    mine: dict[str, Any] = {"step": STEP, "error_id": "e1", "rule_id": "r1"}
    patched, *rest = events
    assert (patched.what, patched.at, patched.error_id) == ("patch", minutes(1), "e1")
    before, arrow, after = patched.detail.split()
    assert (arrow, before != after) == ("→", True)
    assert rest == [
        CaseEvent(at=minutes(1), what="retry", detail=f"write {number}, settled, job j1", **mine),
        CaseEvent(at=minutes(3), what="outcome", outcome=Outcome.CAME_BACK, **mine),
        CaseEvent(at=minutes(4), step=STEP, error_id="x1", what="retried elsewhere"),
        CaseEvent(at=minutes(5), step=STEP, error_id="e2", what="open", rule_id="r1", detail="retry, due"),
    ]
    assert await store.case_events("acme", "t:order-1") == events
    assert await store.case_events("globex", "order-1") == []


async def test_a_case_is_found_on_every_step_and_account_that_met_it(store: Store) -> None:
    for step in (STEP, OTHER_STEP, ELSEWHERE):
        await save(store, judged("e1"), step=step)
    assert [event.step for event in await store.case_events("acme", "order-1")] == [STEP, OTHER_STEP]
    assert len(await store.case_events(None, "order-1")) == 3


async def test_a_cut_trace_key_finds_every_case_that_it_may_stand_for(store: Store) -> None:
    await save(store, judged("e1", case_key=f"c:d1:{LONG}"), judged("e2", case_key=f"c:d2:{LONG}"), judged("e3"))
    await store.intend(batch(item("e1", case_key=f"c:d1:{LONG}")), NOON)
    await store.drop(STEP, ["e2"])
    await save(store, judged("e4", case_key=f"c:d4:{LONG}"))
    found = {(event.error_id, event.what) for event in await store.case_events("acme", LONG)}
    assert found == {("e1", "retry"), ("e1", "open"), ("e4", "open")}


async def test_a_case_is_found_by_the_name_it_has_after_a_patch(store: Store) -> None:
    await save(store, judged("e1", case_key="d:old"))
    await store.intend(batch(item("e1", case_key="d:old", alias="d:new")), NOON)
    for name in ("d:old", "d:new"):
        assert [event.what for event in await store.case_events("acme", name)] == ["retry", "open"]


async def test_the_rule_set_loaded_last_comes_back_byte_for_byte_and_in_order(store: Store) -> None:
    assert await store.last_rules() is None
    first, second = [("b.yaml", b"\xff\x00 1"), ("a.yaml", b"")], [("c.yaml", b"2")]
    await store.save_rules("rules@1", first, NOON)
    await store.save_rules("rules@2", second, LATER)
    assert await store.last_rules() == ("rules@2", second)
    await store.save_rules("rules@1", first, minutes(9))
    assert await store.last_rules() == ("rules@1", first)
    assert await store.rules_history(2) == [
        RulesRow(version="rules@1", loaded_at=minutes(9), files=2),
        RulesRow(version="rules@2", loaded_at=LATER, files=1),
    ]


async def test_a_note_is_what_it_was_set_to_last(store: Store) -> None:
    assert await store.get_meta("paused") is None
    for value in ("yes", ""):
        await store.set_meta("paused", value)
        assert await store.get_meta("paused") == value
    await store.set_meta_soon("paused", "soon")
    assert await store.get_meta("paused") == "soon"


async def test_a_note_that_is_dropped_says_what_it_said_and_is_gone(store: Store) -> None:
    await store.set_meta("paused", "yes")
    await store.set_meta("other", "kept")

    assert [await store.drop_meta("paused") for _ in range(2)] == ["yes", None]
    assert (await store.get_meta("paused"), await store.get_meta("other")) == (None, "kept")


async def test_pruning_clears_old_envelopes_and_plans_and_keeps_the_journal(store: Store) -> None:
    await save(store, judged("e1"), judged("e2"), judged("e3"))
    ended = await store.intend(batch(item("e1", before=b"1", after=b"2"), "e3"), NOON)
    await store.settle(ended, {"e1": Outcome.CAME_BACK, "e3": Outcome.CAME_BACK}, NOON)
    await store.intend(batch(item("e2", before=b"3", after=b"4")), NOON)
    await store.make_plan("acme", "rules@1", [group(rule_id="r1")], PlanState.MADE, NOON, NOON)
    kept = await store.make_plan("acme", "rules@1", [group()], PlanState.MADE, LATER, LATER)
    for version, at in (("rules@1", NOON), ("rules@2", NOON), ("rules@3", NOON)):
        await store.save_rules(version, [("a.yaml", b"")], at)
    events, writes = await store.case_events("acme", "order-1"), await store.writes()
    assert await store.prune(LATER, NOON) == 2
    assert await store.prune(LATER, NOON) == 0
    assert await store.last_patches(STEP, ["k-e1", "k-e2"]) == {"k-e2": b"4"}
    assert await store.plans("acme", 9) == [kept]
    assert [row.version for row in await store.rules_history(9)] == ["rules@3"]
    assert await store.last_rules() == ("rules@3", [("a.yaml", b"")])
    assert (await store.case_events("acme", "order-1"), await store.writes()) == (events, writes)
    assert len(await store.errors()) == 3


async def test_pruning_keeps_what_is_not_old_enough(store: Store) -> None:
    number = await intend(store, "e1")
    await store.settle(number, {"e1": Outcome.CONFIRMED}, NOON)
    await store.save_rules("rules@1", [], NOON)
    await store.save_rules("rules@2", [], NOON)
    assert await store.prune(NOON - timedelta(days=1), NOON) == 0
    assert len(await store.rules_history(9)) == 2
