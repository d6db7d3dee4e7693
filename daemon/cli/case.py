"""``flowmend case``: the whole history of one record, and what a person says of a retry that nobody knows the end of."""

from enum import StrEnum
from typing import Annotated

import typer

from daemon.cli.options import AccountName, Config, Json, known_account, known_store, read_settings, step_names

TraceKey = Annotated[str, typer.Argument(metavar="TRACEKEY", help="The record's trace key, or a case key.")]
Flow = Annotated[str | None, typer.Option("--flow", metavar="ID", help="Only on this flow.", show_default=False)]
StepId = Annotated[str | None, typer.Option("--step", metavar="ID", help="Only on this step.", show_default=False)]


class Said(StrEnum):
    """What a person found in the target application."""

    CONFIRMED = "confirmed"
    NOT_SENT = "not-sent"


Settle = Annotated[
    Said | None,
    typer.Option(
        "--settle",
        help="Say what came of a retry whose outcome is unknown, after a look into the target application: the record "
        "is there (confirmed), or the retry never ran (not-sent), and then it may be tried again.",
        show_default=False,
    ),
]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="With --settle: how you know. Kept with the case.")
]


def case(
    trace_key: TraceKey,
    config: Config = None,
    account: AccountName = None,
    flow: Flow = None,
    step: StepId = None,
    settle: Settle = None,
    reason: Reason = "",
    json: Json = False,
) -> None:
    """Show everything that happened to one record (errors, attempts, patches, outcomes), or settle what is unknown.

    Nothing is sent to integrator.io. What is settled counts for every later decision about the record, also in a daemon
    that is running.
    """
    import asyncio

    from daemon.app.clock import SystemClock
    from daemon.cli.listings import case_json, show_case
    from daemon.cli.options import present_user
    from daemon.cli.render import print_json
    from daemon.cli.settling import Question, answer
    from daemon.core.decisions import Outcome
    from daemon.core.exceptions import ConfigError
    from daemon.store.sql import open_store

    if reason and settle is None:
        raise ConfigError("--reason says how you know what came of a retry: it goes with --settle")
    settings = read_settings(config, offline=True)
    account = known_account(settings, account)

    async def show() -> int:
        async with open_store(known_store(settings)) as store:
            events = [
                event
                for event in await store.case_events(account, trace_key)
                if flow in (None, event.step.flow_id) and step in (None, event.step.step_id)
            ]
            if json:
                print_json([case_json(event) for event in events])
            else:
                show_case(trace_key, events, await step_names(store, events))
            return 0 if events else 1

    async def say(said: Said) -> int:
        outcome = Outcome.CONFIRMED if said is Said.CONFIRMED else Outcome.REFUSED
        question = Question(
            trace_key=trace_key, account=account, flow=flow, step=step, outcome=outcome, said=said.value, why=reason
        )
        async with open_store(known_store(settings)) as store:
            return await answer(question, store, by=present_user(), now=SystemClock().now(), json=json)

    raise typer.Exit(asyncio.run(show() if settle is None else say(settle)))
