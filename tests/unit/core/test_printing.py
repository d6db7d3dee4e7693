"""Text from outside can be shown."""

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.printing import printable


@given(st.text(), st.integers(min_value=1, max_value=300))
def test_what_is_printable_prints_on_one_line_within_its_limit(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert shown.isprintable()
    assert len(shown) <= limit
    if text.isprintable() and len(text) <= limit:
        assert shown == text
