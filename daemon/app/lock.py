"""One writer per account and store (P12): the lease, its heartbeat, and what happens while another process has it.

A process takes an account's lease before its first pass and renews it as long as it lives. Another one takes it over at
once where its holder on this host has ended, however it ended, and else when it has run out: its holder is stopped, or
cut off from the store. Whoever lost it writes nothing more, because the store's fence lets only the newest token through;
and it sends nothing more, because nothing is sent before it is journalled, and because right before each write the lease
must have a good part of its life left by the wall clock and by the one that never jumps, or be renewed.

A wall clock that jumps ahead lets others take over, and by the same clock we stop writing; one that jumps back makes
others wait longer, while the other clock holds us to the time that was agreed.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from daemon.core.exceptions import LockedError, StoreError
from daemon.core.leases import Holder, Lease
from daemon.core.records import StepRef
from daemon.pipeline.terms import Clock
from daemon.store.fence import Fence

LIFE = timedelta(seconds=60)
"""How long a lease lasts without being renewed: how long a stopped process keeps others from taking over."""

BEAT_S = LIFE.total_seconds() / 3
"""How often it is renewed."""

SAFE = LIFE / 3
"""How much of its life must be left for a write to be sent; with less, it is renewed first."""


class Leases(Protocol):
    """What a lock asks of the store."""

    async def lease(self, account: str) -> Lease | None:
        """Return the account's lease, None where nobody ever took it."""

    async def take_lease(self, account: str, holder: str, now: datetime, ttl: timedelta, *, ended: int = 0) -> Lease:
        """Take the lease where it is free, expired or has the token *ended*, and return it; else return who holds it."""

    async def renew_lease(self, account: str, token: int, now: datetime, ttl: timedelta) -> bool:
        """Make the lease last until *ttl* from now; return whether it is still that one."""

    async def release_lease(self, account: str, token: int, now: datetime) -> None:
        """Leave the lease to whoever comes next."""


@dataclass(slots=True, kw_only=True)
class AccountLock:
    """The lease of one account, as this process holds it or not; *gone* tells whether a run on this host has ended.

    *fence* is what the account's writes to the store must pass.
    """

    holder: Holder
    leases: Leases
    gone: Callable[[int], bool]
    clock: Clock
    log: FilteringBoundLogger
    fence: Fence
    monotonic: Callable[[], float] = monotonic
    _expires_at: datetime | None = None
    _expires_s: float = 0.0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def held(self) -> bool:
        """Tell whether the lease is ours, as far as we know."""
        return self.fence.token != 0

    async def hold(self) -> None:
        """Have the lease when this returns. Only between two passes: what an earlier lease began must have ended.

        Raises:
            LockedError: another process has it.
        """
        async with self._turn:
            if not (self.held and (self._is_safe() or await self._renew())):
                await self._take()

    async def keep(self) -> None:
        """Renew the lease where we hold it; say so in the log where it turns out to be lost."""
        async with self._turn:
            if self.held:
                await self._renew()

    async def may_write(self, step: StepRef) -> str:
        """Return why nothing may be sent to *step* now, "" where it may."""
        async with self._turn:
            if self.held and (self._is_safe() or await self._renew()):
                return ""
            return f"another process has taken over the account {step.account}"

    async def release(self) -> None:
        """Leave the account to others; where the store fails now, they see that this process has ended."""
        async with self._turn:
            token, self.fence.token = self.fence.token, 0
            if token:
                try:
                    await self.leases.release_lease(self.fence.account, token, self.clock.now())
                except StoreError as failed:
                    self.log.warning("lock.failed", reason=str(failed))

    def _is_safe(self) -> bool:
        return (
            self._expires_at is not None
            and self.clock.now() < self._expires_at - SAFE
            and self.monotonic() < self._expires_s - SAFE.total_seconds()
        )

    async def _take(self) -> None:
        account, now, began_s = self.fence.account, self.clock.now(), self.monotonic()
        known = await self.leases.lease(account)
        before = Holder.from_json(known.holder) if known else None
        has_ended = before is not None and before.host == self.holder.host and self.gone(before.run)
        ended = known.token if known is not None and has_ended else 0
        lease = await self.leases.take_lease(account, self.holder.to_json(), now, LIFE, ended=ended)
        if not lease.mine:
            raise LockedError(f"{account}: another process looks after this account: {_name(lease)}")
        self._begin(lease.token, now, began_s)
        reason = "free" if before is None else "ended" if has_ended else "silent"
        self.log.info("lock.taken", lease=lease.token, reason=reason, before=str(before or ""))

    async def _renew(self) -> bool:
        account, token, now, began_s = self.fence.account, self.fence.token, self.clock.now(), self.monotonic()
        if await self.leases.renew_lease(account, token, now, LIFE):
            self._begin(token, now, began_s)
            return True
        self.fence.token = 0
        lease = await self.leases.lease(account)
        self.log.error("lock.lost", lease=token, holder=_name(lease))
        return False

    def _begin(self, token: int, now: datetime, began_s: float) -> None:
        self.fence.token = token
        self._expires_at, self._expires_s = now + LIFE, began_s + LIFE.total_seconds()


@asynccontextmanager
async def heartbeat(
    locks: Sequence[AccountLock], *, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
) -> AsyncIterator[None]:
    """Keep what is held until the end of the block, and release it then."""
    beat = asyncio.create_task(_beat(locks, sleep))
    try:
        yield
    finally:
        beat.cancel()
        with suppress(asyncio.CancelledError):
            await beat
        for lock in locks:
            await lock.release()


async def _beat(locks: Sequence[AccountLock], sleep: Callable[[float], Awaitable[object]]) -> None:
    while True:
        await sleep(BEAT_S)
        for lock in locks:
            try:
                await lock.keep()
            except StoreError as failed:  # what cannot be renewed runs out, and nothing more is sent
                lock.log.warning("lock.failed", reason=str(failed))


def _name(lease: Lease | None) -> str:
    return str((Holder.from_json(lease.holder) if lease else None) or "a process that does not say who it is")
