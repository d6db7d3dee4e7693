"""All that is particular to SQLite: how it is opened and begun, how a page of rows is handed over, what its errors mean."""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import (
    URL,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Subquery,
    TableValuedAlias,
    Text,
    bindparam,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import SQLAlchemyError

from daemon.core.recordings import trace_in
from daemon.store.columns import clean

__all__ = [
    "advise",
    "document",
    "each",
    "explain",
    "fields",
    "insert",
    "make_engine",
    "packed",
    "prepare",
    "set_begin",
    "set_patience",
]

CACHE_KIB = 8 * 1024
"""Pages kept in memory: the inner part of the index of ten million errors. More was no quicker: the system keeps the rest."""

SIZES = (
    ("errors", "errors", "1000000 10000 1"),
    ("errors", "errors_due", "100000 1000 100 10 1"),
    ("errors", "errors_by_batch", "1000 100 1"),
    ("errors", "errors_in_flight", "1000 100 10 1"),
    ("errors", "errors_tried", "10000 100 2 1"),
    ("errors", "errors_wanting", "1000 100 50 1"),
    ("held", "held", "10000 100 1"),
    ("aliases", "aliases", "10000 100 1"),
    ("aliases", "aliases_by_case", "10000 100 2 1"),
    ("batches", "batches_open", "10 1"),
    ("batches", "batches_by_step", "1000000 10000 1"),
    ("batches", "batches_by_plan", "1000000 10 2"),
    ("batches", "batches_told", "1000000 10000 1000 1"),
    ("batches", "batches_by_job", "1000000 10000 1"),
    ("batch_items", "batch_items", "1000000 5 1"),
    ("batch_items", "batch_items_by_case", "1000000 10000 2"),
    ("batch_items", "batch_items_unsure", "10 2"),
    ("patches", "patches_by_key", "100000 1000 2"),
    ("foreign_attempts", "foreign_attempts", "100000 1000 1"),
    ("foreign_attempts", "foreign_attempts_by_case", "100000 1000 2"),
    ("shared_keys", "shared_keys", "100000 10000 1"),
    ("gone_cases", "gone_cases", "100000 1000 1"),
    ("recordings", "recordings", "1000000 10000 2 1"),
    ("departures", "departures", "100000 1000 1"),
)
"""What the query planner is told of tables and indices, as ANALYZE would: how many rows in all, for each value of the
first column, of the first two … Left to itself it takes the backlog of a step for ten rows and reads it from end to end.
"""

CHECKPOINT_PAGES = 4000
"""How far the write-ahead log grows (16 MiB) before it is folded into the file."""


STATEMENTS = 512
"""Statements that are kept prepared: all that there are, since those for a hundred rows take long to prepare."""


def make_engine(url: URL, *, busy_timeout_s: float) -> Engine:
    """Return an engine that waits *busy_timeout_s* for other processes and leaves BEGIN to `set_begin`."""
    engine = create_engine(
        url, connect_args={"isolation_level": None, "timeout": busy_timeout_s, "cached_statements": STATEMENTS}
    )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        for statement in connection.info.get("begin", ()):
            connection.exec_driver_sql(statement)

    return engine


def set_begin(connection: Connection, *, write: bool, durable: bool, wait_s: float | None = None) -> None:
    """Say how the next transactions of *connection* begin; *wait_s*, from now on, is the patience of `set_patience`.

    A write takes the write lock at once, so that it cannot fail half-way for want of it. A durable one is on disk when
    its commit returns; any other is only in order: a power cut may take the last of them, never one before a durable.
    """
    level = "FULL" if durable else "NORMAL"
    begin = ["BEGIN IMMEDIATE"] if write else []
    if write and connection.info.get("level") != level:
        begin.insert(0, f"PRAGMA synchronous={level}")
        connection.info["level"] = level
    if wait_s is not None:
        begin.insert(0, _patience(wait_s))
    connection.info["begin"] = begin


def prepare(connection: Connection) -> None:
    """Set up a new connection, outside of any transaction; statements know `trace_in`."""
    if connection.exec_driver_sql("PRAGMA page_count").scalar_one() == 0:  # later only a VACUUM brings it about
        connection.exec_driver_sql("PRAGMA auto_vacuum=INCREMENTAL")
    for pragma in (
        "journal_mode=WAL",
        "foreign_keys=ON",
        f"cache_size=-{CACHE_KIB}",
        f"wal_autocheckpoint={CHECKPOINT_PAGES}",
        f"journal_size_limit={CHECKPOINT_PAGES * 4096}",  # after a long read the log is as short again
    ):
        connection.exec_driver_sql(f"PRAGMA {pragma}")
    driver = connection.connection.driver_connection
    if driver is not None:
        driver.create_function("trace_in", 1, trace_in, deterministic=True)


def set_patience(connection: Connection, wait_s: float) -> float:
    """Wait so long for other processes that write, from now on; return how long that was before, in seconds."""
    before_ms: int = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
    connection.exec_driver_sql(_patience(wait_s))
    return before_ms / 1000


def _patience(wait_s: float) -> str:
    return f"PRAGMA busy_timeout={round(wait_s * 1000)}"


def written_by_others(connection: Connection) -> int:
    """Return a number that is another whenever another connection has changed the database."""
    number: int = raw(connection).execute("PRAGMA data_version").fetchone()[0]
    return number


def advise(connection: Connection) -> None:
    """Tell the query planner what to expect of an otherwise empty database."""
    connection.exec_driver_sql("ANALYZE sqlite_schema")
    connection.exec_driver_sql("DELETE FROM sqlite_stat1")
    connection.exec_driver_sql("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", list(SIZES))
    connection.exec_driver_sql("ANALYZE sqlite_schema")


def document(values: Sequence[object]) -> str:
    """Write a page of values (scalars, or rows of scalars) as the one parameter that `each` or `fields` reads."""
    with suppress(UnicodeEncodeError):
        text = msgspec.json.encode(values).decode()
        if "\\u0000" not in text:
            return text
    return msgspec.json.encode(_cleaned(values)).decode()


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return clean(value)
    return [_cleaned(part) for part in value] if isinstance(value, Sequence) else value


def each(parameter: str) -> TableValuedAlias:
    """Return the scalars of the document *parameter* as a table with the column ``value``."""
    return func.json_each(bindparam(parameter, type_=Text)).table_valued("value", name=f"each_{parameter}")


def fields(parameter: str, *columns: Column[Any]) -> Subquery:
    """Return the rows of the document *parameter* as a table with these *columns*, in the order of the values."""
    row = each(parameter).c.value
    return select(
        *(
            func.json_extract(row, f"$[{place}]", type_=column.type).label(column.name)
            for place, column in enumerate(columns)
        )
    ).subquery(f"given_{parameter}")


def packed(name: ColumnElement[str], *columns: ColumnElement[Any]) -> ColumnElement[str]:
    """Return all rows of a query as one JSON object of arrays by *name*: a thousand rows in one step instead of a thousand."""
    return func.json_group_object(name, func.json_array(*columns), type_=Text)


def packed_rows(*columns: ColumnElement[Any]) -> ColumnElement[str]:
    """Return all rows of a query as one JSON array of arrays, in any order."""
    return func.json_group_array(func.json_array(*columns), type_=Text)


DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

LOST = frozenset({*DAMAGED, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC})
"""Failures after which no later success of the same process proves anything.

What a failed sync has thrown away counts as written with the next one that succeeds; only a new start reads it again.
"""


def lost(error: SQLAlchemyError | sqlite3.Error) -> bool:
    """Tell whether the database can be trusted no more after *error*, whatever works later."""
    code: int | None = getattr(getattr(error, "orig", error), "sqlite_errorcode", None)
    return code is not None and bool(LOST & {code, code & 0xFF})


def explain(error: SQLAlchemyError | sqlite3.Error, file: str) -> str:
    """Say in a sentence what went wrong with the database *file*, and what to do about it."""
    cause = getattr(error, "orig", error)
    code = getattr(cause, "sqlite_errorcode", None)
    said = str(cause or error)
    match None if code is None else code & 0xFF:
        case sqlite3.SQLITE_FULL:
            return f"the disk is full: nothing more can be written to the store {file}; free some space on its disk"
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB as kind:
            what = "is damaged" if kind == sqlite3.SQLITE_CORRUPT else "is not a SQLite database"
            return (
                f"the store {file} {what} ({said}): restore a backup, or move the file away to start with a new one, "
                "which has forgotten the attempts on every case, the writes without an outcome and what was held"
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return f"the store {file} cannot be written ({said}): give the user of the daemon write access to it and its folder"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return f"the store {file} is locked by another process that is writing to it; stop that one or wait for it"
        case sqlite3.SQLITE_CANTOPEN:
            return (
                f"the store {file} cannot be opened ({said}): it must be a file that the user of the service may write, in a "
                "folder where that user may write, too"
            )
        case sqlite3.SQLITE_IOERR:
            return f"the disk failed while the store {file} was used ({said}): look at the system's log"
        case _:
            return f"the store {file} refused: {said}"


def raw(connection: Connection) -> sqlite3.Connection:
    """Return what SQLAlchemy's connection is about, for what only SQLite has."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        raise TypeError(driver)
    return driver


def open_to_read(file: Path) -> sqlite3.Connection:
    """Open a database that others may be writing to, beside SQLAlchemy; it is never changed or made."""
    return sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)


def place(url: URL) -> Path | None:
    """Return the file of *url*, or None where the database is in memory."""
    return Path(url.database) if url.database and url.database != ":memory:" else None
