"""What is shown of a running service over HTTP: its figures, and whether it does its work.

Counts and moments are those that the log tells; states are asked of the store when somebody looks. That may take no
longer than a scraper waits, and many who look at once are one question to the store, which the cycles need, too.
"""

import asyncio
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from math import inf
from time import monotonic

from daemon.app.account import AccountRunner
from daemon.app.build import Daemon
from daemon.app.configuration import Configuration
from daemon.app.readiness import STORE_WITHIN_S, readiness_of
from daemon.app.told import behind_breakers
from daemon.core.actions import Action, Resolve, Retry
from daemon.core.batches import Act
from daemon.core.exceptions import StoreError
from daemon.core.report import EXPIRES_WITHIN, PLATFORM_KEEPS
from daemon.web.reading import AccountReading, Readiness, Reading, Stored

FRESH_S = 1.0
"""How long what the store said is told again instead of asking it again."""

EXPIRING_FRESH_S = 900.0
"""The same of the errors that expire soon: every error is looked at to count them, and they grow old by the day."""


@dataclass(slots=True, kw_only=True)
class Observed:
    """A running *daemon*, seen from outside, since *started_at*; its *configuration* where it can be read again."""

    daemon: Daemon
    started_at: datetime
    configuration: Configuration | None = None
    monotonic: Callable[[], float] = monotonic
    store_within_s: float = STORE_WITHIN_S
    _stored: dict[str, Stored] = field(default_factory=dict)
    _paused: bool | None = None
    _asked_s: float | None = None
    _expiring: dict[str, tuple[float, int]] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def reading(self) -> Reading:
        """Return the figures; without those of the store where it does not answer in time."""
        async with self._turn:
            if self._asked_s is None or self.monotonic() - self._asked_s >= FRESH_S:
                self._stored, self._paused = {}, None
                try:
                    async with asyncio.timeout(self.store_within_s):
                        await self._ask()
                except (StoreError, TimeoutError):
                    self._stored = {}
                self._asked_s = self.monotonic()
        daemon, state = self.daemon, self.daemon.rules.state
        return Reading(
            accounts=[self._account(runner) for runner in daemon.accounts.values()],
            mode=daemon.settings.mode.name.lower(),
            version=version("flowmend"),
            python=platform.python_version(),
            rules_loaded=state.count,
            rules_ok=state.ok,
            rules_tried_at=state.tried_at,
            config_ok=self.configuration is None or not self.configuration.refused,
            sends=self._sends(),
            paused=self._paused,
        )

    def _account(self, runner: AccountRunner) -> AccountReading:
        return AccountReading(
            name=runner.name,
            totals=runner.totals,
            throttled_s=runner.throttled_s(),
            lag_s=runner.lag_s,
            unmatched=runner.unmatched,
            last_success_at=runner.last_success_at,
            refused=runner.refused_until is not None,
            over_limit={rule_id for rule_id, _ in runner.pass_.reported},
            stored=self._stored.get(runner.name),
        )

    def _sends(self) -> list[tuple[str, str]]:
        """Return the rules in force that retry or resolve, with their act."""
        return [(rule.id, act.value) for rule in self.daemon.rules.current.rules for act in _acts(rule.action)]

    async def _ask(self) -> None:
        self._paused = bool(await self.daemon.pauses.holding())
        self._stored = {name: await self._of(name) for name in self.daemon.accounts}

    async def _of(self, account: str) -> Stored:
        store = self.daemon.store
        return Stored(
            open=await store.open_counts(account),
            held=await store.held_counts(account),
            unknown=await store.unknown_count(account),
            expiring=await self._expiring_soon(account),
            unsettled=await store.unsettled_count(account),
            breakers=await behind_breakers(store, account),
        )

    async def _expiring_soon(self, account: str) -> int:
        asked_s, count = self._expiring.get(account, (-inf, 0))
        if self.monotonic() - asked_s >= EXPIRING_FRESH_S:
            now = self.daemon.clock.now()
            count = await self.daemon.store.open_between(
                account, now - PLATFORM_KEEPS, now - PLATFORM_KEEPS + EXPIRES_WITHIN
            )
            self._expiring[account] = self.monotonic(), count
        return count

    async def readiness(self) -> Readiness:
        """Say whether every account is looked after, and what people should know besides."""
        return await readiness_of(self.daemon, self.started_at)


def _acts(action: Action) -> Sequence[Act]:
    """Return what a rule may come to send whose outcome is settled later."""
    if isinstance(action, Resolve):
        return (Act.RESOLVE,)
    if not isinstance(action, Retry):
        return ()
    return (Act.RETRY, Act.RESOLVE) if action.exhausted == "resolve" else (Act.RETRY,)
