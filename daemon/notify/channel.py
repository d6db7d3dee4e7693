"""One channel: what waits for it becomes messages, and each message is sent until the channel has taken it.

A message is fixed in the outbox before it is sent and ended after, so that a process killed in between sends the same one
again, under the same id. Only one message of a channel is under way, and of several processes one sends it.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from daemon.core.exceptions import NotifyError
from daemon.core.notices import GATHER, Noted, Notice, Pace, Told, next_message
from daemon.notify.messages import compose
from daemon.notify.sending import WITHIN_S, Sender

CLAIM = timedelta(seconds=2 * WITHIN_S)
"""For how long nobody else sends a message that is being sent; also a killed process's is left alone that long."""

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=5)
"""How long after a failure the message is sent again; each pause is twice the one before."""

GIVE_UP = timedelta(days=3)
"""For how long a message is tried."""

TRIES = 6
"""How often a process tries one that is older, some minutes long: a machine that wakes has no network at first."""

AT_LAST = timedelta(days=7)
"""After so long one failure is enough: commands that run for seconds would else keep it, and all behind it, for ever."""


class Outbox(Protocol):
    """What waits to be told; see `NoticeRows`."""

    async def open_notices(self, channel: str) -> Sequence[Notice]:
        """Return what the channel has not been told of yet, oldest first."""

    async def told_since(self, channel: str, since: datetime) -> Sequence[Told]:
        """Return what the channel has been told of since then."""

    async def fix_message(self, channel: str, message_id: str, numbers: Collection[int], now: datetime) -> bool:
        """Make growing notices one message; False where the channel has one that has not ended."""

    async def put_off_message(self, message_id: str, before: datetime, until: datetime) -> bool:
        """Let nobody send the message before *until*; False where it is no longer put off until *before*."""

    async def end_message(self, message_id: str, now: datetime, *, sent: bool) -> None:
        """Remember that the channel took the message, or that it was given up."""


@dataclass(slots=True, kw_only=True)
class Channel:
    """Tell one channel what waits for it.

    *failing* is whether it did not take the newest message: the log says so once, until it takes one again.
    """

    name: str
    sender: Sender
    outbox: Outbox
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    host: str
    log: FilteringBoundLogger
    pace: Pace = field(default_factory=Pace)
    failing: bool = False
    _failures: int = 0

    async def step(self, *, gather: timedelta = GATHER) -> bool:
        """Send the next message if it is time for one; return whether the channel took it, so whether to ask again."""
        now = self.now()
        waiting = await self.outbox.open_notices(self.name)
        message = _under_way(waiting) or await self._next(waiting, now, gather)
        if not message:
            return False
        message_id, next_at = message[0].message_id, message[0].next_at or now
        if now < next_at <= now + LONGEST_PAUSE:  # a clock that was ahead puts nothing off for longer
            return False
        claimed = now + CLAIM
        if not await self.outbox.put_off_message(message_id, next_at, claimed):
            return False
        try:
            await self.sender.send(
                compose(message_id, message[0].fixed_at or now, [each.noted for each in message], host=self.host)
            )
        except NotifyError as failed:
            await self._failed(message, claimed, failed)
            return False
        await self.outbox.end_message(message_id, self.now(), sent=True)
        self._failures, self.failing = 0, False
        self.log.info("notify.sent", channel=self.name, message_id=message_id, events=_names(message))
        return True

    async def tell_at_once(self, noted: Sequence[Noted]) -> None:
        """Tell of what cannot be written into the outbox: once, whatever becomes of it."""
        if not noted:
            return
        try:
            await self.sender.send(compose(self.new_id(), self.now(), noted, host=self.host))
        except NotifyError as failed:
            self._say(failed, waiting=len(noted))

    async def _next(self, waiting: Sequence[Notice], now: datetime, gather: timedelta) -> list[Notice]:
        """Fix the next message, and return it as it was fixed: what was noted meanwhile may be in it."""
        if not waiting:
            return []
        told = await self.outbox.told_since(self.name, now - self.pace.memory)
        chosen = next_message(waiting, told, self.pace, now, gather=gather)
        if not chosen:
            return []
        numbers = [each.number for each in chosen]
        if not await self.outbox.fix_message(self.name, self.new_id(), numbers, now):
            return []
        return _under_way(await self.outbox.open_notices(self.name))

    async def _failed(self, message: Sequence[Notice], claimed: datetime, failed: NotifyError) -> None:
        now, message_id = self.now(), message[0].message_id
        self._failures += 1
        age = now - (message[0].fixed_at or now)
        if age >= AT_LAST or (age >= GIVE_UP and self._failures >= TRIES):
            await self.outbox.end_message(message_id, now, sent=False)
            self.failing = True
            self.log.error(
                "notify.failed", channel=self.name, reason=str(failed), waiting=0, given_up=len(message),
                hint=f"it was tried for {age.days} days; flowmend notify test {self.name} tries it at once",
            )  # fmt: skip
            return
        pause = min(FIRST_PAUSE * 2 ** min(self._failures - 1, 10), LONGEST_PAUSE)
        await self.outbox.put_off_message(message_id, claimed, now + pause)
        self._say(failed, waiting=len(message))

    def _say(self, failed: NotifyError, *, waiting: int) -> None:
        """Say in the log that the channel cannot be told, unless that has been said."""
        if not self.failing:
            self.failing = True
            self.log.error(
                "notify.failed", channel=self.name, reason=str(failed), waiting=waiting, given_up=0,
                hint=f"flowmend notify test {self.name} tries it at once",
            )  # fmt: skip


def _under_way(waiting: Sequence[Notice]) -> list[Notice]:
    return [each for each in waiting if each.message_id]


def _names(message: Sequence[Notice]) -> str:
    return ", ".join(sorted({each.noted.event for each in message}))
