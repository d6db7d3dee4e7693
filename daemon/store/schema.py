"""The schema's version, and the way to the present one."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from daemon.core.exceptions import StoreError

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0003"
"""The newest migration: the schema that this program reads and writes."""

MIGRATIONS = Path(__file__).parent / "migrations"


def version_of(connection: Connection) -> str:
    """Return the database's version, "" where it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""


def migrate(connection: Connection, file: str) -> None:
    """Bring the database to the present version, whole or not at all, in the transaction that *connection* is in.

    Raises:
        StoreError: the database is of a version that this program does not know; nothing was changed.
    """
    from alembic import command  # noqa: PLC0415 a quarter of a second that only a migration is worth
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = configured(connection)
    version = version_of(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version and version not in known:
        raise StoreError(
            f"the store {file} is of version {version}, newer than this program, which knows up to {HEAD}: "
            "install the newer program again, or restore the backup from before its first start"
        )
    command.upgrade(config, HEAD)


def configured(connection: Connection) -> "Config":
    """Return what Alembic must know to migrate the database of *connection*."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
