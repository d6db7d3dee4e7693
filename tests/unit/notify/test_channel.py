import io
import json
from collections.abc import Collection
from datetime import datetime, timedelta
from itertools import count, pairwise
from typing import Any

import pytest

from daemon.core.exceptions import ConfigError
from daemon.core.notices import Noted
from daemon.logs import Secrets, configure_logs
from daemon.notify.address import Address
from daemon.notify.channel import LONGEST_PAUSE, Channel
from daemon.notify.messages import Message
from daemon.notify.sending import Sender
from daemon.store.memory import MemoryStore
from tests.fakes import FakeClock

MINUTE = timedelta(minutes=1)


class Outbox(MemoryStore):
    """An outbox into which something is written right before a message is fixed."""

    late: Noted | None = None

    async def fix_message(self, channel: str, message_id: str, numbers: Collection[int], now: datetime) -> bool:
        if self.late is not None:
            await self.note([(channel, self.late)])
        return await super().fix_message(channel, message_id, numbers, now)


class Line(Sender):
    """A way to tell people that is broken; *messages* are those that were tried."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(address=_nowhere, now=clock.now)
        self.messages: list[tuple[datetime, Message]] = []

    async def send(self, message: Message) -> None:
        self.messages.append((self.now(), message))
        await super().send(message)


def _nowhere() -> Address:
    raise ConfigError("no such file")


class Made:
    """A channel that does not take messages, and its outbox."""

    def __init__(self) -> None:
        self.clock, self.log, ids = FakeClock(), io.StringIO(), count(1)
        self.outbox = Outbox(now=self.clock.now)
        self.line = Line(self.clock)
        self.channel = Channel(
            name="ops",
            sender=self.line,
            outbox=self.outbox,
            now=self.clock.now,
            new_id=lambda: f"m{next(ids)}",
            host="erp-1",
            log=configure_logs(format="json", stream=self.log, secrets=Secrets(), now=self.clock.now),
        )

    @property
    def tried_at(self) -> list[datetime]:
        return [at for at, _ in self.line.messages]

    def noted(self, **fields: Any) -> Noted:
        now = self.clock.now()
        return Noted(event="limit.reached", scope="", first_at=now - MINUTE, last_at=now, **fields)

    async def look(self, *, times: int, every: timedelta) -> None:
        for _ in range(times):
            assert not await self.channel.step()
            self.clock.pass_by(every)


@pytest.fixture
async def made() -> Made:
    """A channel with one notice that is due."""
    made = Made()
    await made.outbox.note([("ops", made.noted())])
    return made


async def test_what_is_noted_while_a_message_is_fixed_is_counted_in_it(made: Made) -> None:
    made.outbox.late = made.noted(times=4)
    await made.channel.step()
    (fixed,) = await made.outbox.open_notices("ops")
    ((_, message),) = made.line.messages
    assert fixed.noted.times == 5
    assert [each["times"] for each in json.loads(message.document)["notices"]] == [5]


async def test_each_pause_after_a_failure_is_twice_the_one_before_up_to_five_minutes(made: Made) -> None:
    await made.look(times=2000, every=timedelta(seconds=1))
    pauses = [(after - before).total_seconds() for before, after in pairwise(made.tried_at)]
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300, 300, 300]


async def test_a_clock_that_was_ahead_puts_nothing_off(made: Made) -> None:
    made.clock.pass_by(timedelta(days=400))
    await made.channel.step()
    made.clock.pass_by(-timedelta(days=400))
    await made.channel.step()
    assert len(made.tried_at) == 2


async def test_what_a_killed_process_was_sending_is_left_alone_for_a_while_only(made: Made) -> None:
    await made.outbox.fix_message("ops", "killed", [1], made.clock.now())
    assert await made.outbox.put_off_message("killed", made.clock.now(), made.clock.now() + LONGEST_PAUSE)
    await made.look(times=6, every=MINUTE)
    assert len(made.tried_at) == 1


async def test_the_log_says_once_why_a_channel_cannot_be_told(made: Made) -> None:
    await made.look(times=100, every=MINUTE)
    (line,) = [json.loads(line) for line in made.log.getvalue().splitlines()]
    assert (line["event"], line["channel"], line["reason"], line["waiting"]) == (
        "notify.failed",
        "ops",
        "no such file",
        1,
    )
