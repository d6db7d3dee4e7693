import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.store.columns import EPOCH, clean, from_ms, to_ms
from daemon.store.sqlite import document

MOMENTS = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001


@given(MOMENTS)
def test_a_moment_comes_back_to_the_millisecond(moment: datetime) -> None:
    back = from_ms(to_ms(moment))
    assert timedelta(0) <= moment - back < timedelta(milliseconds=1)
    assert to_ms(back) == to_ms(moment)


def test_a_moment_of_any_zone_is_the_same_moment_in_utc() -> None:
    there = datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    assert (to_ms(there), from_ms(0).tzinfo, to_ms(None)) == (0, UTC, None)


def test_a_moment_without_a_zone_is_a_mistake() -> None:
    with pytest.raises(TypeError):
        to_ms(EPOCH.replace(tzinfo=None))


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_sound_text_is_not_touched(text: str) -> None:
    assert clean(text) == text
    assert json.loads(document([text, [text, 1, None]])) == [text, [text, 1, None]]


@given(st.text())
def test_any_text_can_be_written(text: str) -> None:
    written = document([[text, 7]])
    written.encode()
    assert json.loads(written) == [[clean(text), 7]]
    assert "\0" not in clean(text)
    clean(text).encode()
