"""Reports for tests, made of what a store might tell."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from daemon.core.batches import Act
from daemon.core.recordings import Fate
from daemon.core.report import AccountReport, Told, Window, account_report
from daemon.core.report_rows import BEFORE, NOT_KNOWN, Arrivals, Arrived, End, Left, Sent
from daemon.core.retention import Retention

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
WEEK = Window(until=NOW, days=7)
LONG = timedelta(days=30)
RULES = st.sampled_from(["r1", "r2", "", NOT_KNOWN])
DAYS, COUNTS = st.integers(0, 13), st.integers(1, 99)
ARRIVED = st.builds(Arrived, rule_id=RULES, day=st.integers(BEFORE, 13), count=COUNTS)
LEFT = st.builds(Left, rule_id=RULES, day=DAYS, how=st.sampled_from(["", *Fate]), count=COUNTS)
SENT = st.builds(
    Sent, rule_id=RULES, day=DAYS, act=st.sampled_from([Act.RETRY, Act.RESOLVE]), end=st.sampled_from(End), count=COUNTS
)


def kept(records: timedelta, sends: timedelta) -> Retention:
    """Return since when the store has what it tells of, recordings and what was sent."""
    return Retention(details=NOW - sends, gone=NOW - sends, attempts=NOW - sends, recordings=NOW - records)


def reported(
    arrivals: Sequence[Arrived] = (),
    first: timedelta = LONG,
    keeps: timedelta = LONG,
    keeps_sent: timedelta = LONG,
    **told: Any,
) -> AccountReport:
    """Return the report on an account of which all but what is given is empty, recorded for the last month."""
    what = Told(arrivals=Arrivals(since=NOW - first, found=arrivals), kept=kept(keeps, keeps_sent), **told)
    return account_report("acme", WEEK, what)
