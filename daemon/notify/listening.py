"""What is heard becomes notices: equal events are counted together until they are written into the outbox."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from daemon.core.exceptions import StoreError
from daemon.core.notices import SCOPE, Noted


class Letterbox(Protocol):
    """Where it is written down; see `NoticeRows`."""

    async def note(self, channels: Iterable[tuple[str, Noted]]) -> None:
        """Write down what each channel is to be told; equal events that it was not told of yet become one."""


@dataclass(slots=True, kw_only=True)
class Listener:
    """Hear events and write down who is to be told of them: *channels* are the events that each is told of.

    *stirred* is called when there is something to write.
    """

    channels: Mapping[str, Collection[str]]
    outbox: Letterbox
    now: Callable[[], datetime]
    stirred: Callable[[], None]
    heard: dict[tuple[str, str], Noted] = field(default_factory=dict)

    def hear(self, facts: Mapping[str, object]) -> None:
        """Take in one event with its facts, as clean as they are in the log; nothing is waited for."""
        now = self.now()
        scope = "\n".join(f"{name}={facts[name]}" for name in SCOPE if facts.get(name) is not None)
        self._add(Noted(event=str(facts["event"]), scope=scope, facts=facts, first_at=now, last_at=now))
        self.stirred()

    async def write(self) -> None:
        """Write down what was heard.

        Raises:
            StoreError: it could not be written, and is kept for the next time.
        """
        taken, self.heard = self.heard, {}
        rows = [
            (channel, noted)
            for noted in taken.values()
            for channel, events in self.channels.items()
            if noted.event in events
        ]
        try:
            await self.outbox.note(rows)
        except StoreError:
            later, self.heard = self.heard, taken
            for noted in later.values():
                self._add(noted)
            raise

    def _add(self, noted: Noted) -> None:
        before = self.heard.get((noted.event, noted.scope))
        if before is not None:
            noted = replace(noted, times=before.times + noted.times, first_at=before.first_at)
        self.heard[noted.event, noted.scope] = noted
