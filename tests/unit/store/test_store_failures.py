"""What goes wrong with a database becomes one sentence, and what was written before stays."""

import asyncio
import gc
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection

from daemon.core.exceptions import ConfigError, StoreError
from daemon.store.fence import Fence
from daemon.store.sql import SqlStore, open_store
from tests.contract.store_values import NOON, STEP, batch, intend, judged, pragma, save, stored


async def refuses(url: str, reason: str) -> None:
    with pytest.raises(StoreError, match=reason):
        async with open_store(url, busy_timeout_s=0.01) as store:
            await save(store, judged("e1"))


def damage(file: Path) -> None:
    """Overwrite all but the first page."""
    content = file.read_bytes()
    file.write_bytes(content[:4096] + b"\x5a" * (len(content) - 4096))


def write_notes(file: Path) -> bytes:
    """Write something else in the place of a database, and return it."""
    file.write_text("these are my notes, not a database\n" * 100)
    return file_content(file)


def file_content(file: Path) -> bytes:
    return file.read_bytes()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def url(file: Path) -> str:
    return f"sqlite:///{file}"


@pytest.fixture
async def store(url: str) -> AsyncIterator[SqlStore]:
    """A store on disk in which error e0 is in flight."""
    async with open_store(url, busy_timeout_s=0.01) as opened:
        await intend(opened, "e0")
        yield opened


async def test_on_a_full_disk_nothing_half_written_stays_and_it_goes_on_when_there_is_room(store: SqlStore) -> None:
    await pragma(store, "max_page_count=1")
    rows = [judged(f"e{number}", code="x" * 200) for number in range(1000)]
    with pytest.raises(StoreError, match=r"the disk is full: .*store\.db.*free some space"):
        await save(store, *rows)
    assert (await stored(store), await store.unsettled_count("acme")) == (["e0"], 1)
    assert (await store.progress(STEP)).open == 0
    await pragma(store, "max_page_count=100000")
    assert await save(store, *rows) == 999


async def test_an_intent_that_finds_no_room_was_not_written(store: SqlStore) -> None:
    await save(store, *(judged(f"e{number}") for number in range(1, 500)))
    await pragma(store, "max_page_count=1")
    with pytest.raises(StoreError, match="the disk is full"):
        await store.intend(batch(*(f"e{number}" for number in range(1, 500))), NOON)
    assert ((await store.progress(STEP)).in_flight, len(await store.writes())) == (1, 1)


async def test_a_store_that_may_not_be_written_is_still_read(store: SqlStore) -> None:
    await pragma(store, "query_only=ON")
    with pytest.raises(StoreError, match=r"store\.db cannot be written .*write access"):
        await store.set_meta("note", "lost")
    assert (await store.get_meta("note"), await stored(store)) == (None, ["e0"])


async def test_a_store_that_another_process_is_writing_to_is_locked_for_writes_only(
    store: SqlStore, file: Path, url: str
) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"store\.db is locked by another process"):
            await store.set_meta("note", "lost")
        async with open_store(url, busy_timeout_s=0.01) as second:
            assert await stored(second) == ["e0"]
        other.execute("ROLLBACK")
    await store.set_meta("note", "kept")
    assert await store.get_meta("note") == "kept"


async def test_a_write_has_the_lock_from_its_beginning_and_a_read_never_takes_it(store: SqlStore, file: Path) -> None:
    def lock(_: Connection) -> None:
        with closing(sqlite3.connect(file, isolation_level=None, timeout=0)) as other:
            other.execute("BEGIN IMMEDIATE")

    await store.transact(lock, write=False, durable=False)
    with pytest.raises(StoreError, match="locked"):
        await store.transact(lock, write=True, durable=False)


async def test_who_has_to_end_waits_no_more_for_another_that_writes(url: str, file: Path) -> None:
    async with open_store(url, busy_timeout_s=60) as store:
        store.behind(Fence(account="acme")).hurry()
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            assert await pragma(store, "busy_timeout") == 100
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="locked by another process"):
                await store.set_meta_soon("a", "b")
        await store.set_meta_soon("a", "b")


async def test_a_failure_that_nobody_is_left_to_hear_of_is_not_said(store: SqlStore, file: Path) -> None:
    said: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: said.append(context))
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(store.set_meta_soon("a", "b"))
        await asyncio.sleep(0)
        writing.cancel()
        await store.schema_version()
    del writing  # it remembers where it was cancelled
    gc.collect()
    assert said == []


async def test_a_damaged_file_is_named_with_what_starting_anew_forgets(url: str, file: Path) -> None:
    async with open_store(url) as opened:
        await save(opened, *(judged(f"e{number}") for number in range(500)))
    damage(file)
    await refuses(url, r"store\.db is damaged .*restore a backup.*forgotten the attempts on every case")


async def test_a_file_that_is_no_database_is_refused_and_left_alone(url: str, file: Path) -> None:
    notes = write_notes(file)
    await refuses(url, r"store\.db is not a SQLite database")
    assert notes == file_content(file)


async def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    await refuses(f"sqlite:///{tmp_path}", "cannot be opened")


async def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    await refuses(f"sqlite:///{tmp_path}/taken/store.db", "taken/store.db cannot be made")


async def test_a_store_that_may_not_even_be_looked_at_says_who_may(tmp_path: Path) -> None:
    await refuses(f"sqlite:///{tmp_path}/{'long' * 100}", "cannot be looked at .*run this as the user of the service")


@pytest.mark.parametrize(
    ("url", "reason"),
    [("flowmend.db", "is not a URL"), ("postgresql://db/flowmend", "only sqlite can be used")],
    ids=["no-url", "postgresql"],
)
async def test_a_url_that_cannot_be_used_is_a_matter_of_configuration(url: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        async with open_store(url):
            pass


async def test_a_new_file_and_its_log_are_for_nobody_else_to_read(store: SqlStore, file: Path) -> None:
    await store.set_meta("note", "written")
    modes = {path.name: path.stat().st_mode & 0o077 for path in (file, file.with_name("store.db-wal"))}
    assert modes == {"store.db": 0, "store.db-wal": 0}
