"""``flowmend replay``: judge the errors of the past days with any rules."""

from pathlib import Path
from typing import Annotated

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

RulePaths = Annotated[
    list[Path] | None,
    typer.Option("--rules", metavar="PATH", help="Rule files or folders. Else those configured.", show_default=False),
]


def replay(
    rules: RulePaths = None,
    days: Days = 14,
    config: Config = None,
    account: AccountName = None,
    flow: FlowName = None,
    step: StepName = None,
    json: Json = False,
) -> None:
    """Show what rules would have decided about the errors of the past days, and where something else was decided.

    Nothing is sent or changed. Errors are recorded as they are judged, without the values in their messages; what rules
    ask about such values, or about the retry data, cannot be told and is said so.
    """
    import asyncio

    from daemon.app.clock import SystemClock
    from daemon.app.replay import Judge
    from daemon.app.replay_report import replay as judge_past
    from daemon.cli.exits import complain
    from daemon.cli.past import asked_of, caps_of, nothing_recorded, read_past
    from daemon.cli.render import print_json
    from daemon.cli.replay_view import replayed_json, show_replayed
    from daemon.core.exceptions import RuleError
    from daemon.rulebook.problems import render, summary
    from daemon.rulebook.reader import read_rules
    from daemon.rulebook.ruleset import compile_rules
    from daemon.store.sql import open_store

    settings = read_settings(config, offline=True)
    found = read_rules(rules or settings.rules.paths)
    errors = [problem for problem in found.problems if problem.is_error]
    if errors:
        raise RuleError(f"{render(errors)}{summary(errors)}: nothing is judged by rules that would not be loaded")
    ruleset, now = compile_rules(found.sources), SystemClock().now()
    asked = asked_of(days, now, known_account(settings, account), flow, step)

    async def go() -> None:
        async with open_store(known_store(settings)) as store:
            judge = Judge(ruleset, caps_of(settings))
            replayed = await judge_past(read_past(store, asked), judge, now)
        if not replayed.errors:
            complain(nothing_recorded(days, settings, everywhere=(account, flow, step) == (None, None, None)))
        if json:
            print_json(replayed_json(replayed, ruleset, days))
        else:
            show_replayed(replayed, ruleset, days)

    asyncio.run(go())
