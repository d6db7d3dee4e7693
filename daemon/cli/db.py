"""``flowmend db``: care for the store."""

import typer

from daemon.cli.options import Config, Json, read_settings

app = typer.Typer(help="Care for the store.", no_args_is_help=True)


@app.command()
def upgrade(config: Config = None, json: Json = False) -> None:
    """Bring the store up to this version's schema (the service does so by itself when it starts)."""
    import asyncio

    from daemon.cli.render import print_json, say
    from daemon.store.sql import open_store

    settings = read_settings(config, offline=True)

    async def go() -> str:
        async with open_store(settings.store.url) as store:
            return await store.schema_version()

    version = asyncio.run(go())
    if json:
        print_json({"schema": version})
    else:
        say(f"The store is at schema {version}.")
