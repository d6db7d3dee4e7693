"""What the store keeps of breakers, and what it tells of the retries that turn them."""

from dataclasses import replace
from datetime import timedelta

from daemon.core.batches import Act
from daemon.core.breakers import Breaker, BreakerState, Kind
from daemon.core.decisions import Outcome
from daemon.core.signs import RetryRun
from tests.contract.store_values import ELSEWHERE, LATER, NOON, OTHER_STEP, STEP, Store, intend, minutes

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
    assert await store.retry_runs("acme", NOON) == [], "one outcome is missing"

    await store.settle(first, {"e5": Outcome.UNKNOWN}, minutes(30))
    second = await intend(store, "e6", step=OTHER_STEP, rule_id="r2")
    await store.settle(second, {"e6": Outcome.VANISHED}, minutes(40))
    assert await store.retry_runs("acme", NOON) == [
        RetryRun(step=OTHER_STEP, rule_id="r2", sent_at=NOON, ended_at=minutes(40)),
        RetryRun(
            step=STEP, rule_id="r1", sent_at=NOON, ended_at=minutes(30), confirmed=1, came_back=2, unknown=1
        ),
    ]  # fmt: skip
    assert [run.step for run in await store.retry_runs("acme", minutes(31))] == [OTHER_STEP]
    assert await store.retry_runs("acme", minutes(41)) == []


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
    assert await store.retry_runs("acme", NOON - timedelta(hours=1)) == []
    assert [run.confirmed for run in await store.retry_runs("globex", NOON)] == [1]


async def test_a_retry_of_which_nothing_was_known_for_over_a_day_is_left_out(store: Store) -> None:
    batch = await intend(store, "e1")
    await store.settle(batch, {"e1": Outcome.CAME_BACK}, NOON + timedelta(days=1, hours=1))
    assert len(await store.retry_runs("acme", NOON + timedelta(days=1))) == 1
    assert await store.retry_runs("acme", NOON + timedelta(days=1, minutes=30)) == []
