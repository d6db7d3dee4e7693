"""The room that deleted rows leave in the file is given back, a little at a time, and nobody waits for it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from daemon.core.exceptions import StoreError
from daemon.store.space import PAGES, SPARE
from daemon.store.sql import SqlStore, open_store
from tests.contract.store_values import pragma
from tests.unit.store.test_store_upgrades import no_file_over

ROWS = 40
ROW_BYTES = 400_000


async def fill(store: SqlStore) -> None:
    for number in range(ROWS):
        await store.set_meta_soon(f"large-{number}", "x" * ROW_BYTES)


async def empty(store: SqlStore) -> None:
    for number in range(ROWS):
        await store.drop_meta(f"large-{number}")


def without_vacuum(file: Path) -> None:
    """Make a store as versions before made it."""
    with closing(sqlite3.connect(file)) as raw:
        raw.execute("PRAGMA auto_vacuum=NONE")
        raw.execute("VACUUM")


async def test_what_deleted_rows_took_is_given_back_but_for_a_part(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    async with open_store(f"sqlite:///{file}") as store:
        await fill(store)
        large = await store.size_bytes()
        await empty(store)
        given = await store.give_back()
        small = await store.size_bytes()
        with closing(sqlite3.connect(file)) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert raw.execute("PRAGMA freelist_count").fetchone()[0] * SPARE <= small / 4096 + SPARE
        assert (given, file.stat().st_size) == (large - small, small)
        assert given > 3 * PAGES * 4096  # in several transactions
        assert await store.give_back() == 0


async def test_while_somebody_reads_the_file_stays_as_it_is_and_nobody_waits(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path}/store.db", busy_timeout_s=3600) as store:
        await fill(store)
        await empty(store)
        with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            assert reader.execute("SELECT count(*) FROM meta").fetchone() == (0,)
            assert await store.give_back() > 0
            reader.execute("COMMIT")
        waits = await store.transact(
            lambda inner: inner.execute(text("PRAGMA busy_timeout")).scalar(), write=False, durable=False
        )
        assert waits == 3600_000


async def test_a_disk_that_is_full_is_said_and_leaves_others_their_time_to_write(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path}/store.db", busy_timeout_s=3600) as store:
        await fill(store)
        await empty(store)
        for work in (store.give_back, store.rebuild, store._fold):
            with no_file_over(4096), pytest.raises(StoreError, match=r"the disk failed while the store .*store\.db"):
                await work()
        assert await pragma(store, "busy_timeout") == 3600_000
        assert await store.give_back() > 0


async def test_a_file_of_an_older_version_shrinks_once_it_was_written_anew(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path}/store.db"):
        pass
    without_vacuum(tmp_path / "store.db")
    async with open_store(f"sqlite:///{tmp_path}/store.db") as store:
        await store.set_meta("note", "kept")
        await fill(store)
        await empty(store)
        assert await store.give_back() == 0
        assert await store.rebuild() > ROWS * ROW_BYTES
        await fill(store)
        await empty(store)
        assert await store.give_back() > 0
        assert await store.get_meta("note") == "kept"
