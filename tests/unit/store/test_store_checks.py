"""What `flowmend db check` finds in a store that somebody, a disk or a mistake has changed."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from daemon.core.decisions import Outcome
from daemon.core.exceptions import StoreError
from daemon.store.checks import StoreReport, check_store
from daemon.store.invariants import INVARIANTS
from daemon.store.schema import HEAD, migrate
from daemon.store.sql import open_store
from tests.contract.store_values import LATER, NOON, intend

CHANGES = {
    "a second retry of a record that is under way": (
        (
            "INSERT INTO batches SELECT 9, step_no, act, rule_id, rules, plan_id, detail, 1, state, intended_at, ended_at,"
            " job_id, reason, 0, 0, 0, 0, 0, NULL FROM batches WHERE batch_no = 1;"
            "INSERT INTO batch_items SELECT 9, 'e9', position, step_no, case_key, case_root, alias, retry_key, outcome,"
            " settled_at, settled_by, settled_why, missed FROM batch_items WHERE batch_no = 1"
        ),
        "a record has two retries of which nobody knows what came of them (t:order-1)",
    ),
    "an attempt is taken out of a write under way": (
        "UPDATE errors SET batch_no = NULL; DELETE FROM batch_items WHERE batch_no = 1",
        "a write does not name the errors that it was sent with, so their attempts are not counted (write 1)",
    ),
    "an error is let go while it is under way": (
        "UPDATE errors SET batch_no = NULL WHERE error_id = 'e1'",
        "an error that was sent and has no outcome is not in flight, so it could be sent once more (write 1, error e1)",
    ),
    "an error hangs on a write that has ended": (
        "UPDATE errors SET batch_no = 2 WHERE error_id = 'e3'",
        (
            "an error is in flight with a write that does not wait for it, so nothing will ever be done about it"
            " (write 2, error e3)"
        ),
    ),
    "a write under way has an end": (
        "UPDATE batches SET ended_at = 1 WHERE batch_no = 1",
        "a write has ended and is said to be at work, or the other way round (write 1)",
    ),
    "all outcomes of a write under way are there": (
        "UPDATE batch_items SET outcome = 'came_back' WHERE batch_no = 1",
        "a write waits for outcomes, and has them all (write 1)",
    ),
    "an outcome of a settled write is missing": (
        "UPDATE batch_items SET outcome = NULL WHERE batch_no = 2",
        "a write is settled, and an error of it has no outcome (write 2, error e2)",
    ),
    "a name of a name": (
        (
            "INSERT INTO aliases SELECT step_no, 'd:1', 'd:2' FROM steps; INSERT INTO aliases SELECT step_no, 'd:2', 'd:3'"
            " FROM steps"
        ),
        "a second name of a record stands for a name that stands for another one: attempts are not counted (d:1)",
    ),
    "an outcome is not counted": (
        "UPDATE batches SET came_back = 0",
        "the outcomes of a write are not those that its errors have, and by them breakers and ramps decide (write 2)",
    ),
    "an error is not counted": (
        "UPDATE steps SET stored = stored - 1",
        "the number of open errors of a step is not what is stored (f1/s1)",
    ),
    "a decision is gone": (
        "DELETE FROM verdicts",
        "it is not written down what was decided about an error (e1; 3 such places)",
    ),
    "a code is gone": ("DELETE FROM codes", "it is not written down which code an error has (e1; 3 such places)"),
    "a text of a recording is gone": (
        "INSERT INTO recordings SELECT step_no, 'e1', 1, 0, 5, '', 5, '', 1, NULL FROM steps",
        "what a recorded error said, or what was decided about it, is missing (e1)",
    ),
    "a step is gone": (
        "DELETE FROM steps",
        "a row of errors refers to a row of steps that is not there",
    ),
    "a table of somebody": ("CREATE TABLE mine (it)", "mine is none of Flowmend's: keep data of others"),
    "an index is gone": ("DROP INDEX batch_items_by_case", "batch_items_by_case is missing"),
    "a column of somebody": ("ALTER TABLE meta ADD COLUMN mine", "meta is not as the migrations make it"),
    "a newer version": (
        "UPDATE alembic_version SET version_num = '9999'",
        f"it is of version 9999, newer than this program, which knows up to {HEAD}",
    ),
}


async def make_store(file: Path) -> None:
    async with open_store(f"sqlite:///{file}") as store:
        await store.accepted(await intend(store, "e1"), "j1", NOON)
        came_back, unknown = await intend(store, "e2"), await intend(store, "e3")
        await store.settle(came_back, {"e2": Outcome.CAME_BACK}, LATER)
        await store.settle(unknown, {"e3": Outcome.UNKNOWN}, LATER)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with an error under way, one that came back and one that nobody knows of."""
    file = tmp_path_factory.mktemp("whole") / "store.db"
    asyncio.run(make_store(file))
    return file


@pytest.fixture
def file(whole: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    return Path(shutil.copy(whole, tmp_path / "store.db"))


def changed(file: Path, statements: str) -> StoreReport:
    with closing(sqlite3.connect(file)) as raw:
        raw.executescript(statements)
    return check_store(file)


async def test_a_store_at_work_is_sound_and_its_sizes_are_told(file: Path) -> None:
    async with open_store(f"sqlite:///{file}") as store:
        await store.set_meta("note", "in the log")
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            report = check_store(file)
            other.execute("ROLLBACK")
    assert report.problems == []
    assert (report.schema, report.shrinks) == (HEAD, True)
    assert min(report.size_bytes, report.log_bytes, report.disk_free_bytes) > 4096


@pytest.mark.parametrize(("statements", "said"), CHANGES.values(), ids=CHANGES)
def test_what_does_not_hold_is_said(file: Path, statements: str, said: str) -> None:
    problems = changed(file, statements).problems
    assert [problem for problem in problems if problem.startswith(said)], problems


def test_each_invariant_has_an_example_that_breaks_it() -> None:
    said = [said for _, said in CHANGES.values()]
    assert [each.broken for each in INVARIANTS if not any(one.startswith(each.broken) for one in said)] == []


def test_what_is_often_broken_is_counted_so_far(file: Path) -> None:
    report = changed(
        file,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)"
        "INSERT INTO recordings SELECT 1, 'e' || i, 1, 0, 5, '', 5, '', 1, NULL FROM n",
    )
    assert [problem.rpartition("; ")[2] for problem in report.problems] == ["100 or more such places)"]


def test_an_older_store_is_held_against_the_tables_of_its_time(tmp_path: Path) -> None:
    file = tmp_path / "older.db"
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        migrate(connection, "0001")
    engine.dispose()
    assert (check_store(file).schema, check_store(file).problems) == ("0001", [])
    assert changed(file, "DROP INDEX patches_by_key").problems


def test_a_damaged_store_is_said_to_be_damaged(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4096:] = b"\x5a" * (len(content) - 4096)
    file.write_bytes(content)
    (problem, *_) = check_store(file).problems
    assert "damaged" in problem


def test_a_page_that_is_damaged_is_found_where_no_query_would_read_it(file: Path) -> None:
    with closing(sqlite3.connect(file)) as raw:
        ((root,),) = raw.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'pauses_open'").fetchall()
    content = bytearray(file.read_bytes())
    content[(root - 1) * 4096 : root * 4096] = b"\x5a" * 4096
    file.write_bytes(content)
    assert [problem for problem in check_store(file).problems if "damaged" in problem]


def test_a_damaged_log_is_said(file: Path) -> None:
    file.with_name("store.db-wal").write_bytes(b"\x5a" * 9000)
    assert ["its beginning cannot be read" in problem for problem in check_store(file).problems] == [True]


def test_what_cannot_be_read_at_all_is_an_error_and_no_finding(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="folder was used"):
        check_store(tmp_path / "folder")


def test_a_file_that_lost_all_that_was_in_it_is_not_sound(tmp_path: Path) -> None:
    (tmp_path / "store.db").touch()
    assert check_store(tmp_path / "store.db").problems == [
        "it is empty: nothing was ever written to it, or all of it is lost"
    ]
