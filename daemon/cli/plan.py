"""``flowmend plan``: what a cycle would do now, without doing it."""

import typer

from daemon.cli.options import Config, Json, make_log, read_settings


def plan(config: Config = None, json: Json = False) -> None:
    """Show what would be done now, per rule, and why something is not sent. Sends nothing but reads.

    The plan is stored for 30 minutes: flowmend apply does exactly that, flowmend approve lets the running service do it.
    """
    from daemon.app.build import open_daemon
    from daemon.app.clock import SystemClock
    from daemon.app.event_loop import run_async
    from daemon.cli.exits import PROBLEMS, complain, exit_code, of_plan, sentence, tell_outdated, worst_of
    from daemon.cli.plan_view import Budgets, plan_json, show_commands, show_plan
    from daemon.cli.render import print_json
    from daemon.core.exceptions import FlowmendError, LockedError
    from daemon.core.tally import Tally
    from daemon.logs import Audience

    settings = read_settings(config)
    audience = Audience()
    log, secrets = make_log(settings, quiet=True, audience=audience)

    async def go() -> int:
        codes: set[int] = set()
        told: dict[str, object] = {}
        async with (
            open_daemon(
                settings, log=log, secrets=secrets, clock=SystemClock(), command="plan", audience=audience
            ) as daemon,
            daemon.notifications.at_work(),
        ):
            for name, runner in daemon.accounts.items():
                try:
                    tally, made = await runner.cycle(act=False)
                except LockedError as locked:
                    complain(f"{locked}. The plan is of what that one has read")
                    tally, made = Tally(), await runner.beside.plan_known()
                except FlowmendError as failure:
                    complain(sentence(failure, name))
                    codes.add(exit_code(failure))
                    told[name] = {"failure": str(failure)}
                    continue
                usage = await daemon.store.usage(name, daemon.clock.now())
                budgets = Budgets(rules=daemon.rules.current.rules, usage=usage)
                waits = await runner.waiting()
                told[name] = plan_json(made, budgets, waits)
                if not json:
                    show_plan(name, made, budgets, await runner.not_due(), daemon.settings.mode)
                    show_commands(made, waits)
                tell_outdated(runner.outdated)
                codes |= of_plan(made, steps_failed=tally.steps_failed, outdated=runner.outdated)
            if daemon.rules.broken:
                complain(daemon.rules.complaint())
                codes.add(PROBLEMS)
        if json:
            print_json(told)
        return worst_of(codes)

    raise typer.Exit(run_async(go()))
