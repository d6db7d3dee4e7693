"""When the next attempt on a case is due."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.actions import Backoff, Retry
from daemon.core.backoff import LAST, due_at, later, pause_before
from tests.makers import NOW, ago


def minutes(*numbers: float) -> list[timedelta]:
    return [timedelta(minutes=number) for number in numbers]


@pytest.mark.parametrize(
    ("retry", "pauses"),
    [
        pytest.param(Retry(after=timedelta(minutes=5)), minutes(5, 10, 20, 40, 60, 60), id="5m, the defaults"),
        pytest.param(Retry(), minutes(1, 2, 4, 8, 16, 32, 60, 60), id="without after: one minute first"),
        pytest.param(Retry(backoff=Backoff(factor=1)), minutes(1, 1, 1), id="factor 1: always the same"),
        pytest.param(Retry(backoff=Backoff(factor=1.5)), minutes(1, 1.5, 2.25), id="factor with a fraction"),
        pytest.param(Retry(after=timedelta(hours=3)), minutes(60, 60, 60), id="after over max"),
        pytest.param(Retry(backoff=Backoff(longest=timedelta(seconds=30))), minutes(0.5, 0.5), id="max under a minute"),
        pytest.param(Retry(backoff=Backoff(factor=100, longest=timedelta(hours=2))), minutes(1, 100, 120), id="steep"),
    ],
)
def test_the_pauses_grow_by_the_factor_up_to_the_longest(retry: Retry, pauses: list[timedelta]) -> None:
    assert [pause_before(attempt, retry) for attempt in range(2, 2 + len(pauses))] == pauses


@pytest.mark.parametrize(
    ("attempts", "last_attempt_at", "expected"),
    [
        pytest.param(0, None, ago(minutes=55), id="the first: after the error"),
        pytest.param(0, ago(minutes=1), ago(minutes=55), id="none counted: the first"),
        pytest.param(1, None, ago(minutes=55), id="counted, but nobody knows when"),
        pytest.param(1, ago(minutes=2), NOW + timedelta(minutes=3), id="the second: one pause after the first"),
        pytest.param(3, ago(minutes=2), NOW + timedelta(minutes=18), id="the fourth: a longer pause"),
        pytest.param(1, ago(days=1), ago(minutes=55), id="never before the error's own time"),
    ],
)
def test_the_next_attempt_is_due(attempts: int, last_attempt_at: datetime | None, expected: datetime) -> None:
    retry = Retry(after=timedelta(minutes=5))
    assert due_at(retry, occurred_at=ago(hours=1), attempts=attempts, last_attempt_at=last_attempt_at) == expected


def test_a_moment_that_cannot_be_is_the_last_one_there_is() -> None:
    assert later(datetime.max.replace(tzinfo=UTC), timedelta(minutes=1)) == LAST
    assert later(LAST - timedelta(minutes=1), timedelta(minutes=1)) == LAST
    assert later(NOW, timedelta(minutes=1)) == NOW + timedelta(minutes=1)


SPANS = st.integers(0, 10**7).map(lambda seconds: timedelta(seconds=seconds))
RETRIES = st.builds(
    Retry,
    after=SPANS,
    backoff=st.builds(Backoff, factor=st.floats(1, 100), longest=SPANS.filter(bool)),
)


@given(RETRIES, st.integers(2, 100))
def test_a_pause_never_shrinks_and_is_never_over_the_longest(retry: Retry, attempt: int) -> None:
    assert timedelta(0) < pause_before(attempt, retry) <= pause_before(attempt + 1, retry) <= retry.backoff.longest


@given(RETRIES, st.integers(0, 100), st.none() | SPANS.map(lambda span: NOW - span), SPANS)
def test_an_attempt_is_never_due_too_early_and_never_later_for_fewer_attempts(
    retry: Retry, attempts: int, last_attempt_at: datetime | None, age: timedelta
) -> None:
    occurred_at = NOW - age
    due = due_at(retry, occurred_at=occurred_at, attempts=attempts, last_attempt_at=last_attempt_at)
    assert due >= occurred_at + retry.after
    assert due <= due_at(retry, occurred_at=occurred_at, attempts=attempts + 1, last_attempt_at=last_attempt_at)
    if attempts and last_attempt_at:
        assert due > last_attempt_at
