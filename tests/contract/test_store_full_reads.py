"""A full read knows what it has shown and what not, in whatever order the list comes."""

import random
from collections.abc import Callable, Sequence

import pytest

from daemon.core.reads import Sight
from tests.contract.store_values import LATER, STEP, Store, intend, judged, save, stored

MANY = 5_000
PAGE = 1_000
ALL = [f"e{number}" for number in range(10_000, 10_000 + MANY)]

Order = Callable[[Sequence[str]], list[str]]


def turned(ids: Sequence[str]) -> list[str]:
    """Return the newest first."""
    return list(reversed(ids))


def shuffled(ids: Sequence[str]) -> list[str]:
    """Return them in no order."""
    return random.Random(7).sample(ids, len(ids))


def to_both_ends(ids: Sequence[str]) -> list[str]:
    """Return those in the middle first."""
    return [ids[place] for place in sorted(range(len(ids)), key=lambda place: abs(2 * place - len(ids)))]


def from_both_ends(ids: Sequence[str]) -> list[str]:
    """Return those in the middle last."""
    return turned(to_both_ends(ids))


def nearly_in_order(ids: Sequence[str]) -> list[str]:
    """Return the newest first, but each up to some places away from its own."""
    rng = random.Random(7)
    return [ids[place] for place in sorted(range(len(ids)), key=lambda place: rng.randrange(30) - place)]


ORDERS = [list, turned, shuffled, to_both_ends, from_both_ends, nearly_in_order]


@pytest.mark.parametrize("order", ORDERS)
async def test_what_a_list_in_any_order_does_not_show_is_gone_and_nothing_else(store: Store, order: Order) -> None:
    gone, new = set(ALL[:3] + ALL[2_500:2_510] + ALL[-2:]), {"e11111x", "e0", "e9"}
    for place in range(0, MANY, PAGE):
        await save(store, *(judged(name) for name in ALL[place : place + PAGE]))
    listed = order([name for name in sorted({*ALL, *new}) if name not in gone])

    read = await store.begin_read(STEP, full=True)
    unknown = 0
    for place in range(0, len(listed), PAGE):
        page = listed[place : place + PAGE]
        found = [name for name in page if name in new]
        assert await store.see(read, page) == Sight(fresh=len(page), unknown=len(found))
        assert await store.see(read, [*page[:2], *page[-2:]]) == Sight(
            fresh=0, unknown=len({*page[:2], *page[-2:]} & new)
        )
        await store.save_page(read, [judged(name) for name in found])
        unknown += len(found)
    assert unknown == len(new)
    asked = [*ALL[:5], *ALL[2_505:2_515], *ALL[-5:], *new, "e11111y", "a", "z"]
    assert await store.was_seen(read, asked) == {name for name in asked if name in {*ALL, *new} - gone}
    assert {each.error_id for each in await store.end_read(read, trusted=True)} == gone
    assert set(await stored(store)) == {*ALL, *new} - gone


@pytest.mark.parametrize("listed", [["e2"], ["e3", "e2"], ["e2", "e3"], ["e1"], ["e4"], []], ids="-".join)
async def test_what_lies_before_or_behind_all_that_was_shown_is_gone(store: Store, listed: list[str]) -> None:
    every = ["e1", "e2", "e3", "e4"]
    await save(store, *(judged(each) for each in every))
    read = await store.begin_read(STEP, full=True)
    for name in listed:
        await store.see(read, [name])
    gone = await store.end_read(read, trusted=True)
    assert sorted(each.error_id for each in gone) == sorted({*every} - {*listed})


async def test_what_was_in_flight_while_it_was_not_shown_is_gone_once_it_is_free_again(store: Store) -> None:
    number = await intend(store, "e2")
    await save(store, judged("e1"), judged("e3"))
    read = await store.begin_read(STEP, full=True)
    await store.see(read, ["e1", "e3"])
    await store.withdraw(number, ["e2"], LATER, LATER)
    assert [each.error_id for each in await store.end_read(read, trusted=True)] == ["e2"]


async def test_what_leaves_the_store_before_it_is_shown_is_not_stored_then(store: Store) -> None:
    await save(store, *(judged(each) for each in ("e1", "e2", "e3")))
    read = await store.begin_read(STEP, full=True)
    await store.see(read, ["e1", "e3"])
    await store.drop(STEP, ["e2"])
    assert await store.see(read, ["e2"]) == Sight(fresh=1, unknown=1)
    await store.save_page(read, [judged("e2")])
    assert await store.was_seen(read, ["e1", "e2", "e3"]) == {"e1", "e2", "e3"}
    assert await store.end_read(read, trusted=True) == []


@pytest.mark.parametrize("odd", ["e\0", "e\ud83d", "ë\U0001f600"])
async def test_an_id_of_any_kind_is_known_again(store: Store, odd: str) -> None:
    await save(store, judged(odd), judged("e1"))
    for shown in ([odd, "e1"], ["e1", odd]):
        read = await store.begin_read(STEP, full=True)
        for name in shown:
            assert await store.see(read, [name]) == Sight(fresh=1, unknown=0)
        assert await store.end_read(read, trusted=True) == []
