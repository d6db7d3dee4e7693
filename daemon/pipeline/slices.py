"""A thousand errors a little at a time, so that a page of them never holds up the event loop."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

E = TypeVar("E")

SLICE = 25
"""How many errors are worked on before others get their turn: a few milliseconds, also where rules are new."""


async def in_slices(items: Sequence[E]) -> AsyncIterator[Sequence[E]]:
    """Yield *items*, `SLICE` at a time; after each, everything else that waits for the event loop has its turn."""
    for start in range(0, len(items), SLICE):
        yield items[start : start + SLICE]
        await asyncio.sleep(0)
