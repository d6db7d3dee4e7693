"""The store without a database: notices."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import datetime

from daemon.core.notices import Noted, Notice, Told
from daemon.store.memory_errors import Shelves


class MemoryNotices(Shelves):
    """The outbox of all channels."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        super().__init__(now=now)
        self.outbox: dict[int, Notice] = {}
        self.taken: dict[int, tuple[datetime, bool]] = {}

    async def note(self, channels: Iterable[tuple[str, Noted]]) -> None:
        """Write down what each channel is to be told; equal events that it was not told of yet become one."""
        for channel, noted in channels:
            for number, known in self.outbox.items():
                before = known.noted
                if not known.message_id and (known.channel, before.event, before.scope) == (
                    channel, noted.event, noted.scope,
                ):  # fmt: skip
                    grown = replace(noted, times=before.times + noted.times, first_at=before.first_at)
                    self.outbox[number] = replace(known, noted=grown)
                    break
            else:
                number = next(self.numbers)
                self.outbox[number] = Notice(number=number, channel=channel, noted=noted)

    async def open_notices(self, channel: str) -> list[Notice]:
        """Return what the channel has not been told of yet, oldest first."""
        mine = [each for number, each in self.outbox.items() if each.channel == channel and number not in self.taken]
        return sorted(mine, key=lambda each: (each.noted.first_at, each.number))

    async def told_since(self, channel: str, since: datetime) -> list[Told]:
        """Return what the channel has been told of since then."""
        return [
            Told(event=each.noted.event, scope=each.noted.scope, message_id=each.message_id, at=at)
            for number, each in self.outbox.items()
            for at, sent in [self.taken.get(number, (since, False))]
            if each.channel == channel and sent and at > since
        ]

    async def fix_message(self, channel: str, message_id: str, numbers: Collection[int], now: datetime) -> bool:
        """Make the growing notices of these *numbers* one message; False where the channel has one that has not ended."""
        mine = await self.open_notices(channel)
        growing = [each for each in mine if each.number in numbers and not each.message_id]
        if any(each.message_id for each in mine):
            return False
        for each in growing:
            self.outbox[each.number] = replace(each, message_id=message_id, next_at=now, fixed_at=now)
        return bool(growing)

    async def put_off_message(self, message_id: str, before: datetime, until: datetime) -> bool:
        """Let nobody send the message before *until*; False where it is no longer put off until *before*."""
        mine = [each for each in self.outbox.values() if each.message_id == message_id and each.next_at == before]
        mine = [each for each in mine if each.number not in self.taken]
        for each in mine:
            self.outbox[each.number] = replace(each, next_at=until)
        return bool(mine)

    async def end_message(self, message_id: str, now: datetime, *, sent: bool) -> None:
        """Remember that the channel took the message, or that it was given up."""
        self.taken |= {each.number: (now, sent) for each in self.outbox.values() if each.message_id == message_id}

    async def forget_notices(self, before: datetime, channels: Collection[str], *, abandoned: datetime) -> int:
        """Delete what ended *before* then, and what none of *channels* is to be told that happened before *abandoned*."""
        old = {number for number, (at, _) in self.taken.items() if at < before}
        old |= {
            number
            for number, each in self.outbox.items()
            if each.channel not in channels and each.noted.last_at < abandoned
        }
        for number in old:
            del self.outbox[number]
            self.taken.pop(number, None)
        return len(old)
