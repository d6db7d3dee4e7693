"""The store without a database: breakers, and what turns them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from daemon.core.batches import Act, WriteState
from daemon.core.breakers import Breaker, BreakerState, Key
from daemon.core.decisions import Outcome
from daemon.core.records import StepRef
from daemon.core.report_rows import Incident, IncidentKind
from daemon.core.signs import RetryRun, overtaken
from daemon.store.due import SENT_WITHIN
from daemon.store.memory_errors import Shelves


class MemoryBreakers(Shelves):
    """Where nothing is retried, and what has come of retries lately."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        super().__init__(now=now)
        self.tripped: dict[tuple[str, Key], Breaker] = {}
        self.happened: list[tuple[str, Incident]] = []

    async def breakers(self, account: str) -> list[Breaker]:
        """Return the account's breakers that are, or have been, open."""
        return [breaker for (mine, _), breaker in sorted(self.tripped.items()) if mine == account]

    async def save_breaker(self, account: str, breaker: Breaker) -> None:
        """Remember a breaker as it is now, and since when it has been open or closed."""
        self.tripped[account, breaker.key] = breaker
        kind = IncidentKind(breaker.kind.value)
        open_now = [
            place
            for place, (mine, one) in enumerate(self.happened)
            if (mine, one.kind, one.target, one.ended_at) == (account, kind, breaker.target, None)
        ]
        if breaker.state is BreakerState.CLOSED:
            for place in open_now:
                self.happened[place] = (account, replace(self.happened[place][1], ended_at=breaker.since))
        elif breaker.state is BreakerState.OPEN and not open_now and breaker.since is not None:
            opened = Incident(kind=kind, target=breaker.target, reason=breaker.reason, began_at=breaker.since)
            self.happened.append((account, opened))

    async def note_incident(self, ref: StepRef, rule_id: str, reason: str, now: datetime) -> None:
        """Keep that a rule's retries on a step have begun to be useless."""
        target = f"{ref.flow_id}/{ref.step_id}"
        incident = Incident(kind=IncidentKind.RULE, target=target, rule_id=rule_id, reason=reason, began_at=now)
        self.happened.append((ref.account, incident))

    async def incidents(self, account: str, since: datetime, until: datetime) -> list[Incident]:
        """Return what began from *since* on and before *until*, and the breakers that were open then, by beginning."""
        found = [one for mine, one in self.happened if mine == account and one.began_at < until]
        lasted = (one for one in found if one.began_at >= since or _lasts(one, since))
        return sorted(lasted, key=lambda one: one.began_at)

    async def retry_runs(self, account: str, since: datetime, until: datetime) -> list[RetryRun]:
        """Return the batches of retries sent up to *until* that got their last outcome from *since* on, the latest first."""
        found: list[tuple[datetime, int, RetryRun]] = []
        for batch_id, entry in self.entries.items():
            batch, sent_at, ended_at = entry.written.batch, entry.written.intended_at, entry.ended_at
            settled = entry.written.state is WriteState.SETTLED and batch.act is Act.RETRY
            if batch.step.account != account or not settled or ended_at is None:
                continue
            if ended_at >= since and since - SENT_WITHIN <= sent_at <= until:
                counts = Counter(item.outcome for item in entry.items.values())
                run = RetryRun(
                    step=batch.step,
                    rule_id=batch.rule_id,
                    sent_at=sent_at,
                    ended_at=ended_at,
                    confirmed=counts[Outcome.CONFIRMED],
                    came_back=counts[Outcome.CAME_BACK],
                    unknown=counts[Outcome.UNKNOWN],
                )
                found.append((ended_at, batch_id, run))
        runs = [run for _, _, run in sorted(found, key=lambda each: each[:2], reverse=True)]
        return [run for run in runs if not overtaken(run, runs)]


def _lasts(incident: Incident, since: datetime) -> bool:
    return incident.ended_at >= since if incident.ended_at else incident.kind is not IncidentKind.RULE
