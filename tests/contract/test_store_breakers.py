"""What the store keeps of breakers, and what it tells of the retries that turn them."""

from dataclasses import replace
from datetime import timedelta

from daemon.core.batches import Act
from daemon.core.breakers import Breaker, BreakerState, Kind
from daemon.core.decisions import Outcome
from daemon.core.signs import RetryRun
from tests.contract.store_values import (
    ELSEWHERE,
    LATER,
    NOON,
    OTHER_STEP,
    STEP,
    Store,
    batch,
    intend,
    judged,
    minutes,
    save,
)

MUCH_LATER = NOON + timedelta(days=7)

OPEN = Breaker(
    kind=Kind.STEP,
    target="f1/s1",
    state=BreakerState.OPEN,
    reason="10 of 10 retries did not help",
    since=NOON,
    probe_at=LATER,
    trips=1,
)


async def test_a_breaker_is_kept_as_it_was_saved_last(store: Store) -> None:
    assert await store.breakers("acme") == []
    await store.save_breaker("acme", OPEN)
    half_open = replace(OPEN, state=BreakerState.HALF_OPEN, since=LATER, probe_at=None)
    await store.save_breaker("acme", half_open)
    assert await store.breakers("acme") == [half_open]


async def test_breakers_of_two_kinds_targets_and_accounts_are_kept_apart(store: Store) -> None:
    others = [replace(OPEN, kind=Kind.CONNECTION, target="c1"), OPEN, replace(OPEN, target="f1/s2", trips=4)]
    for each in reversed(others):
        await store.save_breaker("acme", each)
    closed = Breaker(kind=Kind.STEP, target="f1/s1", since=NOON)
    await store.save_breaker("globex", closed)
    assert await store.breakers("acme") == others
    assert await store.breakers("globex") == [closed]


async def test_retries_are_told_by_batch_once_all_their_outcomes_are_known_the_latest_first(store: Store) -> None:
    first = await intend(store, "e1", "e2", "e3", "e4", "e5")
    outcomes = (Outcome.CONFIRMED, Outcome.CAME_BACK, Outcome.CAME_BACK, Outcome.VANISHED)
    await store.settle(first, {f"e{n}": outcome for n, outcome in enumerate(outcomes, 1)}, minutes(1))
    assert await store.retry_runs("acme", NOON, MUCH_LATER) == [], "one outcome is missing"

    await store.settle(first, {"e5": Outcome.UNKNOWN}, minutes(30))
    second = await intend(store, "e6", step=OTHER_STEP, rule_id="r2")
    await store.settle(second, {"e6": Outcome.VANISHED}, minutes(40))
    assert await store.retry_runs("acme", NOON, MUCH_LATER) == [
        RetryRun(step=OTHER_STEP, rule_id="r2", sent_at=NOON, ended_at=minutes(40)),
        RetryRun(
            step=STEP, rule_id="r1", sent_at=NOON, ended_at=minutes(30), confirmed=1, came_back=2, unknown=1
        ),
    ]  # fmt: skip
    assert [run.step for run in await store.retry_runs("acme", minutes(31), MUCH_LATER)] == [OTHER_STEP]
    assert await store.retry_runs("acme", minutes(41), MUCH_LATER) == []


async def test_only_retries_of_the_account_that_happened_are_told(store: Store) -> None:
    refused, not_sent = await intend(store, "e1"), await intend(store, "e2")
    await store.refused(refused, "no", NOON, LATER)
    await store.not_sent(not_sent, "no", NOON, LATER)
    resolve = await intend(store, "e3", act=Act.RESOLVE)
    await store.settle(resolve, {"e3": Outcome.CONFIRMED}, NOON)
    tag = await intend(store, "e4", act=Act.TAG)
    await store.accepted(tag, "", NOON)
    elsewhere = await intend(store, "e5", step=ELSEWHERE)
    await store.settle(elsewhere, {"e5": Outcome.CONFIRMED}, NOON)
    assert await store.retry_runs("acme", NOON - timedelta(hours=1), MUCH_LATER) == []
    assert [run.confirmed for run in await store.retry_runs("globex", NOON, MUCH_LATER)] == [1]


async def test_a_retry_of_which_nothing_was_known_for_over_a_day_is_left_out(store: Store) -> None:
    batch = await intend(store, "e1")
    await store.settle(batch, {"e1": Outcome.CAME_BACK}, NOON + timedelta(days=1, hours=1))
    assert len(await store.retry_runs("acme", NOON + timedelta(days=1), MUCH_LATER)) == 1
    assert await store.retry_runs("acme", NOON + timedelta(days=1, minutes=30), MUCH_LATER) == []


async def test_what_was_sent_after_the_given_moment_is_left_out_as_a_clock_may_have_jumped_back(store: Store) -> None:
    await store.settle(await intend(store, "e1"), {"e1": Outcome.CAME_BACK}, minutes(5))
    assert len(await store.retry_runs("acme", NOON - timedelta(hours=1), NOON)) == 1
    assert await store.retry_runs("acme", NOON - timedelta(hours=1), minutes(-1)) == []


async def test_a_retry_that_had_ended_before_ten_known_ones_of_its_rule_and_step_were_sent_is_left_out(
    store: Store,
) -> None:
    await save(store, *(judged(f"e{n}") for n in range(30)))
    old = await store.intend(batch("e0"), NOON)
    late = await store.intend(batch("e1"), NOON)
    other = await store.intend(batch("e2", rule_id="r2"), NOON)
    for batch_id, error_id, minute in ((old, "e0", 1), (late, "e1", 10), (other, "e2", 1)):
        await store.settle(batch_id, {error_id: Outcome.CAME_BACK}, minutes(minute))
    for count, left in ((9, 4), (1, 4)):
        named = [f"e{n}" for n in range(10, 10 + count)] if count > 1 else ["e20"]
        newer = await store.intend(batch(*named), minutes(5))
        await store.settle(newer, dict.fromkeys(named, Outcome.CONFIRMED), minutes(6))
        assert len(await store.retry_runs("acme", NOON, MUCH_LATER)) == left
    ended = [(run.rule_id, run.ended_at) for run in await store.retry_runs("acme", NOON, MUCH_LATER)]
    assert ended == [("r1", minutes(10)), ("r1", minutes(6)), ("r1", minutes(6)), ("r2", minutes(1))]
    assert len(await store.retry_runs("acme", NOON, minutes(4))) == 3, "without those sent later nothing is overtaken"


async def test_a_retry_that_ended_before_it_was_sent_as_a_clock_was_put_back_overtakes_nothing(store: Store) -> None:
    await save(store, *(judged(f"e{n}") for n in range(30)))
    for first, sent, ended in ((0, 0, 1), (10, 9, 2), (20, 3, 4)):
        named = [f"e{n}" for n in range(first, first + 10)]
        batch_id = await store.intend(batch(*named), minutes(sent))
        await store.settle(batch_id, dict.fromkeys(named, Outcome.CAME_BACK), minutes(ended))
        told = [run.ended_at for run in await store.retry_runs("acme", NOON, MUCH_LATER)]
        assert told == {1: [minutes(1)], 2: [minutes(2), minutes(1)], 4: [minutes(4), minutes(2)]}[ended]


async def test_what_people_say_of_a_retry_counts_from_then_on(store: Store) -> None:
    sent = await intend(store, "e1", "e2")
    await store.settle(sent, dict.fromkeys(("e1", "e2"), Outcome.UNKNOWN), minutes(1))
    for error_id, outcome in (("e1", Outcome.CONFIRMED), ("e2", Outcome.REFUSED)):
        await store.settle_unknown(sent, error_id, outcome, by="kim", why="looked", now=minutes(9))
    (run,) = await store.retry_runs("acme", NOON, MUCH_LATER)
    assert (run.ended_at, run.confirmed, run.came_back, run.unknown) == (minutes(1), 1, 0, 0)
