"""Which part of a list is read, and what a whole read lets us conclude (P5)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daemon.core.records import Mark
from daemon.core.windows import (
    NEVER_READ,
    SWEEP_DUE,
    Polling,
    StepProgress,
    Window,
    mark_after,
    next_window,
    read_reason,
)
from tests.makers import NOW, ago

POLLING = Polling(
    overlap=timedelta(minutes=5),
    settle=timedelta(seconds=5),
    lookback=timedelta(days=30),
    full_sweep=timedelta(minutes=20),
)
UNTIL = NOW - POLLING.settle
MARK = Mark(num_error=3, last_error_at=ago(minutes=3))
READ = StepProgress(mark=MARK, watermark_at=ago(minutes=1), swept_at=ago(minutes=10), judged_with="rules@1", open=3)
"""A step that was read a minute ago and has not changed since."""


def progress(**fields: Any) -> StepProgress:
    return replace(READ, **fields)


def summary(num_error: int, last_error_at: datetime | None = MARK.last_error_at) -> Mark:
    return Mark(num_error=num_error, last_error_at=last_error_at)


@pytest.mark.parametrize(
    ("before", "counted", "reason"),
    [
        pytest.param(READ, MARK, "", id="nothing has changed"),
        pytest.param(NEVER_READ, summary(0), "", id="never read, and nothing to read"),
        pytest.param(NEVER_READ, MARK, "never read", id="never read"),
        pytest.param(replace(NEVER_READ, open=1), summary(0), "never read", id="a first read that was cut short"),
        pytest.param(READ, summary(4), "summary changed", id="more errors"),
        pytest.param(READ, summary(2), "summary changed", id="fewer errors"),
        pytest.param(READ, summary(0), "summary changed", id="none any more, but we hold some"),
        pytest.param(progress(open=0, in_flight=3), summary(0), "summary changed", id="all are being acted on"),
        pytest.param(READ, summary(3, ago(minutes=2)), "summary changed", id="as many, but newer"),
        pytest.param(progress(mark=None), MARK, "summary changed", id="not read to the end last time"),
        pytest.param(progress(judged_with="rules@0"), MARK, "rules changed", id="other rules judged"),
        pytest.param(progress(swept_at=ago(minutes=20)), MARK, SWEEP_DUE, id="the sweep is due this moment"),
        pytest.param(progress(swept_at=ago(minutes=19.9)), MARK, "", id="the sweep is not due yet"),
        pytest.param(progress(swept_at=None), MARK, SWEEP_DUE, id="never swept"),
        pytest.param(progress(swept_at=ago(days=-1)), MARK, SWEEP_DUE, id="swept by a clock that was ahead"),
        pytest.param(progress(open=0, swept_at=None, judged_with="rules@0"), summary(0), "", id="empty stays unread"),
        pytest.param(
            progress(open=0, mark=Mark(num_error=5)), Mark(num_error=5), "none stored",
            id="five left, five came, and the summary has no time",
        ),
        pytest.param(
            progress(open=0, in_flight=5, mark=Mark(num_error=5)), Mark(num_error=5), "", id="all stored ones in flight"
        ),
    ],
)  # fmt: skip
def test_a_step_is_read_where_something_may_have_changed(before: StepProgress, counted: Mark, reason: str) -> None:
    assert read_reason(before, counted, rules="rules@1", now=NOW, polling=POLLING) == reason


WHOLE = Window(settled_at=UNTIL)
SINCE_WATERMARK = Window(since=ago(minutes=6), until=UNTIL)


@pytest.mark.parametrize(
    ("before", "counted", "window"),
    [
        pytest.param(NEVER_READ, MARK, Window(since=UNTIL - POLLING.lookback, until=UNTIL), id="the first"),
        pytest.param(READ, summary(4, ago(seconds=20)), SINCE_WATERMARK, id="newer errors came"),
        pytest.param(READ, summary(3, ago(seconds=20)), SINCE_WATERMARK, id="as many, but newer"),
        pytest.param(READ, summary(4), WHOLE, id="more, but none of them is newer"),
        pytest.param(READ, summary(2, ago(seconds=20)), WHOLE, id="some left, some came"),
        pytest.param(READ, summary(0), WHOLE, id="all left"),
        pytest.param(READ, summary(4, ago(minutes=1, seconds=4)), SINCE_WATERMARK, id="perhaps too young the last time"),
        pytest.param(READ, summary(4, ago(minutes=1, seconds=5)), WHOLE, id="not too young the last time"),
        pytest.param(progress(in_flight=2), summary(2), SINCE_WATERMARK, id="retries at work make up for the difference"),
        pytest.param(progress(in_flight=2), summary(9), SINCE_WATERMARK, id="also upwards"),
        pytest.param(progress(judged_with="rules@0"), summary(4, NOW), WHOLE, id="other rules judged"),
        pytest.param(progress(judged_with="rules@0", in_flight=1), MARK, WHOLE, id="other rules, retries at work"),
        pytest.param(progress(swept_at=None), summary(4, NOW), WHOLE, id="never swept"),
        pytest.param(progress(swept_at=ago(minutes=20), in_flight=1), MARK, WHOLE, id="sweep due, retries at work"),
        pytest.param(READ, Mark(num_error=4), SINCE_WATERMARK, id="no time: first a window"),
        pytest.param(progress(mark=None), Mark(num_error=4), WHOLE, id="no time, and the window did not explain it"),
        pytest.param(progress(mark=None), Mark(num_error=3), SINCE_WATERMARK, id="no time, but the count is right"),
        pytest.param(READ, Mark(num_error=2), WHOLE, id="no time, fewer"),
        pytest.param(progress(mark=None), MARK, SINCE_WATERMARK, id="the count is right"),
        pytest.param(
            progress(watermark_at=NOW), summary(4, NOW), Window(since=UNTIL - POLLING.overlap, until=UNTIL),
            id="after a full read just now",
        ),
        pytest.param(
            progress(watermark_at=NOW + timedelta(hours=1)), MARK, Window(since=UNTIL - POLLING.overlap, until=UNTIL),
            id="the clock was put back",
        ),
    ],
)  # fmt: skip
def test_a_window_is_read_where_newer_errors_explain_the_change_and_else_the_whole_list(
    before: StepProgress, counted: Mark, window: Window
) -> None:
    assert next_window(before, counted, rules="rules@1", now=NOW, polling=POLLING) == window


OLD, YOUNG = UNTIL, UNTIL + timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("window", "counted", "open_now", "in_flight", "marked"),
    [
        pytest.param(SINCE_WATERMARK, summary(3, OLD), 3, 0, True, id="window: all accounted for"),
        pytest.param(SINCE_WATERMARK, summary(3, None), 3, 0, True, id="window: no time, the count is right"),
        pytest.param(SINCE_WATERMARK, summary(3, YOUNG), 3, 0, False, id="window: the newest is too young"),
        pytest.param(SINCE_WATERMARK, summary(3, OLD), 2, 0, False, id="window: one is missing"),
        pytest.param(SINCE_WATERMARK, summary(3, OLD), 4, 0, False, id="window: one too many, it left"),
        pytest.param(SINCE_WATERMARK, summary(3, OLD), 3, 1, False, id="window: a retry at work"),
        pytest.param(WHOLE, summary(3, OLD), 3, 0, True, id="full: all accounted for"),
        pytest.param(WHOLE, summary(3, OLD), 2, 0, True, id="full: the list is the truth"),
        pytest.param(WHOLE, summary(3, OLD), 4, 0, True, id="full: also where it shows more"),
        pytest.param(WHOLE, summary(3, YOUNG), 3, 0, True, id="full: the young one is there"),
        pytest.param(WHOLE, summary(3, YOUNG), 2, 0, False, id="full: the young one is not listed yet"),
        pytest.param(WHOLE, summary(3, None), 2, 0, True, id="full: no time, the list is the truth"),
        pytest.param(WHOLE, summary(3, OLD), 2, 1, False, id="full: a retry at work"),
        pytest.param(Window(), summary(3, YOUNG), 2, 0, True, id="full at no stated moment: the list is the truth"),
    ],
)
def test_a_step_is_marked_as_read_only_where_nothing_can_be_missing(
    window: Window, counted: Mark, open_now: int, in_flight: int, marked: bool
) -> None:
    mark = mark_after(counted, open_now=open_now, in_flight=in_flight, window=window)
    assert mark == (counted if marked else None)


@pytest.mark.parametrize(
    ("window", "full"),
    [
        (Window(), True),
        (WHOLE, True),
        (SINCE_WATERMARK, False),
        (Window(since=NOW), False),
        (Window(until=NOW), False),
    ],
    ids=["full", "full with its moment", "window", "open end", "open beginning"],
)
def test_only_a_read_of_everything_is_full(window: Window, full: bool) -> None:
    assert window.full is full


MOMENTS = st.integers(-7200, 3600).map(lambda seconds: NOW + timedelta(seconds=seconds))
MARKS = st.builds(Mark, num_error=st.integers(0, 5), last_error_at=st.none() | MOMENTS)
PROGRESS = st.builds(
    StepProgress,
    mark=st.none() | MARKS,
    watermark_at=st.none() | MOMENTS,
    swept_at=st.none() | MOMENTS,
    judged_with=st.sampled_from(["rules@1", "rules@0"]),
    open=st.integers(0, 5),
    in_flight=st.sampled_from([0, 0, 1]),
)


@given(PROGRESS, MARKS)
@example(READ, summary(4, None))
def test_windows_always_overlap_and_never_reach_into_the_moving_end(before: StepProgress, counted: Mark) -> None:
    window = next_window(before, counted, rules="rules@1", now=NOW, polling=POLLING)
    if window.full:
        assert before.watermark_at is not None
        return
    assert window.since is not None
    assert window.until == UNTIL
    assert window.since <= UNTIL - POLLING.overlap
    assert before.watermark_at is None or window.since <= before.watermark_at - POLLING.overlap


@given(PROGRESS, MARKS, MARKS)
def test_a_summary_that_differs_from_the_mark_is_never_passed_over(
    before: StepProgress, mark: Mark, counted: Mark
) -> None:
    before = replace(before, mark=mark)
    if mark != counted and (counted.num_error or before.open or before.in_flight):
        assert read_reason(before, counted, rules="rules@1", now=NOW, polling=POLLING)
