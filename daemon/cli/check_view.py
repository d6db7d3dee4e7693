"""How the check of rule files is shown."""

from collections.abc import Sequence
from typing import Any

from daemon.cli.render import clean, plural, say
from daemon.rulebook.ast import RuleSource
from daemon.rulebook.problems import Problem, render, summary
from daemon.rulebook.ruleset import RuleSet
from daemon.rulebook.testing import RuleTestResult

SHOWN = 400
"""Characters shown of one line about a test."""


def show_check(
    problems: Sequence[Problem],
    rules: RuleSet | None,
    sources: Sequence[RuleSource],
    files: int,
    results: Sequence[RuleTestResult],
) -> None:
    """Print all problems, the failed tests, and one closing line."""
    if problems:
        say(render(problems))
    failed = [result for result in results if not result.passed]
    show_failed(failed)
    if rules is None:
        say(f"{summary(problems)}: these rules would not be loaded")
        return
    tests = (
        f"{plural(len(results), 'test')} passed"
        if not failed
        else f"{len(failed)} of {len(results)} tests failed, so these rules would not be loaded"
    )
    say(f"{rules.version}: {plural(len(sources), 'rule')} in {plural(files, 'file')}, {summary(problems)}, {tests}")


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
