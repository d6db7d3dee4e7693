"""How the findings of the doctor are shown, and which exit code they amount to."""

from collections.abc import Sequence
from typing import Any

from daemon.app.findings import Finding, Grade, counted
from daemon.cli.exits import PROBLEMS
from daemon.cli.render import clean, console, say

STYLES = {Grade.OK: "green", Grade.WARNING: "yellow", Grade.PROBLEM: "bold red"}
SHOWN = 600
"""Characters shown of one line."""


def verdict(findings: Sequence[Finding]) -> int:
    """Return the exit code: 1 where there is a problem, else 0; a warning is no failure."""
    return PROBLEMS if any(each.grade is Grade.PROBLEM for each in findings) else 0


def findings_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the findings for ``--json``."""
    return {"ok": verdict(findings) == 0, "findings": [each.to_json() for each in findings]}


def show_findings(findings: Sequence[Finding]) -> None:
    """Print a paragraph for each finding, and what it comes to."""
    out = console()
    for each in findings:
        first, *more = each.said.splitlines()
        of = f"{each.topic} of {each.account}" if each.account else each.topic
        out.print(f"{each.grade:<8}", style=STYLES[each.grade], end="")
        say(f"{of}: {clean(first, SHOWN)}")
        for line in more:
            say(f"      {clean(line, SHOWN)}")
        if each.advice and each.grade is not Grade.OK:
            say(f"      What to do: {clean(each.advice, SHOWN)}")
    problems = sum(each.grade is Grade.PROBLEM for each in findings)
    warnings = sum(each.grade is Grade.WARNING for each in findings)
    say(
        f"\n{counted(problems, 'problem')}, {counted(warnings, 'warning')}."
        if problems or warnings
        else "\nAll is well."
    )
