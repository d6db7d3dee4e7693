"""``flowmend approve``: let a plan go that waits for a person."""

from typing import Annotated

import typer

from daemon.cli.options import AccountName, Config, Json, known_account, known_store, present_user, read_settings

PlanId = Annotated[
    int | None,
    typer.Argument(metavar="PLAN", help="The number of the plan; without it: what waits.", show_default=False),
]


def approve(plan: PlanId = None, config: Config = None, account: AccountName = None, json: Json = False) -> None:
    """Let the running service send a plan that waits for a person. Without a plan: list what waits, and why.

    Exactly the errors that the plan names are sent at the next cycle, each looked at again first. Of two people who
    approve the same plan only one does.
    """
    import asyncio
    from datetime import UTC, datetime

    from daemon.cli.options import step_names
    from daemon.cli.render import print_json, say, stamp
    from daemon.cli.waiting_view import show_waiting, waiting_json
    from daemon.core.actions import Mode
    from daemon.core.exceptions import ConfigError, PlanError
    from daemon.core.plans import Plan, PlanState, not_to_be_sent
    from daemon.store.sql import SqlStore, open_store

    settings = read_settings(config, offline=True)
    account = known_account(settings, account)

    async def show(store: SqlStore) -> None:
        plans = await store.open_plans(account, datetime.now(UTC))
        if json:
            print_json([waiting_json(each) for each in plans])
        else:
            show_waiting(plans, await step_names(store, [group for each in plans for group in each.groups]))

    async def let_go(store: SqlStore, plan_id: int) -> Plan:
        now, by = datetime.now(UTC), present_user()
        moved = await store.move_plan(plan_id, (PlanState.WAITING, PlanState.MADE), PlanState.APPROVED, by, now)
        found = await store.plan(plan_id)
        if found is None:
            raise ConfigError(f"there is no plan {plan_id}; flowmend approve lists those that wait")
        if not moved:
            raise PlanError(
                not_to_be_sent(found, now)
                or f"plan {plan_id} was approved by {found.decided_by} already; the service sends it at its next cycle"
            )
        return found

    async def go() -> None:
        async with open_store(known_store(settings)) as store:
            if plan is None:
                await show(store)
                return
            approved = await let_go(store, plan)
            if json:
                print_json(waiting_json(approved))
                return
            errors = sum(group.send for group in approved.groups)
            say(
                f"plan {plan} is approved by {approved.decided_by}. The running service sends its {errors:,} errors at its "
                f"next cycle, if that begins before {stamp(approved.expires_at)}; each is looked at again first."
            )
            say(f"No service is running? flowmend apply {plan} sends them now.")
            if settings.mode is Mode.OBSERVE:
                say('But mode = "observe" in this configuration: a service that runs with it sends nothing.')

    asyncio.run(go())
