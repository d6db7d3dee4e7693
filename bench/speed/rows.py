"""The table: what is to be reached, what was measured, and whether it was reached."""

import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

GOALS = {
    "first": ("first cycle, all new, 200 rules, observe mode", "≤ 6 x the floor"),
    "again": ("the same, nothing new: read in full because counts differ", "≤ 1.0 x the floor"),
    "idle": ("idle cycle, 100 integrations x 10 flows x 5 steps", "101 requests; ≤ 1 ms CPU per request"),
    "match-10": ("matching against rule-engine, 10 rules", "≥ 10 x"),
    "match-100": ("matching against rule-engine, 100 rules", "≥ 60 x"),
    "match-1000": ("matching against rule-engine, 1,000 rules", "≥ 130 x"),
    "match-5000": ("matching against rule-engine, 5,000 rules", "≥ 90 x"),
    "match-flat": ("matching, 5,000 rules against 10", "≥ 6 % of the speed"),
    "memory": ("peak memory, 1,000,000 errors", "≤ 150 MB"),
    "memory-flat": ("peak memory, ten times as many errors", "≤ 1.2 x"),
    "disk": ("store on disk, per error nobody acted on", "≤ 120 bytes"),
    "acting": ("acting: retries through the journal, batches of 100, confirmed", "≥ 5,000 records/s"),
    "fsyncs": ("acting: fsyncs per batch", "≤ 2"),
    "stall": ("longest stall of the event loop", "< 100 ms"),
    "help": ("flowmend --help", "≤ 0.25 s of CPU"),
    "check": ("flowmend check, 1,000 rules", "≤ 1.5 s of CPU"),
    "latency": ("latency: error visible → retry sent, poll 1 s", "median ≤ 1.6 s"),
}
"""What "To reach" of the performance specification asks for, in its order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured: *errors* of the backlog, *runs* of a cheap row and *long_runs* of one over the backlog."""

    errors: int
    runs: int
    long_runs: int
    quick: bool = False
    full: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured row; *key* is that of its goal, *ok* None where there is none: then it is only shown, as *what*."""

    figure: str
    key: str = ""
    what: str = ""
    ok: bool | None = None
    detail: str = ""
    values: Sequence[float] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The rows of one run, in the order in which they were measured."""

    rows: Sequence[Row]
    plan: Plan

    @property
    def missed(self) -> list[Row]:
        """Return the rows that do not reach their goal."""
        return [row for row in self.rows if row.ok is False]

    def lines(self) -> list[tuple[str, str, str, str, str]]:
        """Return what, goal, figure, verdict and detail: every goal first, in their order, then what is only shown."""
        measured = {row.key: row for row in self.rows if row.key}
        found = []
        for key, (what, goal) in GOALS.items():
            row = measured.get(key)
            if row is None:
                found.append((what, goal, "-", "not measured", ""))
            else:
                found.append((what, goal, row.figure, "ok" if row.ok else "misses", row.detail))
        return found + [(row.what, "", row.figure, "", row.detail) for row in self.rows if not row.key]

    def text(self) -> str:
        """Return the table for a terminal."""
        lines = [("what", "goal", "figure", "", "detail"), *self.lines()]
        widths = [max(len(line[column]) for line in lines) for column in range(4)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line[:4], widths, strict=True)) + f"  {line[4]}"
            for line in lines
        )

    def markdown(self) -> str:
        """Return the table for docs/performance.md."""
        head = f"Measured on {datetime.now(UTC):%Y-%m-%d}: {machine()}; {self.plan.errors:,} errors."
        lines = ["| what | goal | figure | | detail |", "|---|---|---|---|---|"]
        return "\n".join([head, "", *lines, *("| " + " | ".join(line) + " |" for line in self.lines())])

    def json(self) -> dict[str, object]:
        """Return the table as data."""
        return {
            "machine": machine(),
            "errors": self.plan.errors,
            "missed": [row.key for row in self.missed],
            "rows": [
                {
                    "key": row.key,
                    "what": row.what or GOALS[row.key][0],
                    "goal": GOALS[row.key][1] if row.key else "",
                    "figure": row.figure,
                    "ok": row.ok,
                    "detail": row.detail,
                    "values": list(row.values),
                }
                for row in self.rows
            ],
        }


def machine() -> str:
    """Say what it was measured on."""
    load = " / ".join(f"{each:.1f}" for each in os.getloadavg())
    return f"{os.cpu_count()} shared cores, Python {platform.python_version()}, load {load}"


def spread(values: Iterable[float], unit: str = "s", digits: int = 2) -> str:
    """Return the median and, of several values, the least and the most."""
    listed = sorted(values)
    middle = f"{statistics.median(listed):.{digits}f} {unit}"
    if len(listed) == 1:
        return f"{middle} (1 run)"
    return f"{middle} ({listed[0]:.{digits}f} to {listed[-1]:.{digits}f}, {len(listed)} runs)"
