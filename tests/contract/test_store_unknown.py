"""What nobody knows waits for a person, and what that person says is written down once (P1, P4)."""

from datetime import timedelta
from typing import Any

import pytest

from daemon.core.batches import Act
from daemon.core.decisions import Outcome
from daemon.core.exceptions import StoreError
from daemon.core.rows import CaseEvent, UnknownRow
from tests.contract.store_values import (
    ELSEWHERE,
    LATER,
    NOON,
    OTHER_STEP,
    STEP,
    Store,
    attempts,
    batch,
    held,
    intend,
    item,
    judged,
    minutes,
    save,
    waiting,
)

NOT_SENT = Outcome.REFUSED


async def unknown(store: Store, *error_ids: str, reason: str = "the job did not end", **fields: Any) -> int:
    """Retry errors and let nobody know what came of it."""
    number = await intend(store, *error_ids, **fields)
    await store.accepted(number, "j1", NOON)
    await store.settle(number, dict.fromkeys(error_ids, Outcome.UNKNOWN), LATER, reason=reason)
    return number


async def say(store: Store, number: int, outcome: Outcome, *, by: str = "anna", error_id: str = "e1") -> bool:
    """Let a person settle one error of a write."""
    return await store.settle_unknown(number, error_id, outcome, by=by, why="looked", now=minutes(9))


async def test_every_retried_error_without_a_known_outcome_is_listed_with_why(store: Store) -> None:
    number = await unknown(store, "e1", "e2", "e3")
    await intend(store, "e4")
    await unknown(store, "e5", act=Act.RESOLVE)
    await say(store, number, Outcome.CONFIRMED, error_id="e3")
    rows = await store.unknown_items("acme")
    assert [row.error_id for row in rows] == ["e1", "e2"]
    assert rows[0] == UnknownRow(
        step=STEP,
        batch_id=number,
        error_id="e1",
        case_key="t:order-1",
        rule_id="r1",
        sent_at=NOON,
        job_id="j1",
        outcome=Outcome.UNKNOWN,
        settled_at=LATER,
        settled_by="",
        why="the job did not end",
    )
    assert await store.unknown_count("acme") == 2


async def test_why_it_is_unknown_is_what_is_known_of_its_write_where_nothing_else_was_said(store: Store) -> None:
    number = await intend(store, "e1")
    await store.unknown(number, "the answer is lost", NOON)
    await store.settle(number, {"e1": Outcome.UNKNOWN}, LATER)
    assert [row.why for row in await store.unknown_items()] == ["the answer is lost"]


async def test_what_is_unknown_can_be_asked_for_by_account_flow_step_and_rule(store: Store) -> None:
    await unknown(store, "e1")
    await unknown(store, "e1", step=OTHER_STEP, rule_id="r2")
    await unknown(store, "e1", step=ELSEWHERE)

    async def steps(account: str | None = None, **wanted: str) -> list[object]:
        return [row.step for row in await store.unknown_items(account, **wanted)]

    assert await steps() == [STEP, OTHER_STEP, ELSEWHERE]
    assert await steps("acme") == [STEP, OTHER_STEP]
    assert await steps("acme", step="s2") == await steps(rule="r2") == [OTHER_STEP]
    assert await steps(flow="f9") == []
    assert (await store.unknown_count(), await store.unknown_count("globex")) == (3, 1)


async def test_a_case_with_an_unknown_outcome_is_not_retried_before_somebody_settles_it(store: Store) -> None:
    number = await unknown(store, "e1")
    with pytest.raises(StoreError, match="no outcome yet"):
        await intend(store, "e1")
    assert await say(store, number, NOT_SENT)
    assert await intend(store, "e1") > number


async def test_what_was_confirmed_by_a_person_is_cured_and_counts(store: Store) -> None:
    number = await unknown(store, "e1")
    assert await say(store, number, Outcome.CONFIRMED)
    history = (await store.case_histories(STEP, ["t:order-1"], LATER))["t:order-1"][1]
    assert (history.attempts, history.cured_at, history.unknown) == (1, minutes(9), False)


async def test_what_was_never_sent_gives_the_attempt_back_and_is_in_no_stage(store: Store) -> None:
    number = await unknown(store, "e1", "e2")
    assert await say(store, number, NOT_SENT)
    assert (await attempts(store), await attempts(store, "t:order-2")) == (0, 1)
    (stage,) = await store.stages(STEP, "r1", NOON - timedelta(hours=1))
    assert (stage.sent, stage.failed) == (1, 1)
    assert await say(store, number, NOT_SENT, error_id="e2")
    assert await store.stages(STEP, "r1", NOON - timedelta(hours=1)) == []


async def test_of_two_people_the_second_settles_nothing_and_can_be_told_who_did(store: Store) -> None:
    number = await unknown(store, "e1")
    assert await say(store, number, Outcome.CONFIRMED, by="anna")
    assert not await say(store, number, NOT_SENT, by="bert")
    (row,) = await store.unknown_of_case("acme", "order-1")
    assert (row.settled_by, row.outcome, row.settled_at, row.why) == ("anna", Outcome.CONFIRMED, minutes(9), "looked")


@pytest.mark.parametrize("outcome", [None, Outcome.CAME_BACK, Outcome.CONFIRMED], ids=["none yet", "back", "confirmed"])
async def test_nobody_settles_what_is_not_unknown(store: Store, outcome: Outcome | None) -> None:
    number = await intend(store, "e1")
    if outcome:
        await store.settle(number, {"e1": outcome}, LATER)
    before = (await store.writes(), await store.errors(), await store.case_events(None, "order-1"))
    for which, error_id in ((number, "e1"), (number, "e9"), (number + 1, "e1")):
        assert not await say(store, which, NOT_SENT, error_id=error_id)
    assert (await store.writes(), await store.errors(), await store.case_events(None, "order-1")) == before


async def test_what_reading_shows_later_does_not_replace_an_unknown_outcome(store: Store) -> None:
    number = await intend(store, "e1", "e2")
    await store.settle(number, {"e1": Outcome.UNKNOWN}, LATER)
    with pytest.raises(StoreError, match="does not wait"):
        await store.settle(number, {"e1": Outcome.CONFIRMED}, LATER)
    assert await say(store, number, NOT_SENT)
    with pytest.raises(StoreError, match="does not wait"):
        await store.settle(number, {"e1": Outcome.CONFIRMED}, LATER)
    await store.settle(number, {"e2": Outcome.CONFIRMED}, LATER)
    assert [row.outcomes for row in await store.writes()] == [{Outcome.CONFIRMED: 1, NOT_SENT: 1}]


async def test_what_waited_for_a_person_is_judged_again_once_the_person_has_spoken(store: Store) -> None:
    number = await unknown(store, "e1")
    same = {"case_key": "t:order-1"}
    await save(store, held("e1", reason="unknown"), held("e2", reason="unknown", **same), held("e3", **same))
    await save(store, waiting("e4", **same), held("e5", reason="unknown"))
    await save(store, held("e2", reason="unknown", **same), step=OTHER_STEP)
    await say(store, number, Outcome.CONFIRMED)
    due = {(row.step.step_id, row.error_id): row.due_at for row in await store.errors()}
    assert {which for which, at in due.items() if at == minutes(9)} == {("s1", "e1"), ("s1", "e2"), ("s1", "e4")}


async def test_the_case_shows_what_reading_said_and_what_the_person_said(store: Store) -> None:
    number = await unknown(store, "e1", reason="the job did not end")
    assert [event.detail for event in await store.case_events("acme", "order-1") if event.outcome] == [
        "the job did not end"
    ]
    await say(store, number, NOT_SENT)
    (said,) = [event for event in await store.case_events("acme", "order-1") if event.outcome]
    assert said == CaseEvent(
        at=minutes(9),
        step=STEP,
        error_id="e1",
        what="outcome",
        rule_id="r1",
        detail="looked",
        outcome=NOT_SENT,
        by="anna",
    )


async def test_the_unknown_of_a_case_are_found_under_all_of_its_names(store: Store) -> None:
    await save(store, judged("e1", case_key="d:old"))
    number = await store.intend(batch(item("e1", case_key="d:old", alias="d:new")), NOON)
    await store.settle(number, {"e1": Outcome.UNKNOWN}, LATER)
    for name in ("d:old", "d:new"):
        assert [row.batch_id for row in await store.unknown_of_case(None, name)] == [number]
    assert await store.unknown_of_case("globex", "d:old") == []
    assert await store.unknown_of_case(None, "d:other") == []
