"""``flowmend hold``: what waits for a person."""

from typing import Annotated

import typer

from daemon.cli.options import AccountName, Config, Json, known_account, known_store, read_settings, step_names

app = typer.Typer(help="What waits for a person.", no_args_is_help=True)
Queue = Annotated[str | None, typer.Option("--queue", metavar="NAME", help="Only this queue.", show_default=False)]


@app.command("list")
def list_held(config: Config = None, account: AccountName = None, queue: Queue = None, json: Json = False) -> None:
    """List the held errors by queue, with what is wanted of people."""
    import asyncio

    from daemon.cli.listings import held_json, show_held
    from daemon.cli.render import print_json
    from daemon.store.sql import open_store

    settings = read_settings(config, offline=True)
    account = known_account(settings, account)

    async def go() -> None:
        async with open_store(known_store(settings)) as store:
            rows = await store.held(account, queue)
            if json:
                print_json([held_json(row) for row in rows])
            else:
                show_held(rows, await step_names(store, rows))

    asyncio.run(go())
