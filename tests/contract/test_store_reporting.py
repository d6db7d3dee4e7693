"""What a report is made of: counts by rule and day, the same from every store."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from daemon.core.batches import Act
from daemon.core.breakers import Breaker, BreakerState, Kind
from daemon.core.decisions import Outcome, Verb
from daemon.core.recordings import Fate, Recorded, Ruling, Said
from daemon.core.report_rows import BEFORE, NOT_KNOWN, Arrived, End, Incident, IncidentKind, Left, OpenStep, Sent
from tests.contract.store_values import (
    ELSEWHERE,
    LATER,
    NOON,
    OTHER_STEP,
    STEP,
    Clock,
    Store,
    batch,
    intend,
    judged,
    minutes,
    save,
    unmatched,
)

DAY = timedelta(days=1)
SINCE, UNTIL = NOON - 3 * DAY, NOON + DAY
"""A window of four days; noon is the beginning of the last."""


def recorded(error_id: str, at: datetime = NOON, rule_id: str = "r1", **fields: Any) -> Recorded:
    usual: dict[str, Any] = {
        "step": STEP,
        "error_id": error_id,
        "occurred_at": NOON - timedelta(hours=1),
        "said": Said(code="INVALID_KEY"),
        "ruling": Ruling(rule_id=rule_id, verb=Verb.RETRY, reason="due"),
        "judged_at": at,
        "last_at": at,
    }
    return Recorded(**{**usual, **fields})


async def record(store: Store, *rows: Recorded) -> None:
    for row in rows:
        read = await store.begin_read(row.step, full=False)
        await store.see(read, [row.error_id])
        await store.save_page(read, [judged(row.error_id, occurred_at=row.occurred_at)], [row])


async def test_an_error_arrives_once_when_it_is_first_seen_and_for_the_rule_that_took_it_then(store: Store) -> None:
    await record(
        store,
        recorded("e1", SINCE - DAY),
        recorded("e1", NOON, rule_id="r2"),
        recorded("e2", SINCE),
        recorded("e3", SINCE + DAY - timedelta(milliseconds=1)),
        recorded("e4", SINCE + DAY),
        recorded("e5", NOON + timedelta(hours=1), rule_id="r2", ruling=Ruling(rule_id="r2", verb=Verb.LEAVE, reason="x")),
        recorded("e6", NOON, rule_id="r2"),
        recorded("e7", NOON, rule_id=""),
        recorded("e8", UNTIL),
        recorded("e1", NOON, step=ELSEWHERE),
    )  # fmt: skip
    told = await store.arrivals("acme", SINCE, UNTIL)
    assert told.since == SINCE - DAY
    assert told.found == [
        Arrived(rule_id="", day=3, count=1),
        Arrived(rule_id="r1", day=BEFORE, count=1),
        Arrived(rule_id="r1", day=0, count=2),
        Arrived(rule_id="r1", day=1, count=1),
        Arrived(rule_id="r2", day=3, count=2),
    ]


async def test_without_recordings_nothing_is_told_of_when_errors_arrived(store: Store) -> None:
    await save(store, judged("e1"))
    told = await store.arrivals("acme", SINCE, UNTIL)
    assert (told.since, told.found) == (None, [])


async def test_what_left_without_us_is_told_by_day_and_fate_and_the_rule_that_took_it_last(
    store: Store, clock: Clock
) -> None:
    ids = ("e1", "e2", "e3", "e4")
    await record(store, *(recorded(each, SINCE) for each in ids), recorded("e2", NOON, rule_id="r2"))
    await record(store, recorded("e9", SINCE, step=ELSEWHERE))
    for days, error_id in zip((-4, -2, -2, 0), ids, strict=True):
        clock.time = NOON + days * DAY
        await store.drop(STEP, [error_id])
    await store.drop(ELSEWHERE, ["e9"])
    fates = {"e1": Fate.LEFT, "e2": Fate.PERSON_RESOLVED, "e3": Fate.PLATFORM}
    await store.note_fates(STEP, fates)
    assert sorted(await store.left("acme", SINCE, UNTIL), key=lambda one: one.how) == [
        Left(rule_id="r1", day=3, how="", count=1),
        Left(rule_id="r2", day=1, how="person_resolved", count=1),
        Left(rule_id="r1", day=1, how="platform", count=1),
    ]


async def test_the_rule_of_what_left_is_not_known_once_its_recordings_are_forgotten(store: Store, clock: Clock) -> None:
    await record(store, recorded("e1", SINCE))
    clock.time = NOON
    await store.drop(STEP, ["e1"])
    await store.forget_recordings(NOON - timedelta(hours=1))
    assert await store.left("acme", SINCE, UNTIL) == [Left(rule_id=NOT_KNOWN, day=3, how="", count=1)]


async def test_what_was_sent_is_told_by_how_it_ended_and_never_as_confirmed_for_being_taken(store: Store) -> None:
    retry = await intend(store, "e1", "e2", "e3", "e4", "e5", "e6")
    await store.accepted(retry, "j1", NOON)
    outcomes = (Outcome.CONFIRMED, Outcome.CAME_BACK, Outcome.UNKNOWN, Outcome.UNKNOWN, Outcome.VANISHED)
    await store.settle(retry, {f"e{n}": outcome for n, outcome in enumerate(outcomes, 1)}, LATER)
    assert await store.settle_unknown(retry, "e4", Outcome.CONFIRMED, by="anna", why="it is there", now=LATER)
    refused = await intend(store, "e7", "e8")
    await store.refused(refused, "no", LATER, LATER)
    resolve = await intend(store, "e9", "e10", act=Act.RESOLVE, rule_id="r2")
    await store.settle(resolve, {"e9": Outcome.CONFIRMED, "e10": Outcome.REFUSED}, LATER)
    assert _sorted(await store.sent("acme", SINCE, UNTIL)) == [
        Sent(rule_id="r1", day=3, act=Act.RETRY, end=End.CAME_BACK, count=1),
        Sent(rule_id="r1", day=3, act=Act.RETRY, end=End.CONFIRMED, count=1),
        Sent(rule_id="r1", day=3, act=Act.RETRY, end=End.REFUSED, count=2),
        Sent(rule_id="r1", day=3, act=Act.RETRY, end=End.PERSON, count=1),
        Sent(rule_id="r1", day=3, act=Act.RETRY, end=End.OPEN, count=1),
        Sent(rule_id="r1", day=3, act=Act.RETRY, end=End.UNKNOWN, count=1),
        Sent(rule_id="r1", day=3, act=Act.RETRY, end=End.VANISHED, count=1),
        Sent(rule_id="r2", day=3, act=Act.RESOLVE, end=End.CONFIRMED, count=1),
        Sent(rule_id="r2", day=3, act=Act.RESOLVE, end=End.REFUSED, count=1),
    ]


async def test_what_never_left_tags_assignments_other_times_and_other_accounts_are_not_among_what_was_sent(
    store: Store,
) -> None:
    not_sent = await intend(store, "e1")
    await store.not_sent(not_sent, "no network", LATER, LATER)
    for act, error_id in ((Act.TAG, "e2"), (Act.ASSIGN, "e3")):
        await store.accepted(await intend(store, error_id, act=act), "", NOON)
    await intend(store, "e1", step=ELSEWHERE)
    assert await store.sent("acme", SINCE, UNTIL) == []
    await save(store, judged("e4"), judged("e5"))
    for error_id, at in (("e4", SINCE - timedelta(milliseconds=1)), ("e5", UNTIL)):
        await store.intend(batch(error_id), at)
    assert await store.sent("acme", SINCE, UNTIL) == []


def _sorted(found: list[Sent]) -> list[Sent]:
    return sorted(found, key=lambda one: (one.rule_id, one.day, one.act, one.end))


@pytest.mark.parametrize(("count", "median"), [(1, 10), (2, 15), (3, 20), (4, 25)])
async def test_the_time_to_fix_is_the_median_from_the_error_to_its_confirmed_retry(
    store: Store, count: int, median: int
) -> None:
    for place in range(1, count + 1):
        await record(store, recorded(f"e{place}", occurred_at=NOON))
        entry = await intend(store, f"e{place}")
        await store.settle(entry, {f"e{place}": Outcome.CONFIRMED}, minutes(10 * place))
    await record(store, recorded("e8", occurred_at=None), recorded("e9"))
    settled = {"e7": Outcome.CONFIRMED, "e8": Outcome.CONFIRMED, "e9": Outcome.CAME_BACK}
    await store.settle(await intend(store, *settled), settled, minutes(600))
    await record(store, recorded("e11"))
    said = await intend(store, "e11")
    await store.settle(said, {"e11": Outcome.UNKNOWN}, minutes(600))
    assert await store.settle_unknown(said, "e11", Outcome.CONFIRMED, by="anna", why="it is there", now=minutes(900))
    closed = await intend(store, "e10", act=Act.RESOLVE, rule_id="r2")
    await store.settle(closed, {"e10": Outcome.CONFIRMED}, minutes(600))
    assert await store.times_to_fix("acme", SINCE, UNTIL) == {"r1": timedelta(minutes=median)}


async def test_what_is_open_is_told_by_step_with_the_oldest_and_what_expires(store: Store) -> None:
    old, young = NOON - 27 * DAY, NOON - DAY
    await save(store, judged("e1", occurred_at=old), unmatched("e2", occurred_at=young), judged("e3", occurred_at=None))
    await save(store, unmatched("e4", occurred_at=young), step=OTHER_STEP)
    await save(store, judged("e5", occurred_at=old), step=ELSEWHERE)
    await intend(store, "e1")
    assert await store.open_steps("acme", old + timedelta(milliseconds=1)) == [
        OpenStep(step=STEP, count=2, in_flight=1, unmatched=1, oldest_at=old, expiring=1),
        OpenStep(step=OTHER_STEP, count=1, unmatched=1, oldest_at=young),
    ]
    assert [step.expiring for step in await store.open_steps("acme", old)] == [0, 0]


OPEN = Breaker(
    kind=Kind.STEP, target="f1/s1", state=BreakerState.OPEN, reason="10 of 10 did not help", since=NOON, trips=1
)
OPENED = Incident(kind=IncidentKind.STEP, target="f1/s1", reason="10 of 10 did not help", began_at=NOON)


async def test_a_breaker_is_one_incident_from_its_first_opening_until_it_is_closed_again(store: Store) -> None:
    half_open = replace(OPEN, state=BreakerState.HALF_OPEN, since=minutes(5))
    again = replace(OPEN, since=minutes(6), reason="the probe did not help", trips=2)
    for breaker in (OPEN, half_open, again):
        await store.save_breaker("acme", breaker)
    assert await store.incidents("acme", NOON, UNTIL) == [OPENED]
    assert await store.incidents("acme", minutes(60), UNTIL) == [OPENED], "it lasts"
    await store.save_breaker("acme", replace(OPEN, state=BreakerState.CLOSED, since=minutes(30)))
    closed = replace(OPENED, ended_at=minutes(30))
    assert await store.incidents("acme", minutes(30), UNTIL) == [closed]
    assert await store.incidents("acme", minutes(31), UNTIL) == []
    await store.save_breaker("acme", replace(OPEN, since=minutes(40)))
    assert await store.incidents("acme", NOON, UNTIL) == [closed, replace(OPENED, began_at=minutes(40))]
    assert await store.incidents("acme", NOON, minutes(40)) == [closed]


async def test_incidents_of_rules_and_of_other_accounts_and_breakers_are_kept_apart(store: Store) -> None:
    await store.save_breaker("globex", OPEN)
    await store.save_breaker("acme", replace(OPEN, kind=Kind.CONNECTION, target="c1", since=minutes(2)))
    await store.save_breaker("acme", Breaker(kind=Kind.STEP, target="f1/s1", since=minutes(3)))
    await store.note_incident(STEP, "r1", "only 0 of 3 retries helped", minutes(1))
    assert await store.incidents("acme", NOON, UNTIL) == [
        Incident(
            kind=IncidentKind.RULE, target="f1/s1", rule_id="r1", reason="only 0 of 3 retries helped", began_at=minutes(1)
        ),
        replace(OPENED, kind=IncidentKind.CONNECTION, target="c1", began_at=minutes(2)),
    ]  # fmt: skip
    assert [one.kind for one in await store.incidents("acme", minutes(10), UNTIL)] == [IncidentKind.CONNECTION]
