"""Housekeeping: what nobody needs any more goes, and the room that it leaves is given back to the disk."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from structlog.typing import FilteringBoundLogger

from daemon.app.build import make_holder
from daemon.app.forgotten import note_forgotten
from daemon.app.lock import AccountLock
from daemon.core.exceptions import StoreError
from daemon.core.retention import retention, steady
from daemon.notify.channel import GIVE_UP
from daemon.pipeline.terms import Clock
from daemon.settings import Settings
from daemon.store.copies import copy_store
from daemon.store.fence import Fence
from daemon.store.presence import show_presence
from daemon.store.sql import SqlStore, open_store

EVERY = timedelta(hours=1)

AFTER_START = timedelta(minutes=5)
"""How long a service has other things to do first, even if the store should have been cleared long ago."""

TOLD_FOR = timedelta(days=30)
"""How long it is known what people were told: longer than it may be repeated after."""

NOTE = "kept_house"
"""As of when the store was last cleared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """What was removed, as of *at*: data around patches and plans, attempts, recordings; how much room was given back."""

    at: datetime
    removed: int
    attempts: int
    recordings: int
    given_back_bytes: int


async def due_at(store: SqlStore, now: datetime) -> datetime:
    """Return when the store should be cleared next: an hour after the last time, whichever process that was in."""
    last = await _last(store)
    return now if last is None or last > now else last + EVERY


async def clear(store: SqlStore, settings: Settings, now: datetime) -> Cleared:
    """Remove what can change no decision any more, in small transactions, and give back the room."""
    at = steady(now, await _last(store))
    old = retention(
        at,
        keep=settings.store.keep,
        recordings=settings.recordings.keep,
        retry_max_age=settings.actions.retry_max_age,
    )
    await note_forgotten(store, old, at)
    removed = await store.prune(old.details, old.gone)
    attempts = await store.forget_attempts(old.attempts)
    recordings = await store.forget_recordings(old.recordings, open_too=not settings.recordings.keep)
    await store.forget_notices(at - TOLD_FOR, list(settings.notify), abandoned=at - GIVE_UP)
    given_back_bytes = await store.give_back()
    await store.set_meta_soon(NOTE, at.isoformat())
    return Cleared(at=at, removed=removed, attempts=attempts, recordings=recordings, given_back_bytes=given_back_bytes)


def tell(cleared: Cleared, log: FilteringBoundLogger) -> None:
    """Say in the log what was removed."""
    log.info(
        "store.pruned",
        removed=cleared.removed,
        attempts=cleared.attempts,
        recordings=cleared.recordings,
        given_back_bytes=cleared.given_back_bytes,
    )


async def clear_copy(settings: Settings, file: Path, clock: Clock) -> Cleared:
    """Clear a copy of the store, which is removed again, and so tell what would be removed of the store.

    Raises:
        StoreError: there is no room for the copy beside the store, or no right to make it.
    """
    try:
        beside = TemporaryDirectory(prefix=f"{file.name}.", dir=file.parent)
    except OSError as error:
        raise StoreError(f"no copy of the store can be made in {file.parent}: {error.strerror}") from error
    with beside as folder:
        copy = copy_store(file, Path(folder) / file.name).file
        async with open_store(f"sqlite:///{copy}", now=clock.now) as store:
            return await clear(store, settings, clock.now())


@asynccontextmanager
async def alone(store: SqlStore, settings: Settings, clock: Clock, log: FilteringBoundLogger) -> AsyncIterator[None]:
    """Look after all accounts until the end of the block, so that no other process sends what it could not write down.

    Raises:
        LockedError: another process looks after one of them.
    """
    async with AsyncExitStack() as stack:
        holder = make_holder("db prune --vacuum", clock)
        presence = stack.enter_context(show_presence(settings.store.url, holder.run))
        for account in settings.accounts:
            fence = Fence(account=account)
            lock = AccountLock(holder=holder, leases=store, gone=presence.gone, clock=clock, log=log, fence=fence)
            await lock.hold()
            stack.push_async_callback(lock.release)
        yield


async def _last(store: SqlStore) -> datetime | None:
    note = await store.get_meta(NOTE)
    return datetime.fromisoformat(note) if note else None
