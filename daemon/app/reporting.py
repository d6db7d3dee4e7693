"""Reporting: ask the store for what a report is made of, an account at a time."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from daemon.core.records import Step, StepRef
from daemon.core.report import Report, Told, Window, account_report
from daemon.core.report_rows import Arrivals, Incident, Left, OpenStep, Sent
from daemon.core.retention import Retention


class Past(Protocol):
    """What a report asks of the store; days are counted from *since*."""

    async def arrivals(self, account: str, since: datetime, until: datetime) -> Arrivals:
        """Return how many errors were first seen before *until*, by rule and day."""

    async def left(self, account: str, since: datetime, until: datetime) -> Sequence[Left]:
        """Return how many errors left without us, by rule, day and fate."""

    async def sent(self, account: str, since: datetime, until: datetime) -> Sequence[Sent]:
        """Return how many errors were retried or resolved, by rule, day, act and how it ended."""

    async def times_to_fix(self, account: str, since: datetime, until: datetime) -> Mapping[str, timedelta]:
        """Return the median time from an error to its confirmed retry, by rule."""

    async def open_steps(self, account: str, expiring_before: datetime) -> Sequence[OpenStep]:
        """Return what is stored of each step that has any error."""

    async def held_counts(self, account: str) -> Mapping[str, int]:
        """Return how many errors wait for people, by queue."""

    async def unknown_count(self, account: str) -> int:
        """Return how many retries nobody knows the outcome of."""

    async def incidents(self, account: str, since: datetime, until: datetime) -> Sequence[Incident]:
        """Return what began in that time, and the breakers that were open then."""

    async def steps(self, account: str) -> Mapping[StepRef, Step]:
        """Return the steps met so far, with their names."""


async def make_report(store: Past, accounts: Iterable[str], window: Window, kept: Retention) -> Report:
    """Return the report on *accounts*; *kept* says since when the store has what it tells of."""
    return Report(
        window=window,
        accounts=tuple([account_report(name, window, await _told(store, name, window, kept)) for name in accounts]),
    )


async def _told(store: Past, account: str, window: Window, kept: Retention) -> Told:
    before, since, until = window.before, window.since, window.until
    return Told(
        arrivals=await store.arrivals(account, before, until),
        left=await store.left(account, before, until),
        sent=await store.sent(account, before, until),
        times_to_fix=await store.times_to_fix(account, since, until),
        open_steps=await store.open_steps(account, window.expiring_before),
        held=await store.held_counts(account),
        unknown=await store.unknown_count(account),
        incidents=await store.incidents(account, since, until),
        steps=await store.steps(account),
        kept=kept,
    )
