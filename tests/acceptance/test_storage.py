"""The store of a running service fails: it stops writing, says so, and goes on when the store is well again."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.acceptance.command import ServedSandbox, Service, flowmend, served_sandbox, started, write_config

SHIPPED = Path(__file__).parents[2] / "rules"
AGAIN = """
version: 1
rules:
  - id: again
    why: The record itself is fine.
    when: {code: INVALID_KEY_OR_REF}
    then: {retry: {max_attempts: 1, ramp: off}}
"""


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[ServedSandbox]:
    with served_sandbox(tmp_path, "--errors", "300", "--job-seconds", "0") as served:
        write_config(tmp_path, served.url, SHIPPED)
        yield served


def make_read_only(store: Path) -> None:
    """Mark the store as written by a SQLite to come, which this one may only read (also where root runs it)."""
    content = bytearray(store.read_bytes())
    content[18] = 9  # "file format write version": what is higher than known is read-only
    store.write_bytes(content)


def make_writable(store: Path) -> None:
    content = bytearray(store.read_bytes())
    content[18] = 2
    store.write_bytes(content)


def settled(sandbox: ServedSandbox) -> None:
    """Look that nothing was harmed, run twice or lost."""
    totals = sandbox.state["totals"]
    assert totals["cured"] > 20
    assert totals["harmed"] == totals["stray_changes"] == 0


def test_a_store_that_may_only_be_read_is_said_and_nothing_is_sent(tmp_path: Path, sandbox: ServedSandbox) -> None:
    store = tmp_path / "flowmend.db"
    assert started("db", "upgrade", cwd=tmp_path).returncode == 0
    make_read_only(store)
    refused = flowmend("once", cwd=tmp_path)
    written = sandbox.state["writes"]
    make_writable(store)
    good = flowmend("once", "--json", cwd=tmp_path)

    assert refused.returncode == 2
    assert "cannot be written" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert written == []
    assert good.returncode in (0, 3), good.stderr
    settled(sandbox)


def test_while_another_process_keeps_the_store_locked_nothing_is_sent_and_then_the_service_goes_on(
    tmp_path: Path, sandbox: ServedSandbox
) -> None:
    assert flowmend("db", "upgrade", cwd=tmp_path).returncode == 0
    with Service(tmp_path) as service:
        service.wait_for("batch.sent")
        with closing(sqlite3.connect(tmp_path / "flowmend.db", isolation_level=None, timeout=30)) as other:
            other.execute("BEGIN IMMEDIATE")
            first = service.wait_for("cycle.failed", account="acme")
            before = len(sandbox.state["writes"])
            service.events.clear()
            service.wait_for("cycle.failed", account="acme")
            after = len(sandbox.state["writes"])
            alive = service.process.poll() is None
            other.execute("ROLLBACK")
        service.events.clear()
        service.wait_for("outcome.settled")
        service.wait_for("cycle.finished")
        code, _ = service.stop()

    assert "is locked by another process" in first["reason"]
    assert (before, alive, code) == (after, True, 0)
    settled(sandbox)


def test_a_store_replaced_under_the_service_ends_it_with_exit_code_2_and_the_next_start_takes_what_is_there(
    tmp_path: Path, sandbox: ServedSandbox
) -> None:
    store, backup = tmp_path / "flowmend.db", tmp_path / "backup.db"
    with Service(tmp_path) as service:
        service.wait_for("cycle.finished")
        with closing(sqlite3.connect(store)) as source, closing(sqlite3.connect(backup)) as target:
            source.backup(target)
        shutil.move(backup, store)
        lost = service.wait_for("store.lost")
        before = len(sandbox.state["writes"])
        code = service.process.wait(timeout=30)
        after = len(sandbox.state["writes"])
    (tmp_path / "flowmend.db-wal").unlink(missing_ok=True)
    with Service(tmp_path) as service:
        service.wait_for("cycle.finished")
        assert service.stop()[0] == 0

    assert "moved, removed or replaced" in lost["reason"]
    assert (before, code) == (after, 2)
    settled(sandbox)


def test_a_service_whose_store_is_damaged_says_so_at_every_start_and_a_backup_ends_that(
    tmp_path: Path, sandbox: ServedSandbox
) -> None:
    store, backup = tmp_path / "flowmend.db", tmp_path / "backup.db"
    assert flowmend("once", "--json", cwd=tmp_path).returncode in (0, 3)
    before = len(sandbox.state["writes"])
    shutil.copy(store, backup)
    content = bytearray(store.read_bytes())
    content[4096:] = b"\x5a" * (len(content) - 4096)
    store.write_bytes(content)
    for _ in range(2):
        done = flowmend("run", cwd=tmp_path)
        assert (done.returncode, "is damaged" in done.stderr, "Traceback" in done.stderr) == (2, True, False)
    assert len(sandbox.state["writes"]) == before
    shutil.move(backup, store)
    with Service(tmp_path) as service:
        service.wait_for("cycle.finished")
        assert service.stop()[0] == 0
    settled(sandbox)


def test_a_backup_made_while_the_service_ran_and_put_back_later_sends_nothing_and_says_why_with_3(
    tmp_path: Path,
) -> None:
    (tmp_path / "rules.yaml").write_text(AGAIN, encoding="utf-8")
    with served_sandbox(tmp_path, "--world", "tiny", "--errors", "0", "--job-seconds", "0") as sandbox:
        write_config(tmp_path, sandbox.url, tmp_path / "rules.yaml")
        with Service(tmp_path) as service:
            service.wait_for("cycle.finished")
            backup = flowmend("db", "backup", "--json", cwd=tmp_path)
            nowhere = flowmend("db", "backup", f"{tmp_path}/not-mounted/", cwd=tmp_path)
            check = flowmend("db", "check", "--json", cwd=tmp_path)
            told = flowmend("db", "prune", "--dry-run", "--json", cwd=tmp_path)
            refused = flowmend("db", "prune", "--vacuum", cwd=tmp_path)
            sandbox.act(
                do="add_errors", flow="Orders to NetSuite", step="Create sales order", family="ship-method", age_s=60
            )
            service.wait_for("outcome.settled")
            assert service.stop()[0] == 0
        copy = Path(json.loads(backup.stdout)["file"])
        for part in ("", "-wal", "-shm"):
            (tmp_path / f"flowmend.db{part}").unlink(missing_ok=True)
        shutil.copy(copy, tmp_path / "flowmend.db")

        done = flowmend("once", "--json", cwd=tmp_path)
        assert (backup.returncode, copy.parent) == (0, tmp_path), backup.stderr
        assert (nowhere.returncode, "there is no folder" in nowhere.stderr) == (2, True)
        assert not (tmp_path / "not-mounted").exists()
        assert (check.returncode, json.loads(check.stdout)["sound"]) == (0, True)
        assert (told.returncode, json.loads(told.stdout)["dry_run"]) == (0, True)
        assert (refused.returncode, "another process looks after this account" in refused.stderr) == (3, True)
        assert done.returncode == 3, done.stderr
        assert "It may be an old copy" in done.stderr
        assert "flowmend once --adopt-backlog" in done.stderr
        assert json.loads(done.stdout)["accounts"]["acme"]["retried"] == 0
        assert [truth["runs"] for truth in sandbox.state["truths"].values()] == [1]
