"""Rest: an account in which nothing happens is looked at less often, where the configuration allows that."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from daemon.core.plans import DueGroup, Plan, PlanState
from daemon.core.reads import Recheck
from daemon.core.tally import Tally
from daemon.pipeline.terms import Clock

NEVER_SENT = frozenset({"observe", "excluded"})
"""Why what is due is not sent, as long as nobody changes the configuration."""


class Waiting(Protocol):
    """What the store knows without asking the platform."""

    async def due_groups(self, account: str, now: datetime) -> Sequence[DueGroup]:
        """Return what is due to be sent."""

    async def rechecks(self, account: str, now: datetime) -> Sequence[Recheck]:
        """Return the steps with errors that are due to be judged again."""

    async def open_plans(self, account: str, now: datetime) -> Sequence[Plan]:
        """Return the plans of which not all was sent."""

    async def unsettled_count(self, account: str) -> int:
        """Return how many writes have no outcome."""


@dataclass(slots=True, kw_only=True)
class Rest:
    """How long one account is left alone between two cycles: twice as long after each quiet one, *longest* at most.

    A cycle is quiet that read no step, sent nothing, and has nothing left to send (also not after a pause) or to wait for.
    Only looks at the platform are put off: what becomes due by itself, a plan that a person let go, and new rules end it.
    """

    account: str
    interval: timedelta
    longest: timedelta
    store: Waiting
    clock: Clock
    rules: Callable[[], str]
    every: timedelta = timedelta(0)
    began_at: datetime | None = None
    due: int = 0
    judged_with: str = ""

    async def goes_on(self) -> bool:
        """Tell whether the account is to be left alone at this interval, too."""
        now = self.clock.now()
        early = self.interval / 2  # cycles are a little early or late
        if self.began_at is None or not self.began_at <= now < self.began_at + self.every - early:
            return False
        if self.rules() != self.judged_with or await self._due(now) != self.due:
            return False
        plans = await self.store.open_plans(self.account, now)
        return not any(plan.state is PlanState.APPROVED for plan in plans)

    def end(self) -> None:
        """Let there be a cycle at each interval until one was quiet."""
        self.began_at = None

    async def after(self, tally: Tally) -> None:
        """Rest longer after a quiet cycle, whose figures are in *tally*, and not at all after any other."""
        held_back = tally.dropped or set(tally.skipped) - NEVER_SENT
        busy = tally.steps_read or tally.steps_failed or tally.batches_sent or held_back
        if self.longest <= self.interval or busy or await self.store.unsettled_count(self.account):
            self.every = self.interval
            return
        self.every = min(2 * max(self.every, self.interval), self.longest)
        self.began_at, self.judged_with = self.clock.now(), self.rules()
        self.due = await self._due(self.began_at)

    async def _due(self, now: datetime) -> int:
        groups, again = await self.store.due_groups(self.account, now), await self.store.rechecks(self.account, now)
        return sum(each.count for each in groups) + sum(each.count for each in again)
