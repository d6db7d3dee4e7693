"""Presence: a lock beside the store by which others see that a process lives, however it came to its end.

Each run locks one byte of the file ``<store>-alive``, and the kernel lets go of it when the process ends: after SIGKILL,
in a container whose every process has the same number, after a reboot. A stopped process keeps it. This tells the truth
about every process on this machine, because a store with a write-ahead log can only be used from one machine at a time;
it works wherever SQLite's own locks do.
"""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

from daemon.core.exceptions import StoreError
from daemon.store import sqlite

RUN_BITS = 62
"""How long the random number of a run may be: an offset in a file."""

_FLOCK = "hhqqi"
"""The kernel's ``struct flock``: type, whence, start, length, pid (0 for a lock that belongs to an open file)."""


@dataclass(frozen=True, slots=True)
class Presence:
    """The open file *alive*; None where the store is in memory, in which case there is nobody else."""

    alive: int | None

    def gone(self, run: int) -> bool:
        """Tell whether the process with this number is known to have ended."""
        if self.alive is None or not 0 <= run < 1 << RUN_BITS:
            return False
        held = fcntl.fcntl(self.alive, fcntl.F_OFD_GETLK, _byte(run))
        return bool(struct.unpack_from(_FLOCK, held)[0] == fcntl.F_UNLCK)


def lives(store: Path, run: int) -> bool | None:
    """Tell whether the process with this number lives that uses the store file; None where that cannot be told."""
    try:
        alive = os.open(_beside(store), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return not Presence(alive).gone(run)
    finally:
        os.close(alive)


@contextmanager
def show_presence(url: str, run: int) -> Iterator[Presence]:
    """Show until the end of the block, or of the process, that *run* lives.

    Raises:
        StoreError: the file cannot be made or locked.
    """
    store = sqlite.place(make_url(url))
    if store is None:
        yield Presence(None)
        return
    file = _beside(store)
    try:
        alive = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"{file} cannot be made or opened: {error.strerror}") from error
    try:
        try:
            fcntl.fcntl(alive, fcntl.F_OFD_SETLK, _byte(run))
        except OSError as error:
            raise StoreError(f"{file} cannot be locked ({error.strerror}): is the store on a local disk?") from error
        yield Presence(alive)
    finally:
        os.close(alive)


def _beside(store: Path) -> Path:
    return store.with_name(f"{store.name}-alive")


def _byte(run: int) -> bytes:
    return struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, run, 1, 0)
