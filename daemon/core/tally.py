"""The figures of one cycle or one ``once``: what was seen, what was done, what came of it."""

from collections import Counter
from dataclasses import dataclass, field

from daemon.core.totals import Totals

COUNTS = (
    "new", "matched", "unmatched", "retried", "patched", "resolved", "held",
    "confirmed", "came_back", "refused", "unknown", "vanished",
)  # fmt: skip
"""The counts of an account, in the order in which they are shown; each is one error, ``retried`` one per attempt."""

PER_RULE = ("matched", "retried", "patched", "resolved", "held", "confirmed", "came_back", "refused", "unknown")


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counters that the stages of one account add to.

    *skipped* says, by reason, what was due and held back, *dropped* what a second look took out of the plan. *lag_s* is
    how far behind the step is that could not be read for longest. *incidents* counts the rules whose retries on a step
    have begun to be useless. What is counted for good goes to *totals*, which outlive the pass.
    """

    counts: Counter[str] = field(default_factory=Counter)
    rules: dict[str, Counter[str]] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    steps_read: int = 0
    steps_failed: int = 0
    batches_sent: int = 0
    settled: int = 0
    incidents: int = 0
    lag_s: float = 0.0
    totals: Totals = field(default_factory=Totals)

    def add(self, what: str, count: int = 1, *, rule_id: str = "") -> None:
        """Count *what*, one of `COUNTS`, for the account and for the rule that decided it."""
        if count:
            self.counts[what] += count
            if rule_id:
                self.rules.setdefault(rule_id, Counter())[what] += count

    def merge(self, other: "Tally") -> None:
        """Add the figures of a later pass."""
        self.counts.update(other.counts)
        for rule_id, counts in other.rules.items():
            self.rules.setdefault(rule_id, Counter()).update(counts)
        self.skipped.update(other.skipped)
        self.dropped.update(other.dropped)
        self.steps_read += other.steps_read
        self.steps_failed += other.steps_failed
        self.batches_sent += other.batches_sent
        self.settled += other.settled
        self.incidents += other.incidents
        self.lag_s = other.lag_s
