import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.durations import LONGEST, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0s", timedelta(0)),
        ("500ms", timedelta(milliseconds=500)),
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("6h", timedelta(hours=6)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(days=14)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("1w2d3h4m5s6ms", timedelta(weeks=1, days=2, hours=3, minutes=4, seconds=5, milliseconds=6)),
        ("007s", timedelta(seconds=7)),
        ("3650d", LONGEST),
    ],
)
def test_a_duration_is_whole_numbers_with_units(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    ("value", "told"),
    [
        pytest.param(90, 'did you mean "90s"?', id="bare number"),
        pytest.param("90", 'did you mean "90s"?', id="number as text"),
        pytest.param("5min", 'did you mean "5m"?', id="longer unit"),
        pytest.param("5 minutes", 'did you mean "5m"?', id="unit as a word"),
        pytest.param("5H", 'did you mean "5h"?', id="capital"),
        pytest.param("20 millis", 'did you mean "20ms"?', id="milliseconds as a word"),
        pytest.param("1 month", "units are w, d, h, m, s, ms", id="month is no minute"),
        pytest.param("1h 30m", "without spaces", id="space"),
        pytest.param("1h30", "after its last number", id="last unit missing"),
        pytest.param("30m1h", "out of order", id="out of order"),
        pytest.param("1h1h", "out of order", id="unit twice"),
        pytest.param("", "not a duration", id="empty"),
        pytest.param("soon", "not a duration", id="word"),
        pytest.param("-5s", "not a duration", id="negative"),
        pytest.param("1.5h", "whole numbers", id="fraction"),
        pytest.param("٣s", "not a duration", id="digits of another script"),
        pytest.param("3651d", "too long", id="eleven years"),
        pytest.param("9" * 5000 + "s", "too long", id="more digits than int reads"),
        pytest.param(-90, "not int", id="negative number"),
        pytest.param(1.5, "not float", id="fraction as number"),
        pytest.param(True, "not bool", id="boolean"),
        pytest.param(None, "not NoneType", id="null"),
        pytest.param("5\x1b[31m", "\\x1b", id="escape sequence is shown escaped"),
    ],
)
def test_anything_else_is_refused_with_what_to_write_instead(value: object, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)) as refused:
        parse_duration(value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (timedelta(0), "0s"),
        (timedelta(microseconds=999), "0s"),
        (timedelta(seconds=90), "1m30s"),
        (timedelta(hours=36), "1d12h"),
        (timedelta(days=30), "30d"),
        (timedelta(seconds=-5), "-5s"),
    ],
)
def test_a_duration_is_written_in_days_at_most(duration: timedelta, expected: str) -> None:
    assert format_duration(duration) == expected


@given(st.integers(min_value=0, max_value=LONGEST // timedelta(milliseconds=1)))
def test_what_is_written_can_be_read_again(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(duration)) == duration


@given(st.one_of(st.text(), st.text(alphabet="0123456789wdhms. -", max_size=12)))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        duration = parse_duration(text)
    except ValueError:
        return
    assert timedelta(0) <= duration <= LONGEST
