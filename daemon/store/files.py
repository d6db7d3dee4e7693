"""The files of an open database: that they are still the ones under its name, and that its log is whole.

A process keeps the files that it opened, also after somebody moved them away or put a backup in their place: what it
then writes, nobody will ever read again. And SQLite reads a damaged log up to the damage and says nothing.
"""

import sys
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from struct import Struct
from typing import BinaryIO, Self

from daemon.core.exceptions import StoreError, StoreLostError

HEADER = Struct(">8I")
"""Of the log: magic, version, page size, number, two salts, two sums (https://sqlite.org/fileformat2.html, chapter 4)."""

FRAME = Struct(">6I")
"""Before each page: its number, the size of the database where a transaction ends here else 0, two salts, two sums."""

MAGIC = (0x377F0682, 0x377F0683)
"""Sums over little-endian words, over big-endian words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The database's file and its log, by device and number, as they were when the database was opened."""

    file: Path
    found: Mapping[Path, tuple[int, int]]

    @classmethod
    def of(cls, file: Path) -> Self:
        """Note the files of a database that is open; its log stands beside the file that *file* may be a link to."""
        return cls(file=file, found={path: _identity(path) for path in (file, log_of(file))})

    def check(self) -> None:
        """Look whether the files are still there under their names.

        Raises:
            StoreLostError: they are not; nothing that is written now would ever be read.
        """
        for path, identity in self.found.items():
            if _identity(path) != identity:
                raise StoreLostError(
                    f"the store {self.file} was moved, removed or replaced while it was in use ({path.name} is not the "
                    "file that was opened): nothing more is written to it or to integrator.io. Start again to go on "
                    "with the store that is there now; stop Flowmend first when you move or restore a store"
                )


@dataclass(slots=True, kw_only=True)
class Trust:
    """Whether what is written to an open database will be read again; once *lost* says why not, it never will be."""

    files: Files | None = None
    lost: str = ""

    def check(self) -> None:
        """Look whether the database can still be trusted.

        Raises:
            StoreLostError: it cannot.
        """
        if self.lost:
            raise StoreLostError(self.lost)
        if self.files is not None:
            self.files.check()


def is_there(file: Path) -> bool:
    """Tell whether there is a database under this name.

    Raises:
        StoreError: it cannot be seen, as a rule because the folder is the service's alone.
    """
    try:
        return file.exists()
    except OSError as error:
        raise StoreError(
            f"the store {file} cannot be looked at ({error.strerror}): run this as the user of the service"
        ) from error


def log_of(file: Path) -> Path:
    """Return the write-ahead log of a database."""
    whole = file.resolve()
    return whole.with_name(f"{whole.name}-wal")


def check_log(file: Path) -> None:
    """Look whether all of the log that a process left behind can be read, before SQLite cuts it off and removes it.

    What stands after a page that cannot be read and has the mark of a transaction's end was written, and would be
    forgotten. Looked at twice: another process may be writing to it right now.

    Raises:
        StoreError: a part of it cannot be read; nothing was changed.
    """
    log = log_of(file)
    damage = _damage(log)
    if damage and _damage(log) == damage:
        raise StoreError(
            f"the log {log.name} of the store {file} is damaged: {damage}. What Flowmend sent last may be written there, "
            "so nothing was opened, changed or sent. Restore a backup of the store (and remove the log); or, where you "
            f"know that it may be forgotten, run: sqlite3 {file} 'PRAGMA wal_checkpoint(TRUNCATE)'"
        )


def _identity(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_dev, found.st_ino)


def _damage(log: Path) -> str:
    """Say what is wrong with a log, or ""."""
    try:
        with log.open("rb") as content:
            return _damage_of(content)
    except FileNotFoundError:
        return ""


def _damage_of(log: BinaryIO) -> str:
    header = log.read(HEADER.size)
    if len(header) < HEADER.size:
        return ""
    magic, _, page_bytes, _, *salts, sum_1, sum_2 = HEADER.unpack(header)
    big_endian = magic == MAGIC[1]
    if magic not in MAGIC or _sums((0, 0), header[:-8], big_endian=big_endian) != (sum_1, sum_2):
        return "its beginning cannot be read" if log.read(FRAME.size) else ""
    known, damaged = (sum_1, sum_2), 0
    for place in count(1):
        frame = log.read(FRAME.size + page_bytes)
        if len(frame) < FRAME.size + page_bytes:
            return ""
        _, ends_transaction, *frame_salts, sum_1, sum_2 = FRAME.unpack_from(frame)
        if not damaged:
            known = _sums(known, frame[:8] + frame[FRAME.size :], big_endian=big_endian)
            damaged = place if frame_salts != salts or known != (sum_1, sum_2) else 0
        if damaged and ends_transaction and frame_salts == salts:
            return f"page {damaged} of it cannot be read, and what was written after that neither"
    return ""


def _sums(known: tuple[int, int], content: bytes, *, big_endian: bool) -> tuple[int, int]:
    """Go on with the log's two running sums over *content*, whole pairs of words."""
    words = array("I", content)
    if big_endian != (sys.byteorder == "big"):
        words.byteswap()
    one, two = known
    for place in range(0, len(words), 2):
        one = (one + words[place] + two) & 0xFFFFFFFF
        two = (two + words[place + 1] + one) & 0xFFFFFFFF
    return one, two
