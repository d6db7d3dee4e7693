"""How the findings of the doctor are shown, and which exit code they amount to."""

from collections.abc import Sequence
from typing import Any

from daemon.app.findings import Finding, Grade, Topic
from daemon.cli.exits import PROBLEMS, UNREACHABLE, UNUSABLE, worst_of
from daemon.cli.render import clean, console, plural, say

CODES = {Topic.RULES: PROBLEMS, Topic.REGION: UNREACHABLE, Topic.ACCOUNT: UNUSABLE, Topic.RIGHTS: UNREACHABLE}
"""The exit code of what is wrong with a topic; with any other: usage, configuration or store."""

STYLES = {Grade.GOOD: "green", Grade.NOTE: "yellow", Grade.WRONG: "bold red"}
SHOWN = 600
"""Characters shown of one line."""


def verdict(findings: Sequence[Finding]) -> int:
    """Return the exit code: 0 where nothing is wrong; what is only worth knowing does not count."""
    return worst_of({CODES.get(each.topic, UNUSABLE) for each in findings if each.grade is Grade.WRONG})


def findings_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the findings for ``--json``."""
    return {"ok": verdict(findings) == 0, "findings": [each.to_json() for each in findings]}


def show_findings(findings: Sequence[Finding]) -> None:
    """Print a paragraph for each finding, and what it comes to."""
    out = console()
    for each in findings:
        first, *more = each.said.splitlines()
        of = f"{each.topic} of {each.account}" if each.account else each.topic
        out.print(f"{each.grade:<6}", style=STYLES[each.grade], end="")
        say(f"{of}: {clean(first, SHOWN)}")
        for line in more:
            say(f"      {clean(line, SHOWN)}")
        if each.advice and each.grade is not Grade.GOOD:
            say(f"      What to do: {clean(each.advice, SHOWN)}")
    wrong = sum(each.grade is Grade.WRONG for each in findings)
    notes = sum(each.grade is Grade.NOTE for each in findings)
    worth = f", {plural(notes, 'thing')} worth knowing" if notes else ""
    say(f"\n{plural(wrong, 'thing')} wrong{worth}." if wrong else f"\nNothing is wrong{worth}.")
