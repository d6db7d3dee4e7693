"""The gate in front of every write: whatever can stop writing has its say here (P12, P16).

It is asked before a plan is made, before each batch, and by the client right before each request.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from daemon.core.moments import stamp
from daemon.core.pauses import Pause
from daemon.core.records import StepRef
from daemon.pipeline.terms import Clock

Source = Callable[[StepRef], Awaitable[str]]
"""Says why nothing may be written to a step now, in a sentence, or ""."""


class PauseSign(Protocol):
    """The PAUSE file."""

    def look(self) -> Pause | None:
        """Return the pause that it stands for while it is there."""


class PauseStore(Protocol):
    """The one question about pauses that is asked of the store."""

    async def pauses(self, now: datetime) -> Sequence[Pause]:
        """Return the pauses that hold."""


@dataclass(frozen=True, slots=True)
class WriteGate:
    """Ask each of *sources*; the first that objects is heard, and those after it are not asked."""

    sources: tuple[Source, ...]

    async def why_not(self, ref: StepRef) -> str:
        """Return why nothing may be written to the step now, "" where it may."""
        for source in self.sources:
            if reason := await source(ref):
                return reason
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pauses:
    """What people have paused, looked up anew each time: another process may have written it, or made the file.

    *sign* is None where the store is no file; *told* are the pauses that the log knows of.
    """

    sign: PauseSign | None
    store: PauseStore
    clock: Clock
    log: FilteringBoundLogger
    told: dict[int, Pause] = field(default_factory=dict)

    async def why_not(self, ref: StepRef) -> str:
        """Return by whom and why writing to the step is paused, or "" where it is not."""
        return next((str(pause) for pause in await self.holding() if pause.scope.covers(ref)), "")

    async def holding(self) -> Sequence[Pause]:
        """Return the pauses that hold now, and log those that are new or over.

        The file stops everything by itself: while it is there the store, which may be what is broken, is not asked.
        """
        by_file = [found] if self.sign is not None and (found := self.sign.look()) else []
        self._tell([known for known in self.told.values() if not known.number], by_file)
        if by_file:
            return by_file
        stored = await self.store.pauses(self.clock.now())
        self._tell([known for known in self.told.values() if known.number], stored)
        return stored

    def _tell(self, before: Sequence[Pause], now: Sequence[Pause]) -> None:
        for pause in now:
            if pause.number not in self.told:
                self.told[pause.number] = pause
                self.log.warning("writes.paused", **_facts(pause), holding=len(self.told))
        for pause in before:
            if all(pause.number != each.number for each in now):
                del self.told[pause.number]
                self.log.info("writes.resumed", **_facts(pause), holding=len(self.told))


def _facts(pause: Pause) -> dict[str, str]:
    until = "" if pause.until is None else stamp(pause.until)
    return {"scope": str(pause.scope), "reason": pause.reason, "by": pause.by, "until": until}
