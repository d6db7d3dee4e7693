"""Bringing an older store forward: a copy beside the file first, then all migrations in one transaction."""

import glob
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from daemon.core.exceptions import StoreError
from daemon.core.leases import Holder
from daemon.store import sqlite
from daemon.store.columns import to_ms
from daemon.store.copies import copy_store, version_in
from daemon.store.presence import lives
from daemon.store.schema import HEAD, check_empty, check_known, create, known_versions, migrate, version_of

WAIT_S = 120.0
"""How long a process that starts waits for another one that is bringing the same store forward."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgraded:
    """A store that was brought forward; *was* is "" for one that was empty, *copy* the file with it as it was before."""

    was: str
    schema: str
    copy: Path | None


def copy_name(file: Path, now: datetime, *, before: str = "") -> Path:
    """Return the name of a copy of the store *file*, in its folder: before which schema it was made, if any, and when."""
    whole = file.resolve()
    why = f"before-{before}-" if before else ""
    return whole.with_name(f"{whole.name}.{why}{now.astimezone(UTC):%Y%m%dT%H%M%SZ}")


def older_version(file: Path) -> str:
    """Return the version of a store that opening would bring forward, "" for any other; nothing is changed."""
    try:
        with closing(sqlite.open_to_read(file)) as database:
            version = version_in(database)
    except sqlite3.Error:  # opening it says what is wrong
        return ""
    return version if version != HEAD and version in known_versions() else ""


def bring_forward(
    connection: Connection, file: Path | None, named: str, now: datetime, keep: Callable[[Path], object]
) -> Upgraded | None:
    """Copy the store and migrate it, in the write transaction that *connection* is in; None where that was done by now.

    Nobody writes between the copy and the migration, because of the transaction: the copy has all that is there. It is
    made before anything is changed, and *keep* is told of it.

    Raises:
        StoreError: a process of the older program uses it, there is no room for the copy, it could not be made, the
            version is not known, or it is no store of ours. Nothing was changed.
    """
    was = version_of(connection)
    if was == HEAD:
        return None
    check_known(named, was)
    if not was:
        check_empty(named, connection)
    elif file is not None and (holder := _holder(connection, file, now)):
        raise StoreError(
            f"the store {named} is of version {was} and in use by an older program ({holder}), which could not go on with "
            f"version {HEAD}: it was left as it is. Stop that one first, then do this again"
        )
    copy = None
    if was and file is not None:
        copy = copy_name(file, now, before=HEAD)
        for left in copy.parent.glob(f"{glob.escape(file.resolve().name)}.before-*.part"):
            left.unlink()  # of one that was killed: nobody else copies now, and each start must not leave another
        try:
            copy_store(file, copy)
        except StoreError as error:
            raise StoreError(
                f"the store {named} is of version {was} and was left so, because it is only brought to {HEAD} with a copy "
                f"of it beside: {error}. Make room, or go on with the program that was here before"
            ) from error
        keep(copy)
    (migrate if was else create)(connection)
    sqlite.advise(connection)
    return Upgraded(was=was, schema=HEAD, copy=copy)


def _holder(connection: Connection, file: Path, now: datetime) -> str:
    """Return who writes to the store now, "" where nobody is known to."""
    if not inspect(connection).has_table("leases"):
        return ""
    for row in connection.execute(text("SELECT holder, expires_at FROM leases WHERE holder <> ''")):
        holder = Holder.from_json(row.holder)
        alive = None if holder is None else lives(file, holder.run)
        if alive or (alive is None and row.expires_at > to_ms(now)):
            return str(holder or "it does not say who")
    return ""
