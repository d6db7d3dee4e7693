"""The report: what the robot fixed, what people fixed, what came back, what is open, and which rules are only load.

It is about the 24-hour days up to the moment when it is made, and compares them with as many days before. Every retry
and resolve counts in the period in which it was sent, whenever its outcome became known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypedDict

from daemon.core.periods import Period, gone, sent, total
from daemon.core.rates import Rate, Trend
from daemon.core.records import Step, StepRef
from daemon.core.report_rows import BEFORE, NOT_KNOWN, Arrivals, Incident, Left, OpenStep, Sent
from daemon.core.retention import Retention

DAY = timedelta(days=1)

PLATFORM_KEEPS = timedelta(days=30)
"""About how long after it occurred the platform deletes an error with its retry data (API document, chapter 6)."""

EXPIRES_WITHIN = timedelta(days=3)
"""How long before that a report warns: a weekend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The *days* days up to *until*, and as many before them. Days are counted from *before*: 0 is the first."""

    until: datetime
    days: int

    @property
    def since(self) -> datetime:
        """Return when the period of the report begins."""
        return self.until - self.days * DAY

    @property
    def before(self) -> datetime:
        """Return when the period that it is compared with begins."""
        return self.since - self.days * DAY

    @property
    def expiring_before(self) -> datetime:
        """Return before when an error occurred that the platform will delete soon, or has deleted."""
        return self.until - PLATFORM_KEEPS + EXPIRES_WITHIN

    def starts(self) -> list[datetime]:
        """Return when each day of the report begins."""
        return [self.since + day * DAY for day in range(self.days)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the store tells of one account, for a window, and since when it has *kept* what it tells of."""

    kept: Retention
    arrivals: Arrivals = field(default_factory=Arrivals)
    left: Sequence[Left] = ()
    sent: Sequence[Sent] = ()
    times_to_fix: Mapping[str, timedelta] = field(default_factory=dict)
    open_steps: Sequence[OpenStep] = ()
    held: Mapping[str, int] = field(default_factory=dict)
    unknown: int = 0
    incidents: Sequence[Incident] = ()
    steps: Mapping[StepRef, Step] = field(default_factory=dict)

    def recorded_since(self, until: datetime) -> datetime | None:
        """Return since when all that was judged is recorded; None where nothing is, or nothing is kept."""
        first = self.arrivals.since
        return max(first, self.kept.recordings) if first is not None and self.kept.recordings < until else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleReport:
    """What one rule did: "" is no rule, `NOT_KNOWN` one that is not recorded any more.

    *to_fix* is the median time from an error to its confirmed retry, None where none is known.
    """

    rule_id: str
    now: Period
    before: Period
    by_day: tuple[Period, ...]
    to_fix: timedelta | None = None

    @property
    def rate(self) -> Rate:
        """Return how often its retries helped."""
        return self.now.rate

    @property
    def trend(self) -> Trend:
        """Return how that compares with the period before."""
        return self.rate.since(self.before.rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountReport:
    """One account: what came and left is known from *recorded_since* on (None: not at all), what was sent from *sent_since* on.

    *rules* are those that did or took anything, the busiest first. *open_steps* are what is open now, the step with the
    oldest error first, *held* is how many errors wait for people by queue, *unknown* how many retries nobody knows the
    outcome of, whenever they were sent; *incidents* are those that began or lasted in the period, *steps* the names.
    """

    name: str
    now: Period
    before: Period
    by_day: tuple[Period, ...]
    rules: tuple[RuleReport, ...]
    open_steps: tuple[OpenStep, ...]
    held: Mapping[str, int]
    unknown: int
    incidents: tuple[Incident, ...]
    steps: Mapping[StepRef, Step]
    recorded_since: datetime | None
    sent_since: datetime

    @property
    def open(self) -> int:
        """Return how many errors are open and not in flight."""
        return sum(step.count for step in self.open_steps)

    @property
    def in_flight(self) -> int:
        """Return of how many more errors the outcome is awaited."""
        return sum(step.in_flight for step in self.open_steps)

    @property
    def unmatched(self) -> int:
        """Return how many of the open errors no rule takes."""
        return sum(step.unmatched for step in self.open_steps)

    @property
    def oldest(self) -> OpenStep | None:
        """Return the step with the oldest error, None where no age is known."""
        return next((step for step in self.open_steps if step.oldest_at is not None), None)

    @property
    def expiring(self) -> tuple[OpenStep, ...]:
        """Return the steps with errors that the platform will soon delete."""
        return tuple(step for step in self.open_steps if step.expiring)

    @property
    def only_load(self) -> tuple[RuleReport, ...]:
        """Return the rules whose retries do not help."""
        return tuple(rule for rule in self.rules if rule.rate.only_load)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All accounts that were asked for."""

    window: Window
    accounts: tuple[AccountReport, ...]

    @property
    def now(self) -> Period:
        """Return the period of the report, over all accounts."""
        return total(account.now for account in self.accounts)

    @property
    def before(self) -> Period:
        """Return the period before it; what is not known of one account is not known."""
        each = [account.before for account in self.accounts]
        records, sends = all(one.new is not None for one in each), all(one.retries is not None for one in each)
        return total(each).kept(records=records, sends=sends)


class _Kept(TypedDict):
    records: bool
    sends: bool


class _Halves(TypedDict):
    now: Period
    before: Period
    by_day: tuple[Period, ...]


def account_report(name: str, window: Window, told: Told) -> AccountReport:
    """Put together what the store told of an account."""
    recorded_since, sent_since = told.recorded_since(window.until), told.kept.attempts
    ends = [window.before + (day + 1) * DAY for day in range(2 * window.days)]
    known: list[_Kept] = [
        {"records": recorded_since is not None and recorded_since < end, "sends": sent_since < end} for end in ends
    ]
    known_before: _Kept = {
        "records": recorded_since is not None and recorded_since <= window.before,
        "sends": sent_since <= window.before,
    }
    blank = [Period().kept(**each) for each in known]
    by_rule: dict[str, list[Period]] = {}
    for (rule_id, day), cell in _cells(told).items():
        by_rule.setdefault(rule_id, list(blank))[day] = cell.kept(**known[day])

    def split(days: tuple[Period, ...]) -> _Halves:
        before, now = days[: window.days], days[window.days :]
        return {"now": total(now), "before": total(before).kept(**known_before), "by_day": now}

    rules = [
        RuleReport(rule_id=rule_id, to_fix=told.times_to_fix.get(rule_id), **split(tuple(days)))
        for rule_id, days in by_rule.items()
    ]
    whole = tuple(total([blank[day], *(days[day] for days in by_rule.values())]) for day in range(2 * window.days))
    return AccountReport(
        name=name,
        rules=tuple(sorted((rule for rule in rules if _matters(rule.now)), key=_place)),
        open_steps=tuple(sorted(told.open_steps, key=lambda step: (step.oldest_at or window.until, step.step))),
        held=dict(sorted(told.held.items())),
        unknown=told.unknown,
        incidents=tuple(told.incidents),
        steps=told.steps,
        recorded_since=recorded_since,
        sent_since=sent_since,
        **split(whole),
    )


def _cells(told: Told) -> dict[tuple[str, int], Period]:
    """Return what happened, by rule and day of the window."""
    cells: dict[tuple[str, int], Period] = {}

    def add(rule_id: str, day: int, period: Period) -> None:
        cells[rule_id, day] = cells.get((rule_id, day), Period()) + period

    for came in told.arrivals.found:
        if came.day != BEFORE:
            add(came.rule_id, came.day, Period(new=came.count))
    for left in told.left:
        add(left.rule_id, left.day, Period(gone=gone(left.how, left.count)))
    for each in told.sent:
        add(each.rule_id, each.day, sent(each.act, each.end, each.count))
    return cells


def _matters(period: Period) -> bool:
    left = period.gone.left if period.gone else 0
    return bool(period.new or left or period.retried("sent") or period.resolved("sent"))


def _place(rule: RuleReport) -> tuple[bool, int, int, str]:
    """Return where a rule stands: the busiest first, no rule last."""
    sends = (rule.now.retried("sent") or 0) + (rule.now.resolved("sent") or 0)
    return rule.rule_id in ("", NOT_KNOWN), -sends, -(rule.now.new or 0), rule.rule_id
