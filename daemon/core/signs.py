"""Signs: what the retries of a step, or of the steps behind a connection, tell about it (P15)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from daemon.core.records import StepRef

WINDOW = timedelta(hours=1)
"""How long the outcome of a retry says something about its step."""

NEWEST = 10
"""What one rule weighs at most, in records: a rule with a long hopeless tail is the ramp's business, not everybody's."""

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRun:
    """One batch of retries that has all its outcomes. What was refused or vanished says nothing and is not counted."""

    step: StepRef
    rule_id: str
    sent_at: datetime
    ended_at: datetime
    confirmed: int = 0
    came_back: int = 0
    unknown: int = 0

    @property
    def failed(self) -> int:
        """Return how many were not seen to help."""
        return self.came_back + self.unknown

    @property
    def known(self) -> int:
        """Return how many say something."""
        return self.confirmed + self.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What came of some retries: records, and on how many *steps*.

    *weight* and *bad* are the same records, and those of them that failed, with each rule weighing at most `NEWEST`.
    """

    confirmed: int = 0
    came_back: int = 0
    unknown: int = 0
    steps: int = 0
    weight: Fraction = Fraction(0)
    bad: Fraction = Fraction(0)

    @property
    def failed(self) -> int:
        """Return how many were not seen to help."""
        return self.came_back + self.unknown

    @property
    def of(self) -> int:
        """Return how many were tried."""
        return self.confirmed + self.failed


def signs_in(runs: Iterable[RetryRun]) -> Signs:
    """Add up *runs*, in any order."""
    told = [run for run in runs if run.known]
    known: dict[str, int] = {}
    failed: dict[str, int] = {}
    for run in told:
        known[run.rule_id] = known.get(run.rule_id, 0) + run.known
        failed[run.rule_id] = failed.get(run.rule_id, 0) + run.failed
    weights = {rule_id: Fraction(min(count, NEWEST)) for rule_id, count in known.items()}
    return Signs(
        confirmed=sum(run.confirmed for run in told),
        came_back=sum(run.came_back for run in told),
        unknown=sum(run.unknown for run in told),
        steps=len({run.step for run in told}),
        weight=sum(weights.values(), Fraction(0)),
        bad=sum((weight * failed[rule_id] / known[rule_id] for rule_id, weight in weights.items()), Fraction(0)),
    )


def fresh(runs: Iterable[RetryRun], now: datetime) -> list[RetryRun]:
    """Keep of each rule its newest runs of the last hour until they make `NEWEST` records.

    Runs that ended together stay together: which of their records were first cannot be told.
    """
    kept: dict[str, list[RetryRun]] = {}
    late = [run for run in runs if run.known and now - run.ended_at <= WINDOW]
    for run in sorted(late, key=lambda one: one.ended_at, reverse=True):
        mine = kept.setdefault(run.rule_id, [])
        if sum(one.known for one in mine) < NEWEST or mine[-1].ended_at == run.ended_at:
            mine.append(run)
    return [run for mine in kept.values() for run in mine]


def overtaken(run: RetryRun, runs: Iterable[RetryRun]) -> bool:
    """Tell whether *run* had ended before `NEWEST` records were sent of its rule and step whose outcome the *runs* tell.

    Whatever is weighed since whenever, it says nothing beside them. What ended before it was sent, by a clock that was
    put back, is newer than nothing.
    """
    over = max(run.sent_at, run.ended_at)
    mine = (one for one in runs if (one.step, one.rule_id) == (run.step, run.rule_id))
    return sum(one.known for one in mine if over < one.sent_at <= one.ended_at) >= NEWEST


def probe_rank(runs: Iterable[RetryRun], step: StepRef, rule_id: str) -> tuple[int, datetime]:
    """Return a rule's place in the queue for the probe on a step, least first.

    First a rule whose last retry there helped, then one that was not tried, then the one that failed the longest ago:
    so no hopeless rule can keep a breaker open for a good one.
    """
    mine = [run for run in runs if (run.step, run.rule_id) == (step, rule_id) and run.known]
    if not mine:
        return 1, NEVER
    last = max(mine, key=lambda run: run.ended_at)
    return (0 if last.confirmed else 2), last.ended_at
