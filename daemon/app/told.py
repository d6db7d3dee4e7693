"""What the log tells of an account beside its canonical line, each thing where it has changed.

So the figures of ``/metrics`` can be had from the log alone, and a log in which nothing happens stays short.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from daemon.core.breakers import Breaker, BreakerState, Kind
from daemon.core.records import Step, StepRef
from daemon.core.totals import Totals


class BreakerStates(Protocol):
    """Where the breakers of an account and the steps behind them are known."""

    async def breakers(self, account: str) -> Sequence[Breaker]:
        """Return the account's breakers that are, or have been, open."""

    async def steps(self, account: str) -> Mapping[StepRef, Step]:
        """Return the steps met so far."""

    async def open_counts(self, account: str) -> Mapping[StepRef, int]:
        """Return the open errors of each step that has any."""


class States(BreakerStates, Protocol):
    """What is asked of the store to see what has changed."""

    async def held_counts(self, account: str) -> Mapping[str, int]:
        """Return how many errors wait for people, by queue."""


@dataclass(slots=True, kw_only=True)
class Told:
    """What the log knows of one *account*: the errors *held* by queue, and the ids of the *halted* steps."""

    account: str
    states: States
    totals: Totals
    log: FilteringBoundLogger
    held: Mapping[str, int] = field(default_factory=dict)
    halted: frozenset[str] = frozenset()

    def tell_matched(self) -> None:
        """Tell how many new errors each rule has matched since this was told last."""
        untold = self.totals.untold_decided
        for (rule_id, verb), count in sorted(untold.items()):
            self.log.info("rule.matched", rule=rule_id, action=verb, errors=count)
        untold.clear()

    async def tell_states(self) -> None:
        """Tell which queues have grown or shrunk, and where retries are held back or go again."""
        held = await self.states.held_counts(self.account)
        for queue in sorted({*held, *self.held}):
            if held.get(queue, 0) != self.held.get(queue, 0):
                self.log.info("queue.changed", queue=queue, held=held.get(queue, 0))
        self.held = held
        behind = await behind_breakers(self.states, self.account)
        halted = frozenset(ref.step_id for ref, is_open in behind.items() if is_open)
        for step_id in sorted(halted - self.halted):
            self.log.info("step.halted", step_id=step_id)
        for step_id in sorted(self.halted - halted):
            self.log.info("step.freed", step_id=step_id)
        self.halted = halted


async def behind_breakers(states: BreakerStates, account: str) -> dict[StepRef, bool]:
    """Return the steps that have, or stand behind, a breaker that has ever opened, and whether one holds errors back there.

    Where people have cured what was open nobody sends a probe, and the breaker stays as it is: nothing is held back by it.
    """
    known = {each.key: each.state is not BreakerState.CLOSED for each in await states.breakers(account)}
    steps = await states.steps(account) if known else {}
    waiting = await states.open_counts(account) if any(known.values()) else {}
    found: dict[StepRef, bool] = {}
    for ref, step in steps.items():
        keys = (Kind.STEP, f"{ref.flow_id}/{ref.step_id}"), (Kind.CONNECTION, step.connection_id)
        if any(key in known for key in keys):
            found[ref] = ref in waiting and any(known.get(key, False) for key in keys)
    return found
