"""A person settles what nobody knows, with the installed command."""

import getpass
import json
from pathlib import Path

from tests.acceptance.command import flowmend, served_sandbox, write_config

RULES = """
version: 1
rules:
  - id: everything
    why: It may pass.
    when: {source: {exists: true}}
    then: {retry: {max_attempts: 2, ramp: off}}
"""


def test_an_unknown_outcome_is_listed_settled_once_and_gone_from_the_list(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    faults = ("--faults", "POST retry:1:before")
    with served_sandbox(tmp_path, "--world", "tiny", "--errors", "1", *faults) as sandbox:
        write_config(tmp_path, sandbox.url, tmp_path / "rules.yaml")
        hurry = {"FLOWMEND_ACTIONS__CONFIRM_TIMEOUT": "1s"}
        assert flowmend("errors", "--unknown", "--json", cwd=tmp_path).returncode == 2
        assert flowmend("once", "--json", cwd=tmp_path, **hurry).returncode == 5
        flowmend("once", "--json", cwd=tmp_path, **hurry)

        listed = flowmend("errors", "--unknown", "--json", cwd=tmp_path)
        (row,) = json.loads(listed.stdout)
        key = row["case"]
        assert (listed.returncode, row["account"], row["rule"]) == (5, "acme", "everything")
        shown = flowmend("errors", "--unknown", cwd=tmp_path)
        assert (shown.returncode, "--settle not-sent" in shown.stdout, row["errorId"] in shown.stdout) == (
            5,
            True,
            True,
        )

        settled = flowmend("case", key, "--settle", "not-sent", "--reason", "not in there", cwd=tmp_path)
        assert (settled.returncode, "not-sent, said by" in settled.stdout) == (0, True), settled.stderr
        again = flowmend("case", key, "--settle", "confirmed", cwd=tmp_path)
        assert again.returncode == 1
        assert f"{getpass.getuser()} settled write" in again.stderr

        assert flowmend("errors", "--unknown", "--json", cwd=tmp_path).stdout == "[]\n"
        history = flowmend("case", key, cwd=tmp_path)
        assert f"outcome: not sent, everything, said by {getpass.getuser()}, not in there" in history.stdout
        (said,) = [event for event in json.loads(flowmend("case", key, "--json", cwd=tmp_path).stdout) if event["by"]]
        assert said["by"] == getpass.getuser()
        assert [truth["runs"] for truth in sandbox.state["truths"].values()] == [0]


def test_lists_and_reasons_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    for command in (("errors", "--unknown", "--unmatched"), ("case", "order-7", "--reason", "seen")):
        done = flowmend(*command, cwd=tmp_path)
        assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (2, "", False)
