"""``flowmend test``: run the tests beside the rules."""

from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.check import Paths
from daemon.cli.options import Config, Json, rule_paths

OnlyRule = Annotated[
    str | None, typer.Option("--rule", metavar="ID", help="Only the tests of this rule.", show_default=False)
]
WithCoverage = Annotated[
    bool, typer.Option("--coverage", help="Also say what no test would notice: rules, conditions, other messages.")
]
Junit = Annotated[
    Path | None, typer.Option("--junit", metavar="FILE", help="Also write a JUnit report.", show_default=False)
]


def prove(
    paths: Paths = None,
    config: Config = None,
    rule: OnlyRule = None,
    coverage: WithCoverage = False,
    junit: Junit = None,
    json: Json = False,
) -> None:
    """Run the tests that stand beside the rules, each through the whole set, and show what differs."""
    from daemon.cli.exits import PROBLEMS
    from daemon.cli.proving_view import junit_xml, show_tests, tests_json
    from daemon.cli.render import print_json
    from daemon.core.exceptions import ConfigError, RuleError
    from daemon.rulebook.coverage import coverage as measure
    from daemon.rulebook.problems import render, summary
    from daemon.rulebook.reader import read_rules
    from daemon.rulebook.ruleset import compile_rules
    from daemon.rulebook.testing import run_tests
    from daemon.rulebook.typed import nearest

    found = read_rules(rule_paths(paths, config))
    errors = [problem for problem in found.problems if problem.is_error]
    if errors:
        raise RuleError(f"{render(errors)}{summary(errors)}: no test was run, because these rules would not be loaded")
    ruleset = compile_rules(found.sources)
    ids = [each.id for each in ruleset.rules]
    if rule is not None and rule not in ids:
        raise ConfigError(
            f'there is no rule "{rule}" in these files; {nearest(rule, ids) or "flowmend check lists the files"}'
        )
    results = [result for result in run_tests(ruleset, found.sources) if rule in (None, result.rule_id)]
    held = measure(ruleset, found.sources) if coverage else None
    if junit is not None:
        junit.write_text(junit_xml(results), encoding="utf-8")
    if json:
        print_json(tests_json(ruleset, results, held, rule))
    else:
        show_tests(ruleset, results, held, rule)
    raise typer.Exit(0 if all(result.passed for result in results) else PROBLEMS)
