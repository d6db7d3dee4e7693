"""The schema's version, and the way to the present one."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from daemon.core.exceptions import StoreError
from daemon.store.tables import METADATA

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0004"
"""The newest migration: the schema that this program reads and writes."""

VERSIONS = """
    CREATE TABLE IF NOT EXISTS alembic_version (
      version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"""
"""Where migrations leave their version."""

MIGRATIONS = Path(__file__).parent / "migrations"


def version_of(connection: Connection) -> str:
    """Return the database's version, "" where it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""


def known_versions() -> set[str]:
    """Return the versions that there have been."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 a quarter of a second that only a migration is worth

    return {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}


def check_known(file: str, version: str) -> None:
    """Look whether this program knows the *version* of the database.

    Raises:
        StoreError: it does not; nothing was changed.
    """
    if version and version not in known_versions():
        raise StoreError(
            f"the store {file} is of version {version}, newer than this program, which knows up to {HEAD}: "
            "install the newer program again, or restore the copy from before its first start, which stands beside it"
        )


def check_empty(file: str, connection: Connection) -> None:
    """Look whether a database without a version has nothing in it.

    Raises:
        StoreError: it is of another program; nothing was changed.
    """
    tables = sorted({*inspect(connection).get_table_names()} - {"alembic_version"})
    if tables:
        raise StoreError(
            f"{file} is a database of another program: it has tables ({tables[0]}, …) and no version of Flowmend's. "
            "Nothing was changed. Name a file of Flowmend's own in store.url"
        )


def create(connection: Connection) -> None:
    """Make all tables in an empty database, as the migrations together do, in the transaction that *connection* is in.

    In a tenth of the time, and without Alembic's memory: it is not needed until a store is older than the program.
    """
    METADATA.create_all(connection, checkfirst=False)
    connection.execute(text(VERSIONS))
    connection.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": HEAD})


def migrate(connection: Connection, version: str = HEAD) -> None:
    """Bring the database forward to *version*, whole or not at all, in the transaction that *connection* is in."""
    from alembic import command  # noqa: PLC0415 likewise

    command.upgrade(configured(connection), version)


def configured(connection: Connection) -> "Config":
    """Return what Alembic must know to migrate the database of *connection*."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
