"""Copies of a store: of one moment while others write, sound, and never in the way of anything."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from daemon.core.exceptions import StoreError
from daemon.store.copies import SLICE_PAGES, copy_store
from daemon.store.schema import HEAD
from daemon.store.sql import open_store

SLICES = 3
NOTES = "SELECT key, value FROM meta WHERE key IN ('first', 'last') ORDER BY key"


async def make_store(file: Path, *, slices: int = 0) -> None:
    """Make a store with two notes, so large that it is copied in that many slices and a bit."""
    async with open_store(f"sqlite:///{file}") as store:
        await store.set_meta("first", "0")
        await store.set_meta("large", "x" * SLICE_PAGES * 4096 * slices)
        await store.set_meta("last", "0")


def notes(file: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(file)) as raw:
        return raw.execute(NOTES).fetchall()


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir() if not file.name.endswith(("-wal", "-shm"))}


async def test_a_copy_is_of_one_moment_and_is_not_begun_again_by_those_who_write_meanwhile(tmp_path: Path) -> None:
    store, copy, told = tmp_path / "store.db", tmp_path / "copy.db", list[float]()
    await make_store(store, slices=SLICES)
    with closing(sqlite3.connect(store, isolation_level=None)) as writer:

        def write(done: float) -> None:
            told.append(done)
            if len(told) < 20:
                writer.execute("UPDATE meta SET value = value + 1 WHERE key IN ('first', 'last')")

        copied = copy_store(store, copy, progress=write)

    assert (notes(copy), copied.schema) == ([("first", "0"), ("last", "0")], HEAD)
    assert told == sorted(told)
    assert told[-1] == 1
    assert len(told) == SLICES + 1
    assert notes(store) == [("first", str(len(told))), ("last", str(len(told)))]
    assert names(tmp_path) == {"store.db", "copy.db"}


async def test_a_copy_is_one_sound_file_of_its_owner_and_a_whole_store(tmp_path: Path) -> None:
    await make_store(tmp_path / "store.db")
    copied = copy_store(tmp_path / "store.db", tmp_path / "copy.db")
    mode = copied.file.stat().st_mode
    async with open_store(f"sqlite:///{copied.file}") as store:
        assert (await store.get_meta("first"), store.upgraded) == ("0", None)

    assert (stat.S_IMODE(mode), copied.size_bytes > 4096) == (0o600, True)


async def test_a_copy_is_made_of_a_store_that_is_open_and_has_written_only_to_its_log(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path}/store.db") as store:
        await store.set_meta("first", "in the log")
        copy_store(tmp_path / "store.db", tmp_path / "copy.db")
        await store.set_meta("first", "later")
    assert notes(tmp_path / "copy.db") == [("first", "in the log")]


async def test_what_is_there_is_replaced_only_where_that_is_asked_for(tmp_path: Path) -> None:
    await make_store(tmp_path / "store.db")
    (tmp_path / "there").write_text("precious", encoding="utf-8")
    with pytest.raises(StoreError, match="there is there already"):
        copy_store(tmp_path / "store.db", tmp_path / "there")
    assert (tmp_path / "there").read_text(encoding="utf-8") == "precious"
    copy_store(tmp_path / "store.db", tmp_path / "there", replace=True)
    assert notes(tmp_path / "there")


async def test_a_file_that_comes_under_the_name_while_the_copy_is_made_is_not_replaced(tmp_path: Path) -> None:
    await make_store(tmp_path / "store.db")
    other = tmp_path / "there"
    with pytest.raises(StoreError, match="File exists"):
        copy_store(tmp_path / "store.db", other, progress=lambda _: other.write_text("precious", encoding="utf-8"))
    assert other.read_text(encoding="utf-8") == "precious"
    assert names(tmp_path) == {"store.db", "there"}


@pytest.mark.parametrize("part", ["", "-wal", "-shm", "-alive"])
async def test_the_files_of_the_store_itself_are_never_replaced(tmp_path: Path, part: str) -> None:
    await make_store(tmp_path / "store.db")
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(StoreError, match="a file of the store itself"):
        copy_store(tmp_path / "store.db", tmp_path / "link" / f"store.db{part}", replace=True)
    assert notes(tmp_path / "store.db")


async def test_a_damaged_store_makes_no_copy_and_the_older_one_stays(tmp_path: Path) -> None:
    store, copy = tmp_path / "store.db", tmp_path / "copy.db"
    await make_store(store, slices=1)
    copy_store(store, copy)
    content = bytearray(store.read_bytes())
    content[4096 * 500 : 4096 * 530] = b"\x5a" * 4096 * 30  # of the large note: no query here reads that
    store.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        copy_store(store, copy, replace=True)
    assert notes(copy) == [("first", "0"), ("last", "0")]
    assert names(tmp_path) == {"store.db", "copy.db"}


@pytest.mark.parametrize(
    ("target", "said"),
    [
        pytest.param("no/folder/copy.db", "No such file", id="no folder"),
        pytest.param("store.db/copy.db", "Not a directory", id="not a folder"),
    ],
)
async def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path, target: str, said: str) -> None:
    await make_store(tmp_path / "store.db")
    with pytest.raises(StoreError, match=f"was not copied to .*{target}.*{said}"):
        copy_store(tmp_path / "store.db", tmp_path / target)


def test_what_is_no_store_is_not_copied(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store at"):
        copy_store(tmp_path / "store.db", tmp_path / "copy.db")
    (tmp_path / "store.db").write_text("not a database, and long enough for SQLite to see that" * 9, encoding="utf-8")
    with pytest.raises(StoreError, match="is not a SQLite database"):
        copy_store(tmp_path / "store.db", tmp_path / "copy.db")
    assert names(tmp_path) == {"store.db"}


@pytest.mark.parametrize("table", ["", "CREATE TABLE customers (name TEXT)"], ids=["empty", "of another program"])
def test_what_has_nothing_of_a_store_in_it_takes_the_place_of_no_backup(tmp_path: Path, table: str) -> None:
    (tmp_path / "copy.db").write_text("the last good one", encoding="utf-8")
    with closing(sqlite3.connect(tmp_path / "store.db")) as raw:
        raw.executescript(table)
    with pytest.raises(StoreError, match="there is no store of Flowmend in"):
        copy_store(tmp_path / "store.db", tmp_path / "copy.db", replace=True)
    assert (tmp_path / "copy.db").read_text(encoding="utf-8") == "the last good one"
    assert names(tmp_path) == {"store.db", "copy.db"}
