"""Whether the service does its work, in words for whoever is woken at night: what is missing, and what to know besides."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from daemon.app.account import AccountRunner
from daemon.app.build import Daemon
from daemon.app.rules_state import stamp
from daemon.core.durations import format_duration
from daemon.core.exceptions import StoreError
from daemon.core.printing import printable
from daemon.web.reading import Readiness

STORE_WITHIN_S = 5.0
"""How long the store may take; probes and scrapers give up after ten seconds."""

INTERVALS = 3
"""How many intervals the last cycle of an account may lie back."""

LONGEST = 1000
"""Characters of one line."""

IN_THE_LOG = "Look at cycle.failed and step.failed in the log"


async def readiness_of(daemon: Daemon, started_at: datetime) -> Readiness:
    """Say whether every account is looked after, and what people should know besides."""
    missing, notes = await _of_service(daemon)
    for runner in daemon.accounts.values():
        late, why = _late(runner, daemon, started_at), _why(runner)
        if late:
            missing.append(f"{runner.name}: {late}. {why or IN_THE_LOG}")
        elif why:
            notes.append(f"{runner.name}: {why}")
        if runner.outdated is not None:
            notes.append(str(runner.outdated))
    notes += map(str, daemon.pauses.told.values())
    return Readiness(missing=_lines(missing), notes=_lines(notes))


async def _of_service(daemon: Daemon) -> tuple[list[str], list[str]]:
    """Return what is missing and what is to be noted of what all accounts share."""
    missing = ["the service is stopping"] if daemon.stopping.asked else []
    if failure := await _store_fails(daemon):
        missing.append(failure)
    complaint = daemon.rules.complaint()
    if daemon.rules.state.version:
        return missing, [complaint] if complaint else []
    return [*missing, complaint or "no rule is in force, so errors are read and nothing is acted on"], []


async def _store_fails(daemon: Daemon) -> str:
    try:
        daemon.store.trust.check()
        async with asyncio.timeout(STORE_WITHIN_S):
            await daemon.store.schema_version()
    except StoreError as failed:
        return f"the store fails: {failed}"
    except TimeoutError:
        return f"the store has not answered for {STORE_WITHIN_S:.0f} s: its disk is slow, or another process holds it"
    return ""


def is_late(last_at: datetime, daemon: Daemon) -> bool:
    """Tell whether the last cycle that ended well lies too far back."""
    return daemon.clock.now() - last_at > INTERVALS * daemon.settings.poll.longest


def _late(runner: AccountRunner, daemon: Daemon, started_at: datetime) -> str:
    """Say that the last cycle that ended well lies too far back, or "" where it does not."""
    last_at = runner.last_success_at
    if last_at is None:
        return f"no cycle has ended well since the start at {stamp(started_at)}"
    if not is_late(last_at, daemon):
        return ""
    every = format_duration(daemon.settings.poll.longest)
    return f"the last cycle that ended well was at {stamp(last_at)}; one is due every {every}"


def _why(runner: AccountRunner) -> str:
    """Say what keeps an account from being looked after, "" where nothing is known to."""
    until = runner.left_alone_until
    if until is not None:
        return (
            f"Its token was refused, or its store is about another account; it is left alone until "
            f"{stamp(until)}. Look at account.refused or store.foreign in the log, and at flowmend doctor"
        )
    return runner.locked_out.removeprefix(f"{runner.name}: ")


def _lines(said: Sequence[str]) -> list[str]:
    return [printable(each, LONGEST) for each in said]
