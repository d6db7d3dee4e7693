"""Telling people beside the work: what the log tells is heard, written into the store, and sent channel by channel.

No cycle waits for any of it. A process that ends, or is killed, leaves what was not told to the next one.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

from structlog.typing import FilteringBoundLogger

from daemon.app.digest import Digests
from daemon.core.exceptions import StoreError
from daemon.core.notices import GATHER
from daemon.notify.channel import Channel
from daemon.notify.listening import Listener

LOOK_S = 5.0
"""How often it is looked whether there is something to tell."""

LOOK_FOR_DIGEST_S = 60.0

DIRECTLY_AFTER = 6
"""So many failures of the store in a row, half a minute, and people are told without it: its disk may be full for long."""

COMMAND_LINGERS_S = 5.0
"""How long a command waits at its end for its channels; the service, which is being waited for, does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifications:
    """All channels of one process, and what it has heard for them; *stirred* while something is to be written."""

    channels: Sequence[Channel]
    listener: Listener
    stirred: asyncio.Event
    log: FilteringBoundLogger
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    look_s: float = LOOK_S

    @asynccontextmanager
    async def at_work(
        self, digests: Digests | None = None, *, linger_s: float = COMMAND_LINGERS_S
    ) -> AsyncIterator[None]:
        """Tell people beside what is done in the block, and then of what is left, for *linger_s* at most."""
        if not self.channels:
            yield
            return
        self.closing.clear()
        serving = {channel.name: asyncio.create_task(self._serve(channel)) for channel in self.channels}
        tasks = [asyncio.create_task(self._write()), *serving.values()]
        if digests is not None:
            tasks.append(asyncio.create_task(self._look_for(digests)))
        for task in tasks:
            task.add_done_callback(self._ended)
        try:
            yield
        finally:
            self.closing.set()
            self.stirred.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(linger_s):
                    await self._tell_the_rest(digests, serving)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _tell_the_rest(self, digests: Digests | None, serving: Mapping[str, "asyncio.Task[None]"]) -> None:
        async def close(channel: Channel) -> None:
            await asyncio.wait([serving[channel.name]])
            await _drain(channel, gather=timedelta(0))

        try:
            if digests is not None:
                await digests.make()
            await self.listener.write()
        except StoreError:  # it will not be there when the next process begins: told now, or never
            await self._tell_without_store()
        else:
            await asyncio.gather(*map(close, self.channels))

    async def _write(self) -> None:
        failures = 0
        while not self.closing.is_set():
            await self.stirred.wait()
            self.stirred.clear()
            try:
                await self.listener.write()
            except StoreError:  # what was heard is kept, and told once more when it can be written
                failures += 1
                if failures == DIRECTLY_AFTER:
                    await self._tell_without_store()
                await self._rest(self.look_s)
                self.stirred.set()
            else:
                failures = 0

    async def _tell_without_store(self) -> None:
        unwritten = self.listener.unwritten
        await asyncio.gather(*(channel.tell_at_once(unwritten(channel.name)) for channel in self.channels))

    async def _serve(self, channel: Channel) -> None:
        while not self.closing.is_set():
            await _drain(channel)
            await self._rest(self.look_s)

    async def _look_for(self, digests: Digests) -> None:
        while not self.closing.is_set():
            with suppress(StoreError):
                await digests.make()
            await self._rest(LOOK_FOR_DIGEST_S)

    async def _rest(self, for_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(for_s):
                await self.closing.wait()

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (bug := task.exception()) is not None:
            self.log.error("job.failed", job="notify", exc_info=bug)


async def _drain(channel: Channel, *, gather: timedelta = GATHER) -> None:
    """Send what it is time for; where the store fails, which the cycles say, it is looked again later."""
    with suppress(StoreError):
        while await channel.step(gather=gather):
            pass
