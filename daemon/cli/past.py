"""What commands that judge the past have in common: which part of it, and how it is read."""

import sys
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from daemon.app.replay import Asked, Remembrance
    from daemon.core.policy import Caps
    from daemon.settings import Settings
    from daemon.store.sql import SqlStore

Days = Annotated[int, typer.Option("--days", metavar="N", min=1, help="How many days back.")]

SHOWN_EVERY = 500


def asked_of(days: int, now: datetime, account: str | None, flow: str | None, step: str | None) -> "Asked":
    """Return the part of the past that the options ask for."""
    from daemon.app.replay import Asked

    return Asked(since=now - timedelta(days=days), now=now, account=account, flow=flow, step=step)


def caps_of(settings: "Settings") -> "Caps":
    """Return what the configuration caps: today's, also for the past."""
    from daemon.core.policy import Caps

    actions = settings.actions
    return Caps(
        mode=settings.mode,
        max_attempts_per_case=actions.max_attempts_per_case,
        retry_max_age=actions.retry_max_age,
    )


async def read_past(store: "SqlStore", asked: "Asked") -> "AsyncIterator[Remembrance]":
    """Yield the errors of the past, and show on a terminal how far it is."""
    from daemon.app.replay import past_errors

    shown = sys.stderr.isatty()
    count = 0
    async for error in past_errors(store, asked):
        yield error
        count += 1
        if shown and not count % SHOWN_EVERY:
            sys.stderr.write(f"\r{count:,} errors judged")
            sys.stderr.flush()
    if shown and count >= SHOWN_EVERY:
        sys.stderr.write("\r\x1b[K")


def nothing_recorded(days: int, settings: "Settings", *, everywhere: bool) -> str:
    """Say why there is nothing to judge."""
    if not settings.recordings.keep:
        return 'nothing is recorded, because recordings.keep is "0s" in the configuration: with "30d" it is'
    if not everywhere:
        return f"nothing was judged there in the last {days} days; flowmend errors lists flows and steps by name and id"
    return (
        f"nothing was judged in the last {days} days that could be judged again; flowmend once and flowmend run record "
        "what they judge, in observe mode, too"
    )
