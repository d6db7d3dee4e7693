"""How the check of rule files is shown."""

from collections.abc import Sequence
from typing import Any

from daemon.cli.render import plural, say
from daemon.rulebook.ast import RuleSource
from daemon.rulebook.problems import Problem, render, summary
from daemon.rulebook.ruleset import RuleSet
from daemon.rulebook.testing import RuleTestResult


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
    for result in failed:
        place = result.place
        where = f"{place.file}:{place.line}:{place.column}" if place else result.rule_id
        say(f'{where}  test failed in rule "{result.rule_id}": {result.name}\n  {result.detail}\n')
    if rules is None:
        say(f"{summary(problems)}: these rules would not be loaded")
        return
    tests = f"{plural(len(results), 'test')} passed" if not failed else f"{len(failed)} of {len(results)} tests failed"
    say(f"{rules.version}: {plural(len(sources), 'rule')} in {plural(files, 'file')}, {summary(problems)}, {tests}")


def result_json(result: RuleTestResult) -> dict[str, Any]:
    """Return one test of a rule for ``--json``."""
    place = result.place
    return {
        "rule": result.rule_id,
        "name": result.name,
        "winner": result.winner,
        "detail": result.detail,
        "file": place.file if place else "",
        "line": place.line if place else 0,
    }
