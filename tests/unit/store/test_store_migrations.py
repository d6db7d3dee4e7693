import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from daemon.core.exceptions import StoreError
from daemon.store.control_tables import leases
from daemon.store.schema import HEAD, configured, migrate
from daemon.store.sql import SqlStore, open_store

METADATA = leases.metadata
R = TypeVar("R")

OBJECTS = text("SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' AND tbl_name <> 'alembic_version'")


def objects(connection: Connection) -> dict[str, list[str]]:
    """Return every table and index with the words of its definition, whatever their order."""
    return {row.name: sorted(re.split(r"[\s,()]+", row.sql)) for row in connection.execute(OBJECTS)}


async def inside(store: SqlStore, work: Callable[[Connection], R]) -> R:
    return await store.transact(work, write=True, durable=True)


def downgrade(connection: Connection) -> None:
    command.downgrade(configured(connection), "base")


async def test_migrations_end_in_the_tables_that_the_code_uses() -> None:
    async with open_store("sqlite://") as store:
        migrated = await inside(store, objects)
        difference = await inside(store, lambda inner: compare_metadata(MigrationContext.configure(inner), METADATA))
        await inside(store, downgrade)
        await inside(store, METADATA.create_all)
        assert migrated == await inside(store, objects)
        assert difference == []
        assert len(migrated) > len(METADATA.tables)


async def test_migrations_go_down_to_nothing_and_up_again() -> None:
    async with open_store("sqlite://") as store:
        migrated = await inside(store, objects)
        await inside(store, downgrade)
        assert (await inside(store, objects), await store.schema_version()) == ({}, "")
        await inside(store, migrate)
        assert (await inside(store, objects), await store.schema_version()) == (migrated, HEAD)


async def test_the_newest_migration_is_the_one_that_the_code_was_written_for() -> None:
    async with open_store("sqlite://") as store:
        scripts = await inside(store, lambda inner: ScriptDirectory.from_config(configured(inner)))
    assert scripts.get_heads() == [HEAD]


async def test_a_store_keeps_its_content_and_version_when_it_is_opened_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/deep/er/store.db"
    async with open_store(url) as store:
        await store.set_meta("note", "kept")
    async with open_store(url) as store:
        assert (await store.get_meta("note"), await store.schema_version()) == ("kept", HEAD)


async def test_a_store_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    async with open_store(url) as store:
        await store.set_meta("note", "kept")
        await inside(store, lambda inner: inner.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(StoreError, match="version 9999, newer than this program"):
        async with open_store(url):
            pass
    with closing(sqlite3.connect(tmp_path / "store.db")) as raw:
        assert raw.execute("SELECT version_num, value FROM alembic_version, meta").fetchall() == [("9999", "kept")]


async def test_a_migration_that_fails_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    async with open_store(url) as store:
        await inside(store, downgrade)
        await inside(store, lambda inner: inner.execute(text("CREATE TABLE missed (in_the_way INTEGER)")))
    with pytest.raises(StoreError, match="missed"):
        async with open_store(url):
            pass
    with closing(sqlite3.connect(tmp_path / "store.db")) as raw:
        found = raw.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
    assert {name for (name,) in found} == {"missed", "alembic_version"}
