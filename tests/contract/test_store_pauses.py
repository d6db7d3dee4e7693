from datetime import datetime

import pytest

from daemon.core.pauses import EVERYTHING, Pause, Scope
from tests.contract.store_values import NOON, Store, minutes

ACME = Scope(account="acme")
FLOW = Scope(account="acme", flow_id="f1")


async def pause(store: Store, scope: Scope = EVERYTHING, until: datetime | None = None) -> int:
    return await store.pause(scope, "storm", "ann", NOON, until)


async def test_a_pause_holds_until_somebody_resumes_and_tells_all_about_itself(store: Store) -> None:
    scope = Scope(account="acme", flow_id="f1", step_id="s1")
    number = await store.pause(scope, "storm", "ann", NOON, None)
    held = Pause(number=number, scope=scope, reason="storm", by="ann", since=NOON)
    assert await store.pauses(minutes(60 * 24 * 365)) == [held]


async def test_a_pause_with_an_end_is_over_by_itself(store: Store) -> None:
    await pause(store, until=minutes(10))
    assert [each.until for each in await store.pauses(minutes(9.99))] == [minutes(10)]
    assert await store.pauses(minutes(10)) == []
    assert await store.resume(None, "ben", minutes(10)) == 0


async def test_pauses_are_listed_oldest_first_and_the_same_twice_is_two(store: Store) -> None:
    numbers = [await pause(store, scope) for scope in (FLOW, EVERYTHING, FLOW)]
    assert [each.number for each in await store.pauses(NOON)] == numbers
    assert [each.scope for each in await store.pauses(NOON)] == [FLOW, EVERYTHING, FLOW]


@pytest.mark.parametrize(
    ("resumed", "count", "left"),
    [
        pytest.param(None, 4, [], id="all"),
        pytest.param(EVERYTHING, 1, [ACME, FLOW, FLOW], id="the widest leaves the narrower ones"),
        pytest.param(FLOW, 2, [EVERYTHING, ACME], id="every pause of a scope"),
        pytest.param(Scope(flow_id="f1"), 0, [EVERYTHING, ACME, FLOW, FLOW], id="a scope that nobody paused"),
    ],
)
async def test_resuming_ends_the_pauses_of_exactly_that_scope(
    store: Store, resumed: Scope | None, count: int, left: list[Scope]
) -> None:
    for scope in (EVERYTHING, ACME, FLOW, FLOW):
        await pause(store, scope)
    assert await store.resume(resumed, "ben", minutes(1)) == count
    assert [each.scope for each in await store.pauses(minutes(1))] == left
    assert await store.resume(resumed, "ben", minutes(2)) == 0


async def test_a_number_is_never_given_twice(store: Store) -> None:
    first = await pause(store)
    await store.resume(None, "ben", NOON)
    assert await pause(store) != first
