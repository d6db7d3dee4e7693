"""``flowmend suggest``: what no rule takes, and a rule for it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.options import (
    AccountName,
    Config,
    FlowName,
    Json,
    StepName,
    known_account,
    known_store,
    read_settings,
)
from daemon.cli.past import Days

if TYPE_CHECKING:
    from daemon.app.error_files import ToldError

File = Annotated[
    str | None,
    typer.Option(
        "--file",
        metavar="FILE",
        help='Errors as JSON, as integrator.io lists them, instead of those recorded; "-" for standard input.',
        show_default=False,
    ),
]
RulePaths = Annotated[
    list[Path] | None,
    typer.Option("--rules", metavar="PATH", help="Rule files or folders. Else those configured.", show_default=False),
]
Least = Annotated[int, typer.Option("--min-count", metavar="N", min=1, help="Only what was seen so often.")]
Most = Annotated[int, typer.Option("--limit", metavar="N", min=1, help="At most so many rules.")]
Write = Annotated[
    Path | None,
    typer.Option("--write", metavar="FILE", help="Put the rules behind those of this YAML file.", show_default=False),
]


def suggest(
    file: File = None,
    rules: RulePaths = None,
    days: Days = 14,
    least: Least = 3,
    most: Most = 10,
    write: Write = None,
    config: Config = None,
    account: AccountName = None,
    flow: FlowName = None,
    step: StepName = None,
    json: Json = False,
) -> None:
    """Find the patterns of errors that no rule takes, and suggest a rule for each, with its tests.

    Suggested rules only observe. They hold the errors, unless people's own retries of such errors nearly all went
    through, or people resolved nearly all of them. Values in messages are replaced. Nothing is sent or changed.
    """
    import asyncio

    from daemon.app.clock import SystemClock
    from daemon.app.rule_append import append_rules
    from daemon.app.suggest import Sighting, sightings, told_sightings
    from daemon.app.suggest import suggest as suggest_rules
    from daemon.cli.exits import complain
    from daemon.cli.past import asked_of, nothing_recorded, read_past
    from daemon.cli.render import print_json
    from daemon.cli.suggest_view import show_suggestions, suggestions_json
    from daemon.core.exceptions import ConfigError, RuleError
    from daemon.rulebook.problems import render, summary
    from daemon.rulebook.reader import read_rules
    from daemon.rulebook.ruleset import RuleSet, compile_rules
    from daemon.store.sql import open_store

    if file and (account or flow or step):
        raise ConfigError("--account, --flow and --step choose among the errors that were recorded; leave out --file")
    settings = None if file and rules else read_settings(config, offline=True)
    paths = list(rules or (settings.rules.paths if settings else ()))
    if write and write.exists():
        paths.append(write)  # what was suggested before is not suggested again
    found = read_rules(paths)
    errors = [problem for problem in found.problems if problem.is_error]
    if errors:
        raise RuleError(f"{render(errors)}{summary(errors)}: what these rules would take cannot be told")
    now = SystemClock().now()

    async def recorded(ruleset: RuleSet) -> list[Sighting]:
        assert settings is not None  # noqa: S101 - without a file they were read
        asked = asked_of(days, now, known_account(settings, account), flow, step)
        async with open_store(known_store(settings)) as store:
            seen = await sightings(read_past(store, asked), ruleset)
        if not seen:
            complain(nothing_recorded(days, settings, everywhere=(account, flow, step) == (None, None, None)))
        return seen

    ruleset = compile_rules(found.sources)
    seen = told_sightings(_told(file), ruleset, now) if file else asyncio.run(recorded(ruleset))
    made = suggest_rules(seen, ruleset, days=0 if file else days, least=least, most=most)
    if write and made.rules:
        append_rules(write, made.text, [proposal.rule_id for proposal in made.in_file_order])
    if json:
        print_json(suggestions_json(made, write))
    else:
        show_suggestions(made, write)


def _told(file: str) -> "Sequence[ToldError]":
    """Return the errors of a file, or of standard input."""
    import sys

    from daemon.app.error_files import told_errors
    from daemon.core.exceptions import ConfigError

    try:
        text = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as failed:
        raise ConfigError(f"{file}: {failed.strerror}") from failed
    return told_errors(text, "standard input" if file == "-" else file)
