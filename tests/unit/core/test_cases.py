"""Which errors are one case (P2)."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from daemon.core.cases import NEW_CASE, CaseHistory, case_key, is_cut, needs_digest
from daemon.core.records import TRACE_KEY_CUT
from tests.makers import record

EMOJI = "\N{PACKAGE}"
"""One character for Python, two for JavaScript."""

LONG = "x" * TRACE_KEY_CUT


@pytest.mark.parametrize(
    ("trace_key", "cut"),
    [
        pytest.param("", False, id="blank"),
        pytest.param("x" * 63, False, id="short"),
        pytest.param("x" * 64, False, id="half"),
        pytest.param("x" * 127, False, id="one less than the cut"),
        pytest.param("x" * 128, True, id="as long as the cut"),
        pytest.param("x" * 129, True, id="longer than the cut"),
        pytest.param("é" * 127, False, id="two bytes each are still one unit"),
        pytest.param(EMOJI * 63, False, id="63 emoji: 126 units"),
        pytest.param(EMOJI * 63 + "x", False, id="63 emoji and a letter: 127 units"),
        pytest.param(EMOJI * 64, True, id="64 emoji: 128 units"),
        pytest.param("x" + EMOJI * 63 + "\ud83d", True, id="cut through an emoji"),
    ],
)
def test_a_trace_key_may_be_cut_from_128_utf_16_units_on(trace_key: str, cut: bool) -> None:
    assert is_cut(trace_key) is cut


@pytest.mark.parametrize(
    ("trace_key", "retry_key", "needed"),
    [
        pytest.param("order-1", "k1", False, id="a usable trace key"),
        pytest.param("", "k1", True, id="blank"),
        pytest.param(LONG, "k1", True, id="cut"),
        pytest.param(EMOJI * 64, "k1", True, id="cut, in emoji"),
        pytest.param("", "", False, id="blank, but there is no data"),
        pytest.param(LONG, "", False, id="cut, but there is no data"),
    ],
)
def test_only_a_trace_key_that_does_not_name_its_record_needs_the_retry_data(
    trace_key: str, retry_key: str, needed: bool
) -> None:
    assert needs_digest(record(trace_key=trace_key, retry_key=retry_key)) is needed


@pytest.mark.parametrize(
    ("trace_key", "digest", "key"),
    [
        pytest.param("order-1", "", "t:order-1", id="trace key"),
        pytest.param("order-1", "9c1d", "t:order-1", id="the trace key counts, not the data"),
        pytest.param("", "9c1d", "d:9c1d", id="the data where the trace key is blank"),
        pytest.param("", "", "e:e1", id="the error alone"),
        pytest.param(LONG, "9c1d", f"c:9c1d:{LONG}", id="both where the trace key was cut"),
        pytest.param(LONG, "", f"c:e1:{LONG}", id="cut and no data: the error alone"),
    ],
)
def test_a_case_is_named(trace_key: str, digest: str, key: str) -> None:
    assert case_key(record(trace_key=trace_key), digest) == key


def test_an_error_that_comes_back_under_a_new_id_is_the_same_case() -> None:
    back = record(error_id="e2", retry_key="k2", message="something else", code="OTHER")
    assert case_key(record()) == case_key(back)


TEXTS = st.one_of(st.text(), st.text(alphabet="cdet:x", max_size=8), st.text(alphabet=EMOJI + "x", min_size=60))
USABLE = TEXTS.filter(lambda text: bool(text) and not is_cut(text))


@given(USABLE, USABLE, st.text(), st.text())
def test_two_records_with_usable_trace_keys_never_share_a_case(
    one: str, other: str, digest: str, other_digest: str
) -> None:
    assume(one != other)
    assert case_key(record(trace_key=one), digest) != case_key(record(trace_key=other), other_digest)


@given(USABLE, TEXTS.filter(lambda text: not text or is_cut(text)), TEXTS, TEXTS)
def test_a_usable_trace_key_never_names_the_case_of_an_unusable_one(
    usable: str, unusable: str, digest: str, error_id: str
) -> None:
    assert case_key(record(trace_key=usable)) != case_key(record(trace_key=unusable, error_id=error_id), digest)


@given(st.text(alphabet="0123456789abcdef", min_size=1), st.text(alphabet="0123456789abcdef", min_size=1))
def test_records_that_share_a_cut_trace_key_are_told_apart_by_their_data(one: str, other: str) -> None:
    same = case_key(record(trace_key=LONG), one) == case_key(record(trace_key=LONG, error_id="e2"), other)
    assert same is (one == other)


@given(TEXTS)
def test_a_key_is_cut_exactly_where_javascript_counts_128(text: str) -> None:
    units = sum(2 if ord(character) > 0xFFFF else 1 for character in text)
    assert is_cut(text) is (units >= TRACE_KEY_CUT)


def test_a_case_never_seen_has_no_history() -> None:
    assert CaseHistory() == NEW_CASE
    assert (NEW_CASE.attempts, dict(NEW_CASE.by_rule), NEW_CASE.unsettled, NEW_CASE.unknown) == (0, {}, False, False)
    assert NEW_CASE.last_attempt_at is NEW_CASE.cured_at is None
