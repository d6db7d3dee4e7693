"""Breakers: what has come of retries opens and closes them, and what is due asks them before it goes (P15)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, Self

from structlog.typing import FilteringBoundLogger

from daemon.core.actions import Mode
from daemon.core.batches import Act, UnderWay
from daemon.core.breakers import Breaker, BreakerState, Key, Kind, gate, seen, signs_for, turned
from daemon.core.guards import cut
from daemon.core.moments import stamp
from daemon.core.plans import PlannedGroup
from daemon.core.ramp import Allowance
from daemon.core.records import Connection, Step, StepRef
from daemon.core.signs import WINDOW, RetryRun, Signs, probe_rank

QUEUE = timedelta(days=1)
"""How far back is looked for which rule's turn it is to probe."""


class BreakerStore(Protocol):
    """What the breakers ask of the store."""

    async def breakers(self, account: str) -> Sequence[Breaker]:
        """Return the account's breakers that are, or have been, open."""

    async def save_breaker(self, account: str, breaker: Breaker, /) -> None:
        """Remember a breaker as it is now."""

    async def retry_runs(self, account: str, since: datetime, until: datetime, /) -> Sequence[RetryRun]:
        """Return the batches of retries sent up to *until* that got their last outcome from *since* on.

        What newer ones have overtaken may be left out.
        """

    async def under_way(self, account: str) -> Sequence[UnderWay]:
        """Return what names the journal's entries without an outcome."""


@dataclass(slots=True, kw_only=True)
class Breakers:
    """The breakers of one account during one weighing.

    *busy* are those with a retry without an outcome, or with one that is let through now; None: not known yet. Where
    another process acts on the account, *acts* is false: that one says and remembers what becomes of them.
    """

    account: str
    store: BreakerStore
    steps: Mapping[StepRef, Step]
    now: datetime
    log: FilteringBoundLogger
    known: dict[Key, Breaker] = field(default_factory=dict)
    runs: Sequence[RetryRun] = ()
    busy: set[Key] | None = None
    acts: bool = True

    async def turn(self) -> Self:
        """Bring every breaker up to the outcomes known by now."""
        self.known = {breaker.key: breaker for breaker in await self.store.breakers(self.account)}
        tripped = [each.since or self.now for each in self.known.values() if each.state is not BreakerState.CLOSED]
        since = min(self.now - QUEUE, *tripped) if tripped else self.now - WINDOW
        self.runs = await self.store.retry_runs(self.account, since, self.now)
        for key in sorted({*self.known, *(key for run in self.runs for key in self._keys(run.step))}):
            breaker = self._of(key)
            signs = signs_for(breaker, [run for run in self.runs if key in self._keys(run.step)], self.now)
            await self._become(turned(breaker, signs, self.now), signs)
        return self

    async def see(self, connection: Connection) -> None:
        """Take note of whether a connection is online."""
        breaker = self._of((Kind.CONNECTION, connection.connection_id))
        await self._become(seen(breaker, offline=connection.offline, now=self.now), Signs(), name=connection.name)

    async def allowance(self, ref: StepRef) -> Allowance:
        """Return how many retries the step's breakers let through now."""
        breakers = [self._of(key) for key in self._keys(ref)]
        if self.busy is None and any(each.state is BreakerState.HALF_OPEN for each in breakers):
            retried = {each.step for each in await self.store.under_way(self.account) if each.act is Act.RETRY}
            self.busy = {key for step in retried for key in self._keys(step)}
        return gate(breakers, self.busy or ())

    async def choose(self, groups: Sequence[PlannedGroup]) -> list[PlannedGroup]:
        """Let one of *groups* send the probe of each half-open breaker and hold the others back; keep their order.

        Called last of all: a probe that something else then held back would keep the others waiting for nothing.
        """
        chosen: dict[PlannedGroup, PlannedGroup] = {}
        for group in sorted(groups, key=self._place):
            chosen[group] = group
            if group.act is Act.RETRY and group.send:
                allowed = await self.allowance(group.step)
                chosen[group] = cut(group, most=allowed.most, reason=allowed.reason, detail=allowed.detail)
                if allowed.most:
                    self._probe(group)
        return [chosen[group] for group in groups]

    def _place(self, group: PlannedGroup) -> tuple[bool, int, datetime]:
        """Return the group's place in the queue for a probe: what goes by itself first, then as `probe_rank` says."""
        return (group.mode is not Mode.ENFORCE, *probe_rank(self.runs, group.step, group.rule_id))

    def _probe(self, group: PlannedGroup) -> None:
        for key in self._keys(group.step):
            breaker = self._of(key)
            if breaker.state is BreakerState.HALF_OPEN and self.busy is not None:
                self.busy.add(key)
                if group.mode is Mode.ENFORCE and self.acts:
                    self.log.info("breaker.probed", **self._facts(breaker), rule=group.rule_id)

    async def _become(self, breaker: Breaker, signs: Signs, name: str = "") -> None:
        """Remember and tell what has become of a breaker."""
        before = self._of(breaker.key)
        if breaker == before:
            return
        self.known[breaker.key] = breaker
        if not self.acts:
            return
        await self.store.save_breaker(self.account, breaker)
        if breaker.state is BreakerState.CLOSED:
            self.log.info("breaker.closed", **self._facts(breaker, name))
        elif breaker.state is BreakerState.OPEN:
            self.log.warning(
                "breaker.opened",
                **self._facts(breaker, name),
                reason=breaker.reason,
                came_back=signs.came_back,
                unknown=signs.unknown,
                of=signs.of,
                until=stamp(breaker.probe_at) if breaker.probe_at else "online",
            )

    def _facts(self, breaker: Breaker, name: str = "") -> dict[str, str]:
        using = sorted(step.full_name for ref, step in self.steps.items() if breaker.key in self._keys(ref))
        if using and not name:  # that of a connection is only known while it is being looked at
            more = f" and {len(using) - 1} more" if len(using) > 1 else ""
            name = f"of {using[0]}{more}" if breaker.kind is Kind.CONNECTION else using[0]
        return {"kind": breaker.kind.value, "target": breaker.target, "name": name}

    def _of(self, key: Key) -> Breaker:
        return self.known.get(key) or Breaker(kind=key[0], target=key[1])

    def _keys(self, ref: StepRef) -> list[Key]:
        """Return the keys of the breakers that a retry on the step must pass: its own first."""
        step = self.steps.get(ref)
        keys = [(Kind.STEP, f"{ref.flow_id}/{ref.step_id}")]
        if step is not None and step.connection_id:
            keys.append((Kind.CONNECTION, step.connection_id))
        return keys
