"""An older store is brought forward with a copy of it beside, or not at all."""

import asyncio
import os
import resource
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, text

from daemon.core.batches import WriteState
from daemon.core.decisions import Outcome
from daemon.core.exceptions import StoreError
from daemon.core.leases import Holder
from daemon.store.checks import check_store
from daemon.store.columns import EPOCH, to_ms
from daemon.store.presence import show_presence
from daemon.store.schema import HEAD, configured
from daemon.store.sql import open_store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
COPY = f"store.db.before-{HEAD}-20260301T120000Z"
OLD = "0001"
RUN = 4711
HOLDER = Holder(run=RUN, host="h", pid=7, command="run", since="2026-03-01T11:00:00Z").to_json()
LARGER_THAN_ANY_DISK = 1 << 43
LEFT_CODES = {"INVALID_LOGIN_ATTEMPT", "file_transfer_failed", "SSS_SEARCH_TIMEOUT", "RCRD_HAS_BEEN_CHANGED"}


async def make_old(file: Path, *in_the_way: str, version: str = OLD) -> None:
    """Make a store of an older version with a note in it, and run statements on it."""

    def age(connection: Connection) -> None:
        command.downgrade(configured(connection), version)
        for statement in in_the_way:
            connection.execute(text(statement))

    async with open_store(f"sqlite:///{file}") as store:
        await store.set_meta("note", "kept")
        await store.transact(age, write=True, durable=True)


def content(file: Path) -> tuple[str, str]:
    """Return the version and the note of a store."""
    with closing(sqlite3.connect(file)) as raw:
        ((version, note),) = raw.execute("SELECT version_num, value FROM alembic_version, meta WHERE key = 'note'")
        return version, note


def copies(folder: Path) -> list[str]:
    """Return what lies beside the store, but for its own files."""
    own = {f"store.db{part}" for part in ("", "-wal", "-shm", "-journal")}
    return sorted(file.name for file in folder.iterdir() if file.name not in own)


async def test_an_older_store_is_copied_before_it_is_changed(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    await make_old(file)
    async with open_store(f"sqlite:///{file}", now=lambda: NOON) as store:
        upgraded = store.upgraded
        assert await store.get_meta("note") == "kept"

    assert upgraded is not None
    assert (upgraded.was, upgraded.schema, upgraded.copy) == (OLD, HEAD, tmp_path / COPY)
    assert (content(file), content(tmp_path / COPY)) == ((HEAD, "kept"), (OLD, "kept"))
    assert stat.S_IMODE((tmp_path / COPY).stat().st_mode) == 0o600
    assert copies(tmp_path) == [COPY]


async def test_what_a_copy_left_that_was_killed_is_removed_by_the_next(tmp_path: Path) -> None:
    await make_old(tmp_path / "store.db")
    for name in ("store.db.before-0002-20260101T000000Z.x7.part", "store.db.20260101T000000Z.x7.part"):
        (tmp_path / name).touch()
    async with open_store(f"sqlite:///{tmp_path}/store.db", now=lambda: NOON):
        pass
    assert copies(tmp_path) == ["store.db.20260101T000000Z.x7.part", COPY]


async def test_neither_a_new_store_nor_one_that_is_up_to_date_is_copied(tmp_path: Path) -> None:
    for was in ("", None):
        async with open_store(f"sqlite:///{tmp_path}/store.db") as store:
            assert (store.upgraded and store.upgraded.was) == was
    assert copies(tmp_path) == []


async def test_of_two_processes_that_start_at_once_one_migrates_and_both_go_on(tmp_path: Path) -> None:
    await make_old(tmp_path / "store.db")

    async def start() -> bool:
        async with open_store(f"sqlite:///{tmp_path}/store.db", now=lambda: NOON) as store:
            assert await store.schema_version() == HEAD
            return store.upgraded is not None

    assert sorted(await asyncio.gather(start(), start())) == [False, True]
    assert copies(tmp_path) == [COPY]


@contextmanager
def no_file_over(size_bytes: int) -> Iterator[None]:
    """Let no file grow any further, as a quota does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_without_room_for_the_copy_nothing_is_migrated(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    await make_old(file)
    size = file.stat().st_size
    os.truncate(file, LARGER_THAN_ANY_DISK)
    with pytest.raises(StoreError, match=r"was left so.*there is no room.*Make room"):
        async with open_store(f"sqlite:///{file}"):
            pass
    os.truncate(file, size)
    assert (content(file), copies(tmp_path)) == ((OLD, "kept"), [])


async def test_where_the_copy_breaks_off_nothing_is_migrated(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    await make_old(file)
    with no_file_over(file.stat().st_size // 2), pytest.raises(StoreError, match=r"was left so.*was not copied"):
        async with open_store(f"sqlite:///{file}"):
            pass
    assert (content(file), copies(tmp_path)) == ((OLD, "kept"), [])


async def test_a_file_under_the_name_of_the_copy_is_not_replaced_and_nothing_is_migrated(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    await make_old(file)
    (tmp_path / COPY).write_text("precious", encoding="utf-8")
    with pytest.raises(StoreError, match="is there already"):
        async with open_store(f"sqlite:///{file}", now=lambda: NOON):
            pass
    assert content(file) == (OLD, "kept")
    assert (tmp_path / COPY).read_text(encoding="utf-8") == "precious"


async def test_a_migration_that_fails_leaves_the_store_as_it_was_and_no_copy_for_each_try(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    await make_old(file, "CREATE TABLE pauses (in_the_way INTEGER)")
    with pytest.raises(StoreError, match="pauses"):
        async with open_store(f"sqlite:///{file}"):
            pass
    assert (content(file), copies(tmp_path)) == ((OLD, "kept"), [])


async def test_a_newer_store_is_refused_without_a_copy(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    await make_old(file, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="newer than this program"):
        async with open_store(f"sqlite:///{file}"):
            pass
    assert (content(file), copies(tmp_path)) == (("9999", "kept"), [])


@contextmanager
def seen_alive(file: Path) -> Iterator[None]:
    with show_presence(f"sqlite:///{file}", RUN):
        yield


@contextmanager
def seen_dead(file: Path) -> Iterator[None]:
    file.with_name(f"{file.name}-alive").touch()
    yield


@contextmanager
def not_seen(_file: Path) -> Iterator[None]:
    yield


@pytest.mark.parametrize(
    ("seen", "holder", "expires", "left"),
    [
        pytest.param(seen_alive, HOLDER, 60, True, id="it lives"),
        pytest.param(seen_alive, HOLDER, -60, True, id="it lives, and was held up"),
        pytest.param(seen_dead, HOLDER, 60, False, id="it was killed"),
        pytest.param(not_seen, HOLDER, 60, True, id="nobody knows, and its time is not over"),
        pytest.param(not_seen, HOLDER, -60, False, id="nobody knows, and its time is over"),
        pytest.param(not_seen, "{}", 60, True, id="who it is cannot be read"),
        pytest.param(seen_alive, "", 60, False, id="it has let go"),
    ],
)
async def test_a_store_in_use_by_the_older_program_is_left_as_it_is(
    tmp_path: Path, seen: Callable[[Path], AbstractContextManager[None]], holder: str, expires: int, left: bool
) -> None:
    file, at = tmp_path / "store.db", to_ms(NOON)
    await make_old(file, version="0003")
    with closing(sqlite3.connect(file)) as raw, raw:
        raw.execute("INSERT INTO leases VALUES ('acme', ?, 1, ?, ?)", (holder, at, at + expires * 1000))
    with seen(file):
        if left:
            with pytest.raises(StoreError, match=r"in use by an older program \(.*Stop that one first"):
                async with open_store(f"sqlite:///{file}", now=lambda: NOON):
                    pass
            assert content(file) == ("0003", "kept")
            return
        async with open_store(f"sqlite:///{file}", now=lambda: NOON):
            pass
        assert content(file) == (HEAD, "kept")


async def test_the_database_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "store.db")) as raw:
        raw.execute("CREATE TABLE customers (name TEXT)")
    with pytest.raises(StoreError, match=r"is a database of another program: it has tables \(customers, …\)"):
        async with open_store(f"sqlite:///{tmp_path}/store.db"):
            pass
    with closing(sqlite3.connect(tmp_path / "store.db")) as raw:
        assert raw.execute("SELECT name FROM sqlite_schema").fetchall() == [("customers",)]


async def test_a_store_that_was_left_with_retries_under_way_goes_on_with_each_of_them(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    with closing(sqlite3.connect(file)) as raw:
        raw.executescript((Path(__file__).parent / "left_by_0003.sql").read_text(encoding="utf-8"))
        recorded = raw.execute("SELECT count(DISTINCT step_no || error_id) FROM recordings").fetchone()[0]
    assert check_store(file).problems == []
    async with open_store(f"sqlite:///{file}", now=lambda: NOON) as store:
        entries = {entry.batch_id: entry for entry in await store.unsettled("acme")}
        assert {number: entry.state for number, entry in entries.items()} == {
            1: WriteState.ACCEPTED,
            2: WriteState.UNKNOWN,
            3: WriteState.ACCEPTED,
        }
        for entry in entries.values():
            keys = [item.case_key for item in entry.batch.items]
            histories = await store.case_histories(entry.batch.step, keys, NOON)
            assert [(known.attempts, known.unsettled) for _, known in histories.values()] == [(1, True)] * 2
            sent_at = entry.intended_at
            with pytest.raises(StoreError, match="is already in flight"):
                await store.intend(replace(entry.batch, plan_id=9), sent_at)
            await store.settle(
                entry.batch_id, dict.fromkeys((i.error_id for i in entry.batch.items), Outcome.CONFIRMED), sent_at
            )
        left = {(row.step.step_id, row.error_id): row.code for row in await store.errors("acme")}
        assert (await store.unsettled("acme"), set(left.values()), len(left)) == ([], LEFT_CODES, 4)
        steps = await store.recorded_steps("acme", EPOCH)
        again = {(ref, one.recorded.error_id) for ref in steps for one in await store.remembered(ref, EPOCH)}
        assert len(again) == recorded == 10
        said = [one.recorded.said.message for ref in steps for one in await store.remembered(ref, EPOCH)]
        assert ("Invalid login attempt." in said, len(said)) == (True, 10)
    assert check_store(file).problems == []
