"""``flowmend run`` with systemd at the other end of NOTIFY_SOCKET."""

import signal
from pathlib import Path

import pytest

from tests.acceptance.command import Service, flowmend, served_sandbox, write_config
from tests.notify_socket import notify_socket

RULE = "version: 1\nrules:\n  - id: one\n    why: x\n    when: {code: NONE_SUCH}\n    then: {leave: {}}\n"


def test_systemd_is_told_of_the_start_a_reload_signs_of_life_and_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = tmp_path / "own"
    rules.mkdir()
    (rules / "a.yaml").write_text(RULE, encoding="utf-8")
    with served_sandbox(tmp_path, "--errors", "10") as sandbox, notify_socket(tmp_path) as systemd:
        write_config(tmp_path, sandbox.url, rules, watch=False)
        monkeypatch.setenv("NOTIFY_SOCKET", systemd.address)
        monkeypatch.setenv("WATCHDOG_USEC", "1000000")
        with Service(tmp_path) as service:
            assert systemd.next() == {"STATUS": "opening the store and loading the rules"}
            assert systemd.next() == {"READY": "1", "STATUS": "the first cycle begins"}
            service.look()
            told = [line["event"] for line in service.events]
            assert {"rules.loaded", "server.started", "daemon.started"} <= set(told), "it was ready too early"
            systemd.until("WATCHDOG")
            service.process.send_signal(signal.SIGHUP)
            systemd.until("RELOADING")
            systemd.until("READY")
            service.wait_for("rules.loaded", changed=False)
            service.process.send_signal(signal.SIGTERM)
            systemd.until("STOPPING")
            assert service.process.wait(timeout=30) == 0


def test_what_cannot_start_is_never_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = write_config(tmp_path, "http://127.0.0.1:9/v1", tmp_path)
    nowhere = config.read_text(encoding="utf-8").replace("sqlite:///./flowmend.db", "sqlite:////proc/none/flowmend.db")
    config.write_text(nowhere, encoding="utf-8")
    with notify_socket(tmp_path) as systemd:
        monkeypatch.setenv("NOTIFY_SOCKET", systemd.address)

        assert flowmend("run", cwd=tmp_path).returncode == 2
        assert systemd.waiting() == [{"STATUS": "opening the store and loading the rules"}]
