"""``flowmend plan``: what a cycle would do now, without doing it."""

import typer

from daemon.cli.options import Config, Json, make_log, read_settings


def plan(config: Config = None, json: Json = False) -> None:
    """Show what would be done now, per rule, and why something is not sent. Sends nothing but reads.

    The plan is stored; it holds for 30 minutes.
    """
    import asyncio

    from daemon.app.build import open_daemon
    from daemon.app.clock import SystemClock
    from daemon.cli.exits import HELD
    from daemon.cli.render import plan_json, print_json, show_plans

    settings = read_settings(config)
    log, secrets = make_log(settings, quiet=True)

    async def go() -> int:
        async with open_daemon(settings, log=log, secrets=secrets, clock=SystemClock()) as daemon:
            plans = {}
            for name, runner in daemon.accounts.items():
                _, plans[name] = await runner.cycle(act=False)
            if json:
                print_json({name: plan_json(each) for name, each in plans.items()})
            else:
                show_plans(plans, daemon.settings.mode)
            held = any(group.reason == "limit" for each in plans.values() if each for group in each.groups)
            return HELD if held else 0

    raise typer.Exit(asyncio.run(go()))
