"""What goes wrong around the installed command: one sentence, the right exit code, and nothing lost."""

import asyncio
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from daemon.app.clock import SystemClock
from daemon.sandbox import Options, Sandbox, make_world
from tests.acceptance.command import (
    FLOWMEND,
    ServedSandbox,
    Service,
    environment,
    flowmend,
    served_sandbox,
    write_config,
)

SHIPPED = Path(__file__).parents[2] / "rules"
NOWHERE = "http://127.0.0.1:9/v1"
GOOD_RULE = (
    "version: 1\nrules:\n  - id: one\n    why: x\n    classify: a\n    when: {code: NONE}\n    then: {leave: {}}\n"
)
BROKEN_RULE = GOOD_RULE.replace("classify", "clasify")
LIMITED = "import os,resource,sys;n=int(sys.argv[1]);resource.setrlimit(resource.RLIMIT_FSIZE,(n,n));os.execv(sys.argv[2],sys.argv[2:])"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedSandbox]:
    """Serve one world to all tests that only read."""
    with served_sandbox(tmp_path_factory.mktemp("sandbox"), "--world", "tiny") as served:
        yield served


@contextmanager
def sandbox_here(options: Options) -> Iterator[str]:
    """Serve a sandbox with *options* that its command does not have, from a thread of this process."""
    ready, stop = threading.Event(), asyncio.Event()
    served: dict[str, Any] = {}

    async def serve() -> None:
        clock = SystemClock()
        server = Sandbox(make_world("tiny", now=clock.now()), clock=clock.now, options=options)
        served["url"], served["loop"] = await server.start(), asyncio.get_running_loop()
        ready.set()
        await stop.wait()
        await server.stop()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(30)
        yield served["url"]
    finally:
        served["loop"].call_soon_threadsafe(stop.set)
        thread.join()


@contextmanager
def redirecting_host(target: str) -> Iterator[str]:
    """Serve a host that sends every request to *target*."""

    class Redirect(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", target)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Redirect)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one sentence on standard error; the log's lines may stand before it."""
    assert "Traceback" not in done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("flowmend: ")
    return lines[0]


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return what ``once --json`` said of the account."""
    figures: dict[str, Any] = json.loads(done.stdout)["accounts"]["acme"]
    return figures


def test_a_host_that_is_not_there_is_named_with_what_to_look_at(tmp_path: Path, sandbox: ServedSandbox) -> None:
    write_config(tmp_path, NOWHERE, SHIPPED, mode="observe")
    done = flowmend("once", "--json", cwd=tmp_path)
    planned = flowmend("plan", "--json", cwd=tmp_path)
    shown = flowmend("once", cwd=tmp_path)
    write_config(tmp_path, sandbox.url, SHIPPED, mode="observe")
    later = flowmend("once", "--json", cwd=tmp_path)

    assert (done.returncode, planned.returncode, shown.returncode) == (4, 4, 4)
    for said in map(complaint, (done, planned, shown)):
        assert "http://127.0.0.1:9 (Connection refused)" in said
        assert "Nothing is lost" in said
        assert "base_url" in said
    assert "Connection refused" in told(done)["failure"]
    assert "Connection refused" in json.loads(planned.stdout)["acme"]["failure"]
    assert "as far as could be read" in shown.stdout
    assert (later.returncode, told(later)["new"]) == (0, 12)
    assert "failure" not in told(later)


def test_one_account_that_fails_does_not_keep_the_other_from_its_work(tmp_path: Path, sandbox: ServedSandbox) -> None:
    more = f'[accounts.beta]\nbase_url = "{NOWHERE}"\ntoken_file = "token"'
    write_config(tmp_path, sandbox.url, SHIPPED, mode="observe", more=more)
    done = flowmend("once", "--json", cwd=tmp_path)
    planned = flowmend("plan", "--json", cwd=tmp_path)
    accounts = json.loads(done.stdout)["accounts"]

    assert (done.returncode, planned.returncode) == (4, 4)
    assert complaint(done).startswith("flowmend: beta: ")
    assert accounts["acme"]["new"] == 12
    assert "failure" in accounts["beta"]
    assert "groups" in json.loads(planned.stdout)["acme"]
    assert "failure" in json.loads(planned.stdout)["beta"]


def test_a_wrong_token_is_refused_once_and_is_in_no_output(tmp_path: Path, sandbox: ServedSandbox) -> None:
    write_config(tmp_path, sandbox.url, SHIPPED, mode="observe")
    (tmp_path / "token").write_text("not-the-right-token\n", encoding="utf-8")
    done = flowmend("once", "--json", cwd=tmp_path)

    assert done.returncode == 4
    assert "401" in complaint(done)
    assert "token was refused" in complaint(done)
    assert told(done)["requests"] == 1
    assert "not-the-right-token" not in done.stdout + done.stderr


def test_the_right_token_in_the_wrong_region_is_told_to_try_the_other(tmp_path: Path) -> None:
    with sandbox_here(Options(other_region=True)) as url:
        write_config(tmp_path, url, SHIPPED, mode="observe")
        done = flowmend("once", cwd=tmp_path)

    assert done.returncode == 4
    assert "often means the other region" in complaint(done)
    assert url in complaint(done)


def test_a_host_that_redirects_is_not_followed_with_the_token(tmp_path: Path) -> None:
    with redirecting_host("http://127.0.0.1:9/stolen") as url:
        write_config(tmp_path, url, SHIPPED, mode="observe")
        done = flowmend("once", "--json", cwd=tmp_path)

    assert done.returncode == 4
    assert "302" in complaint(done)
    assert "not followed" in complaint(done)
    assert told(done)["requests"] == 1


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param("GET integrations:*:wrong_types", 4, id="list of integrations of wrong types"),
        pytest.param("GET integrations:*:not_json", 4, id="a web page in place of JSON"),
        pytest.param("GET flow-errors:*:wrong_types", 4, id="summary of wrong types"),
        pytest.param("GET errors:*:wrong_types", 4, id="page of errors of wrong types"),
        pytest.param("GET errors:*:status:503", 4, id="every page answers 503"),
    ],
)
def test_an_answer_that_cannot_be_used_is_never_no_errors(tmp_path: Path, fault: str, code: int) -> None:
    with served_sandbox(tmp_path, "--world", "tiny", "--faults", fault) as faulty:
        write_config(tmp_path, faulty.url, SHIPPED, mode="observe")
        done = flowmend("once", "--json", cwd=tmp_path)
        shown = flowmend("once", cwd=tmp_path)

    assert done.returncode == shown.returncode == code
    assert "Traceback" not in done.stderr + shown.stderr
    assert "failure" in told(done) or told(done)["steps_failed"] > 0
    assert "as far as could be read" in shown.stdout


def mangle(store: Path) -> None:
    """Spoil all but the first pages of a database."""
    content = bytearray(store.read_bytes())
    content[3 * 4096 :] = b"\x55" * len(content[3 * 4096 :])
    store.write_bytes(content)


def from_the_future(store: Path) -> None:
    """Mark the store as one of a later version."""
    with sqlite3.connect(store) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()


def folder_in_place_of_file(store: Path) -> None:
    """Let a folder stand where the store's file should be, which not even root can write to."""
    store.unlink()
    store.mkdir()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        pytest.param(
            lambda store: store.write_text("plain text\n" * 999), "is not a SQLite database", id="no database"
        ),
        pytest.param(mangle, "is damaged", id="damaged"),
        pytest.param(from_the_future, "newer than this program", id="of a newer version"),
        pytest.param(folder_in_place_of_file, "cannot be opened", id="a folder"),
    ],
)
def test_a_store_that_cannot_be_used_is_left_alone_and_a_backup_goes_on(
    tmp_path: Path, sandbox: ServedSandbox, spoil: Callable[[Path], object], says: str
) -> None:
    write_config(tmp_path, sandbox.url, SHIPPED, mode="observe")
    store, backup = tmp_path / "flowmend.db", tmp_path / "backup.db"
    assert flowmend("once", cwd=tmp_path).returncode == 0
    shutil.copy(store, backup)
    spoil(store)
    for command in (["once"], ["plan"], ["errors"], ["hold", "list"], ["case", "x"], ["db", "upgrade"]):
        done = flowmend(*command, "--json", cwd=tmp_path)
        assert done.returncode == 2, command
        assert says in complaint(done), command
        assert str(store) in complaint(done), command
        assert says in json.loads(done.stdout)["failure"], command
    if store.is_dir():
        store.rmdir()
    shutil.move(backup, store)
    restored = flowmend("once", "--json", cwd=tmp_path)

    assert (restored.returncode, told(restored)["open"], told(restored)["new"]) == (0, 12, 0)


@pytest.mark.parametrize("command", [["errors"], ["hold", "list"], ["case", "x"]])
def test_a_command_that_only_looks_makes_no_store(tmp_path: Path, command: list[str]) -> None:
    write_config(tmp_path, NOWHERE, SHIPPED)
    done = flowmend(*command, cwd=tmp_path)

    assert done.returncode == 2
    assert "there is no store" in complaint(done)
    assert not (tmp_path / "flowmend.db").exists()


def test_a_disk_that_is_full_in_mid_run_harms_nothing_and_the_next_run_goes_on(tmp_path: Path) -> None:
    # the limit would hit a measurement of coverage, too, when it is written at the end
    unmeasured = {name: value for name, value in environment().items() if not name.startswith("COVERAGE_")}

    def once(most_kib: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", LIMITED, str(most_kib * 1024), FLOWMEND, "once", "--json"],
            cwd=tmp_path, env=unmeasured, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    with served_sandbox(tmp_path, "--errors", "300", "--job-seconds", "0") as sandbox:
        write_config(tmp_path, sandbox.url, SHIPPED)
        for most_kib in (200, 400, 800, 1200):
            full = once(most_kib)
            assert full.returncode in (2, 5), (most_kib, full.stderr)  # 5: of some batch nobody knows what came of it
            assert f"the store {tmp_path / 'flowmend.db'}" in complaint(full)
        written_then = len(sandbox.state["writes"])
        good = flowmend("once", "--json", cwd=tmp_path)
        state = sandbox.state

    assert 0 < written_then < len(state["writes"]), "the disk was full while batches were being sent"
    assert good.returncode in (0, 5), good.stderr
    assert state["totals"]["harmed"] == 0
    assert state["totals"]["stray_changes"] == 0
    assert told(good)["open"] == state["totals"]["open_errors"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param("mode = [\n", "config.toml:1:9", id="not TOML"),
        pytest.param('mode = "enforced"\n', "must be one of observe, approve, enforce", id="value not allowed"),
        pytest.param("[accounts.acme]\nbase_urll = 1\n", 'did you mean "base_url"', id="unknown key"),
        pytest.param('[accounts.acme]\nbase_url = "ftp://x"\n', "must begin with https://", id="no web address"),
    ],
)
@pytest.mark.parametrize("command", ["once", "run", "plan", "errors"])
def test_a_broken_configuration_is_shown_with_its_place_and_nothing_is_started(
    tmp_path: Path, content: str, says: str, command: str
) -> None:
    (tmp_path / "config.toml").write_text(content, encoding="utf-8")
    done = flowmend(command, cwd=tmp_path)

    assert done.returncode == 2
    assert says in done.stderr
    assert "nothing was started" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


@pytest.mark.parametrize("command", ["once", "run", "plan"])
def test_a_configuration_without_an_account_says_where_it_was_looked_for(tmp_path: Path, command: str) -> None:
    done = flowmend(command, cwd=tmp_path)

    assert done.returncode == 2
    assert "no file was found, and the environment names no account" in done.stderr
    assert "go to the folder of your config.toml" in done.stderr
    assert f"{tmp_path}/config.toml" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["once", "--config", "nowhere.toml"], "nowhere.toml", id="missing configuration"),
        pytest.param(["once", "--nope"], "No such option: --nope", id="unknown option"),
        pytest.param(["nope"], "No such command 'nope'", id="unknown command"),
        pytest.param(["once", "--wait", "5"], 'did you mean "5s"', id="duration without a unit"),
        pytest.param(["errors", "--account", "nope"], 'no account "nope"', id="unknown account"),
        pytest.param(["hold", "list", "--account", "nope"], "there are: acme", id="unknown account of held errors"),
        pytest.param(["sandbox", "--faults", "GET nothing:1:before"], "unknown endpoint", id="unknown fault"),
        pytest.param(["schema", "nothing"], "nothing", id="unknown schema"),
    ],
)
def test_a_mistake_on_the_command_line_is_exit_code_2_and_a_hint(
    tmp_path: Path, arguments: list[str], says: str
) -> None:
    write_config(tmp_path, NOWHERE, SHIPPED)
    done = flowmend(*arguments, cwd=tmp_path)

    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_broken_rules_at_the_first_start_are_read_past_and_nothing_is_acted_on(tmp_path: Path) -> None:
    with served_sandbox(tmp_path, "--world", "tiny") as sandbox:
        (tmp_path / "own").mkdir()
        (tmp_path / "own" / "a.yaml").write_text(BROKEN_RULE, encoding="utf-8")
        write_config(tmp_path, sandbox.url, tmp_path / "own")
        done = flowmend("once", "--json", cwd=tmp_path)
        planned = flowmend("plan", cwd=tmp_path)

        assert (done.returncode, planned.returncode) == (1, 1)
        for said in map(complaint, (done, planned)):
            assert "a.yaml:5:5" in said
            assert "no rule is in force" in said
            assert "flowmend check" in said
        assert (told(done)["open"], told(done)["matched"]) == (12, 0)
        assert sandbox.state["writes"] == []


def test_rules_broken_or_gone_at_a_later_start_leave_the_last_good_set_in_force_tables_included(
    tmp_path: Path,
) -> None:
    with served_sandbox(tmp_path, "--errors", "300", "--job-seconds", "0") as sandbox:
        rules = tmp_path / "own"
        shutil.copytree(SHIPPED, rules)
        write_config(tmp_path, sandbox.url, rules, mode="observe")
        good = flowmend("once", "--json", cwd=tmp_path)
        version = json.loads(flowmend("check", "--json", cwd=tmp_path).stdout)["rules"]
        (rules / "99-broken.yaml").write_text(BROKEN_RULE, encoding="utf-8")
        write_config(tmp_path, sandbox.url, rules, mode="enforce")
        broken = flowmend("once", "--json", cwd=tmp_path)
        shutil.rmtree(rules)
        gone = flowmend("once", "--json", cwd=tmp_path)
        state = sandbox.state

    assert (good.returncode, broken.returncode, gone.returncode) == (0, 1, 1)
    for said in map(complaint, (broken, gone)):
        assert f"the last good set, {version}" in said
    assert told(broken)["confirmed"] > 50
    assert told(broken)["patched"] > 20
    assert state["totals"]["harmed"] == state["totals"]["stray_changes"] == 0


def test_a_rules_folder_deleted_under_a_running_service_changes_nothing_and_one_put_back_is_loaded(
    tmp_path: Path, sandbox: ServedSandbox
) -> None:
    rules = tmp_path / "own"
    rules.mkdir()
    (rules / "a.yaml").write_text(GOOD_RULE, encoding="utf-8")
    write_config(tmp_path, sandbox.url, rules, mode="observe")
    with Service(tmp_path) as service:
        loaded = service.wait_for("rules.loaded")
        shutil.rmtree(rules)
        refused = service.wait_for("rules.refused")
        service.events.clear()
        for _ in range(3):
            service.wait_for("cycle.finished")
            service.events.remove(next(line for line in service.events if line["event"] == "cycle.finished"))
        said_again = [line for line in service.events if line["event"] == "rules.refused"]
        rules.mkdir()
        (rules / "a.yaml").write_text(GOOD_RULE, encoding="utf-8")
        back = service.wait_for("rules.loaded")
        code, _ = service.stop()

    assert refused["rules"] == loaded["rules"] == back["rules"]
    assert said_again == []
    assert code == 0


def test_a_service_whose_token_is_refused_says_so_stays_alive_and_ends_on_sigterm(
    tmp_path: Path, sandbox: ServedSandbox
) -> None:
    write_config(tmp_path, sandbox.url, SHIPPED)
    (tmp_path / "token").write_text("not-the-right-token\n", encoding="utf-8")
    with Service(tmp_path) as service:
        refused = service.wait_for("account.refused")
        alive = service.process.poll() is None
        code, took_s = service.stop(signal.SIGTERM)

    assert refused["level"] == "error"
    assert refused["status"] == 401
    assert "not-the-right-token" not in str(service.events)
    assert alive
    assert (code, service.events[-1]["event"]) == (0, "daemon.stopped")
    assert took_s < 20


def test_a_service_whose_host_is_away_goes_on_trying(tmp_path: Path) -> None:
    write_config(tmp_path, NOWHERE, SHIPPED)
    with Service(tmp_path) as service:
        first = service.wait_for("cycle.failed")
        service.events.clear()
        service.wait_for("cycle.failed")
        code, _ = service.stop()

    assert "Connection refused" in first["reason"]
    assert code == 0
