"""A thousand errors a little at a time, so that a page of them never holds up the event loop."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeVar

E = TypeVar("E")

SLICE = 200
SLICE_CHARS = 30_000
"""How many errors, and how much text of theirs, are worked on before others get their turn: a few milliseconds."""


async def in_slices(items: Sequence[E], chars: Callable[[E], int]) -> AsyncIterator[Sequence[E]]:
    """Yield *items* a slice at a time; after each, everything else that waits for the event loop has its turn.

    *chars* tells how much text one of them has: where messages are long, a slice has fewer of them.
    """
    start = 0
    while start < len(items):
        some = items[start : start + SLICE]
        text = max(SLICE_CHARS, sum(map(chars, some)))
        some = some[: max(1, len(some) * SLICE_CHARS // text)]
        yield some
        start += len(some)
        await asyncio.sleep(0)
