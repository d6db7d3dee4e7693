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
from daemon.store.columns import to_ms
from daemon.store.control_tables import leases
from daemon.store.schema import HEAD, configured, migrate
from daemon.store.sql import SqlStore, open_store
from tests.contract.store_values import NOON, STEP, judged, minutes

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


async def test_migrations_go_down_to_nothing_and_up_again_to_what_a_new_store_has() -> None:
    async with open_store("sqlite://") as store:
        created = await inside(store, objects)
        assert len(created) > len(METADATA.tables)
        await inside(store, downgrade)
        assert (await inside(store, objects), await store.schema_version()) == ({}, "")
        await inside(store, migrate)
        assert (await inside(store, objects), await store.schema_version()) == (created, HEAD)
        difference = await inside(store, lambda inner: compare_metadata(MigrationContext.configure(inner), METADATA))
        assert difference == []


async def test_a_version_is_left_in_a_new_store_as_a_migration_leaves_it() -> None:
    def versions(inner: Connection) -> list[str]:
        words = inner.execute(text("SELECT sql FROM sqlite_schema WHERE name = 'alembic_version'")).scalar_one()
        return re.split(r"[\s()]+", words)

    async with open_store("sqlite://") as store:
        created = await inside(store, versions)
        await inside(store, downgrade)
        await inside(store, lambda inner: inner.execute(text("DROP TABLE alembic_version")))
        await inside(store, migrate)
        assert await inside(store, versions) == created


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


async def test_what_was_recorded_before_is_part_of_the_rows_of_open_errors_and_else_the_past(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    async with open_store(url, now=lambda: NOON) as store:
        read = await store.begin_read(STEP, full=False)
        await store.save_page(read, [judged("e1"), judged("e2")])
        await inside(store, lambda inner: command.downgrade(configured(inner), "0003"))
    minute = 60_000
    said, other = (f'["{word}","","","","","",[],null,false]' for word in ("s", "t"))
    rulings = [f'["rules@1","{rule}","retry","due",0]' for rule in ("r1", "r2")]
    with closing(sqlite3.connect(tmp_path / "store.db")) as raw, raw:
        raw.executemany(
            "INSERT INTO recorded_texts VALUES (?, ?, ?)",
            [(n, n, text) for n, text in enumerate([said, other, *rulings])],
        )
        rows = [
            ("e1", 0, 2, to_ms(NOON) - 9 * minute, 3 * minute),
            ("e1", 0, 3, to_ms(NOON) - 5 * minute, 4 * minute),
            ("gone", 1, 2, to_ms(NOON) - 7 * minute, minute),
        ]
        raw.executemany("INSERT INTO recordings VALUES (1, ?, ?, ?, '', 0, NULL, ?, ?, 2)", rows)

    async with open_store(url, now=lambda: NOON) as store:
        told = [each.recorded for each in await store.remembered(STEP, minutes(-60))]
        assert [(one.error_id, one.said.source, one.ruling.rule_id, one.judged_at, one.last_at) for one in told] == [
            ("e1", "s", "r1", minutes(-9), minutes(-6)),
            ("e1", "s", "r2", minutes(-5), minutes(-5)),
            ("gone", "t", "r1", minutes(-7), minutes(-6)),
        ]
        assert [row.code for row in await store.errors()] == ["INVALID_KEY"] * 2
        await store.drop(STEP, ["e1", "e2"])
        assert [(left.error_ids, left.since) for left in await store.departed("acme")] == [(("e1",), minutes(-5))]
