"""Which part of a step's error list is read next, and what a whole read lets us conclude (P5).

A window read asks for what occurred in ``[watermark - overlap, now - settle]``: the overlap finds late arrivals, the
settle time keeps the moving end of the list out. A full read asks for everything.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.core.records import Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Polling:
    """How windows are cut; durations as configured under ``poll``."""

    overlap: timedelta
    settle: timedelta
    lookback: timedelta
    full_sweep: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One read: *since* None asks for everything there is (a full read), *until* None for everything up to now.

    *settled_at* belongs to a full read: what occurred later may not be listed yet although the summary counts it.
    """

    since: datetime | None = None
    until: datetime | None = None
    settled_at: datetime | None = None

    @property
    def full(self) -> bool:
        """Tell whether what this read does not show is no longer open."""
        return self.since is None and self.until is None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepProgress:
    """What the store remembers of reading one step.

    *mark* is the summary as of which the step has been read to the end; None means that it must be read again.
    *judged_with* is the version of the rule set that judged every error of the step. *open* counts the stored errors
    that are not being acted on, *in_flight* those that are.
    """

    mark: Mark | None = None
    watermark_at: datetime | None = None
    swept_at: datetime | None = None
    judged_with: str = ""
    open: int = 0
    in_flight: int = 0


SWEEP_DUE = "sweep due"
"""The reason of a read that also judges again what has not changed: tags, assignments and ages may have."""

NEVER_READ = StepProgress()


def read_reason(progress: StepProgress, summary: Mark, *, rules: str, now: datetime, polling: Polling) -> str:
    """Say why the step must be read, or "" where nothing has changed since the last whole read."""
    stored = progress.open + progress.in_flight
    if not summary.num_error and not stored:
        return ""
    if progress.watermark_at is None:
        return "never read"
    if progress.judged_with != rules:
        return "rules changed"
    if _sweep_due(progress, now, polling):
        return SWEEP_DUE
    if progress.mark != summary:
        return "summary changed"
    # a summary without a time looks the same when as many errors came as had left since
    return "" if stored else "none stored"


def next_window(progress: StepProgress, summary: Mark, *, rules: str, now: datetime, polling: Polling) -> Window:
    """Return what to read of a step that has a reason to be read.

    The first window of a step reaches back by ``lookback``. Later, a full read where the rules changed, where the sweep
    is due, or where newer errors cannot explain the difference between the platform's count and ours; else a window.
    """
    until = now - polling.settle
    if progress.watermark_at is None:
        return Window(since=until - polling.lookback, until=until)
    if progress.judged_with != rules or _sweep_due(progress, now, polling):
        return Window(settled_at=until)
    # a full read moves the watermark to its own moment, past errors too young to have been listed
    listed_until = progress.watermark_at - polling.settle
    if not progress.in_flight and not _arrivals_explain(progress, listed_until, summary):
        return Window(settled_at=until)
    return Window(since=min(progress.watermark_at, until) - polling.overlap, until=until)


def mark_after(summary: Mark, *, open_now: int, in_flight: int, window: Window) -> Mark | None:
    """Return the mark to remember after a whole read, or None where the step must be read again next time.

    After a window, an error newer than its end or a count that the store cannot account for leaves the step unmarked,
    so that nothing is skipped for good. After a full read the list is the truth, whatever the summary counted, unless
    the summary counts more and its newest error was too young to be listed.
    """
    newest, listed_until = summary.last_error_at, window.until or window.settled_at
    too_new = newest is not None and listed_until is not None and newest > listed_until
    if in_flight or (too_new and open_now < summary.num_error):
        return None
    if window.full:
        return summary
    return None if too_new or open_now != summary.num_error else summary


def _sweep_due(progress: StepProgress, now: datetime, polling: Polling) -> bool:
    swept_at = progress.swept_at
    # a sweep later than now was dated by a clock that was ahead, and by it others would be due much too late
    return swept_at is None or not timedelta(0) <= now - swept_at < polling.full_sweep


def _arrivals_explain(progress: StepProgress, listed_until: datetime, summary: Mark) -> bool:
    if progress.open > summary.num_error:
        return False
    if summary.last_error_at is None:
        return progress.open == summary.num_error or progress.mark is not None
    return progress.open == summary.num_error or summary.last_error_at > listed_until
