"""``flowmend pause``: the kill switch (P16)."""

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
    present_user,
    read_settings,
)

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for whoever meets it.", show_default=False)]
Lasting = Annotated[
    str | None,
    typer.Option("--for", metavar="DURATION", help='For how long, like "2h"; else until resumed.', show_default=False),
]


def pause(
    config: Config = None,
    account: AccountName = None,
    flow: FlowName = None,
    step: StepName = None,
    reason: Reason = "",
    lasting: Lasting = None,
    json: Json = False,
) -> None:
    """Stop all writing to integrator.io at once: everything, or one account, flow or step. Reading goes on.

    Needs no network, and holds over restarts. Without a store that can be written, make the file PAUSE beside it.
    """
    import asyncio

    from daemon.app.clock import SystemClock
    from daemon.cli.durations import duration_option
    from daemon.cli.exits import complain
    from daemon.cli.pauses_view import pauses_json, show_pauses
    from daemon.cli.render import clean, print_json
    from daemon.cli.scopes import known_places, meant, named
    from daemon.core.exceptions import StoreError
    from daemon.store.pause_file import beside, look_beside
    from daemon.store.sql import open_store

    duration = duration_option("--for", lasting)
    if duration is not None and not duration:
        raise typer.BadParameter("a pause of no length stops nothing", param_hint="--for")
    settings = read_settings(config, offline=True)
    account, url, now = known_account(settings, account), known_store(settings), SystemClock().now()
    file = beside(url)
    until = None if duration is None else now + duration

    async def go() -> None:
        async with open_store(url) as store:
            places = await known_places(store, settings.accounts)
            found = meant(places, account, flow, step)
            for note in found.notes:
                complain(note)
            for scope in found.scopes:
                await store.pause(scope, clean(reason, 256), present_user(), now, until)
            pauses = await store.pauses(now)
        if json:
            print_json(pauses_json(pauses, look_beside(url)))
        else:
            show_pauses(pauses, look_beside(url), named(places))

    try:
        asyncio.run(go())
    except StoreError as failed:
        if file is None:
            raise
        if (account, flow, step) != (None, None, None):
            raise StoreError(
                f"nothing was paused: {failed}. To stop all writing in spite of it: flowmend pause without --account, "
                f"--flow and --step, or make the file {file.path}"
            ) from failed
        file.make(clean(reason, 256))
        complain(f"{failed}. The file {file.path} was made instead: it stops all writing until somebody removes it")
        if json:
            print_json(pauses_json((), look_beside(url)))
        else:
            show_pauses((), look_beside(url), str)
