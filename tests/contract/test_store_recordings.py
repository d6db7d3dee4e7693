"""Recordings: what was judged is there again as it was, once, with what came of it, until it is forgotten."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from daemon.core.batches import Act
from daemon.core.cases import CaseHistory
from daemon.core.decisions import Outcome, Verb
from daemon.core.recordings import LOWER, Fate, Recorded, Ruling, Said
from tests.contract.store_values import (
    ELSEWHERE,
    LATER,
    NOON,
    OTHER_STEP,
    STEP,
    Clock,
    Store,
    batch,
    judged,
    minutes,
)

RULING = Ruling(rules="rules@1", rule_id="r1", verb=Verb.RETRY, reason="due")


def recorded(error_id: str = "e1", **fields: Any) -> Recorded:
    usual: dict[str, Any] = {
        "step": STEP,
        "error_id": error_id,
        "occurred_at": minutes(-60),
        "trace": 2**47,
        "said": Said(source="application", code="INVALID_KEY", message=f"no '{LOWER * 3}'", http_status=400),
        "ruling": RULING,
        "judged_at": NOON,
        "last_at": NOON,
    }
    return Recorded(**{**usual, **fields})


async def save(store: Store, *rows: Recorded) -> None:
    for row in rows:
        read = await store.begin_read(row.step, full=False)
        await store.save_page(read, [row.error_id], [judged(row.error_id)], [row])


async def all_of(store: Store, **asked: Any) -> list[Recorded]:
    return [each.recorded for each in await store.remembered(STEP, NOON - timedelta(days=1), **asked)]


BUSY = CaseHistory(
    attempts=3,
    by_rule={"r1": 2, "r2": 1},
    last_attempt_at=minutes(-9),
    cured_at=minutes(-8),
    gone_at=minutes(-7),
    unsettled=True,
    unknown=True,
    nameless=True,
    shared=True,
)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"occurred_at": None, "trace": 0},
        {"said": Said(message="\u2028é", assigned_to="a@example.com", tags=("T1", "T2"), retryable=True)},
        {"case": BUSY, "retry_at": minutes(4)},
        {"ruling": Ruling(rules="rules@2", rule_id="", verb=Verb.NONE, reason="unmatched")},
    ],
    ids=["plain", "bare", "said", "case", "unmatched"],
)
async def test_a_recording_is_there_again_as_it_was(store: Store, fields: dict[str, Any]) -> None:
    one = recorded(**fields)
    await save(store, one)
    assert await all_of(store) == [one]


async def test_judged_again_with_the_same_result_it_is_counted_and_otherwise_it_is_another(store: Store) -> None:
    again: dict[str, Any] = {"judged_at": LATER, "last_at": LATER}
    other = replace(RULING, verb=Verb.HOLD)
    await save(store, recorded(), recorded(**again), recorded(ruling=other, **again))
    assert await all_of(store) == [recorded(times=2, last_at=LATER), recorded(ruling=other, **again)]


async def test_recordings_are_read_by_step_and_error_a_page_at_a_time(store: Store) -> None:
    changed = recorded("e1", ruling=replace(RULING, rule_id="r2"), judged_at=LATER, last_at=LATER)
    await save(store, *(recorded(each) for each in ("e3", "e1", "e2")), changed, recorded("e1", step=OTHER_STEP))
    assert [each.error_id for each in await all_of(store, limit=2)] == ["e1", "e1", "e2"]
    assert [each.error_id for each in await all_of(store, after="e2", limit=2)] == ["e3"]
    assert await all_of(store, after="e3") == []


async def test_only_what_was_judged_since_then_is_read_and_its_steps_are_known(store: Store) -> None:
    await save(store, recorded("e1"), recorded("e2", judged_at=LATER, last_at=LATER), recorded(step=ELSEWHERE))
    assert [each.recorded.error_id for each in await store.remembered(STEP, LATER)] == ["e2"]
    assert await store.recorded_steps("acme", NOON) == [STEP]
    assert await store.recorded_steps(None, NOON) == [STEP, ELSEWHERE]
    assert await store.recorded_steps("globex", LATER) == []


async def test_an_error_that_left_without_us_is_asked_about_once(store: Store, clock: Clock) -> None:
    await save(store, recorded("e1"), recorded("e2"), recorded("e2", judged_at=LATER, last_at=LATER))
    read = await store.begin_read(STEP, full=True)
    await store.save_page(read, ["e3"], [judged("e3")])  # never recorded: nothing is asked about it
    clock.time = minutes(30)
    await store.end_read(read, trusted=True)
    await store.drop(STEP, ["e3"])

    (left,) = await store.departed("acme")
    assert (left.step, left.error_ids, left.since) == (STEP, ("e1", "e2"), NOON)
    assert await store.departed("globex") == []
    await store.note_fates(STEP, {"e1": Fate.PERSON_RETRIED, "e9": Fate.LEFT})
    (left,) = await store.departed("acme")
    assert (left.error_ids, left.since) == (("e2",), LATER)
    one, two = await store.remembered(STEP, NOON)
    assert (one.open, one.left_at, one.how, one.fate(None)) == (
        False,
        minutes(30),
        "person_retried",
        Fate.PERSON_RETRIED,
    )
    assert (two.open, two.left_at, two.how, two.fate(None)) == (False, minutes(30), "", Fate.LEFT)


@pytest.mark.parametrize(
    ("act", "outcome", "fate"),
    [
        (Act.RETRY, None, Fate.UNDER_WAY),
        (Act.RETRY, Outcome.CONFIRMED, Fate.CONFIRMED),
        (Act.RETRY, Outcome.CAME_BACK, Fate.CAME_BACK),
        (Act.RETRY, Outcome.UNKNOWN, Fate.UNKNOWN),
        (Act.RETRY, Outcome.REFUSED, Fate.OPEN),
        (Act.RESOLVE, Outcome.CONFIRMED, Fate.RESOLVED),
        (Act.RESOLVE, Outcome.VANISHED, Fate.LEFT),
        (Act.TAG, Outcome.CONFIRMED, Fate.OPEN),
        (None, None, Fate.OPEN),
    ],
)  # fmt: skip
async def test_what_came_of_an_error_is_known(
    store: Store, act: Act | None, outcome: Outcome | None, fate: Fate
) -> None:
    await save(store, recorded())
    if act is not None:
        number = await store.intend(batch("e1", act=act), LATER)
        if outcome is not None:
            await store.settle(number, {"e1": outcome}, LATER)
    acted = await store.acted_on(STEP, NOON)
    (known,) = await store.remembered(STEP, NOON)
    assert known.fate(acted.get("e1")) is fate
    assert await store.acted_on(STEP, LATER + timedelta(seconds=1)) == {}
    assert await store.acted_on(OTHER_STEP, NOON) == {}


async def test_what_is_old_is_forgotten(store: Store, clock: Clock) -> None:
    await save(store, recorded("e1"), recorded("e2", judged_at=LATER, last_at=LATER))
    clock.time = NOON
    await store.drop(STEP, ["e1"])
    assert await store.forget_recordings(LATER) == 1
    assert [each.error_id for each in await all_of(store)] == ["e2"]
    assert await store.departed("acme") == []
    assert await store.forget_recordings(LATER) == 0
