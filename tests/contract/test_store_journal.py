"""Every transition of the journal, legal and illegal, and what each does to the errors and the attempts."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from daemon.core.batches import Act, Batch, UnderWay, WriteState, Written
from daemon.core.decisions import Outcome, Verb
from daemon.core.exceptions import StoreError
from tests.contract.store_values import (
    ELSEWHERE,
    LATER,
    NOON,
    OTHER_STEP,
    STEP,
    Store,
    attempts,
    batch,
    intend,
    item,
    judged,
    minutes,
    save,
    stored,
    unmatched,
    waiting,
)

Move = Callable[[Store, int], Awaitable[None]]

MOVES: dict[str, Move] = {
    "accepted": lambda store, number: store.accepted(number, "j1", LATER),
    "unknown": lambda store, number: store.unknown(number, "the answer is lost", LATER),
    "refused": lambda store, number: store.refused(number, "inactive_flow", LATER, minutes(15)),
    "not_sent": lambda store, number: store.not_sent(number, "no connection", LATER, minutes(15)),
    "withdraw": lambda store, number: store.withdraw(number, ["e1"], LATER, minutes(15)),
    "note_missed": lambda store, number: store.note_missed(number, ["e1"]),
    "settle": lambda store, number: store.settle(number, {"e1": Outcome.CONFIRMED}, LATER),
}
WAYS = {
    WriteState.INTENDED: (),
    WriteState.ACCEPTED: ("accepted",),
    WriteState.UNKNOWN: ("unknown",),
    WriteState.REFUSED: ("refused",),
    WriteState.NOT_SENT: ("not_sent",),
    WriteState.SETTLED: ("accepted", "settle"),
}
ALLOWED = {
    WriteState.INTENDED: set(MOVES),
    WriteState.ACCEPTED: {"note_missed", "settle"},
    WriteState.UNKNOWN: {"accepted", "note_missed", "settle"},
    WriteState.REFUSED: set[str](),
    WriteState.NOT_SENT: set[str](),
    WriteState.SETTLED: set[str](),
}
RESULTS = {
    "accepted": WriteState.ACCEPTED,
    "unknown": WriteState.UNKNOWN,
    "refused": WriteState.REFUSED,
    "not_sent": WriteState.NOT_SENT,
    "withdraw": WriteState.NOT_SENT,
    "settle": WriteState.SETTLED,
}


async def everything(store: Store) -> object:
    """Return all that a transition could change."""
    return (
        await store.writes(),
        await store.unsettled("acme"),
        await store.errors(),
        await store.held(),
        await store.progress(STEP),
        await store.case_histories(STEP, ["t:order-1", "t:order-2"], NOON),
        await store.case_events(None, "order-1"),
    )


async def reach(store: Store, state: WriteState, *error_ids: str) -> int:
    """Bring a new retry of one error to *state*."""
    number = await intend(store, *error_ids or ("e1",))
    for move in WAYS[state]:
        await MOVES[move](store, number)
    return number


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("state", WriteState)
async def test_a_write_moves_only_along_its_way_and_an_illegal_move_changes_nothing(
    store: Store, state: WriteState, move: str
) -> None:
    number = await reach(store, state)
    (before,) = await store.writes()
    assert before.state is state
    frozen = await everything(store)
    if move in ALLOWED[state]:
        await MOVES[move](store, number)
        assert (await store.writes())[0].state is RESULTS.get(move, state)
        return
    with pytest.raises(StoreError, match=rf"write {number}"):
        await MOVES[move](store, number)
    assert await everything(store) == frozen


@pytest.mark.parametrize("move", MOVES)
async def test_a_write_that_is_not_in_the_journal_cannot_move(store: Store, move: str) -> None:
    with pytest.raises(StoreError, match="there is no write 4711"):
        await MOVES[move](store, 4711)


async def test_an_intent_puts_its_errors_in_flight_and_counts_an_attempt(store: Store) -> None:
    number = await intend(store, "e1", "e2")
    progress = await store.progress(STEP)
    assert (progress.open, progress.in_flight, await attempts(store)) == (0, 2, 1)
    (row,) = await store.writes()
    assert (row.batch_id, row.state, row.sent, row.intended_at, row.outcomes) == (
        number,
        WriteState.INTENDED,
        2,
        NOON,
        {},
    )
    assert await store.due_groups("acme", LATER) == []


async def test_batch_ids_grow_and_are_never_used_again(store: Store) -> None:
    first = await intend(store, "e1")
    await store.withdraw(first, ["e1"], NOON, NOON)
    assert await intend(store, "e1") > first


@pytest.mark.parametrize(
    ("unfit", "reason"),
    [
        (batch("e1"), "already in flight"),
        (batch("e3", "e1"), "already in flight"),
        (batch("e1", act=Act.RESOLVE), "already in flight"),
        (batch("e9"), "not stored"),
        (batch("e3", step=OTHER_STEP), "not stored"),
        (batch(item("e3", case_key="t:order-1")), "case t:order-1 .* already in flight"),
        (batch("e3", item("e4", case_key="t:order-3")), "case t:order-3 .* already in flight"),
        (batch("e3", "e3"), "names an error twice"),
        (batch(), "empty"),
    ],
    ids=["same", "one-of-two", "other-act", "unknown", "other-step", "same-case", "one-case-twice", "twice", "empty"],
)
async def test_an_intent_that_could_send_twice_is_refused_whole(store: Store, unfit: Batch, reason: str) -> None:
    await save(store, judged("e3"), judged("e4"))
    await intend(store, "e1")
    frozen = await everything(store)
    with pytest.raises(StoreError, match=reason):
        await store.intend(unfit, LATER)
    assert await everything(store) == frozen


async def test_the_same_id_on_another_step_or_account_is_another_error(store: Store) -> None:
    await intend(store, "e1")
    await intend(store, "e1", step=OTHER_STEP)
    await intend(store, "e1", step=ELSEWHERE)
    assert (await store.unsettled_count("acme"), await store.unsettled_count("globex")) == (2, 1)


async def test_the_unsettled_are_what_may_still_be_at_work_oldest_first_without_settled_items(store: Store) -> None:
    await save(store, *(judged(f"e{n}") for n in range(1, 9)))
    await save(store, judged("e7"), judged("e8"))
    patched = item("e1", before=b"{1}", after=b"{2}", alias="d:x")
    whole = batch(patched, "e2", "e3", "e7", "e8", detail="because", rules="rules@9")
    first = await store.intend(whole, NOON)
    second = await reach(store, WriteState.ACCEPTED, "e4")
    third = await reach(store, WriteState.UNKNOWN, "e5")
    await reach(store, WriteState.REFUSED, "e6")
    await intend(store, "e1", step=ELSEWHERE)
    await store.note_missed(first, ["e3"])
    ended = {"e2": Outcome.CAME_BACK, "e7": Outcome.CONFIRMED, "e8": Outcome.VANISHED}
    await store.settle(first, ended, LATER)
    entries = await store.unsettled("acme")
    assert [each.batch_id for each in entries] == [first, second, third]
    left = (replace(whole.items[0], before=b"", after=b""), whole.items[2])
    assert entries[0] == Written(
        batch_id=first,
        batch=replace(whole, items=left),
        state=WriteState.INTENDED,
        intended_at=NOON,
        sent=5,
        missed=frozenset({"e3"}),
        confirmed=1,
        came_back=1,
    )
    assert (entries[1].job_id, entries[2].reason) == ("j1", "the answer is lost")
    assert await store.unsettled_count("acme") == 3


async def test_what_is_under_way_can_be_asked_for_by_name_and_by_step(store: Store) -> None:
    first = await intend(store, "e1", plan_id=4)
    other = await intend(store, "e1", step=OTHER_STEP, act=Act.RESOLVE, rule_id="r2")
    await intend(store, "e1", step=ELSEWHERE)
    await reach(store, WriteState.REFUSED, "e3")
    await store.settle(await intend(store, "e2"), {"e2": Outcome.CONFIRMED}, LATER)
    whole = await store.unsettled("acme")
    assert [each.batch_id for each in whole] == [first, other]
    assert await store.under_way("acme") == [
        UnderWay(batch_id=first, step=STEP, act=Act.RETRY, rule_id="r1", plan_id=4, intended_at=NOON),
        UnderWay(batch_id=other, step=OTHER_STEP, act=Act.RESOLVE, rule_id="r2", plan_id=1, intended_at=NOON),
    ]
    assert await store.unsettled("acme", step=STEP) == whole[:1]
    assert await store.unsettled("acme", step=OTHER_STEP) == whole[1:]
    assert await store.unsettled("acme", step=replace(STEP, step_id="nowhere")) == []


@pytest.mark.parametrize(("key", "found"), [("d:1", True), ("c:1:t", True), ("t:d:", False), ("e:c:", False)])
async def test_whether_only_retry_data_names_a_case_under_way_is_asked_of_what_has_no_outcome(
    store: Store, key: str, *, found: bool
) -> None:
    assert not await store.named_by_data_under_way("acme")
    await save(store, judged("e1"))
    number = await store.intend(batch(item("e1", case_key=key)), NOON)
    assert await store.named_by_data_under_way("acme") is found
    assert not await store.named_by_data_under_way("globex")
    await store.settle(number, {"e1": Outcome.UNKNOWN}, LATER)
    assert not await store.named_by_data_under_way("acme")


@pytest.mark.parametrize("move", ["refused", "not_sent", "withdraw"])
@pytest.mark.parametrize("act", [Act.RETRY, Act.RESOLVE])
async def test_what_did_not_happen_gives_the_attempt_back_and_is_due_later(store: Store, move: str, act: Act) -> None:
    number = await intend(store, "e1", act=act)
    await MOVES[move](store, number)
    (row,) = await store.errors()
    assert (row.in_flight, row.due_at, row.verb, await attempts(store)) == (False, minutes(15), Verb.RETRY, 0)
    assert await store.unsettled("acme") == []
    assert (await store.usage("acme", LATER)).day == {}
    assert await intend(store, "e1") > number


async def test_withdrawn_errors_leave_their_batch_and_the_others_stay(store: Store) -> None:
    number = await intend(store, "e1", "e2", "e3")
    await store.withdraw(number, ["e1", "e3"], NOON, minutes(15))
    ((row,), (entry,)) = await store.writes(), await store.unsettled("acme")
    assert (row.state, row.sent, entry.batch.error_ids) == (WriteState.INTENDED, 1, ["e2"])
    assert (await store.progress(STEP)).in_flight == 1
    assert (await store.usage("acme", NOON)).hour == {("r1", Act.RETRY): 1}
    with pytest.raises(StoreError, match="withdrawn"):
        await store.withdraw(number, ["e2", "e3"], NOON, NOON)
    assert (await store.progress(STEP)).in_flight == 1


async def test_a_lost_answer_found_by_reading_becomes_accepted(store: Store) -> None:
    number = await reach(store, WriteState.UNKNOWN)
    await store.accepted(number, "j7", LATER)
    (entry,) = await store.unsettled("acme")
    assert (entry.state, entry.job_id) == (WriteState.ACCEPTED, "j7")
    assert await store.claimed_jobs(STEP, ["", "j6", "j7"]) == {"j7"}
    assert await store.claimed_jobs(OTHER_STEP, ["", "j7"]) == set()


@pytest.mark.parametrize(
    ("outcome", "left"),
    [
        (Outcome.CONFIRMED, []),
        (Outcome.VANISHED, []),
        (Outcome.CAME_BACK, ["e1"]),
        (Outcome.REFUSED, ["e1"]),
        (Outcome.UNKNOWN, ["e1"]),
    ],
    ids=str,
)
@pytest.mark.parametrize("act", [Act.RETRY, Act.RESOLVE])
async def test_an_outcome_forgets_its_error_or_has_it_judged_again(
    store: Store, outcome: Outcome, left: list[str], act: Act
) -> None:
    number = await intend(store, "e1", act=act)
    await store.accepted(number, "", NOON)
    await store.settle(number, {"e1": outcome}, LATER)
    assert await stored(store) == left
    assert [(row.in_flight, row.due_at) for row in await store.errors()] == [(False, LATER)] * len(left)
    assert (await store.progress(STEP)).open == len(left)
    (row,) = await store.writes()
    assert (row.state, row.outcomes) == (WriteState.SETTLED, {outcome: 1})
    assert await attempts(store) == (1 if act is Act.RETRY and outcome is not Outcome.REFUSED else 0)


@pytest.mark.parametrize("outcome", [Outcome.CAME_BACK, Outcome.REFUSED, Outcome.UNKNOWN], ids=str)
async def test_an_error_that_is_not_listed_any_more_is_forgotten_whatever_its_outcome(
    store: Store, outcome: Outcome
) -> None:
    number = await intend(store, "e1", "e2")
    await store.settle(number, {"e1": outcome, "e2": outcome}, LATER, gone={"e1", "e7"})
    assert await stored(store) == ["e2"]


async def test_a_write_is_settled_with_its_last_outcome(store: Store) -> None:
    number = await intend(store, "e1", "e2")
    await store.settle(number, {"e2": Outcome.CAME_BACK}, NOON)
    assert [row.state for row in await store.writes()] == [WriteState.INTENDED]
    await store.settle(number, {"e1": Outcome.CONFIRMED}, LATER)
    (row,) = await store.writes()
    assert (row.state, row.outcomes) == (WriteState.SETTLED, {Outcome.CONFIRMED: 1, Outcome.CAME_BACK: 1})
    assert await store.unsettled("acme") == []


@pytest.mark.parametrize(
    "outcomes",
    [
        {"e9": Outcome.CONFIRMED},
        {"e1": Outcome.CONFIRMED, "e9": Outcome.CONFIRMED},
        {"e2": Outcome.CONFIRMED},
        {"e1": Outcome.CONFIRMED, "e2": Outcome.CAME_BACK},
        {"e3": Outcome.UNKNOWN},
    ],
    ids=["not-in-it", "one-not-in-it", "settled-before", "one-settled-before", "unknown-again"],
)
async def test_an_outcome_that_nothing_waits_for_changes_nothing(store: Store, outcomes: dict[str, Outcome]) -> None:
    number = await intend(store, "e1", "e2", "e3")
    await store.settle(number, {"e2": Outcome.CAME_BACK, "e3": Outcome.UNKNOWN}, NOON)
    frozen = await everything(store)
    with pytest.raises(StoreError, match=f"write {number} does not wait"):
        await store.settle(number, outcomes, LATER)
    assert await everything(store) == frozen


async def test_an_error_freed_by_one_write_is_not_touched_by_the_late_end_of_another(store: Store) -> None:
    first = await intend(store, "e1")
    await store.settle(first, {"e1": Outcome.UNKNOWN}, NOON)
    second = await store.intend(batch("e1", act=Act.RESOLVE), NOON)
    assert await store.settle_unknown(first, "e1", Outcome.CONFIRMED, by="anna", why="", now=LATER)
    (row,) = await store.errors()
    assert row.in_flight
    await store.settle(second, {"e1": Outcome.CONFIRMED}, LATER)
    assert await stored(store) == []


async def test_an_outcome_wakes_what_waited_for_its_case_on_its_step(store: Store) -> None:
    number = await intend(store, "e1")
    here, other = {"case_key": "t:order-1"}, {"case_key": "t:order-9"}
    await save(store, waiting("e2", **here), waiting("e3", **other), waiting("e4", reason="assigned", **here))
    await save(store, waiting("e2", **here), step=OTHER_STEP)
    await store.settle(number, {"e1": Outcome.CONFIRMED}, LATER)
    due = {(row.step.step_id, row.error_id): row.due_at for row in await store.errors()}
    assert due == {("s1", "e2"): LATER, ("s1", "e3"): minutes(30), ("s1", "e4"): minutes(30), ("s2", "e2"): minutes(30)}


@pytest.mark.parametrize("act", [Act.TAG, Act.ASSIGN])
@pytest.mark.parametrize(
    ("move", "outcomes"),
    [("accepted", {Outcome.CONFIRMED: 1}), ("unknown", {Outcome.UNKNOWN: 1}), ("refused", {}), ("not_sent", {})],
)
async def test_a_tag_or_assignment_is_over_once_it_was_sent_and_leaves_its_error_alone(
    store: Store, act: Act, move: str, outcomes: dict[Outcome, int]
) -> None:
    await save(store, unmatched("e1"))
    before = await store.errors()
    number = await intend(store, "e1", act=act)
    assert await store.unsettled("acme") == []
    await MOVES[move](store, number)
    (row,) = await store.writes()
    assert row.state is (WriteState.SETTLED if outcomes else RESULTS[move])
    assert row.outcomes == outcomes
    assert (await store.errors(), await attempts(store)) == (before, 0)


async def test_an_error_may_be_tagged_while_it_is_in_flight(store: Store) -> None:
    await intend(store, "e1")
    number = await store.intend(batch("e1", act=Act.TAG), NOON)
    await store.accepted(number, "", NOON)
    assert (await store.progress(STEP)).in_flight == 1
