"""``flowmend case``: the whole history of one record."""

from typing import Annotated

import typer

from daemon.cli.options import AccountName, Config, Json, known_account, known_store, read_settings, step_names

TraceKey = Annotated[str, typer.Argument(metavar="TRACEKEY", help="The record's trace key, or a case key.")]


def case(trace_key: TraceKey, config: Config = None, account: AccountName = None, json: Json = False) -> None:
    """Show everything that happened to one record: errors, attempts, patches, outcomes."""
    import asyncio

    from daemon.cli.listings import case_json, show_case
    from daemon.cli.render import print_json
    from daemon.store.sql import open_store

    settings = read_settings(config, offline=True)
    account = known_account(settings, account)

    async def go() -> int:
        async with open_store(known_store(settings)) as store:
            events = await store.case_events(account, trace_key)
            if json:
                print_json([case_json(event) for event in events])
            else:
                show_case(trace_key, events, await step_names(store, events))
            return 0 if events else 1

    raise typer.Exit(asyncio.run(go()))
