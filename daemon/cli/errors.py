"""``flowmend errors``: the open errors as Flowmend knows them."""

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
    step_names,
)

RuleId = Annotated[
    str | None, typer.Option("--rule", metavar="ID", help="Only what this rule took.", show_default=False)
]
Unmatched = Annotated[bool, typer.Option("--unmatched", help="Only what no rule matched.")]
Unknown = Annotated[
    bool,
    typer.Option(
        "--unknown", help="The retries of which nobody knows whether they ran; a person must look. Exit code 5."
    ),
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many to show at most.")]


def errors(
    config: Config = None,
    account: AccountName = None,
    flow: FlowName = None,
    step: StepName = None,
    rule: RuleId = None,
    unmatched: Unmatched = False,
    unknown: Unknown = False,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """List the open errors, newest first, with the rule that took each and what is to become of it."""
    import asyncio

    from daemon.cli.exits import UNKNOWN
    from daemon.cli.listings import error_json, newest_first, show_errors
    from daemon.cli.render import print_json
    from daemon.cli.scopes import scopes_within
    from daemon.cli.unknown_view import show_unknown, unknown_json
    from daemon.core.decisions import Verb
    from daemon.core.exceptions import ConfigError
    from daemon.store.sql import open_store

    if unknown and unmatched:
        raise ConfigError("--unknown and --unmatched are two different lists; ask for one of them")
    settings = read_settings(config, offline=True)
    account = known_account(settings, account)

    async def list_unknown() -> int:
        async with open_store(known_store(settings)) as store:
            waiting = [
                row
                for at in await scopes_within(store, settings.accounts, account, flow, step)
                for row in await store.unknown_items(
                    at.account or None, flow=at.flow_id or None, step=at.step_id or None, rule=rule
                )
            ]
            if json:
                print_json([unknown_json(row) for row in waiting])
            else:
                show_unknown(waiting, await step_names(store, waiting))
            return UNKNOWN if waiting else 0

    async def list_open() -> int:
        async with open_store(known_store(settings)) as store:
            rows = [
                row
                for at in await scopes_within(store, settings.accounts, account, flow, step)
                for row in await store.errors(
                    at.account or None,
                    flow=at.flow_id or None,
                    step=at.step_id or None,
                    rule=rule,
                    verb=Verb.NONE if unmatched else None,
                    limit=limit,
                )
            ]
            rows = newest_first(rows)[:limit]
            if json:
                print_json([error_json(row) for row in rows])
            else:
                show_errors(rows, await step_names(store, rows), limit, rule)
            return 0

    raise typer.Exit(asyncio.run(list_unknown() if unknown else list_open()))
