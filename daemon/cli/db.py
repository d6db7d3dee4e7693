"""``flowmend db``: care for the store."""

from typing import Annotated

import typer

from daemon.cli.options import Config, Json, known_account, known_store, read_settings

app = typer.Typer(help="Care for the store.", no_args_is_help=True)
OfAccount = Annotated[
    str, typer.Option("--account", metavar="NAME", help="The account, as the configuration names it.")
]


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


@app.command()
def rebind(account: OfAccount, config: Config = None, json: Json = False) -> None:
    """Let the store follow an account to a new user, address or share: it takes those it is next used with.

    Only for the same integrator.io account. The attempts on its records are kept, and go on to count.
    """
    import asyncio
    from dataclasses import asdict

    from daemon.cli.render import print_json, say
    from daemon.core.owner import Owner, owner_note
    from daemon.store.sql import open_store

    settings = read_settings(config, offline=True)
    known_account(settings, account)

    async def go() -> str | None:
        async with open_store(known_store(settings)) as store:
            return await store.drop_meta(owner_note(account))

    note = asyncio.run(go())
    owner = Owner.from_note(note) if note is not None else None
    if json:
        print_json({"account": account, "was": asdict(owner) if owner else None})
    elif owner is None:
        say(f"{account}: the store belonged to nobody yet; the next run decides.")
    else:
        say(f"{account}: the store belonged to {owner}. From the next run on it belongs to whoever the token is of.")
