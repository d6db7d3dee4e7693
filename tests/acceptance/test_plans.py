"""``plan``, ``approve`` and ``apply`` as people and scripts use them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.command import ServedSandbox, Service, flowmend, served_sandbox, started, write_config

FLOW, STEP = "Orders to NetSuite", "Create sales order"
RULES = """
version: 1
rules:
  - id: again
    why: The record itself is fine.
    when: {code: SSS_REQUEST_LIMIT_EXCEEDED}
    then: {retry: {ramp: off}}
    limit: {per_hour: 3}
"""


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[ServedSandbox]:
    """A sandbox with three errors that a retry cures, and a configuration for it."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES, encoding="utf-8")
    with served_sandbox(tmp_path, "--world", "tiny", "--errors", "0", "--job-seconds", "0.1") as served:
        write_config(tmp_path, served.url, rules)
        fail(served, 3)
        yield served


def fail(sandbox: ServedSandbox, count: int) -> list[str]:
    """Let records fail and return their ids."""
    family = "netsuite-concurrency"
    added = sandbox.act(do="add_errors", flow=FLOW, step=STEP, family=family, count=count, age_s=60)
    return [str(record) for record in added["records"]]


def number_in(text: str) -> str:
    """Return the number of the first plan that a text names."""
    found = re.search(r"plan (\d+)", text)
    assert found, text
    return found[1]


def test_a_plan_is_shown_with_what_to_type_then_applied_once(tmp_path: Path, sandbox: ServedSandbox) -> None:
    shown = flowmend("plan", cwd=tmp_path)
    number = number_in(shown.stdout)
    assert shown.returncode == 0
    assert f"flowmend apply {number} does exactly this now" in shown.stdout
    assert f"flowmend approve {number} lets the running service" in shown.stdout

    fail(sandbox, 1)
    done = started("apply", number, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"plan {number} of acme: 3 of 3 errors sent" in done.stdout
    assert "Traceback" not in done.stderr

    again = flowmend("apply", number, cwd=tmp_path)
    assert again.returncode == 3
    assert again.stdout == ""
    assert re.fullmatch(
        rf"flowmend: plan {number} was applied already by \S+; flowmend plan shows what is due now\n", again.stderr
    )


def test_apply_tells_a_script_what_was_sent_what_dropped_and_what_came_of_it(
    tmp_path: Path, sandbox: ServedSandbox
) -> None:
    plan = json.loads(flowmend("plan", "--json", cwd=tmp_path).stdout)["acme"]
    resolved = next(iter(sandbox.state["truths"].values()))["open_error_ids"]
    sandbox.act(do="resolve", flow=FLOW, step=STEP, errors=resolved)
    done = flowmend("apply", str(plan["plan"]), "--json", cwd=tmp_path)
    told = json.loads(done.stdout)

    assert done.returncode == 0, done.stderr
    assert told["rules"] == [
        {
            "rule": "again", "action": "retry", "planned": 3, "sent": 2, "refused": 0, "dropped": {"gone": 1}, "left": 0,
            "confirmed": 2, "came_back": 0, "unknown": 0, "vanished": 0, "pending": 0,
        }
    ]  # fmt: skip
    assert (told["plan"], told["account"], told["unsettled"]) == (plan["plan"], "acme", 0)


def test_over_a_limit_once_names_the_plan_that_a_person_lists_approves_and_the_service_sends(
    tmp_path: Path, sandbox: ServedSandbox
) -> None:
    fail(sandbox, 2)
    held = flowmend("once", "--json", cwd=tmp_path)
    assert held.returncode == 3
    (number,) = json.loads(held.stdout)["accounts"]["acme"]["plans_waiting"]
    told = flowmend("once", cwd=tmp_path)
    assert told.returncode == 3
    assert f"plan {number} waits" in told.stdout
    assert f"5 errors of again; flowmend approve {number} lets exactly these go" in told.stdout

    (listed,) = json.loads(flowmend("approve", "--json", cwd=tmp_path).stdout)
    assert (listed["plan"], listed["state"], listed["account"]) == (number, "waiting", "acme")
    (group,) = listed["groups"]
    assert (group["rule"], group["send"]) == ("again", 5)
    assert group["why"] == "over a limit: wants to retry 5 after 0 in the last hour; its limit is 3 an hour"
    shown = started("approve", cwd=tmp_path)
    assert shown.returncode == 0
    assert f"plan {number} of acme waits until" in shown.stdout
    assert STEP in shown.stdout

    with Service(tmp_path) as service:
        service.wait_for("cycle.finished")
        planned = flowmend("plan", cwd=tmp_path)
        assert (planned.returncode, f"plan {number} waits" in planned.stdout) == (3, True)
        refused = flowmend("apply", str(number), cwd=tmp_path)
        assert (refused.returncode, f"flowmend approve {number} lets it send" in refused.stderr) == (3, True)
        approved = flowmend("approve", str(number), cwd=tmp_path)
        assert approved.returncode == 0, approved.stderr
        assert f"plan {number} is approved by" in approved.stdout
        line = service.wait_for("plan.applied", plan=number)
        assert (line["sent"], line["dropped"]) == (5, 0)
        service.stop()

    later = flowmend("approve", str(number), cwd=tmp_path)
    assert later.returncode == 3
    assert f"plan {number} was applied already by {line['by']}" in later.stderr
    assert flowmend("approve", cwd=tmp_path).stdout == "No plan waits for approval.\n"


@pytest.mark.usefixtures("sandbox")
def test_the_second_of_two_who_approve_is_told_who_was_faster(tmp_path: Path) -> None:
    number = number_in(flowmend("plan", cwd=tmp_path).stdout)
    assert flowmend("approve", number, cwd=tmp_path, LOGNAME="anna").returncode == 0
    second = flowmend("approve", number, cwd=tmp_path, LOGNAME="bert")

    assert second.returncode == 3
    assert f"plan {number} was approved by anna already" in second.stderr
    listed = flowmend("approve", cwd=tmp_path)
    assert f"plan {number} of acme is approved by anna; it is sent at the next cycle" in listed.stdout
    assert flowmend("apply", number, cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("command", ["approve", "apply"])
def test_a_plan_that_is_not_there_is_a_mistake_of_usage(tmp_path: Path, sandbox: ServedSandbox, command: str) -> None:
    flowmend("plan", cwd=tmp_path)
    done = flowmend(command, "4711", "--json", cwd=tmp_path)

    assert done.returncode == 2
    assert "there is no plan 4711" in done.stderr
    assert "there is no plan 4711" in json.loads(done.stdout)["failure"]
    assert not sandbox.state["writes"]


def test_in_observe_mode_nothing_can_be_applied_and_plan_names_no_command(
    tmp_path: Path, sandbox: ServedSandbox
) -> None:
    number = number_in(flowmend("plan", cwd=tmp_path).stdout)
    shown = flowmend("plan", cwd=tmp_path, FLOWMEND_MODE="observe")
    assert "flowmend apply" not in shown.stdout
    done = flowmend("apply", number, cwd=tmp_path, FLOWMEND_MODE="observe")

    assert done.returncode == 3
    assert "only observed" in done.stderr
    assert not sandbox.state["writes"]
    approved = flowmend("approve", number, cwd=tmp_path, FLOWMEND_MODE="observe")
    assert 'mode = "observe" in this configuration' in approved.stdout
