"""One pass over all accounts, side by side."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta

from daemon.app.build import Daemon
from daemon.app.figures import Figures
from daemon.app.housekeeping import clear, due_at, tell
from daemon.core.tally import Tally


async def run_once(
    daemon: Daemon,
    wait: timedelta,
    progress: Callable[[str, str, Sequence[Tally]], None],
    *,
    adopt_backlog: bool = False,
) -> list[Figures]:
    """Collect once per account, then act and confirm until nothing more is due or *wait* runs out.

    *progress* is told the account, what is under way there, and the figures so far; the last may go on to change.
    """
    now = daemon.clock.now()
    if await due_at(daemon.store, now) <= now:
        tell(await clear(daemon.store, daemon.settings, now), daemon.log)

    async def one(name: str) -> Figures:
        return await daemon.accounts[name].once(
            wait, lambda word, figures: progress(name, word, figures), adopt_backlog=adopt_backlog
        )

    async with daemon.notifications.at_work(daemon.digests):
        return list(await asyncio.gather(*(one(name) for name in daemon.accounts)))
