"""Recordings: what was judged is there again as it was, once, with what came of it, until it is forgotten."""

from datetime import timedelta
from typing import Any

import pytest

from daemon.core.batches import Act
from daemon.core.cases import CaseHistory
from daemon.core.decisions import Outcome, Verb
from daemon.core.recordings import CUT, DIGIT, LOWER, Fate, Recorded, Ruling, Said, trace_of
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

RULING = Ruling(rule_id="r1", verb=Verb.RETRY, reason="due")


def recorded(error_id: str = "e1", **fields: Any) -> Recorded:
    usual: dict[str, Any] = {
        "step": STEP,
        "error_id": error_id,
        "occurred_at": minutes(-60),
        "trace": trace_of(f"order-{error_id[1:]}"),
        "said": Said(source="application", code="INVALID_KEY", message=f"no '{LOWER * 3}'", http_status=400),
        "ruling": RULING,
        "judged_at": NOON,
    }
    whole = {**usual, **fields}
    return Recorded(**{"last_at": whole["judged_at"], **whole})


async def save(store: Store, *rows: Recorded) -> None:
    for row in rows:
        read = await store.begin_read(row.step, full=False)
        await store.see(read, [row.error_id])
        await store.save_page(read, [judged(row.error_id, occurred_at=row.occurred_at)], [row])


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
        {"occurred_at": None},
        {"said": Said(message="\u2028é", assigned_to="a@example.com", tags=("T1", "T2"), retryable=True)},
        {"said": Said(message=f"Order {DIGIT * 3} of Smith & Sons, line 7{CUT}")},
        {"case": BUSY, "retry_at": minutes(4)},
        {"ruling": Ruling(rule_id="", verb=Verb.NONE, reason="unmatched")},
    ],
    ids=["plain", "bare", "said", "words", "case", "unmatched"],
)
async def test_a_recording_is_there_again_as_it_was(store: Store, fields: dict[str, Any]) -> None:
    one = recorded(**fields)
    await save(store, one)
    assert await all_of(store) == [one]


async def test_of_a_page_each_error_has_its_own_recording_or_none(store: Store) -> None:
    rows = [
        recorded("e3", judged_at=minutes(-3), retry_at=minutes(3)),
        recorded("e1", judged_at=minutes(-1), said=Said(message="no Order 17")),
        recorded("e4", ruling=Ruling(rule_id="", verb=Verb.NONE, reason="unmatched")),
        recorded("e2", judged_at=minutes(-2), case=BUSY),
    ]
    read = await store.begin_read(STEP, full=False)
    page = [judged(error_id, occurred_at=minutes(-60)) for error_id in ("e2", "e5", "e1", "e4", "e3")]
    await store.save_page(read, page, rows)
    assert await all_of(store) == sorted(rows, key=lambda each: each.error_id)


async def test_the_same_words_said_by_different_systems_are_told_apart(store: Store) -> None:
    words = [f"no Order {LOWER * 3}", "no Order 17", "no Smith 17", "no 17"]
    said = [Said(source=source, message=each) for source in ("application", "connection") for each in words]
    rows = [recorded(f"e{number}", said=each) for number, each in enumerate(said)]
    await save(store, *rows)
    assert await all_of(store) == rows


async def test_what_others_said_in_the_same_words_is_still_known_when_one_is_forgotten(
    store: Store, clock: Clock
) -> None:
    said = [Said(code="X", message=f"no order of {name}") for name in ("Smith", "Jones", "Miller")]
    await save(store, *(recorded(f"e{number}", said=each) for number, each in enumerate(said)))
    clock.time = LATER
    await store.drop(STEP, ["e0"])
    assert await store.forget_recordings(LATER + timedelta(days=1)) == 1
    assert [each.said for each in await all_of(store)] == said[1:]
    await save(store, recorded("e3", said=said[0]))
    assert [each.said for each in await all_of(store)] == [*said[1:], said[0]]


@pytest.mark.parametrize(
    "fields",
    [{"ruling": RULING._replace(verb=Verb.HOLD)}, {"said": Said(message="else")}, {"case": BUSY}, {"retry_at": NOON}],
    ids=["ruling", "said", "case", "retry-at"],
)
async def test_judged_again_with_the_same_result_it_is_the_same_and_otherwise_it_is_another(
    store: Store, clock: Clock, fields: dict[str, Any]
) -> None:
    clock.time = minutes(1)  # the page is kept after it was judged
    await save(store, recorded(), recorded(judged_at=minutes(5)))
    clock.time = minutes(11)
    await save(store, recorded(judged_at=minutes(10), **fields), recorded(judged_at=minutes(15), **fields))
    first = recorded(last_at=minutes(10))
    assert await all_of(store) == [first, recorded(judged_at=minutes(10), **fields)]
    await save(store, recorded(judged_at=minutes(20)))
    second = recorded(judged_at=minutes(10), last_at=minutes(20), **fields)
    assert await all_of(store) == [first, second, recorded(judged_at=minutes(20))]


async def test_what_was_taken_back_in_the_same_moment_was_never_so(store: Store) -> None:
    other = RULING._replace(verb=Verb.HOLD)
    await save(store, recorded(), recorded(ruling=other))
    assert await all_of(store) == [recorded(ruling=other)]


async def test_what_is_judged_without_a_recording_stays_recorded_as_it_was(store: Store, clock: Clock) -> None:
    await save(store, recorded(), recorded("e2", case=BUSY))
    clock.time = LATER
    await store.rejudge(STEP, [judged(each, verb=Verb.HOLD, occurred_at=minutes(-60)) for each in ("e1", "e2")])
    assert await all_of(store) == [recorded(), recorded("e2", case=BUSY)]


async def test_recordings_are_read_by_step_and_error_a_page_at_a_time(store: Store) -> None:
    changed = recorded("e1", ruling=RULING._replace(rule_id="r2"), judged_at=LATER)
    await save(store, *(recorded(each) for each in ("e3", "e1", "e2")), changed, recorded("e1", step=OTHER_STEP))
    assert [each.error_id for each in await all_of(store, limit=2)] == ["e1", "e1", "e2"]
    assert [each.error_id for each in await all_of(store, after="e2", limit=2)] == ["e3"]
    assert await all_of(store, after="e3") == []


async def test_only_what_was_seen_since_then_is_read_and_its_steps_are_known(store: Store, clock: Clock) -> None:
    await save(store, recorded("e1"), recorded("e2", judged_at=LATER), recorded("e3"), recorded(step=ELSEWHERE))
    await store.drop(ELSEWHERE, ["e1"])
    assert [each.recorded.error_id for each in await store.remembered(STEP, LATER)] == ["e2"]
    assert await store.recorded_steps("acme", NOON) == [STEP]
    assert await store.recorded_steps(None, NOON) == [STEP, ELSEWHERE]
    assert await store.recorded_steps("globex", LATER) == []
    await store.drop(STEP, ["e1"])
    clock.time = minutes(30)
    await store.save_progress(STEP, mark=None, watermark_at=None, swept_at=minutes(20), judged_with="x")
    assert [each.recorded.last_at for each in await store.remembered(STEP, LATER)] == [minutes(20)] * 2
    await store.drop(STEP, ["e3"])
    assert [each.recorded.error_id for each in await store.remembered(STEP, minutes(20))] == ["e2", "e3"]
    assert await store.recorded_steps(None, minutes(21)) == []


async def test_an_error_that_left_without_us_is_asked_about_once(store: Store, clock: Clock) -> None:
    await save(store, recorded("e1"), recorded("e2", judged_at=LATER))
    read = await store.begin_read(STEP, full=True)
    await store.see(read, ["e3"])
    await store.save_page(read, [judged("e3")])  # never recorded: nothing is asked about it
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
    ("swept", "since"),
    [
        pytest.param([(None, True)], 0, id="never swept: since it was judged"),
        pytest.param([(10, True)], 10, id="since the sweep that showed it"),
        pytest.param([(-5, True)], 0, id="judged after the sweep"),
        pytest.param([(90, True)], 30, id="a clock that was ahead: until it was noticed at the latest"),
        pytest.param([(10, False), (20, True)], 10, id="not since one that may have hidden it"),
        pytest.param([(None, False), (20, True)], 0, id="never shown by a sweep"),
    ],
)
async def test_an_error_left_after_it_was_shown_last(
    store: Store, clock: Clock, swept: list[tuple[float | None, bool]], since: float
) -> None:
    """Sweeps so many minutes after noon; each says whether the next read, which misses the error, can be trusted."""
    await save(store, recorded())
    for at, trusted in swept:
        when = None if at is None else minutes(at)
        await store.save_progress(STEP, mark=None, watermark_at=None, swept_at=when, judged_with="x")
        clock.time = minutes(30)
        await store.end_read(await store.begin_read(STEP, full=True), trusted=trusted)
    (left,) = await store.departed("acme")
    (one,) = await all_of(store)
    assert (left.since, one.last_at) == (minutes(since), minutes(since))


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


@pytest.mark.parametrize("act", [Act.RETRY, Act.RESOLVE])
async def test_the_recording_of_what_we_settled_stays(store: Store, act: Act) -> None:
    await save(store, recorded("e1"), recorded("e2"))
    number = await store.intend(batch("e1", "e2", act=act), LATER)
    await store.settle(number, {"e1": Outcome.CONFIRMED, "e2": Outcome.CAME_BACK}, LATER, gone=["e2"])
    assert await all_of(store) == [recorded(each, last_at=LATER) for each in ("e1", "e2")]
    assert await store.departed("acme") == []


async def test_what_is_old_is_forgotten_but_not_how_open_errors_are_judged(store: Store, clock: Clock) -> None:
    await save(store, recorded("e1"), recorded("e2", judged_at=LATER), recorded("e3"))
    await save(store, recorded("e3", ruling=RULING._replace(rule_id="r2"), judged_at=minutes(1)))
    await store.drop(STEP, ["e1"])
    assert await store.forget_recordings(LATER) == 2
    clock.time = minutes(60)
    assert [each.error_id for each in await all_of(store)] == ["e2", "e3"]
    assert await store.departed("acme") == []
    assert await store.forget_recordings(clock.time) == 0
    await save(store, recorded("e1"))
    assert [each.said for each in await all_of(store)] == [recorded().said] * 3


async def test_where_nothing_is_to_be_recorded_open_errors_are_forgotten_too(store: Store) -> None:
    await save(store, recorded("e1"), recorded("e2"))
    assert await store.forget_recordings(NOON, open_too=True) == 2
    assert await all_of(store) == []
    assert await store.recorded_steps(None, NOON) == []
    await store.drop(STEP, ["e1"])
    assert await store.departed("acme") == []
    await save(store, recorded("e2"))
    assert await all_of(store) == [recorded("e2")]
