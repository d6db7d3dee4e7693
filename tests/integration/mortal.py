"""A daemon that can be killed like a process: from one instant on it sends nothing and writes nothing, and cleans nothing up."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aiohttp

from daemon.app.build import Daemon
from daemon.core.exceptions import FlowmendError
from daemon.integrator.client import Client
from daemon.integrator.exchange import Transport
from daemon.integrator.protocol import Answer, Request
from daemon.integrator.transport import HttpTransport
from daemon.sandbox import Sandbox
from daemon.store.sql import SqlStore
from tests.integration.shop import ACCOUNT, Shop
from tests.integration.small_shop import unhurried


class Killed(BaseException):
    """The process is gone. It passes every ``except`` of the daemon, as nothing of a dead process runs on."""


def never(_: Any) -> bool:
    return False


@dataclass
class Life:
    """When a process dies: *at_answer* of a request (told what the sandbox saw of it), or *before* or *after* a write.

    Writes of the store are counted from 1; *written* counts them, *durable* lists those that were durable. From its death
    on everything that leaves the daemon, to the platform or to the store, fails with `Killed`.
    """

    at_answer: Callable[[Any], bool] = never
    before: Callable[[int], bool] = never
    after: Callable[[int], bool] = never
    dead: bool = False
    written: int = 0
    durable: list[int] = field(default_factory=list)

    def breathe(self) -> None:
        """Go on, or not.

        Raises:
            Killed: the process is dead.
        """
        if self.dead:
            raise Killed

    def die(self) -> None:
        """Die here."""
        self.dead = True
        raise Killed


@dataclass
class MortalTransport:
    """The way to the platform, as long as the daemon lives."""

    inner: Transport
    sandbox: Sandbox
    life: Life

    async def send(self, request: Request, headers: dict[str, str]) -> Answer:
        self.life.breathe()
        seen = len(self.sandbox.seen)
        try:
            return await self.inner.send(request, headers)
        finally:
            self.life.breathe()
            if any(self.life.at_answer(each) for each in self.sandbox.seen[seen:]):
                self.life.die()


def make_mortal(daemon: Daemon, sandbox: Sandbox, life: Life) -> None:
    """Let *daemon* live and die by *life*: its way to the platform, its store, and the account's fenced view of it."""
    pass_ = daemon.accounts[ACCOUNT].pass_
    assert isinstance(pass_.client, Client)
    assert isinstance(pass_.store, SqlStore)
    pass_.client.transport = MortalTransport(pass_.client.transport, sandbox, life)
    for store in (daemon.store, pass_.store):
        store.transact = _mortal(store.transact, life)  # type: ignore[method-assign,assignment] # every statement passes


def _mortal(transact: Callable[..., Awaitable[Any]], life: Life) -> Callable[..., Awaitable[Any]]:
    async def mortal(work: Callable[[Any], Any], *, write: bool, durable: bool) -> Any:
        life.breathe()
        if not write:
            return await transact(work, write=write, durable=durable)
        life.written += 1
        number = life.written
        life.durable += [number] * durable
        if life.before(number):
            life.die()
        kept = await transact(work, write=write, durable=durable)
        life.breathe()
        if life.after(number):
            life.die()
        return kept

    return mortal


@asynccontextmanager
async def living(shop: Shop, life: Life, *, patience_s: float = 0.0) -> AsyncIterator[Daemon]:
    """Start a daemon on the shop's store that lives by *life*; what kills it ends the block, and nothing else does.

    With *patience_s* it waits no longer than that for an answer, in earnest.
    """
    with suppress(Killed):
        async with shop.daemon() as daemon:
            unhurried(daemon)
            make_mortal(daemon, shop.sandbox, life)
            if not patience_s:
                yield daemon
                return
            client = daemon.accounts[ACCOUNT].pass_.client
            assert isinstance(client, Client)
            assert isinstance(client.transport, MortalTransport)
            timeout = aiohttp.ClientTimeout(total=patience_s)
            async with HttpTransport(client.base_url, timeout=timeout) as impatient:
                client.transport.inner = impatient
                yield daemon


async def turn(shop: Shop, daemon: Daemon, wait: timedelta) -> None:
    """Let *wait* pass, then run a cycle and two confirmations as the service does: what fails is tried again next time."""
    runner = daemon.accounts[ACCOUNT]
    shop.clock.pass_by(wait)
    for work in (runner.cycle, runner.confirm, runner.confirm):
        with suppress(FlowmendError):
            await work()
        shop.clock.pass_by(timedelta(seconds=10))
