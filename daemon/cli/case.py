"""``flowmend case``: the whole history of one record."""

from typing import Annotated

import typer

from daemon.cli.options import AccountName, Config, Json, known_store, read_settings

TraceKey = Annotated[str, typer.Argument(metavar="TRACEKEY", help="The record's trace key, or a case key.")]


def case(trace_key: TraceKey, config: Config = None, account: AccountName = None, json: Json = False) -> None:
    """Show everything that happened to one record: errors, attempts, patches, outcomes."""
    import asyncio

    from daemon.cli.render import case_json, print_json, show_case
    from daemon.store.sql import open_store

    settings = read_settings(config, offline=True)

    async def go() -> int:
        async with open_store(known_store(settings)) as store:
            events = await store.case_events(account, trace_key)
            if json:
                print_json([case_json(event) for event in events])
            else:
                show_case(trace_key, events)
            return 0 if events else 1

    raise typer.Exit(asyncio.run(go()))
