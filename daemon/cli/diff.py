"""``flowmend diff``: what a change of rules would have done to the errors of the past days."""

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

NAMES = '"running", a file or folder, or a git revision: HEAD~1, HEAD:rules.'
Old = Annotated[str, typer.Argument(metavar="OLD", help=f"The rules as they were: {NAMES}")]
New = Annotated[str, typer.Argument(metavar="NEW", help=f"The rules as they are to be: {NAMES}")]


def diff(
    old: Old,
    new: New,
    days: Days = 14,
    config: Config = None,
    account: AccountName = None,
    flow: FlowName = None,
    step: StepName = None,
    json: Json = False,
) -> None:
    """Show which rules differ, what that would have changed for the errors of the past days, and what came of them.

    Ends with exit code 3 where a new resolve would have taken errors that people worked on. Nothing is sent or changed.
    """
    import asyncio

    from daemon.app.clock import SystemClock
    from daemon.app.replay import Judge
    from daemon.app.rule_diff import compare
    from daemon.app.rule_versions import rules_named
    from daemon.cli.diff_view import diff_json, show_diff
    from daemon.cli.exits import HELD, complain
    from daemon.cli.past import asked_of, caps_of, nothing_recorded, read_past
    from daemon.cli.render import print_json
    from daemon.store.sql import open_store

    settings = read_settings(config, offline=True)
    now = SystemClock().now()
    asked = asked_of(days, now, known_account(settings, account), flow, step)

    async def go() -> int:
        async with open_store(known_store(settings)) as store:
            before = await rules_named(old, store, settings.rules.paths)
            after = await rules_named(new, store, settings.rules.paths)
            caps = caps_of(settings)
            found = await compare(read_past(store, asked), Judge(before.rules, caps), Judge(after.rules, caps), now)
        if not found.errors:
            complain(nothing_recorded(days, settings, everywhere=(account, flow, step) == (None, None, None)))
        if json:
            print_json(diff_json(found, before, after, days))
        else:
            show_diff(found, before, after, days)
        return HELD if found.unsafe else 0

    raise typer.Exit(asyncio.run(go()))
