"""``flowmend apply``: do what one plan says, now."""

from typing import Annotated

import typer

from daemon.cli.once import Wait
from daemon.cli.options import Config, Json, make_log, present_user, read_settings

PlanId = Annotated[int, typer.Argument(metavar="PLAN", help="The number of the plan.", show_default=False)]


def apply(plan: PlanId, config: Config = None, wait: Wait = None, json: Json = False) -> None:
    """Send exactly what one plan names, now, and wait for the outcomes.

    Each error is looked at again first; what changed since the plan was made is left out, with the reason. Limits do not
    hold back what you apply, but it counts. Without --wait it waits as long as actions.confirm_timeout says.
    """
    from daemon.app.build import open_daemon
    from daemon.app.clock import SystemClock
    from daemon.app.event_loop import run_async
    from daemon.cli.apply_view import applied_json, show_applied
    from daemon.cli.durations import duration_option
    from daemon.cli.exits import HELD, complain, sentence, worst, worst_of
    from daemon.cli.pass_view import PassView
    from daemon.cli.render import print_json
    from daemon.core.exceptions import ConfigError
    from daemon.logs import Audience

    asked_wait = duration_option("--wait", wait)
    settings = read_settings(config)
    longest = asked_wait or settings.actions.confirm_timeout
    audience = Audience()
    log, secrets = make_log(settings, quiet=True, audience=audience)

    async def go() -> int:
        async with open_daemon(
            settings, log=log, secrets=secrets, clock=SystemClock(), command="apply", audience=audience
        ) as daemon:
            found = await daemon.store.plan(plan)
            if found is None or found.account not in daemon.accounts:
                raise ConfigError(
                    f"there is no plan {plan}; flowmend plan makes one, flowmend approve lists what waits"
                )
            runner = daemon.accounts[found.account]
            with PassView(shown=not json) as view:
                async with daemon.notifications.at_work():
                    figures, done = await runner.apply(
                        plan, present_user(), longest, lambda word, tallies: view.progress(runner.name, word, tallies)
                    )
            outcomes = await daemon.store.plan_outcomes(plan)
            if json:
                print_json(applied_json(found, figures, done, outcomes))
            else:
                show_applied(found, figures, done, outcomes)
            if figures.failure is not None:
                complain(sentence(figures.failure, runner.name))
            if done.left:
                complain(f"plan {plan} was interrupted: {done.left:,} of its errors were not sent; they are due again")
            codes = {worst([figures])}
            if done.left or not done.sent:
                codes.add(HELD)
            return worst_of(codes)

    raise typer.Exit(run_async(go()))
