"""A thousand errors a little at a time, so that a page of them never holds up the event loop; one page after another."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
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


class Turn:
    """Whose page is worked on: one at a time, which takes less time and memory than a bit of each in turns.

    A page that has to wait for the platform is left by it, and others go on meanwhile.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._whose: asyncio.Task[object] | None = None

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Wait until it is this task's turn; it is until the end of the block."""
        await self._take()
        try:
            yield
        finally:
            self._give_up()

    @asynccontextmanager
    async def left(self) -> AsyncIterator[None]:
        """Let others have the turn during the block, if this task has it, and take it again."""
        if self._give_up():
            try:
                yield
            finally:
                await self._take()  # who is cancelled in here has no turn to give up
        else:
            yield

    async def _take(self) -> None:
        await self._lock.acquire()
        self._whose = asyncio.current_task()

    def _give_up(self) -> bool:
        mine = self._whose is asyncio.current_task()
        if mine:
            self._whose = None
            self._lock.release()
        return mine
