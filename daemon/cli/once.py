"""``flowmend once``: one collection, then act and confirm until nothing more is due."""

from typing import Annotated

import typer

from daemon.cli.options import Config, Json, make_log, read_settings

Wait = Annotated[
    str | None,
    typer.Option("--wait", metavar="DURATION", help='How long to wait for outcomes, like "10m".', show_default=False),
]
Adopt = Annotated[
    bool, typer.Option("--adopt-backlog", help="From now on also act on the errors that were there before Flowmend.")
]


def once(
    config: Config = None,
    json: Json = False,
    wait: Wait = None,
    adopt_backlog: Adopt = False,
) -> None:
    """Collect once, then act and confirm, until nothing more is due or the wait runs out.

    Without --wait it waits as long as actions.confirm_timeout says. In observe mode (the default) it only reads.
    """
    from daemon.app.build import open_daemon
    from daemon.app.clock import SystemClock
    from daemon.app.event_loop import run_async
    from daemon.app.once import run_once
    from daemon.cli.durations import duration_option
    from daemon.cli.exits import complain, sentence, tell_outdated, worst
    from daemon.cli.pass_view import PassView, figures_json
    from daemon.cli.render import print_json
    from daemon.logs import Audience

    asked_wait = duration_option("--wait", wait)
    settings = read_settings(config)
    longest = asked_wait or settings.actions.confirm_timeout
    audience = Audience()
    log, secrets = make_log(settings, quiet=True, audience=audience)

    async def go() -> int:
        async with open_daemon(
            settings, log=log, secrets=secrets, clock=SystemClock(), command="once", audience=audience
        ) as daemon:
            with PassView(shown=not json) as view:
                figures = await run_once(daemon, longest, view.progress, adopt_backlog=adopt_backlog)
                view.finish(figures, daemon.settings.mode)
            if json:
                print_json(figures_json(figures))
            for each in figures:
                if each.failure is not None:
                    complain(sentence(each.failure, each.account))
                tell_outdated(each.outdated)
            if daemon.rules.broken:
                complain(daemon.rules.complaint())
            return worst(figures, rules_broken=daemon.rules.broken)

    raise typer.Exit(run_async(go()))
