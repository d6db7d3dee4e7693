"""``flowmend pause`` and ``resume``, from another process than the one that they stop (P16)."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from daemon.store.sql import open_store
from tests.acceptance.command import FLOWMEND, Service, environment, flowmend, served_sandbox, started, write_config

SHIPPED = Path(__file__).parents[2] / "rules"
AT_ONCE = 8
"""Steps that are worked at side by side: each may have one request on its way when the switch is pressed."""


@pytest.fixture(scope="module")
def read_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a configuration and a store that has read a small shop."""
    folder = tmp_path_factory.mktemp("home")
    with served_sandbox(folder, "--errors", "60", "--job-seconds", "0.2") as sandbox:
        write_config(folder, sandbox.url, SHIPPED, mode="observe")
        assert flowmend("once", cwd=folder).returncode == 0
        write_config(folder, sandbox.url, SHIPPED)
        yield folder


@pytest.fixture
def home(read_home: Path) -> Iterator[Path]:
    """The same, with nothing paused before and after."""
    yield read_home
    (read_home / "PAUSE").unlink(missing_ok=True)
    asyncio.run(resume_all(read_home))


async def resume_all(home: Path) -> int:
    """End every pause and return how many there were, without the time that a command takes."""
    async with open_store(f"sqlite:///{home / 'flowmend.db'}") as store:
        return await store.resume(None, "", datetime.now(UTC))


def told(*arguments: str, cwd: Path, code: int = 0) -> Any:
    """Run a command with ``--json`` and return what it told."""
    done = flowmend(*arguments, "--json", cwd=cwd)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def test_a_pause_in_mid_cycle_lets_nothing_but_reads_through_until_somebody_resumes(tmp_path: Path) -> None:
    with served_sandbox(tmp_path, "--errors", "1500", "--job-seconds", "0.5") as sandbox:
        write_config(tmp_path, sandbox.url, SHIPPED)
        with Service(tmp_path) as service:
            service.wait_for("batch.sent")
            told("pause", "--reason", "the ERP is down", cwd=tmp_path)
            before = len(sandbox.state["writes"])
            said = service.wait_for("writes.paused")
            assert (said["scope"], said["reason"], said["until"]) == ("everything", "the ERP is down", "")
            service.wait_for("cycle.finished")
            written = len(sandbox.state["writes"])
            assert written - before <= AT_ONCE
            service.events.clear()
            service.wait_for("cycle.finished")
            service.events.clear()
            skipped = service.wait_for("cycle.finished")["skipped"]
            assert skipped > 0
            assert len(sandbox.state["writes"]) == written
            assert service.stop()[0] == 0

        with Service(tmp_path) as service:
            service.wait_for("writes.paused")
            service.wait_for("cycle.finished")
            assert len(sandbox.state["writes"]) == written

            assert told("resume", cwd=tmp_path) == {"resumed": 1, "paused": []}
            service.wait_for("writes.resumed")
            service.wait_for("batch.sent", action="retry")
            service.wait_for("outcome.settled", action="retry")
            assert len(sandbox.state["writes"]) > written
            assert service.stop()[0] == 0
        assert sandbox.state["totals"]["harmed"] == 0


def test_a_pause_shows_in_once_and_in_plan_and_ends_them_with_3(home: Path) -> None:
    told("pause", "--reason", "storm", cwd=home)
    figures = told("once", cwd=home, code=3)["accounts"]["acme"]
    assert figures["skipped"]["paused"] > 0
    assert figures["retried"] == figures["resolved"] == 0
    groups = told("plan", cwd=home, code=3)["acme"]["groups"]
    assert {(group["reason"], group["send"]) for group in groups} == {("paused", 0)}
    assert groups[0]["detail"].endswith(": storm")
    seen = flowmend("once", cwd=home)
    assert "paused: writing is paused" in seen.stdout
    assert "writes.paused" in seen.stderr


def test_it_says_what_is_paused_for_whom_and_what_that_means(home: Path) -> None:
    told("pause", "--account", "acme", "--for", "2h", cwd=home)
    done = flowmend(
        "pause", "--flow", "Amazon orders to NetSuite", "--reason", "new \x1b[1mERP", cwd=home, LOGNAME="ann"
    )
    assert done.returncode == 0
    assert "account acme" in done.stdout
    assert "flow Amazon orders to NetSuite (" in done.stdout
    assert "it is resumed" in done.stdout
    assert " ann " in done.stdout
    assert "new \\x1b[1mERP" in done.stdout
    assert "Reading and confirming go on" in done.stdout
    assert "integrator.io has accepted already" in done.stdout


def test_what_is_paused_can_be_asked_without_pausing_anything(home: Path) -> None:
    assert told("pause", "--list", cwd=home) == {"paused": []}
    told("pause", "--account", "acme", "--reason", "new ERP", cwd=home)
    (pause,) = told("pause", "--list", cwd=home)["paused"]
    assert (pause["account"], pause["reason"]) == ("acme", "new ERP")
    assert flowmend("pause", "--list", "--account", "acme", cwd=home).returncode == 2


def test_only_what_is_named_is_resumed(home: Path) -> None:
    for scope in ((), ("--account", "acme"), ("--flow", "Amazon orders to NetSuite")):
        told("pause", *scope, cwd=home)
    left = told("resume", cwd=home)
    assert left["resumed"] == 1
    assert [(each["account"], bool(each["flow"])) for each in left["paused"]] == [("acme", False), (None, True)]
    assert told("resume", "--step", "Create sales order", cwd=home)["resumed"] == 0
    assert told("resume", "--flow", left["paused"][1]["flow"], cwd=home)["resumed"] == 1
    assert told("resume", "--all", cwd=home) == {"resumed": 1, "paused": []}
    assert "There was no such pause." in flowmend("resume", cwd=home).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(
            ["pause", "--flow", "Amazon orders to NetSuit"], 'Did you mean "Amazon orders to NetSuite"?', id="a slip"
        ),
        pytest.param(["resume", "--account", "nobody"], 'no account "nobody"', id="no account to resume"),
        pytest.param(["pause", "--for", "0s"], "no length", id="no time at all"),
        pytest.param(["resume", "--all", "--account", "acme"], "--all", id="all and one"),
    ],
)
def test_what_cannot_be_meant_changes_nothing_and_ends_with_2(home: Path, arguments: list[str], said: str) -> None:
    done = flowmend(*arguments, cwd=home)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert asyncio.run(resume_all(home)) == 0


def test_a_file_holds_in_spite_of_resuming_and_that_is_said(home: Path) -> None:
    (home / "PAUSE").write_text("do not touch\n", encoding="utf-8")
    assert told("once", cwd=home, code=3)["accounts"]["acme"]["skipped"]["paused"] > 0
    left = told("resume", "--all", cwd=home, code=3)
    assert [(each["file"], each["reason"]) for each in left["paused"]] == [(True, "do not touch")]
    done = started("resume", cwd=home)
    assert f"the file {home / 'PAUSE'} still stops all writing; remove it" in done.stderr.replace("./", "")
    assert "the file is removed" in done.stdout


def test_without_a_store_nothing_is_said_to_be_paused(tmp_path: Path) -> None:
    write_config(tmp_path, "http://127.0.0.1:1/v1", SHIPPED)
    done = flowmend("pause", cwd=tmp_path)
    assert done.returncode == 2
    assert "there is no store" in done.stderr
    assert not (tmp_path / "PAUSE").exists()


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A folder whose store is no database."""
    write_config(tmp_path, "http://127.0.0.1:1/v1", SHIPPED)
    (tmp_path / "flowmend.db").write_bytes(b"not a database" * 1000)
    return tmp_path


def test_where_the_store_is_damaged_the_file_stops_everything(damaged: Path) -> None:
    done = flowmend("pause", "--reason", "storm", "--json", cwd=damaged)
    assert done.returncode == 0
    (held,) = json.loads(done.stdout)["paused"]
    assert (held["file"], held["reason"]) == (True, "storm")
    assert (damaged / "PAUSE").read_text(encoding="utf-8") == "storm\n"
    assert "was made instead" in done.stderr


def test_a_part_cannot_be_paused_by_the_file_and_that_is_said(damaged: Path) -> None:
    done = flowmend("pause", "--flow", "Orders", cwd=damaged)
    assert done.returncode == 2
    assert "nothing was paused" in done.stderr
    assert "flowmend pause without" in done.stderr
    assert not (damaged / "PAUSE").exists()


def test_where_not_a_byte_can_be_written_an_empty_file_stops_everything(home: Path) -> None:
    command = f"ulimit -f 0; exec {FLOWMEND} pause --reason storm --json"
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=home, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (home / "PAUSE").read_bytes() == b""
    assert json.loads(done.stdout)["paused"][0]["file"]
