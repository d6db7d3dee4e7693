"""The files of the store: moved away, put in another's place, damaged; a log that is not whole is not half read."""

import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from daemon.core.exceptions import StoreError, StoreLostError
from daemon.store.checks import check_store
from daemon.store.copies import copy_store
from daemon.store.files import is_there
from daemon.store.sql import SqlStore, open_store
from tests.contract.store_values import NOON, batch, intend, judged, save, stored
from tests.rights import without_roots_rights

PAGE, FRAME = 4096, 4096 + 24


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
async def store(file: Path) -> AsyncIterator[SqlStore]:
    """A store on disk in which error e0 is in flight."""
    async with open_store(f"sqlite:///{file}", busy_timeout_s=0.01) as opened:
        await intend(opened, "e0")
        yield opened


def log_of(file: Path) -> Path:
    return file.with_name(f"{file.name}-wal")


async def killed(file: Path) -> Path:
    """Return a store as a process leaves it that was killed after its fifth intent: a small file and a long log."""
    left = file.with_name("left.db")
    async with open_store(f"sqlite:///{file}") as opened:
        for number in range(1, 6):
            await intend(opened, f"e{number}")
        shutil.copy(file, left)
        shutil.copy(log_of(file), log_of(left))
    return left


def move_away(path: Path) -> None:
    path.rename(path.with_name("moved"))


def move_back(path: Path) -> None:
    path.with_name("moved").rename(path)


def damage_the_table_of_errors(file: Path) -> None:
    with closing(sqlite3.connect(file)) as plain:
        (page,) = plain.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'errors'").fetchone()
    content = bytearray(file.read_bytes())
    content[(page - 1) * PAGE : page * PAGE] = b"\x5a" * PAGE
    file.write_bytes(content)


def put_a_backup_in_its_place(path: Path) -> None:
    backup = path.with_name("backup")
    shutil.copy(path, backup)
    backup.replace(path)


CHANGES = pytest.mark.parametrize(
    ("change", "of_log"),
    [
        pytest.param(Path.unlink, False, id="file removed"),
        pytest.param(move_away, False, id="file moved away"),
        pytest.param(put_a_backup_in_its_place, False, id="backup in the place of the file"),
        pytest.param(Path.unlink, True, id="log removed"),
        pytest.param(put_a_backup_in_its_place, True, id="another log in its place"),
    ],
)


@CHANGES
async def test_a_store_that_is_not_under_its_name_any_more_takes_no_write(
    store: SqlStore, file: Path, change: Callable[[Path], object], of_log: bool
) -> None:
    await save(store, judged("e1"))
    change(log_of(file) if of_log else file)
    with pytest.raises(StoreLostError, match=r"store\.db was moved, removed or replaced .*Start again"):
        await store.intend(batch("e1"), NOON)
    assert await stored(store) == ["e0", "e1"]


@CHANGES
async def test_an_intent_is_not_taken_for_durable_where_its_file_goes_while_it_is_written(
    store: SqlStore, file: Path, change: Callable[[Path], object], of_log: bool
) -> None:
    def work(_: Connection) -> None:
        change(log_of(file) if of_log else file)

    with pytest.raises(StoreLostError, match="moved, removed or replaced"):
        await store.transact(work, write=True, durable=True)


async def test_a_store_behind_a_link_is_lost_when_the_link_leads_elsewhere(tmp_path: Path) -> None:
    link, other = tmp_path / "link.db", tmp_path / "other.db"
    other.touch()
    link.symlink_to(tmp_path / "store.db")
    async with open_store(f"sqlite:///{link}") as opened:
        await opened.set_meta("note", "written")
        link.unlink()
        link.symlink_to(other)
        with pytest.raises(StoreLostError, match="moved, removed or replaced"):
            await opened.set_meta("note", "lost")


async def test_a_store_put_back_under_its_name_goes_on(store: SqlStore, file: Path) -> None:
    move_away(file)
    with pytest.raises(StoreLostError):
        await store.set_meta("note", "lost")
    move_back(file)
    await store.set_meta("note", "kept")
    assert await store.get_meta("note") == "kept"


async def test_once_a_damaged_page_was_met_nothing_is_written_even_where_all_is_well(file: Path) -> None:
    async with open_store(f"sqlite:///{file}") as opened:
        await save(opened, *(judged(f"e{number}") for number in range(1000)))
    damage_the_table_of_errors(file)
    async with open_store(f"sqlite:///{file}") as opened:
        await opened.set_meta("note", "kept")
        with pytest.raises(StoreLostError, match=r"store\.db is damaged .*restore a backup"):
            await stored(opened)
        with pytest.raises(StoreLostError, match="is damaged"):
            await opened.set_meta("note", "lost")
        assert await opened.get_meta("note") == "kept"


@pytest.mark.parametrize(
    ("code", "is_lost"),
    [
        pytest.param(sqlite3.SQLITE_IOERR_FSYNC, True, id="what a sync threw away is not there again later"),
        pytest.param(sqlite3.SQLITE_IOERR_WRITE, False, id="a quota that was reached may be raised"),
        pytest.param(sqlite3.SQLITE_FULL, False, id="a full disk may be emptied"),
        pytest.param(sqlite3.SQLITE_BUSY, False, id="a lock may be let go"),
    ],
)
async def test_a_commit_that_fails_keeps_nothing_and_what_cannot_heal_ends_all_writing(
    store: SqlStore, code: int, is_lost: bool
) -> None:
    failure = sqlite3.OperationalError("the disk said no")
    failure.sqlite_errorcode = code
    await save(store, judged("e1"))

    @event.listens_for(store._connection.engine, "commit", once=True)
    def fail(connection: Connection) -> None:
        connection.exec_driver_sql("ROLLBACK")  # as SQLite does where a commit fails
        raise OperationalError("COMMIT", None, failure)

    with pytest.raises(StoreError, match=r"store\.db"):
        await store.intend(batch("e1"), NOON)
    assert await store.unsettled_count("acme") == 1
    if is_lost:
        with pytest.raises(StoreLostError, match="the disk failed"):
            await store.intend(batch("e1"), NOON)
    else:
        await store.intend(batch("e1"), NOON)
        assert await store.unsettled_count("acme") == 2


@pytest.mark.parametrize("frame", [0, 1, 7, -2])
async def test_a_log_with_damage_before_its_end_is_refused_and_left_as_it_is(file: Path, frame: int) -> None:
    left = await killed(file)
    content = bytearray(log_of(left).read_bytes())
    frames = (len(content) - 32) // FRAME
    content[32 + (frame % frames) * FRAME + 100] ^= 1
    log_of(left).write_bytes(content)
    with pytest.raises(
        StoreError, match=rf"left\.db-wal of the store .* page {frame % frames + 1} of it cannot be read"
    ):
        async with open_store(f"sqlite:///{left}"):
            pass
    assert log_of(left).read_bytes() == content


async def test_a_log_whose_beginning_is_damaged_is_refused(file: Path) -> None:
    left = await killed(file)
    content = bytearray(log_of(left).read_bytes())
    content[:32] = bytes(32)
    log_of(left).write_bytes(content)
    with pytest.raises(StoreError, match=r"its beginning cannot be read.*Restore a backup"):
        async with open_store(f"sqlite:///{left}"):
            pass


@pytest.mark.parametrize(
    ("cut", "intents"),
    [
        pytest.param(lambda content: content, 5, id="whole"),
        pytest.param(lambda content: content[:-1], 4, id="last transaction cut off"),
        pytest.param(lambda content: content + b"\x5a" * FRAME, 5, id="rubbish after the last transaction"),
        pytest.param(
            lambda content: content + content[32 : 32 + FRAME], 5, id="a page of no ended transaction after it"
        ),
        pytest.param(lambda content: content[:20], 0, id="nothing but half a beginning"),
    ],
)
async def test_a_log_that_a_death_cut_off_is_read_up_to_there(
    file: Path, cut: Callable[[bytes], bytes], intents: int
) -> None:
    left = await killed(file)
    log_of(left).write_bytes(cut(log_of(left).read_bytes()))
    async with open_store(f"sqlite:///{left}") as opened:
        assert await opened.unsettled_count("acme") == intents


async def test_writing_goes_on_while_a_reader_keeps_the_log_from_being_folded(store: SqlStore, file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM batches").fetchall()
        for number in range(1, 60):
            await save(store, *(judged(f"e{number}-{each}", case_key=f"t:{each:0200}") for each in range(300)))
        grown_bytes = log_of(file).stat().st_size
        await intend(store, "e1")
        async with open_store(f"sqlite:///{file}") as second:
            assert await second.unsettled_count("acme") == 2
        reader.execute("ROLLBACK")
    for number in range(60, 120):
        await save(store, *(judged(f"e{number}-{each}", case_key=f"t:{each:0200}") for each in range(300)))
    assert log_of(file).stat().st_size < 2 * grown_bytes, "the log is used again from its beginning"


async def test_a_backup_taken_while_it_is_written_to_is_whole(store: SqlStore, file: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(tmp_path / "backup.db")) as target:
        source.backup(target)
    await intend(store, "e1")
    async with open_store(f"sqlite:///{tmp_path}/backup.db") as backup:
        assert (await backup.unsettled_count("acme"), await stored(backup)) == (1, ["e0"])


LOOKS = {
    "is it there": is_there,
    "copy it": lambda file: copy_store(file, file.with_name("copy.db")),
    "look it through": check_store,
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_a_store_that_this_user_may_not_see_is_told_from_one_that_is_not_there(
    tmp_path: Path, look: Callable[[Path], object]
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o600)
    (closed / "store.db").touch()
    closed.chmod(0)
    with without_roots_rights(), pytest.raises(StoreError, match=r"store\.db cannot be looked at"):
        look(closed / "store.db")
    closed.chmod(0o700)
