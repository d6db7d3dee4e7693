from datetime import timedelta

import pytest

from daemon.core.cases import MEMORY
from daemon.core.retention import LATE_JOBS, STRIDE, retention, steady
from tests.makers import NOW, ago

DAYS = {"keep": 90, "recordings": 30, "retry_max_age": 7}


@pytest.mark.parametrize("longest", DAYS)
def test_attempts_outlive_all_that_asks_for_them(longest: str) -> None:
    given = {name: timedelta(days=400 if name == longest else days) for name, days in DAYS.items()}
    assert retention(NOW, **given).attempts == ago(days=400) - LATE_JOBS


def test_attempts_outlive_the_time_for_which_they_count() -> None:
    short = {"keep": timedelta(days=1), "recordings": timedelta(0), "retry_max_age": timedelta(days=1)}
    assert retention(NOW, **short).attempts == NOW - MEMORY - LATE_JOBS


def test_the_rest_is_kept_as_long_as_it_says() -> None:
    kept = retention(NOW, **{name: timedelta(days=days) for name, days in DAYS.items()})
    assert (kept.details, kept.gone, kept.recordings) == (ago(days=90), ago(days=30), ago(days=30))


@pytest.mark.parametrize(
    ("last", "at"),
    [
        pytest.param(None, NOW, id="never cleared before"),
        pytest.param(ago(hours=1), NOW, id="an hour has passed"),
        pytest.param(ago(days=365), ago(days=365) + STRIDE, id="the clock says that a year has passed"),
        pytest.param(ago(days=-9), NOW, id="a clock that was ahead was put right"),
    ],
)
def test_no_more_time_has_passed_than_a_stride(last: object, at: object) -> None:
    assert steady(NOW, last) == at  # type: ignore[arg-type]
