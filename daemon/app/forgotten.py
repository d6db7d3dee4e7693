"""Since when the store has what it tells of: what was forgotten does not come back once the configuration keeps more."""

from dataclasses import replace
from datetime import datetime
from typing import Protocol

from daemon.core.retention import Retention

ATTEMPTS, RECORDINGS = "forgotten_attempts", "forgotten_recordings"
"""The notes of before when attempts and recordings were forgotten."""


class Notes(Protocol):
    """What is asked of the store."""

    async def get_meta(self, key: str) -> str | None:
        """Return one note."""

    async def set_meta_soon(self, key: str, value: str) -> None:
        """Keep one note that a power cut may take."""


async def still_kept(store: Notes, kept: Retention, now: datetime) -> Retention:
    """Return *kept*, but for what was forgotten when the configuration said to keep less.

    Where a clock that was ahead has forgotten what is younger than *now*, it is all that was there until now.
    """

    async def since(key: str, configured: datetime) -> datetime:
        noted = await store.get_meta(key)
        return max(configured, min(datetime.fromisoformat(noted), now)) if noted else configured

    return replace(
        kept, attempts=await since(ATTEMPTS, kept.attempts), recordings=await since(RECORDINGS, kept.recordings)
    )


async def note_forgotten(store: Notes, old: Retention, now: datetime) -> None:
    """Note that what is older than *old* says is forgotten from *now* on."""
    known = await still_kept(store, old, now)
    await store.set_meta_soon(ATTEMPTS, known.attempts.isoformat())
    await store.set_meta_soon(RECORDINGS, known.recordings.isoformat())
