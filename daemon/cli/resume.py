"""``flowmend resume``: end a pause (P16)."""

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

All = Annotated[bool, typer.Option("--all", help="End every pause, of whatever scope.")]


def resume(
    config: Config = None,
    account: AccountName = None,
    flow: FlowName = None,
    step: StepName = None,
    everything: All = False,
    json: Json = False,
) -> None:
    """End a pause: that of everything, or those of exactly the account, flow or step named. --all ends every one."""
    import asyncio

    from daemon.app.clock import SystemClock
    from daemon.cli.exits import HELD, complain
    from daemon.cli.pauses_view import pauses_json, show_pauses
    from daemon.cli.render import plural, print_json, say
    from daemon.cli.scopes import Place, known_places, meant, named
    from daemon.store.pause_file import look_beside
    from daemon.store.sql import open_store

    if everything and (account, flow, step) != (None, None, None):
        raise typer.BadParameter("it ends every pause: name no account, flow or step beside it", param_hint="--all")
    settings = read_settings(config, offline=True)
    url, now = known_store(settings), SystemClock().now()
    by_file = look_beside(url)

    async def go() -> int:
        async with open_store(url) as store:
            places = await known_places(store, settings.accounts)
            paused = [each.scope for each in await store.pauses(now)]
            if account not in {scope.account for scope in paused}:
                known_account(settings, account)
            # what was paused can be named, also where its flow or account is not known any more
            places += [
                Place(account=one.account or account or "", flow_id=one.flow_id, step_id=one.step_id) for one in paused
            ]
            scopes = [None] if everything else meant(places, account, flow, step).scopes
            ended = sum([await store.resume(scope, present_user(), now) for scope in scopes])
            pauses = await store.pauses(now)
        if json:
            print_json({"resumed": ended, **pauses_json(pauses, by_file)})
        else:
            say(f"{plural(ended, 'pause')} ended." if ended else "There was no such pause.")
            show_pauses(pauses, by_file, named(places))
        if by_file is None:
            return 0
        complain(f"{by_file.by} still stops all writing; remove it to go on")
        return HELD

    raise typer.Exit(asyncio.run(go()))
