"""``flowmend check``: are the rule files sound?"""

from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.options import Config, Json, read_settings

Paths = Annotated[
    list[Path] | None,
    typer.Argument(metavar="PATHS", help="Rule files or folders. Else those of the configuration (rules.paths)."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Let warnings fail the check, too.")]


def check(paths: Paths = None, config: Config = None, json: Json = False, strict: Strict = False) -> None:
    """Check rule files: every problem of every file at once, with its place. Runs the rules' own tests, too."""
    from daemon.app.rules import rule_files
    from daemon.cli.check_view import result_json, show_check
    from daemon.cli.exits import PROBLEMS
    from daemon.cli.render import print_json
    from daemon.rulebook.problems import Problem
    from daemon.rulebook.reader import read_rules
    from daemon.rulebook.ruleset import compile_rules
    from daemon.rulebook.testing import run_tests

    found = read_rules(paths or read_settings(config, offline=True).rules.paths)
    errors = [problem for problem in found.problems if problem.is_error]
    warnings: list[Problem] = [problem for problem in found.problems if not problem.is_error]
    rules = None if errors else compile_rules(found.sources)
    results = run_tests(rules, found.sources) if rules else ()
    failed = [result for result in results if not result.passed]
    bad = bool(errors or failed or (strict and warnings))
    if json:
        print_json(
            {
                "ok": not bad,
                "rules": None if rules is None else rules.version,
                "files": len(rule_files(found)),
                "count": len(found.sources),
                "problems": [problem.to_dict() for problem in found.problems],
                "tests": {"passed": len(results) - len(failed), "failed": [result_json(result) for result in failed]},
            }
        )
    else:
        show_check(found.problems, rules, found.sources, len(rule_files(found)), results)
    raise typer.Exit(PROBLEMS if bad else 0)
