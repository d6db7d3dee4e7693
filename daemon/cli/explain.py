"""``flowmend explain``: which rule takes an error, and why the others do not."""

from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.options import AccountName, Config, Json, StepName, known_account, known_store, make_log, read_settings

ErrorId = Annotated[
    str | None,
    typer.Argument(metavar="ERRORID", help='An open error\'s id, or "-" for an error as JSON on standard input.'),
]
File = Annotated[
    Path | None,
    typer.Option("--file", metavar="FILE", help="An error as JSON, as integrator.io lists it.", show_default=False),
]
RulePaths = Annotated[
    list[Path] | None,
    typer.Option(
        "--rules", metavar="PATH", help="Rule files or folders instead of those configured.", show_default=False
    ),
]
All = Annotated[bool, typer.Option("--all", help="Every rule, not only the winner and the near misses.")]


def explain(
    error_id: ErrorId = None,
    file: File = None,
    rules: RulePaths = None,
    config: Config = None,
    account: AccountName = None,
    step: StepName = None,
    every: All = False,
    json: Json = False,
) -> None:
    """Explain an error: every rule in order, the condition that failed and what was found, near misses first.

    Of an open error it also says what a cycle would do with it now, and what stands in its way. Only reads.
    """
    import asyncio
    import sys
    from datetime import UTC, datetime

    from daemon.app.build import open_daemon
    from daemon.app.clock import SystemClock
    from daemon.app.explain import Explained, explain_open, explain_text
    from daemon.cli.exits import complain
    from daemon.cli.explain_view import explained_json, show_explained
    from daemon.cli.render import print_json
    from daemon.core.actions import Mode
    from daemon.core.exceptions import ConfigError, RuleError
    from daemon.rulebook.problems import render, summary
    from daemon.rulebook.reader import read_rules
    from daemon.rulebook.ruleset import compile_rules

    if (error_id is None) == (file is None):
        raise ConfigError('name one open error by its id, or an error in a file with --file, or "-" for standard input')

    if rules and error_id not in (None, "-"):
        raise ConfigError("--rules goes with --file or standard input; an open error is judged by the rules in force")

    def from_text() -> Explained:
        found = read_rules(rules or read_settings(config, offline=True).rules.paths)
        errors = [problem for problem in found.problems if problem.is_error]
        if errors:
            raise RuleError(
                f"{render(errors)}{summary(errors)}: nothing is explained by rules that would not be loaded"
            )
        try:
            text = file.read_bytes() if file else sys.stdin.buffer.read()
        except OSError as failed:
            raise ConfigError(f"{file}: {failed.strerror}") from failed
        return explain_text(text, compile_rules(found.sources), datetime.now(UTC), str(file or "standard input"))

    async def from_account(wanted: str) -> Explained:
        settings = read_settings(config)
        known_account(settings, account)
        known_store(settings)
        log, secrets = make_log(settings, quiet=True)
        async with open_daemon(
            settings, log=log, secrets=secrets, clock=SystemClock(), command="explain", mode=Mode.OBSERVE
        ) as daemon:
            if daemon.rules.broken:
                complain(daemon.rules.complaint())
            return await explain_open(daemon, wanted, account, step)

    explained = from_text() if file or error_id == "-" or error_id is None else asyncio.run(from_account(error_id))
    if json:
        print_json(explained_json(explained))
    else:
        show_explained(explained, every=every)
