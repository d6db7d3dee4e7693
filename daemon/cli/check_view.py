"""How the check of rule files is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill, indent
from typing import Any

from daemon.cli.render import clean, plural, print_json, say
from daemon.core.exceptions import ConfigError
from daemon.rulebook.candidate import Candidate
from daemon.rulebook.codes import CODES, exact_code, nearest_codes
from daemon.rulebook.problems import Problem, render, summary
from daemon.rulebook.testing import RuleTestResult

SHOWN = 400
"""Characters shown of one line about a test."""

WIDTH = 100
FAILED_TEST = "E050"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check found. *problems* has those of the rules on trial and of their names; *strict*: warnings count."""

    tried: Candidate
    problems: tuple[Problem, ...]
    strict: bool

    @property
    def ok(self) -> bool:
        """Tell whether the check is passed."""
        return not any(problem.is_error or self.strict for problem in self.problems)

    @property
    def failed(self) -> int:
        """Return how many of the rules' tests failed."""
        return sum(problem.code == FAILED_TEST for problem in self.problems)

    def summary(self) -> str:
        """Say in one line how it went."""
        if self.tried.ruleset is None:
            return f"{summary(self.problems)}: these rules would not be loaded"
        count, files = plural(len(self.tried.read.sources), "rule"), plural(self.tried.files, "file")
        tests = plural(self.tried.tests, "test")
        fails = "" if self.ok or not self.strict else "; with --strict they fail the check"
        return f"{self.tried.ruleset.version}: {count} in {files}, {summary(self.problems)}{fails}, {tests} passed"


def show_check(checked: Checked) -> None:
    """Print all problems, one closing line, and where the codes are explained."""
    if checked.problems:
        say(render(checked.problems))
    say(checked.summary())
    codes = list(dict.fromkeys(problem.code for problem in checked.problems))
    if codes:
        say(f"what a code means: flowmend check --explain {codes[0]}")


def checked_json(checked: Checked) -> dict[str, Any]:
    """Return a check for ``--json``."""
    ruleset = checked.tried.ruleset
    return {
        "ok": checked.ok,
        "rules": None if ruleset is None else ruleset.version,
        "files": checked.tried.files,
        "count": len(checked.tried.read.sources),
        "problems": [problem.to_dict() for problem in checked.problems],
        "tests": {"passed": checked.tried.tests - checked.failed, "failed": checked.failed},
    }


def show_explanation(typed: str, *, json: bool) -> None:
    """Print what a code means, with the mistake and its mending.

    Raises:
        ConfigError: there is no such code; the nearest are named.
    """
    code = exact_code(typed)
    if not code:
        near = ", ".join(nearest_codes(typed))
        raise ConfigError(f'no message has the code "{clean(typed)}"; there are: {near}')
    told = CODES[code]
    if json:
        print_json({"code": code, "meaning": told.meaning, "why": told.why, "wrong": told.wrong, "right": told.right})
        return
    say(fill(f"{code}  {told.meaning}", WIDTH))
    say(f"\n{fill(told.why, WIDTH)}")
    for title, text in (("wrong", told.wrong), ("right", told.right)):
        say(f"\n{title}:\n{indent(text, '    ')}")


def show_failed(failed: Sequence[RuleTestResult]) -> None:
    """Print each failed test with what it expected, what was found, and why."""
    for result in failed:
        say(f'{result.place or result.rule_id}  test failed in rule "{result.rule_id}": {clean(result.name)}')
        for each in result.differences:
            at = f"{each.path}  " if each.path else ""
            say(f"   expected  {clean(f'{at}{each.expected}', SHOWN)}")
            say(f"   found     {clean(f'{at}{each.found}', SHOWN)}")
        say(f"   because   {clean(result.detail, SHOWN)}\n")


def result_json(result: RuleTestResult) -> dict[str, Any]:
    """Return one test of a rule for ``--json``."""
    place = result.place
    return {
        "rule": result.rule_id,
        "name": result.name,
        "winner": result.winner,
        "detail": result.detail,
        "differences": [
            {"path": each.path, "expected": each.expected, "found": each.found} for each in result.differences
        ],
        "file": place.file if place else "",
        "line": place.line if place else 0,
    }
