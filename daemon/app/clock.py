"""The real clock; everything else is handed one."""

import asyncio
from datetime import UTC, datetime


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        """Return the present moment, aware UTC."""
        return datetime.now(UTC)

    async def sleep(self, wait_s: float) -> None:
        """Come back after *wait_s* seconds."""
        await asyncio.sleep(wait_s)
