"""How fast one account may be asked: our own rate, and a gate that the platform's 429 closes for all (P15)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic

from aiolimiter import AsyncLimiter


@dataclass(slots=True, kw_only=True)
class Pacer:
    """Lets requests of one account through, at most *requests_per_s* (and as many at once), none while the gate is shut.

    *random* gives 0 to 1: up to that many seconds are added to each closing, so that the tools which share the account's
    bucket do not all come back at once. *throttled_s* counts the seconds for which the platform has shut the gate.
    """

    requests_per_s: float
    random: Callable[[], float]
    clock: Callable[[], float] = monotonic
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    throttled_s: float = field(default=0.0, init=False)
    _opens_at_s: float = field(default=0.0, init=False)
    _limiter: AsyncLimiter = field(init=False, repr=False)

    def __post_init__(self) -> None:
        at_once = max(self.requests_per_s, 1.0)  # the limiter cannot let half a request through
        self._limiter = AsyncLimiter(at_once, at_once / self.requests_per_s)

    async def turn(self) -> None:
        """Wait until one request may be sent. The gate comes last: it may shut while the limiter lets us wait."""
        await self._limiter.acquire()
        while (left_s := self._opens_at_s - self.clock()) > 0:
            await self.sleep(left_s)

    def shut(self, wait_s: float) -> float:
        """Let nothing through for *wait_s* and a little more; a shorter wait never opens the gate early.

        Return by how many seconds that has put off the opening.
        """
        now_s = self.clock()
        opens_at_s = max(self._opens_at_s, now_s + wait_s + self.random())
        longer_s = opens_at_s - max(self._opens_at_s, now_s)
        self.throttled_s += longer_s
        self._opens_at_s = opens_at_s
        return longer_s
