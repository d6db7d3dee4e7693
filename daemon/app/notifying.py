"""Telling people beside the work: what the log tells is heard, written into the store, and sent channel by channel.

No cycle waits for any of it. A process that ends, or is killed, leaves what was not told to the next one.
"""

import asyncio
import secrets as randomness
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from structlog.typing import FilteringBoundLogger

from daemon.app.digest import Digests
from daemon.core.exceptions import NotifyError, StoreError
from daemon.core.notices import Noted, Pace, wanted_by
from daemon.logs import Audience, Secrets, printable
from daemon.notify.address import Address, parse_address, secrets_of
from daemon.notify.channel import Channel, Outbox
from daemon.notify.listening import Listener
from daemon.notify.messages import compose
from daemon.notify.phrases import TEST
from daemon.pipeline.terms import Clock
from daemon.rulebook.concealing import conceal
from daemon.settings import Channel as ChannelSettings
from daemon.settings import Settings
from daemon.store.memory import MemoryStore
from daemon.store.sql import SqlStore

LOOK_S = 5.0
"""How often it is looked whether there is something to tell."""

LOOK_FOR_DIGEST_S = 60.0

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

    @asynccontextmanager
    async def at_work(
        self, digests: Digests | None = None, *, linger_s: float = COMMAND_LINGERS_S
    ) -> AsyncIterator[None]:
        """Tell people beside what is done in the block, and then of what is left, for *linger_s* at most."""
        if not self.channels:
            yield
            return
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
            heard = list(self.listener.heard.values())
            await asyncio.gather(*(channel.tell_at_once(heard) for channel in self.channels))
        else:
            await asyncio.gather(*map(close, self.channels))

    async def _write(self) -> None:
        while not self.closing.is_set():
            await self.stirred.wait()
            self.stirred.clear()
            try:
                await self.listener.write()
            except StoreError:  # a full disk, say: the cycles say so, and what was heard is kept
                await self._rest(LOOK_S)
                self.stirred.set()

    async def _serve(self, channel: Channel) -> None:
        while not self.closing.is_set():
            await _drain(channel)
            await self._rest(LOOK_S)

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


async def _drain(channel: Channel, **how: timedelta) -> None:
    try:
        while await channel.step(**how):
            pass
    except StoreError as failed:
        channel.cannot(failed, waiting=0)


def listen(
    settings: Settings,
    store: SqlStore,
    *,
    audience: Audience,
    clock: Clock,
    log: FilteringBoundLogger,
    secrets: Secrets,
) -> Notifications:
    """Make the channels that *settings* name, and hear from now on what they are to be told."""
    channels = [
        make_channel(name, each, store=store, clock=clock, log=log, secrets=secrets)
        for name, each in settings.notify.items()
    ]
    stirred = asyncio.Event()
    listener = Listener(
        channels={channel.name: channel.events for channel in channels},
        outbox=store,
        now=clock.now,
        stirred=stirred.set,
    )
    audience.events = frozenset[str]().union(*listener.channels.values())
    audience.hear = listener.hear
    return Notifications(channels=channels, listener=listener, stirred=stirred, log=log)


async def try_channels(
    settings: Settings, names: Sequence[str], *, clock: Clock, log: FilteringBoundLogger, secrets: Secrets
) -> dict[str, str]:
    """Send a test to the channels *names*, side by side, past all limits; return why those failed that did."""

    async def attempt(name: str) -> str:
        now = clock.now()
        channel = make_channel(
            name, settings.notify[name], store=MemoryStore(now=clock.now), clock=clock, log=log, secrets=secrets
        )
        test = Noted(event=TEST, scope="", facts={"channel": name}, first_at=now, last_at=now)
        try:
            await channel.send(compose(channel.new_id(), now, [test], host=channel.host))
        except NotifyError as failed:
            return printable(conceal(secrets.hide(str(failed))))
        return ""

    reasons = await asyncio.gather(*map(attempt, names))
    return {name: reason for name, reason in zip(names, reasons, strict=True) if reason}


def make_channel(
    name: str, settings: ChannelSettings, *, store: Outbox, clock: Clock, log: FilteringBoundLogger, secrets: Secrets
) -> Channel:
    """Return one channel as *settings* have it."""
    return Channel(
        name=name,
        events=wanted_by(settings.events),
        address=partial(_address, settings, secrets),
        outbox=store,
        now=clock.now,
        new_id=partial(randomness.token_hex, 8),
        host=socket.gethostname(),
        log=log,
        pace=Pace(min_interval=settings.min_interval, repeat=settings.repeat, per_hour=settings.max_per_hour),
    )


def _address(settings: ChannelSettings, secrets: Secrets) -> Address:
    """Read where a channel leads, and hide it in the log before it is used."""
    url, secret = settings.read_url(), settings.read_secret()
    secrets.add(url.strip())
    address = parse_address(url, secret)
    for value in secrets_of(address):
        secrets.add(value)
    return address
