"""One process at a time has the lease of an account, and every taking has a token of its own (P12)."""

from datetime import timedelta

import pytest

from daemon.core.leases import Lease
from tests.contract.store_values import NOON, Store, minutes

MINUTE = timedelta(minutes=1)


async def test_a_lease_that_nobody_took_is_free_and_lasts_as_long_as_was_asked_for(store: Store) -> None:
    assert await store.lease("acme") is None
    taken = await store.take_lease("acme", "one", NOON, MINUTE)
    assert taken == Lease(
        account="acme", holder="one", token=1, renewed_at=NOON, expires_at=NOON + MINUTE, mine=True
    )  # fmt: skip
    known = await store.lease("acme")
    assert known is not None
    assert (known.holder, known.token, known.renewed_at, known.expires_at) == ("one", 1, NOON, NOON + MINUTE)


async def test_who_comes_second_is_told_who_holds_it_and_changes_nothing(store: Store) -> None:
    await store.take_lease("acme", "one", NOON, MINUTE)
    refused = await store.take_lease("acme", "two", NOON + timedelta(seconds=59), MINUTE)
    assert (refused.holder, refused.token, refused.mine) == ("one", 1, False)
    assert await store.renew_lease("acme", 1, NOON, MINUTE)


@pytest.mark.parametrize(
    ("after_s", "ended", "mine"),
    [(59.999, 0, False), (60, 0, True), (3600, 0, True), (-3600, 0, False), (1, 1, True), (1, 2, False)],
    ids=[
        "about to run out",
        "run out",
        "long run out",
        "a clock set back",
        "its holder has ended",
        "the holder of another lease has ended",
    ],
)
async def test_a_lease_of_another_is_taken_when_it_has_run_out_or_its_holder_has_ended(
    store: Store, after_s: float, ended: int, mine: bool
) -> None:
    await store.take_lease("acme", "one", NOON, MINUTE)
    lease = await store.take_lease("acme", "two", NOON + timedelta(seconds=after_s), MINUTE, ended=ended)
    assert (lease.mine, lease.holder, lease.token) == ((True, "two", 2) if mine else (False, "one", 1))


async def test_its_own_lease_can_be_taken_again_and_what_it_did_under_the_old_one_does_not_count(store: Store) -> None:
    await store.take_lease("acme", "one", NOON, MINUTE)
    assert (await store.take_lease("acme", "one", minutes(0.5), MINUTE)).token == 2
    assert not await store.renew_lease("acme", 1, minutes(0.5), MINUTE)


async def test_a_renewed_lease_lasts_longer(store: Store) -> None:
    await store.take_lease("acme", "one", NOON, MINUTE)
    assert await store.renew_lease("acme", 1, minutes(0.5), MINUTE)
    assert not (await store.take_lease("acme", "two", minutes(1.4), MINUTE)).mine
    assert (await store.take_lease("acme", "two", minutes(1.5), MINUTE)).mine


async def test_a_lease_that_ran_out_and_that_nobody_took_is_renewed_but_not_one_that_was_taken(store: Store) -> None:
    await store.take_lease("acme", "one", NOON, MINUTE)
    assert await store.renew_lease("acme", 1, minutes(5), MINUTE)
    await store.take_lease("acme", "two", minutes(10), MINUTE)
    assert not await store.renew_lease("acme", 1, minutes(10), MINUTE)
    assert not await store.renew_lease("globex", 1, minutes(10), MINUTE)
    lease = await store.lease("acme")
    assert lease is not None
    assert (lease.holder, lease.expires_at) == ("two", minutes(11))


async def test_a_released_lease_is_free_at_once_and_its_token_is_never_given_again(store: Store) -> None:
    await store.take_lease("acme", "one", NOON, MINUTE)
    await store.release_lease("acme", 1, NOON)
    assert not await store.renew_lease("acme", 1, NOON, MINUTE)
    assert (await store.take_lease("acme", "two", NOON, MINUTE)).token == 2


async def test_who_lost_it_cannot_release_it(store: Store) -> None:
    await store.take_lease("acme", "one", NOON, MINUTE)
    await store.take_lease("acme", "two", minutes(2), MINUTE)
    await store.release_lease("acme", 1, minutes(2))
    assert not (await store.take_lease("acme", "three", minutes(2), MINUTE)).mine


async def test_accounts_have_leases_of_their_own(store: Store) -> None:
    await store.take_lease("acme", "one", NOON, MINUTE)
    assert (await store.take_lease("globex", "two", NOON, MINUTE)).mine
    assert not (await store.take_lease("acme", "two", NOON, MINUTE)).mine
