"""The one error that a command is about: an open one by its id, or one from a file or standard input."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.options import known_account, known_store, make_log, read_settings

if TYPE_CHECKING:
    from daemon.app.explain import Explained
    from daemon.rulebook.ruleset import RuleSet

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Which of several errors with the same id is meant; ids or names, None for any."""

    account: str | None = None
    flow: str | None = None
    step: str | None = None


def read_error(
    error_id: str | None,
    file: Path | None,
    *,
    rules: list[Path] | None,
    config: Path | None,
    where: Where,
    command: str,
) -> "tuple[Explained, RuleSet]":
    """Return the error under every rule, and the rules.

    Raises:
        ConfigError: none or two are named, it cannot be read, or it is not open.
        RuleError: the rules have mistakes.
    """
    import asyncio

    from daemon.core.exceptions import ConfigError

    if (error_id is None) == (file is None):
        raise ConfigError('name one open error by its id, or an error in a file with --file, or "-" for standard input')
    if rules and error_id not in (None, "-"):
        raise ConfigError("--rules goes with --file or standard input; an open error is judged by the rules in force")
    if file or error_id == "-" or error_id is None:
        return _from_text(file, rules, config)
    return asyncio.run(_from_account(error_id, config, where, command))


def _from_text(file: Path | None, rules: list[Path] | None, config: Path | None) -> "tuple[Explained, RuleSet]":
    import sys
    from datetime import UTC, datetime

    from daemon.app.explain import explain_text
    from daemon.core.exceptions import ConfigError, RuleError
    from daemon.rulebook.problems import render, summary
    from daemon.rulebook.reader import read_rules
    from daemon.rulebook.ruleset import compile_rules

    found = read_rules(rules or read_settings(config, offline=True).rules.paths)
    errors = [problem for problem in found.problems if problem.is_error]
    if errors:
        raise RuleError(f"{render(errors)}{summary(errors)}: nothing is explained by rules that would not be loaded")
    try:
        text = file.read_bytes() if file else sys.stdin.buffer.read()
    except OSError as failed:
        raise ConfigError(f"{file}: {failed.strerror}") from failed
    compiled = compile_rules(found.sources)
    return explain_text(text, compiled, datetime.now(UTC), str(file or "standard input")), compiled


async def _from_account(error_id: str, config: Path | None, where: Where, command: str) -> "tuple[Explained, RuleSet]":
    from daemon.app.build import open_daemon
    from daemon.app.clock import SystemClock
    from daemon.app.explain import explain_open
    from daemon.cli.exits import complain
    from daemon.core.actions import Mode

    settings = read_settings(config)
    known_account(settings, where.account)
    known_store(settings)
    log, secrets = make_log(settings, quiet=True)
    async with open_daemon(
        settings, log=log, secrets=secrets, clock=SystemClock(), command=command, mode=Mode.OBSERVE
    ) as daemon:
        if daemon.rules.broken:
            complain(daemon.rules.complaint())
        return await explain_open(daemon, error_id, where.account, where.step, where.flow), daemon.rules.current
