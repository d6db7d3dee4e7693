"""Looking a store through without changing it, while it may be in use: its pages, its schema, and what the journal promises."""

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import create_engine

from daemon.core.exceptions import StoreError
from daemon.store.copies import version_in
from daemon.store.files import check_log, log_of
from daemon.store.invariants import broken_invariants
from daemon.store.schema import HEAD, known_versions, migrate
from daemon.store.sqlite import DAMAGED, explain, open_to_read, raw

MOST = 20
"""How many damaged places are told."""

OBJECTS = "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY name"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreReport:
    """What was found of a store; it is sound where there are no *problems*, each a sentence.

    *log_bytes* of its write-ahead log; *unused_bytes* is room in its file that new rows take first, which is given back
    where it *shrinks*; *disk_free_bytes* are left on its disk. *schema* is its version, "" of an empty one.
    """

    file: Path
    schema: str = ""
    size_bytes: int = 0
    log_bytes: int = 0
    unused_bytes: int = 0
    disk_free_bytes: int = 0
    shrinks: bool = False
    problems: Sequence[str] = ()


def check_store(file: Path) -> StoreReport:
    """Look the store *file* through.

    Raises:
        StoreError: it cannot be read at all: nothing is known about it.
    """
    log, report = log_of(file), StoreReport(file=file)
    try:
        report = StoreReport(
            file=file,
            size_bytes=file.stat().st_size,
            log_bytes=log.stat().st_size if log.exists() else 0,
            disk_free_bytes=shutil.disk_usage(file.parent).free,
        )
        check_log(file)
        with closing(open_to_read(file)) as database:
            return _look_through(database, report)
    except OSError as error:
        raise StoreError(f"the store {file} cannot be looked at ({error.strerror or error})") from error
    except StoreError as damaged:  # its log
        return replace(report, problems=[str(damaged)])
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in DAMAGED:
            raise StoreError(explain(error, str(file))) from error
        return replace(report, problems=[explain(error, str(file))])


def _look_through(database: sqlite3.Connection, report: StoreReport) -> StoreReport:
    database.execute("BEGIN")  # all is asked of one moment
    return replace(
        report,
        schema=version_in(database),
        unused_bytes=_pragma(database, "freelist_count") * _pragma(database, "page_size"),
        shrinks=_pragma(database, "auto_vacuum") != 0,
        problems=list(_problems(database)),
    )


def _problems(database: sqlite3.Connection) -> Iterator[str]:
    damaged = [place for (place,) in database.execute(f"PRAGMA integrity_check({MOST})") if place != "ok"]
    yield from (f"the file is damaged: {place}" for place in damaged)
    if damaged:
        return
    for table, _, parent, _ in database.execute("PRAGMA foreign_key_check").fetchmany(MOST):
        yield f"a row of {table} refers to a row of {parent} that is not there"
    version, found = version_in(database), _objects(database)
    if not version and not found:
        yield "it is empty: nothing was ever written to it, or all of it is lost"
        return
    if version not in ("", *known_versions()):
        yield f"it is of version {version}, newer than this program, which knows up to {HEAD}: install the newer one again"
        return
    yield from _drift(found, _expected(version))
    if version == HEAD:
        yield from broken_invariants(database)


def _pragma(database: sqlite3.Connection, name: str) -> int:
    (value,) = database.execute(f"PRAGMA {name}").fetchone()
    return int(value)


def _objects(database: sqlite3.Connection) -> dict[str, list[str]]:
    """Return every table and index with the words of its definition, whatever their order and the space between them."""
    return {
        name: sorted(sql.replace("(", " ").replace(")", " ").replace(",", " ").split())
        for name, sql in database.execute(OBJECTS)
    }


def _expected(version: str) -> dict[str, list[str]]:
    """Return what the migrations up to *version* make."""
    engine = create_engine("sqlite://")
    try:
        with engine.begin() as connection:
            if version:
                migrate(connection, version)
            return _objects(raw(connection))
    finally:
        engine.dispose()


def _drift(found: dict[str, list[str]], expected: dict[str, list[str]]) -> Iterator[str]:
    for name in sorted(found.keys() | expected.keys()):
        if name not in found:
            yield f"{name} is missing: somebody has changed the tables, or a part of the store is lost"
        elif name not in expected:
            yield f"{name} is none of Flowmend's: keep data of others in a file of its own"
        elif found[name] != expected[name]:
            yield f"{name} is not as the migrations make it: somebody has changed the tables"
