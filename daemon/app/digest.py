"""The digest: what waits for people, told every so often while something does."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from daemon.app.account import AccountRunner
from daemon.app.rules import RulesInForce
from daemon.app.told import BreakerStates, behind_breakers
from daemon.core.notices import DIGEST, Noted
from daemon.core.pauses import Pause
from daemon.notify.listening import Letterbox
from daemon.pipeline.gate import Pauses
from daemon.pipeline.terms import Clock


class Waiting(Letterbox, BreakerStates, Protocol):
    """What the digest asks of the store."""

    async def get_meta(self, key: str) -> str | None:
        """Return a note."""

    async def set_meta_soon(self, key: str, value: str) -> None:
        """Keep a note."""

    async def held_counts(self, account: str) -> dict[str, int]:
        """Return the held errors by queue."""

    async def unknown_count(self, account: str) -> int:
        """Return how many retried errors wait for a person to say what came of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digests:
    """Make the digest of each channel as often as *every* says (zero: never), the first one so long after the first look."""

    every: Mapping[str, timedelta]
    accounts: Mapping[str, AccountRunner]
    rules: RulesInForce
    pauses: Pauses
    store: Waiting
    clock: Clock

    async def make(self) -> None:
        """Note the digests that are due.

        Raises:
            StoreError: the store cannot be read or written; it is tried again later.
        """
        now = self.clock.now()
        due = [channel for channel, every in self.every.items() if every and await self._is_due(channel, every, now)]
        if not due:
            return
        told = [noted for name in self.accounts if (noted := await self._of(name, now))]
        await self.store.note([(channel, noted) for channel in due for noted in told])
        for channel in due:
            await self.store.set_meta_soon(f"digest:{channel}", now.isoformat())

    async def _is_due(self, channel: str, every: timedelta, now: datetime) -> bool:
        said = await self.store.get_meta(f"digest:{channel}")
        if not said:
            await self.store.set_meta_soon(f"digest:{channel}", now.isoformat())
            return False
        return not now - every < datetime.fromisoformat(said) <= now  # a clock that was ahead puts nothing off

    async def _of(self, account: str, now: datetime) -> Noted | None:
        held = await self.store.held_counts(account)
        queues = ", ".join(f"{queue} {count}" for queue, count in sorted(held.items()) if count)
        pauses = await self.pauses.holding()
        halted = sum((await behind_breakers(self.store, account)).values())
        waiting = (
            ("Held errors", sum(held.values()), f" ({queues})", "flowmend hold list"),
            ("Unknown outcomes", await self.store.unknown_count(account), "", "flowmend errors --unknown"),
            ("Plans to approve", len(await self.accounts[account].waiting()), "", "flowmend approve"),
            ("Steps where retries have stopped", halted, "", "flowmend plan"),
            ("Pauses", len([each for each in pauses if _covers(each, account)]), "", "flowmend pause --list"),
            ("Refused changes of the rules", int(self.rules.broken), "", "flowmend check"),
        )
        said = [(f"{what}: {count}{more}", command) for what, count, more, command in waiting if count]
        if not said:
            return None
        facts = {
            "account": account,
            "level": "warning",
            "summary": ". ".join(what for what, _ in said),
            "commands": "; ".join(command for _, command in said),
        }
        return Noted(event=DIGEST, scope=f"account={account}", facts=facts, first_at=now, last_at=now)


def _covers(pause: Pause, account: str) -> bool:
    return pause.scope.account in ("", account)
