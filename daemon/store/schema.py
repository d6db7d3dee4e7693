"""The schema's version, and the way to the present one."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from daemon.core.exceptions import StoreError

HEAD = "0001"
"""The newest migration: the schema that this program reads and writes."""

MIGRATIONS = Path(__file__).parent / "migrations"


def version_of(connection: Connection) -> str:
    """Return the database's version, "" where it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""


def migrate(connection: Connection, file: str, *, to: str = HEAD) -> None:
    """Bring the database to version *to*, whole or not at all, inside the transaction that *connection* is in.

    Raises:
        StoreError: the database is of a version that this program does not know.
    """
    version = version_of(connection)
    if version == to:
        return
    from alembic import command  # noqa: PLC0415 a quarter of a second that only a migration is worth
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version and version not in known:
        raise StoreError(
            f"the store {file} is of version {version}, newer than this program, which knows up to {HEAD}: "
            "install the newer program again, or restore the backup from before its first start"
        )
    if not version or to > version:
        command.upgrade(config, to)
    else:
        command.downgrade(config, to)
