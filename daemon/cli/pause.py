"""``flowmend pause``: the kill switch (P16)."""

from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from daemon.core.exceptions import StoreError
    from daemon.core.pauses import Pause, Scope

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for whoever meets it.", show_default=False)]
Lasting = Annotated[
    str | None,
    typer.Option("--for", metavar="DURATION", help='For how long, like "2h"; else until resumed.', show_default=False),
]
Listed = Annotated[bool, typer.Option("--list", help="Only say what is paused now; pause nothing.")]


def pause(
    config: Config = None,
    account: AccountName = None,
    flow: FlowName = None,
    step: StepName = None,
    reason: Reason = "",
    lasting: Lasting = None,
    listed: Listed = False,
    json: Json = False,
) -> None:
    """Stop all writing to integrator.io at once: everything, or one account, flow or step. Reading goes on.

    Needs no network, and holds over restarts. Without a store that can be written, make the file PAUSE beside it.
    """
    import asyncio

    from daemon.app.clock import SystemClock
    from daemon.cli.durations import duration_option
    from daemon.cli.exits import complain
    from daemon.cli.render import clean
    from daemon.cli.scopes import known_places, meant, named
    from daemon.core.exceptions import StoreError
    from daemon.store.sql import open_store

    duration = duration_option("--for", lasting)
    if duration is not None and not duration:
        raise typer.BadParameter("a pause of no length stops nothing", param_hint="--for")
    if listed and (account, flow, step, reason, lasting) != (None, None, None, "", None):
        raise typer.BadParameter("it only says what is paused: give nothing beside it", param_hint="--list")
    settings = read_settings(config, offline=True)
    account, url, now = known_account(settings, account), known_store(settings), SystemClock().now()
    until = None if duration is None else now + duration

    async def go() -> None:
        async with open_store(url) as store:
            places = await known_places(store, settings.accounts)
            if not listed:
                found = meant(places, account, flow, step)
                for note in found.notes:
                    complain(note)
                for scope in found.scopes:
                    await store.pause(scope, clean(reason, 256), present_user(), now, until)
            _tell(await store.pauses(now), url, named(places), json=json)

    try:
        asyncio.run(go())
    except StoreError as failed:
        if listed:
            raise
        _pause_by_file(url, reason, failed, whole=(account, flow, step) == (None, None, None))
        _tell((), url, str, json=json)


def _pause_by_file(url: str, reason: str, failed: "StoreError", *, whole: bool) -> None:
    """Stop all writing without the store, if that is what was asked for."""
    from daemon.cli.exits import complain
    from daemon.cli.render import clean
    from daemon.core.exceptions import StoreError
    from daemon.store.pause_file import beside

    file = beside(url)
    if file is None:
        raise failed
    if not whole:
        raise StoreError(
            f"nothing was paused: {failed}. To stop all writing in spite of it: flowmend pause without --account, "
            f"--flow and --step, or make the file {file.path}"
        ) from failed
    file.make(clean(reason, 256))
    complain(f"{failed}. The file {file.path} was made instead: it stops all writing until somebody removes it")


def _tell(pauses: "Sequence[Pause]", url: str, name: "Callable[[Scope], str]", *, json: bool) -> None:
    from daemon.cli.pauses_view import pauses_json, show_pauses
    from daemon.cli.render import print_json
    from daemon.store.pause_file import look_beside

    if json:
        print_json(pauses_json(pauses, look_beside(url)))
    else:
        show_pauses(pauses, look_beside(url), name)
