"""What is heard becomes notices: equal events are counted together until they are written into the outbox."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from daemon.core.exceptions import StoreError
from daemon.core.notices import SCOPE, Noted

MATCHED = "rule.matched"
"""The event of which the channels are told, too, that a rule names in its ``notify``."""


class Letterbox(Protocol):
    """Where it is written down; see `NoticeRows`."""

    async def note(self, channels: Iterable[tuple[str, Noted]]) -> None:
        """Write down what each channel is to be told; equal events that it was not told of yet become one."""


@dataclass(slots=True, kw_only=True)
class Listener:
    """Hear events and write down who is to be told of them: *channels* are the events that each is told of.

    *named_by* returns the channels that a rule names, *stirred* is called when there is something to write. *heard* is
    what was not written yet, by channel, event and scope.
    """

    channels: Mapping[str, Collection[str]]
    named_by: Callable[[str], Collection[str]]
    outbox: Letterbox
    now: Callable[[], datetime]
    stirred: Callable[[], None]
    heard: dict[tuple[str, str, str], Noted] = field(default_factory=dict)

    @property
    def events(self) -> frozenset[str]:
        """Return the events that must be heard."""
        return frozenset({MATCHED}).union(*self.channels.values())

    def hear(self, facts: Mapping[str, object]) -> None:
        """Take in one event with its facts, as clean as they are in the log; nothing is waited for."""
        event, now = str(facts["event"]), self.now()
        scope = "\n".join(f"{name}={facts[name]}" for name in SCOPE if facts.get(name) is not None)
        noted = Noted(event=event, scope=scope, facts=facts, first_at=now, last_at=now)
        named = self.named_by(str(facts.get("rule"))) if event == MATCHED else ()
        for channel, events in self.channels.items():
            if event in events or channel in named:
                self._add(channel, noted)
                self.stirred()

    async def write(self) -> None:
        """Write down what was heard.

        Raises:
            StoreError: it could not be written, and is kept for the next time.
        """
        taken, self.heard = self.heard, {}
        try:
            await self.outbox.note([(channel, noted) for (channel, _, _), noted in taken.items()])
        except StoreError:
            later, self.heard = self.heard, taken
            for (channel, _, _), noted in later.items():
                self._add(channel, noted)
            raise

    def unwritten(self, channel: str) -> list[Noted]:
        """Return what was heard for a channel and not written."""
        return [noted for (each, _, _), noted in self.heard.items() if each == channel]

    def _add(self, channel: str, noted: Noted) -> None:
        before = self.heard.get((channel, noted.event, noted.scope))
        if before is not None:
            noted = replace(noted, times=before.times + noted.times, first_at=before.first_at)
        self.heard[channel, noted.event, noted.scope] = noted
