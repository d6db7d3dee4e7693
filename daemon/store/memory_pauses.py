"""The store without a database: pauses."""

from collections.abc import Callable
from datetime import datetime

from daemon.core.pauses import Pause, Scope
from daemon.store.memory_errors import Shelves


class MemoryPauses(Shelves):
    """The pauses that people asked for."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        super().__init__(now=now)
        self.asked_for: dict[int, Pause] = {}

    async def pause(self, scope: Scope, reason: str, by: str, now: datetime, until: datetime | None) -> int:
        """Stop writing within *scope* until *until*, None for until somebody resumes; return the pause's number."""
        number = next(self.numbers)
        self.asked_for[number] = Pause(number=number, scope=scope, reason=reason, by=by, since=now, until=until)
        return number

    async def resume(self, scope: Scope | None, by: str, now: datetime) -> int:  # noqa: ARG002 - kept for people only
        """End the pauses of exactly *scope*, None for all there are, and return how many held until now."""
        ended = [each.number for each in await self.pauses(now) if scope in (None, each.scope)]
        for number in ended:
            del self.asked_for[number]
        return len(ended)

    async def pauses(self, now: datetime) -> list[Pause]:
        """Return the pauses that hold, oldest first."""
        return [each for each in self.asked_for.values() if each.until is None or each.until > now]
