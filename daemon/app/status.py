"""What the service is doing, in one line: what ``systemctl status flowmend`` shows to whoever was woken up."""

from daemon.app.account import AccountRunner
from daemon.app.build import Daemon
from daemon.app.readiness import is_late
from daemon.core.exceptions import StoreError


async def describe(daemon: Daemon) -> str:
    """Return the mode, what is wrong, and how each account stands; those in trouble come first, for a line is cut."""
    paused = sorted({str(pause.scope) for pause in daemon.pauses.told.values()})
    alarms = [f"paused: {', '.join(paused)}"] if paused else []
    if daemon.rules.broken:
        alarms.append(f"rules refused, in force: {daemon.rules.state.version or 'none'}")
    runners = daemon.accounts.values()
    alarms += [trouble for runner in runners if (trouble := _trouble(runner, daemon))]
    try:
        figures = [await _figures(runner) for runner in runners if not _trouble(runner, daemon)]
    except StoreError:
        figures = ["the store cannot be read, the log says why"]
    return "; ".join([daemon.settings.mode.name.lower(), *alarms, *figures])


def _trouble(runner: AccountRunner, daemon: Daemon) -> str:
    """Say why nothing is done for the account, or ""."""
    until = runner.left_alone_until
    if until is not None:
        return f"{runner.name}: refused, left alone until {until:%H:%M:%S} UTC, the log says why"
    if runner.locked_out:
        return runner.locked_out
    last_at = runner.last_success_at
    if last_at is None:
        return f"{runner.name}: no cycle has ended well yet"
    if is_late(last_at, daemon):
        return f"{runner.name}: no cycle has ended well since {last_at:%H:%M:%S} UTC, the log says why"
    return ""


async def _figures(runner: AccountRunner) -> str:
    name, counts = runner.name, runner.counts
    waiting = {
        "unsettled": await counts.unsettled_count(name),
        "unknown": await counts.unknown_count(name),
        "to approve": len(await runner.waiting()),
    }
    told = [f"{count} {what}" for what, count in waiting.items() if count]
    is_open = await counts.open_count(name)
    return f"{name}: {', '.join([f'{is_open} open', *told])}, last cycle {runner.last_success_at:%H:%M:%S} UTC"
