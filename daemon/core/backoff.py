"""When the next attempt on a case is due."""

from datetime import UTC, datetime, timedelta

from daemon.core.actions import Retry

FIRST_PAUSE = timedelta(minutes=1)
"""The pause before the second attempt where the rule names no ``after``."""

LAST = datetime.max.replace(tzinfo=UTC)


def later(moment: datetime, pause: timedelta) -> datetime:
    """Return *moment* + *pause*, or the last moment there is: a platform's year 9999 must not stop a step (P13)."""
    return moment + pause if moment < LAST - pause else LAST


def pause_before(attempt: int, retry: Retry) -> timedelta:
    """Return the pause between attempt number *attempt* - 1 and *attempt* (2 or more).

    The first pause is the rule's ``after`` (one minute where it is zero); each further one is ``backoff.factor``
    times the one before, and none is longer than ``backoff.max``: with ``after: 5m`` 5, 10, 20, 40, 60, 60 … minutes.
    """
    first_s = (retry.after or FIRST_PAUSE).total_seconds()
    longest_s = retry.backoff.longest.total_seconds()
    pause_s = min(first_s, longest_s)
    for _ in range(attempt - 2):
        pause_s = min(pause_s * retry.backoff.factor, longest_s)
    return timedelta(seconds=pause_s)


def due_at(retry: Retry, *, occurred_at: datetime, attempts: int, last_attempt_at: datetime | None) -> datetime:
    """Return the moment from which the next attempt may be sent; it may lie in the past."""
    earliest = later(occurred_at, retry.after)
    if attempts == 0 or last_attempt_at is None:
        return earliest
    return max(earliest, last_attempt_at + pause_before(attempts + 1, retry))
