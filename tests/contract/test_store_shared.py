"""A trace key that several records share names none of them, and what was tried under it counts for each (P2)."""

import pytest

from daemon.core.cases import CaseHistory
from daemon.core.decisions import Outcome
from tests.contract.store_values import (
    LATER,
    NOON,
    OTHER_STEP,
    STEP,
    Store,
    batch,
    held,
    item,
    judged,
    minutes,
    save,
    unmatched,
)

OLD, ONE, OTHER = "t:order-1", "c:d1:order-1", "c:d2:order-1"


async def tried(store: Store, error_id: str, key: str, outcome: Outcome = Outcome.CAME_BACK) -> int:
    """Retry an error of a case at noon and settle it."""
    await save(store, judged(error_id, case_key=key))
    number = await store.intend(batch(item(error_id, case_key=key)), NOON)
    await store.settle(number, {error_id: outcome}, LATER)
    return number


async def histories(store: Store, *keys: str) -> list[CaseHistory]:
    known = await store.case_histories(STEP, keys, LATER)
    assert [known[key][0] for key in keys] == list(keys)
    return [known[key][1] for key in keys]


async def test_a_shared_key_is_noted_once_and_known_of_its_step_alone(store: Store) -> None:
    assert await store.note_shared(STEP, "order-1", NOON)
    assert not await store.note_shared(STEP, "order-1", LATER)
    (known, other) = await histories(store, OLD, "t:order-2")
    assert (known, other) == (CaseHistory(shared=True), CaseHistory())
    elsewhere = await store.case_histories(OTHER_STEP, [OLD], LATER)
    assert elsewhere == {OLD: (OLD, CaseHistory())}
    assert await store.note_shared(OTHER_STEP, "order-1", NOON)


async def test_what_was_tried_under_the_shared_key_counts_for_each_record_and_so_does_its_cure(store: Store) -> None:
    await tried(store, "e1", OLD, Outcome.CONFIRMED)
    await store.note_others(STEP, {"x1": OLD}, NOON)
    await store.note_shared(STEP, "order-1", NOON)
    await tried(store, "e2", ONE, Outcome.CONFIRMED)
    one, other = await histories(store, ONE, OTHER)
    assert one == CaseHistory(attempts=3, by_rule={"r1": 2}, last_attempt_at=NOON, cured_at=NOON)
    assert other == CaseHistory(attempts=2, by_rule={"r1": 1}, last_attempt_at=NOON, cured_at=NOON)


async def test_what_is_unsettled_or_unknown_under_the_shared_key_is_so_for_each_record(store: Store) -> None:
    number = await tried(store, "e1", OLD, Outcome.UNKNOWN)
    await store.note_shared(STEP, "order-1", NOON)
    assert [history.unknown for history in await histories(store, ONE, OTHER)] == [True, True]
    await store.settle_unknown(number, "e1", Outcome.REFUSED, by="anna", why="", now=LATER)
    assert await histories(store, ONE, OTHER) == [CaseHistory(), CaseHistory()]


async def test_what_one_record_does_is_not_the_others(store: Store) -> None:
    await store.note_shared(STEP, "order-1", NOON)
    first = await tried(store, "e1", ONE, Outcome.CONFIRMED)
    await save(store, judged("e2", case_key=OTHER))
    assert await store.returned(STEP, [ONE], first) == {}
    second = await store.intend(batch(item("e2", case_key=OTHER)), NOON)
    await save(store, judged("e3", case_key=ONE))
    assert await store.returned(STEP, [OTHER], second) == {}
    assert (await store.returned(STEP, [ONE], first)).keys() == {ONE}


async def test_the_cases_of_a_key_that_looks_alike_are_others(store: Store) -> None:
    await tried(store, "e1", "t:a")
    await tried(store, "e2", "t:b:a")
    assert [history.attempts for history in await histories(store, "c:d1:b:a", "c:d1:a", "c:d1:x", "d:a")] == [
        1,
        1,
        0,
        0,
    ]


async def test_what_was_held_by_the_attempts_of_another_is_judged_again(store: Store) -> None:
    await tried(store, "e1", OLD)
    await save(store, held("e1", reason="superseded"), held("e2", case_key=OLD), judged("e3", case_key=OLD))
    await save(store, held("e4", case_key="t:order-4"), unmatched("e5", case_key="t:order-5"))
    await save(store, held("e2", case_key=OLD), step=OTHER_STEP)
    await store.note_shared(STEP, "order-1", minutes(9))
    due = {(row.step.step_id, row.error_id): row.due_at for row in await store.errors()}
    assert {which: at for which, at in due.items() if at} == {
        ("s1", "e1"): minutes(9), ("s1", "e2"): minutes(9), ("s1", "e3"): NOON
    }  # fmt: skip


async def test_what_was_held_because_nobody_knew_wakes_under_its_new_name_too(store: Store) -> None:
    number = await tried(store, "e1", OLD, Outcome.UNKNOWN)
    await store.note_shared(STEP, "order-1", NOON)
    await save(store, held("e1", reason="unknown", case_key=ONE), held("e2", reason="unknown", case_key="c:d2:order-2"))
    await store.settle_unknown(number, "e1", Outcome.CONFIRMED, by="anna", why="", now=LATER)
    assert {row.error_id: row.due_at for row in await store.errors()} == {"e1": LATER, "e2": None}


@pytest.mark.parametrize("shared", [False, True], ids=["not shared", "shared"])
async def test_a_person_finds_every_record_of_a_shared_key(store: Store, shared: bool) -> None:
    if shared:
        await store.note_shared(OTHER_STEP, "order-1", NOON)
    await tried(store, "e1", OLD)
    await save(store, judged("e2", case_key=ONE), judged("e3", case_key=OTHER), judged("e4", case_key="c:d1:order-10"))
    found = {event.error_id for event in await store.case_events("acme", "order-1")}
    assert found == ({"e1", "e2", "e3"} if shared else {"e1"})
