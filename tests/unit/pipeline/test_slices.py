"""A page is worked on a slice at a time."""

import asyncio

import pytest

from daemon.pipeline.slices import SLICE, SLICE_CHARS, in_slices

LONG = SLICE_CHARS // 5


async def slices_of(chars: list[int]) -> list[list[int]]:
    """Return what is worked on at once of items with so much text, and see that others have a turn after each."""
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    found: list[list[int]] = []
    async for some in in_slices(chars, lambda each: each):
        assert turns >= len(found)
        found.append(list(some))
    beside.cancel()
    return found


@pytest.mark.parametrize(
    ("chars", "sizes"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([60] * (2 * SLICE + 1), [SLICE, SLICE, 1], id="short messages"),
        pytest.param([LONG] * 11, [5, 5, 1], id="a few long ones"),
        pytest.param([LONG] * SLICE, [5] * (SLICE // 5), id="many long ones"),
        pytest.param([100 * SLICE_CHARS, *[0] * SLICE], [2, SLICE - 1], id="a huge one among short ones"),
        pytest.param([SLICE * SLICE_CHARS] * 3, [1, 1, 1], id="huge ones"),
    ],
)
async def test_a_slice_has_fewer_errors_where_their_messages_are_long(chars: list[int], sizes: list[int]) -> None:
    found = await slices_of(chars)
    assert [size for some in found for size in some] == chars
    assert [len(some) for some in found] == sizes
