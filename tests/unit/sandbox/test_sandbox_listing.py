from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.sandbox.listing import DEAD_SLOTS_KEPT, Listing


def _filled(size: int) -> Listing[int]:
    listing: Listing[int] = Listing()
    for number in range(size):
        listing.add(str(number), number, at(number))
    return listing


def at(minute: int) -> datetime:
    return datetime(2026, 1, 15, tzinfo=UTC) + timedelta(minutes=minute)


def _read(listing: Listing[int], size: int, *, newest_first: bool = True, by_offset: bool = False) -> list[int]:
    items: list[int] = []
    cursor: int | None = None
    while True:
        page, cursor = listing.page(
            size, cursor=cursor, newest_first=newest_first, by_offset=by_offset, wanted=lambda _: True
        )
        items += page
        if cursor is None:
            return items


@given(
    size=st.integers(0, 40),
    page=st.integers(1, 9),
    gone=st.sets(st.integers(0, 39)),
    newest_first=st.booleans(),
    by_offset=st.booleans(),
)
def test_pages_give_every_item_once_and_in_order(
    size: int, page: int, gone: set[int], newest_first: bool, by_offset: bool
) -> None:
    listing = _filled(size)
    for number in gone:
        listing.take(str(number))
    expected = [number for number in range(size) if number not in gone]
    assert _read(listing, page, newest_first=newest_first, by_offset=by_offset) == (
        expected[::-1] if newest_first else expected
    )


@pytest.mark.parametrize(
    ("by_offset", "second_page"),
    [
        pytest.param(False, [6, 5, 4], id="a keyset goes on where it was"),
        pytest.param(True, [4, 3, 2], id="an offset skips what moved up"),
    ],
)
def test_taking_items_out_between_pages(by_offset: bool, second_page: list[int]) -> None:
    listing = _filled(10)
    first, cursor = listing.page(3, cursor=None, newest_first=True, by_offset=by_offset, wanted=lambda _: True)
    assert first == [9, 8, 7]
    listing.take("9")
    listing.take("8")
    again, _ = listing.page(3, cursor=cursor, newest_first=True, by_offset=by_offset, wanted=lambda _: True)
    assert again == second_page


def test_a_cursor_survives_the_sweeping_of_empty_slots() -> None:
    size = 2 * DEAD_SLOTS_KEPT + 10
    listing = _filled(size)
    _, cursor = listing.page(3, cursor=None, newest_first=True, by_offset=False, wanted=lambda _: True)
    for number in range(5, size - 5):
        listing.take(str(number))
    rest, _ = listing.page(9, cursor=cursor, newest_first=True, by_offset=False, wanted=lambda _: True)
    assert rest == [size - 4, size - 5, 4, 3, 2, 1, 0]
    assert len(listing) == 10


def test_only_wanted_items_fill_a_page_and_the_last_one_has_no_cursor() -> None:
    listing = _filled(10)
    page, cursor = listing.page(
        5, cursor=None, newest_first=False, by_offset=False, wanted=lambda number: number % 2 == 0
    )
    assert (page, cursor) == ([0, 2, 4, 6, 8], None)


def test_an_item_taken_out_is_gone() -> None:
    listing = _filled(2)
    assert listing.take("0") == 0
    assert (listing.take("0"), listing.get("0"), "0" in listing, list(listing)) == (None, None, False, [1])


@given(
    moments=st.lists(st.integers(0, 20), max_size=20),
    sort=st.booleans(),
    since=st.integers(0, 20),
    newest_first=st.booleans(),
    by_offset=st.booleans(),
)
def test_what_is_older_than_asked_for_is_left_out_whatever_the_order_it_came_in(
    moments: list[int], sort: bool, since: int, newest_first: bool, by_offset: bool
) -> None:
    moments = sorted(moments) if sort else moments
    listing: Listing[int] = Listing()
    for number, moment in enumerate(moments):
        listing.add(str(number), number, at(moment))
    found: list[int] = []
    cursor: int | None = None
    while True:
        page, cursor = listing.page(
            3,
            cursor=cursor,
            newest_first=newest_first,
            by_offset=by_offset,
            wanted=lambda number: moments[number] >= since,
            since=at(since),
        )
        found += page
        if cursor is None:
            break
    expected = [number for number, moment in enumerate(moments) if moment >= since]
    assert found == (expected[::-1] if newest_first else expected)
