"""Attempts are forgotten only where they can change no decision any more, and the twins forget the same."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.core.actions import Retry
from daemon.core.batches import Act
from daemon.core.cases import NEW_CASE
from daemon.core.decisions import Decision, Outcome, Verb
from daemon.core.retention import retention
from daemon.store.memory import MemoryStore
from daemon.store.sql import open_store
from tests.contract.store_values import LATER, NOON, OTHER_STEP, STEP, Clock, Store, batch, intend, item, judged, save
from tests.makers import decided

KEY = "t:order-1"
BEFORE = NOON + timedelta(days=100)
LONG_AGO = NOON + timedelta(days=1)
LATELY = BEFORE + timedelta(days=1)


JOBS = [f"j-e{number}" for number in range(10)]


async def tried(
    store: Store, error_id: str = "e1", outcome: Outcome = Outcome.CONFIRMED, *, at: Any = NOON, **of_item: Any
) -> int:
    """Retry an error of a case, by default the first, and note what came of it at once."""
    one = item(error_id, **({"case_key": KEY} | of_item))
    await save(store, judged(error_id, case_key=one.case_key))
    number = await store.intend(batch(one), at)
    await store.accepted(number, f"j-{error_id}", at)
    await store.settle(number, {error_id: outcome}, at)
    return number


async def by_others(store: Store) -> None:
    await store.note_others(STEP, {"x1": KEY}, LATELY)


async def comes_back_and_stays_open(store: Store) -> None:
    await save(store, judged("e2", case_key=KEY))


async def comes_back_under_its_second_name_and_stays_open(store: Store) -> None:
    number = await tried(store, "e2", Outcome.CONFIRMED, alias="d:new")
    assert number
    await save(store, judged("e3", case_key="d:new"))


async def is_found_by_a_person(store: Store) -> None:
    number = await tried(store, "e2", Outcome.UNKNOWN)
    await store.drop(STEP, ["e2"])
    await store.settle_unknown(number, "e2", Outcome.CONFIRMED, by="anna", why="looked", now=LATELY)


async def something_else_is_under_way(store: Store) -> None:
    await intend(store, "e7")


async def is_under_way(store: Store) -> None:
    await save(store, judged("e2", case_key=KEY))
    await store.intend(batch(item("e2", case_key=KEY), step=STEP), NOON)


async def is_unknown(store: Store) -> None:
    await tried(store, "e2", Outcome.UNKNOWN)
    await store.drop(STEP, ["e2"])


REASONS: dict[str, Callable[[Store], Awaitable[object]]] = {
    "tried lately": lambda store: tried(store, "e2", at=BEFORE),
    "tried lately by a clock that was ahead": lambda store: tried(store, "e2", at=BEFORE + timedelta(days=900)),
    "retried by others lately": by_others,
    "open again": comes_back_and_stays_open,
    "open again under a second name": comes_back_under_its_second_name_and_stays_open,
    "settled by a person lately": is_found_by_a_person,
    "under way": is_under_way,
    "nobody knows": is_unknown,
    "a retry of the step is under way": something_else_is_under_way,
    "its trace key is shared": lambda store: store.note_shared(STEP, "order-1", LATER),
}


@pytest.mark.parametrize("keep", REASONS.values(), ids=REASONS)
async def test_what_may_still_count_is_kept_with_all_of_its_case(
    store: Store, keep: Callable[[Store], Awaitable[object]]
) -> None:
    await tried(store)
    await keep(store)
    known, writes, jobs = (
        await store.case_histories(STEP, [KEY], NOON),
        await store.writes(),
        await store.claimed_jobs(STEP, JOBS),
    )
    assert await store.forget_attempts(BEFORE) == 0
    assert await store.case_histories(STEP, [KEY], NOON) == known
    assert known[KEY][1].attempts > 0
    assert (await store.writes(), await store.claimed_jobs(STEP, JOBS)) == (writes, jobs)


async def test_what_can_count_no_more_is_forgotten_with_its_batch(store: Store) -> None:
    await tried(store, before=b"1", after=b"2")
    await store.prune(BEFORE, BEFORE)
    assert await store.forget_attempts(BEFORE) == 1
    assert await store.writes() == []
    assert await store.claimed_jobs(STEP, JOBS) == set()
    assert await store.case_events("acme", "order-1") == []
    assert await store.case_histories(STEP, [KEY], NOON) == {KEY: (KEY, NEW_CASE)}
    assert await store.forget_attempts(BEFORE) == 0


async def test_of_a_batch_only_the_cases_that_are_quiet_go(store: Store) -> None:
    await save(store, judged("e1"), judged("e2"))
    number = await store.intend(batch("e1", "e2"), NOON)
    await store.settle(number, {"e1": Outcome.CONFIRMED, "e2": Outcome.CAME_BACK}, NOON)
    await save(store, judged("e2"))
    assert await store.forget_attempts(BEFORE) == 1
    (written,) = await store.writes()
    assert (written.sent, written.outcomes) == (2, {Outcome.CAME_BACK: 1})
    histories = await store.case_histories(STEP, [KEY, "t:order-2"], NOON)
    assert [known.attempts for _, known in histories.values()] == [0, 1]


async def test_a_case_of_another_step_with_the_same_name_keeps_nothing(store: Store) -> None:
    await tried(store)
    await intend(store, "e1", step=OTHER_STEP)
    assert await store.forget_attempts(BEFORE) == 1


@pytest.mark.parametrize("act", [Act.TAG, Act.ASSIGN])
async def test_what_was_only_noted_on_errors_goes_too(store: Store, act: Act) -> None:
    number = await intend(store, "e1", act=act)
    await store.accepted(number, "", NOON)
    await store.drop(STEP, ["e1"])
    assert await store.forget_attempts(BEFORE) == 1


@pytest.mark.parametrize("end", ["refused", "not_sent"])
async def test_what_never_happened_goes_too(store: Store, end: str) -> None:
    number = await intend(store, "e1")
    await getattr(store, end)(number, "no", NOON, NOON)
    await store.drop(STEP, ["e1"])
    assert await store.forget_attempts(BEFORE) == 1
    assert await store.writes() == []


async def test_retries_of_others_go_once_the_error_that_told_of_them_has_left(store: Store) -> None:
    await save(store, judged("e1", case_key=KEY))
    await store.note_others(STEP, {"e1": KEY, "e2": KEY}, NOON)
    assert await store.forget_attempts(BEFORE) == 1
    await store.note_others(STEP, {"e1": KEY}, LATER)
    assert (await store.case_histories(STEP, [KEY], NOON))[KEY][1].attempts == 1
    await store.drop(STEP, ["e1"])
    assert await store.forget_attempts(BEFORE) == 1


async def test_retries_of_others_are_kept_beside_attempts_that_are(store: Store) -> None:
    await store.note_others(STEP, {"x1": KEY}, NOON)
    await tried(store, at=LATELY)
    assert await store.forget_attempts(BEFORE) == 0
    await store.note_shared(STEP, "order-2", NOON)
    await store.note_others(STEP, {"x2": "t:order-2"}, NOON)
    assert await store.forget_attempts(BEFORE) == 0


async def test_a_second_name_goes_once_nothing_is_known_of_its_case(store: Store) -> None:
    async def names() -> dict[str, str]:
        histories = await store.case_histories(STEP, ["d:old", "d:new"], NOON)
        return {key: root for key, (root, _) in histories.items()}

    await tried(store, case_key="d:old", alias="d:new")
    for key in ("d:new", "d:old"):
        await save(store, judged("e9", case_key=key, occurred_at=LONG_AGO))
        await store.forget_attempts(BEFORE)
        assert await names() == {"d:old": "d:old", "d:new": "d:old"}
    await store.drop(STEP, ["e9"])
    await store.forget_attempts(BEFORE)
    assert await names() == {"d:old": "d:old", "d:new": "d:old"}  # that an error left is remembered of it
    await store.prune(BEFORE, BEFORE)
    await store.forget_attempts(BEFORE)
    assert await names() == {"d:old": "d:old", "d:new": "d:new"}


async def test_however_many_there_are_all_go(store: Store) -> None:
    for number in range(45):
        await tried(store, f"e{number + 1}", case_key=f"t:order-{number}")
    assert await store.forget_attempts(BEFORE) == 45
    assert await store.writes() == []


KEEP, MAX_AGE = timedelta(days=30), timedelta(days=7)
KEYS = ("t:a", "d:1", "d:2", "c:1:a")
NOW = NOON + timedelta(days=300)
OUTCOMES = (Outcome.CONFIRMED, Outcome.CAME_BACK, Outcome.UNKNOWN, Outcome.VANISHED)

days = st.integers(0, 290)
deed = st.tuples(days, st.sampled_from(["ours", "ours", "others", "shared"]), st.sampled_from(KEYS), st.booleans(),
                 st.sampled_from(OUTCOMES), st.sampled_from(["", "d:1", "d:2"]))  # fmt: skip


async def live(store: Store, clock: Clock, deeds: list[Any]) -> None:
    """Do what was done on these days."""
    shared = False
    for number, (day, what, key, stays_open, outcome, alias) in enumerate(sorted(deeds, key=lambda one: one[0])):
        clock.time = at = NOON + timedelta(days=day)
        error_id = f"e{number}"
        if key == "c:1:a":  # a record has such a name only once its trace key is known to be shared
            await store.note_shared(STEP, "a", at)
            shared = True
        elif key == "t:a" and shared:  # and none has the trace key for a name from then on
            continue
        if what == "others":
            await store.note_others(STEP, {error_id: key}, at)
        elif what == "shared":
            await store.note_shared(STEP, "a", at)
            shared = True
        else:
            await save(store, judged(error_id, case_key=key, occurred_at=at))
            _, history = (await store.case_histories(STEP, [key], at))[key]
            if history.unknown:
                continue
            item_alias = alias if key.startswith("d:") and await _is_free(store, alias) else ""
            number_of_it = await store.intend(batch(item(error_id, case_key=key, alias=item_alias)), at)
            await store.settle(number_of_it, {error_id: outcome}, at)
            if not stays_open:
                await store.drop(STEP, [error_id])


async def _is_free(store: Store, alias: str) -> bool:
    _, history = (await store.case_histories(STEP, [alias], NOON))[alias]
    return not history.unknown


async def decisions(store: Store, now: Any) -> dict[tuple[str, int], Decision]:
    """Return what would be decided of new errors of all cases, by how many days ago they occurred."""
    histories = await store.case_histories(STEP, KEYS, now)
    return {
        (key, age): decided(Retry(max_attempts=2), case=history, now=now, occurred_at=now - timedelta(days=age))
        for key, (_, history) in histories.items()
        for age in (0, 3, 8, 20, 29, 60, 200)
    }


async def alike(deeds: list[Any], kept: Store, cleared: Store, clocks: tuple[Clock, Clock]) -> None:
    for store, clock in ((kept, clocks[0]), (cleared, clocks[1])):
        await live(store, clock, deeds)
    old = retention(NOW, keep=KEEP, recordings=timedelta(0), retry_max_age=MAX_AGE)
    await cleared.forget_attempts(old.attempts)
    for later in (0, 1, 40):
        now = NOW + timedelta(days=later)
        known, found = await decisions(kept, now), await decisions(cleared, now)
        for (key, age), decision in known.items():
            other = found[key, age]
            if age <= KEEP.days:
                assert other == decision, (key, age)
            assert other.verb is not Verb.RETRY or decision.verb is Verb.RETRY, (key, age)


SLOW = list(HealthCheck)


@settings(max_examples=150, deadline=None, suppress_health_check=SLOW)
@given(deeds=st.lists(deed, max_size=14))
def test_what_was_forgotten_changes_no_decision(deeds: list[Any]) -> None:
    clocks = Clock(), Clock()
    asyncio.run(alike(deeds, MemoryStore(now=clocks[0]), MemoryStore(now=clocks[1]), clocks))


@settings(max_examples=12, deadline=None, suppress_health_check=SLOW)
@given(deeds=st.lists(deed, max_size=14))
def test_what_was_forgotten_changes_no_decision_in_the_database(deeds: list[Any]) -> None:
    async def play() -> None:
        clocks = Clock(), Clock()
        async with open_store("sqlite://", now=clocks[1]) as cleared:
            await alike(deeds, MemoryStore(now=clocks[0]), cleared, clocks)

    asyncio.run(play())
