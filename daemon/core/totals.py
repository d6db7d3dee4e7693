"""What one account has come to since this process began: figures that only ever grow.

They are counted where the log tells of the same thing, line by line; `/metrics` shows them as they are.
"""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

from daemon.core.records import StepRef

CYCLE_BOUNDS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0)
REQUEST_BOUNDS_S = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds in seconds. A cycle that changed nothing takes some tenths of a second, a first one many minutes."""


@dataclass(slots=True, kw_only=True)
class Durations:
    """How long things took: how many by *bounds_s*, each the longest of its bucket; the last counts what took longer."""

    bounds_s: tuple[float, ...]
    counts: list[int] = field(init=False)
    sum_s: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds_s) + 1)

    def add(self, took_s: float) -> None:
        """Count one that took so long."""
        self.counts[bisect_left(self.bounds_s, took_s)] += 1
        self.sum_s += took_s


@dataclass(slots=True, kw_only=True)
class Totals:
    """The totals of one account.

    *seen* are the errors met for the first time. *decided* counts those of them that a rule matched, by rule and verb;
    *settled* the outcomes by rule, act and outcome (`outcome.settled`); *limited* what a rule had to hold back by rule
    (`limit.reached`). *requests* are by endpoint template and HTTP status, 0 where no answer came. What is in *untold_seen*
    and *untold_decided* is counted already, and waits for the line of the log that tells it.
    """

    seen: Counter[StepRef] = field(default_factory=Counter)
    decided: Counter[tuple[str, str]] = field(default_factory=Counter)
    untold_seen: Counter[StepRef] = field(default_factory=Counter)
    untold_decided: Counter[tuple[str, str]] = field(default_factory=Counter)
    settled: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    limited: Counter[str] = field(default_factory=Counter)
    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    request_s: dict[str, Durations] = field(default_factory=dict)
    cycle_s: Durations = field(default_factory=lambda: Durations(bounds_s=CYCLE_BOUNDS_S))

    def see(self, ref: StepRef, count: int) -> None:
        """Count errors met for the first time."""
        self.seen[ref] += count
        self.untold_seen[ref] += count

    def decide(self, rule_id: str, verb: str, count: int) -> None:
        """Count such errors by what a rule wants done with them."""
        self.decided[rule_id, verb] += count
        self.untold_decided[rule_id, verb] += count

    def request(self, endpoint: str, status: int, took_s: float) -> None:
        """Count one request."""
        self.requests[endpoint, status] += 1
        self.request_s.setdefault(endpoint, Durations(bounds_s=REQUEST_BOUNDS_S)).add(took_s)
