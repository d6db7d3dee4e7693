"""Copies of the database: whole, of one moment, looked through, and under their name only when all that is done.

A copy is made page by page with SQLite's own backup, which starts from the beginning whenever another process has
written meanwhile: beside a service that writes each second, the copy of a large store would never end. So the whole copy
is made in one read transaction. With a write-ahead log that keeps nobody from writing; what is written meanwhile is not
in the copy, and the log grows until it is done. (`VACUUM INTO` would give a snapshot, too, but builds every index anew.)
"""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from daemon.core.exceptions import StoreError
from daemon.store.files import check_log, is_there, log_of
from daemon.store.sqlite import explain, open_to_read

SLICE_PAGES = 1024
"""Pages copied at a time (4 MiB): between two slices progress is told, and an interrupt is noticed."""

PARTS = ("", "-wal", "-shm", "-journal", "-alive")
"""What the names of the files of an open store end in."""

VERSIONED = "SELECT count(*) FROM sqlite_schema WHERE name = 'alembic_version'"
VERSION = "SELECT max(version_num) FROM alembic_version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A copy that was made: *schema* is the version of the store in it."""

    file: Path
    schema: str
    size_bytes: int


def copy_store(
    store: Path, target: Path, *, replace: bool = False, progress: Callable[[float], object] = lambda _: None
) -> Copied:
    """Copy the database *store*, which may be in use, to the file *target*, readable only by its owner.

    *replace* lets the copy take the place of an older one, once it is whole. *progress* is told the part that is done.

    Raises:
        StoreError: no copy was made; nothing was changed.
    """
    if not is_there(store):
        raise StoreError(f"there is no store at {store}")
    whole = store.resolve()
    if target.resolve() in {whole.with_name(f"{whole.name}{part}") for part in PARTS}:
        raise StoreError(f"{target} is a file of the store itself: name another one for the copy")
    if target.exists() and not replace:
        raise StoreError(f"{target} is there already, and a copy never overwrites one unless --force says so")
    check_log(store)
    try:
        _look_for_room(store, target.parent)
        return _copy(store, target, replace=replace, progress=progress)
    except sqlite3.Error as error:
        raise StoreError(f"the store was not copied to {target}: {explain(error, str(store))}") from error
    except OSError as error:
        raise StoreError(f"the store was not copied to {target}: {error.strerror or error}") from error


def _look_for_room(store: Path, folder: Path) -> None:
    log = log_of(store)
    needed = store.stat().st_size + (log.stat().st_size if log.exists() else 0)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StoreError(
            f"there is no room for a copy of the store {store} in {folder}: it takes up to {needed / 1e6:,.0f} MB, "
            f"{free / 1e6:,.0f} MB are free"
        )


def _copy(store: Path, target: Path, *, replace: bool, progress: Callable[[float], object]) -> Copied:
    handle, name = tempfile.mkstemp(prefix=f"{target.name}.", suffix=".part", dir=target.parent)  # 0600
    os.close(handle)
    part = Path(name)
    try:
        schema = _fill(store, part, progress)
        size_bytes = part.stat().st_size
        _sync(part)
        if not replace:
            os.close(os.open(target, os.O_CREAT | os.O_EXCL, 0o600))  # taken by us, or refused
        part.replace(target)
        _sync(target.parent)
    finally:
        for left in (part, part.with_name(f"{part.name}-journal")):
            left.unlink(missing_ok=True)
    return Copied(file=target, schema=schema, size_bytes=size_bytes)


def _fill(store: Path, part: Path, progress: Callable[[float], object]) -> str:
    """Copy, look through the copy, and return its version."""

    def tell(_: int, remaining: int, total: int) -> None:
        progress(1 - remaining / max(total, 1))

    with closing(sqlite3.connect(part, isolation_level=None)) as copy:
        copy.execute("PRAGMA synchronous=OFF")  # it is synced once, when it is whole
        with closing(open_to_read(store)) as source:
            source.execute("BEGIN")
            schema = version_in(source)  # with this the transaction sees one moment only
            if not schema:
                raise StoreError(
                    f"there is no store of Flowmend in {store}: it is empty, or of another program. No copy of it was "
                    "made, and none replaced"
                )
            source.backup(copy, pages=SLICE_PAGES, progress=tell)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, which needs no log beside it
        (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok" or version_in(copy) != schema:
            raise StoreError(
                f"the copy of the store {store} is damaged ({found}), so it was not kept: flowmend db check tells "
                "whether the store itself is"
            )
    return schema


def version_in(database: sqlite3.Connection) -> str:
    """Return the version of an open database's schema, "" where it has none."""
    (versioned,) = database.execute(VERSIONED).fetchone()
    (version,) = database.execute(VERSION).fetchone() if versioned else ("",)
    return version or ""


def _sync(path: Path) -> None:
    """See that a file, or the names in a folder, are on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
