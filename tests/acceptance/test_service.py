"""``flowmend run`` as systemd and Docker run it."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.command import ServedSandbox, Service, environment, served_sandbox, write_config

SHIPPED = Path(__file__).parents[2] / "rules"
RULE = (
    "version: 1\nrules:\n  - id: one\n    why: x\n    classify: a\n    when: {code: NONE_SUCH}\n    then: {leave: {}}\n"
)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[ServedSandbox]:
    with served_sandbox(tmp_path, "--errors", "1500", "--job-seconds", "0.5") as served:
        write_config(tmp_path, served.url, SHIPPED)
        yield served


def test_sigterm_in_mid_cycle_ends_it_cleanly_and_a_new_start_goes_on(tmp_path: Path, sandbox: ServedSandbox) -> None:
    with Service(tmp_path) as service:
        service.wait_for("batch.sent")
        code, took_s = service.stop()

        assert code == 0
        assert took_s < 20
        assert service.events[-1]["event"] == "daemon.stopped"
        assert not [line for line in service.events if line["level"] == "error"]

    with Service(tmp_path) as service:
        service.wait_for("outcome.settled")
        for _ in range(60):
            if sandbox.state["totals"]["cured"] > 100:
                break
            service.wait_for("cycle.finished")
            service.events.clear()
        assert service.stop()[0] == 0
    assert sandbox.state["totals"]["cured"] > 100
    assert sandbox.state["totals"]["harmed"] == 0


def test_a_stop_does_not_wait_for_ever_for_an_answer_and_what_had_none_is_not_sent_again(tmp_path: Path) -> None:
    with served_sandbox(tmp_path, "--errors", "300", "--faults", "POST retry:1:hang") as sandbox:
        write_config(tmp_path, sandbox.url, SHIPPED)
        with Service(tmp_path) as service:
            service.wait_for("plan.made")
            assert any(retried(sandbox) for _ in range(1000))
            code, took_s = service.stop()

            assert code == 0
            assert took_s < 20
            ends = [line["event"] for line in service.events if line["event"] != "rule.matched"]
            assert ends[-3:] == ["daemon.cut_off", "plan.interrupted", "daemon.stopped"]

        with Service(tmp_path) as service:
            service.wait_for("outcome.settled", action="retry")
            assert service.stop()[0] == 0
        keys = retried(sandbox)
        assert len(keys) == len(set(keys))
        assert sandbox.state["totals"]["harmed"] == 0


def retried(sandbox: ServedSandbox) -> list[str]:
    """Return the retry data keys of every retry call so far, in order."""
    calls = [json.loads(write["body"]) for write in sandbox.state["writes"] if write["endpoint"] == "POST retry"]
    return [key for call in calls for key in call["retryDataKeys"]]


def test_kill_9_after_a_batch_loses_nothing_and_runs_nothing_twice(tmp_path: Path, sandbox: ServedSandbox) -> None:
    for _ in range(3):
        with Service(tmp_path) as service:
            service.wait_for("batch.sent", action="retry")
            service.stop(signal.SIGKILL)

    with Service(tmp_path) as service:
        service.wait_for("outcome.settled", action="retry")
        assert service.stop()[0] == 0
    assert sandbox.state["totals"]["harmed"] == 0


def test_sighup_loads_changed_rules_and_a_broken_file_changes_nothing(tmp_path: Path, sandbox: ServedSandbox) -> None:
    rules = tmp_path / "own"
    rules.mkdir()
    (rules / "a.yaml").write_text(RULE, encoding="utf-8")
    write_config(tmp_path, sandbox.url, rules, watch=False)
    with Service(tmp_path) as service:
        first = service.wait_for("rules.loaded")
        service.wait_for("cycle.finished")
        (rules / "a.yaml").write_text(RULE.replace("leave", "leaf"), encoding="utf-8")
        service.process.send_signal(signal.SIGHUP)
        refused = service.wait_for("rules.refused")
        (rules / "a.yaml").write_text(RULE.replace("NONE_SUCH", "ANOTHER"), encoding="utf-8")
        service.events.clear()
        service.process.send_signal(signal.SIGHUP)
        second = service.wait_for("rules.loaded")

        assert refused["rules"] == first["rules"]
        assert second["rules"] != first["rules"]
        assert service.stop()[0] == 0


def test_a_configuration_file_that_goes_away_leaves_its_values_in_force(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        f'[limits]\nretries_per_hour = 10\n[log]\nformat = "json"\n[rules]\npaths = ["{SHIPPED}"]\n'
        '[server]\nport = 0\n[store]\nurl = "sqlite:///./flowmend.db"\n',
        encoding="utf-8",
    )
    account = "FLOWMEND_ACCOUNTS__ACME__"
    known = {f"{account}TOKEN": "sandbox-token", f"{account}BASE_URL": "http://127.0.0.1:9/v1"}
    with Service(tmp_path, env=environment(**known)) as service:
        service.wait_for("daemon.started")
        config.unlink()
        service.process.send_signal(signal.SIGHUP)
        assert "config.toml" in service.wait_for("config.refused", timeout_s=10.0)["reason"]


def test_a_sighup_at_the_first_instant_is_kept_until_it_can_be_answered(tmp_path: Path) -> None:
    rules = tmp_path / "own"
    rules.mkdir()
    (rules / "a.yaml").write_text(RULE, encoding="utf-8")
    with served_sandbox(tmp_path, "--errors", "10") as sandbox:
        write_config(tmp_path, sandbox.url, rules, watch=False)
        with Service(tmp_path) as service:
            at_first_instant(service, signal.SIGHUP)
            at_the_start = service.wait_for("rules.loaded", changed=True)
            answer = service.wait_for("rules.loaded", changed=False)

            assert answer["rules"] == at_the_start["rules"]
            assert service.stop()[0] == 0


def test_a_sigterm_at_the_first_instant_ends_it_as_a_later_one_does(tmp_path: Path) -> None:
    write_config(tmp_path, "http://127.0.0.1:9/v1", SHIPPED)
    with Service(tmp_path) as service:
        at_first_instant(service, signal.SIGTERM)
        code, _ = service.stop()

        assert code == 0
        assert service.events[-1]["event"] == "daemon.stopped"


def at_first_instant(service: Service, number: signal.Signals) -> None:
    """Send a signal as soon as the kernel shows that it can wait; that must be before anything else is done."""
    status = Path(f"/proc/{service.process.pid}/status")
    while not blocked(status.read_text(encoding="ascii"), number):
        assert service.process.poll() is None
    service.process.send_signal(number)
    service.look()
    assert service.events == []


def blocked(status: str, number: signal.Signals) -> bool:
    return bool(int(status.partition("SigBlk:")[2].split()[0], 16) >> (number - 1) & 1)
