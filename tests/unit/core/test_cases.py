"""Which errors are one case (P2)."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from daemon.core.cases import (
    MEMORY,
    NEW_CASE,
    Attempt,
    CaseHistory,
    case_key,
    former_key,
    history_of,
    is_cut,
    needs_digest,
    suspects,
)
from daemon.core.decisions import Outcome
from daemon.core.records import TRACE_KEY_CUT, ErrorRecord
from tests.makers import NOW, ago, record

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


@pytest.mark.parametrize(
    ("trace_key", "digest", "key", "former"),
    [
        pytest.param("order-1", "9c1d", "c:9c1d:order-1", "t:order-1", id="by both"),
        pytest.param("order-1", "", "c:e1:order-1", "t:order-1", id="without data: the error alone"),
        pytest.param("a:b", "9c1d", "c:9c1d:a:b", "t:a:b", id="a colon in the trace key"),
        pytest.param("", "9c1d", "d:9c1d", "", id="a blank one is shared by nobody"),
    ],
)
def test_a_case_whose_trace_key_is_shared_is_named_by_its_data_too_and_knows_its_former_name(
    trace_key: str, digest: str, key: str, former: str
) -> None:
    error = record(trace_key=trace_key)
    assert case_key(error, digest, shared=True) == key
    assert former_key(key) == former
    assert (needs_digest(error, shared=True), needs_digest(error)) == (True, not trace_key)
    assert not needs_digest(record(trace_key=trace_key, retry_key=""), shared=True)


@pytest.mark.parametrize("key", ["t:order-1", "d:9c1d", "e:e1", "t:c:x"])
def test_other_cases_have_no_former_name(key: str) -> None:
    assert former_key(key) == ""


def of_run(error_id: str, run: str = "j1", **fields: str) -> ErrorRecord:
    """Return an error of a run."""
    return record(error_id=error_id, flow_job_id=run, **fields)


ONE = of_run("e1")


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        pytest.param([ONE, of_run("e2")], [["e1", "e2"]], id="one trace key in one run"),
        pytest.param([ONE, of_run("e2"), of_run("e3")], [["e1", "e2", "e3"]], id="three of them"),
        pytest.param([ONE, of_run("e2", trace_key="order-2")], [], id="another trace key"),
        pytest.param([ONE, of_run("e2", run="j2")], [], id="another run"),
        pytest.param([ONE, of_run("e2", retry_key="")], [], id="no data to tell them apart by"),
        pytest.param([ONE], [], id="alone"),
        pytest.param([ONE, ONE], [], id="listed twice"),
        pytest.param([of_run("e2"), of_run("e3")], [["e2", "e3"]], id="on another page than the one asked about"),
    ],
)
def test_errors_of_one_run_with_one_trace_key_may_be_of_different_records(
    listed: Sequence[ErrorRecord], found: list[list[str]]
) -> None:
    assert [[each.error_id for each in group] for group in suspects([ONE], listed)] == found


@pytest.mark.parametrize("fields", [{"run": ""}, {"trace_key": ""}, {"trace_key": LONG}, {"retry_key": ""}], ids=str)
def test_what_does_not_tell_its_run_or_is_named_by_its_data_anyway_is_not_suspected(fields: dict[str, str]) -> None:
    pair = [of_run("e1", **fields), of_run("e2", **fields)]
    assert suspects(pair, pair) == []


def test_only_errors_that_are_asked_about_are_suspected() -> None:
    assert suspects([of_run("e9", trace_key="order-9")], [ONE, of_run("e2")]) == []
    assert suspects([], [ONE, of_run("e2")]) == []


def test_what_a_person_found_in_the_target_was_cured_by_the_time_of_their_word() -> None:
    found = [Attempt(at=ago(days=2), rule_id="r1", outcome=Outcome.CONFIRMED, said_at=ago(days=1))]
    case = CaseHistory(attempts=1, by_rule={"r1": 1}, last_attempt_at=ago(days=2), cured_at=ago(days=1))
    assert history_of(found, NOW) == case


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


def tried(days: float, outcome: Outcome | None = Outcome.CAME_BACK, rule_id: str | None = "r1") -> Attempt:
    """Return an attempt of so many days ago."""
    return Attempt(at=ago(days=days), rule_id=rule_id, outcome=outcome)


@pytest.mark.parametrize(
    ("attempts", "counted"),
    [
        pytest.param([], 0, id="never tried"),
        pytest.param([tried(1), tried(2), tried(3)], 3, id="all of this month"),
        pytest.param([tried(29.9)], 1, id="nearly 30 days ago"),
        pytest.param([tried(30)], 0, id="30 days ago"),
        pytest.param([tried(1), tried(30), tried(59), tried(88)], 4, id="never 30 days without one"),
        pytest.param([tried(1), tried(31), tried(32)], 1, id="30 days without one in between"),
        pytest.param([tried(1), tried(30.5, rule_id=None), tried(60)], 3, id="others' attempts bridge the time, too"),
        pytest.param([tried(40), tried(90, Outcome.UNKNOWN)], 1, id="unknown for ever"),
        pytest.param([tried(40), tried(90, None)], 1, id="without an outcome for ever"),
        pytest.param([tried(40, rule_id=None, outcome=None)], 0, id="others' end at their time"),
        pytest.param([tried(1, Outcome.REFUSED), tried(2)], 1, id="refused: it did not happen"),
        pytest.param([tried(1, Outcome.REFUSED), tried(31)], 0, id="refused: it bridges no time either"),
        pytest.param([tried(-1), tried(0)], 2, id="a clock that went back"),
    ],
)
@pytest.mark.parametrize("turned", [False, True], ids=["newest first", "oldest first"])
def test_attempts_count_for_30_days_after_the_last_one(attempts: Sequence[Attempt], counted: int, turned: bool) -> None:
    history = history_of(reversed(attempts) if turned else attempts, NOW)
    assert (history.attempts, sum(history.by_rule.values()) + history.by_others) == (counted, counted)


def test_a_history_is_made_of_its_attempts() -> None:
    attempts = [tried(5, Outcome.CONFIRMED), tried(4, rule_id="r2"), tried(3, None, None), tried(2, Outcome.UNKNOWN)]
    assert history_of([*attempts, tried(1, None)], NOW) == CaseHistory(
        attempts=5,
        by_rule={"r1": 3, "r2": 1},
        last_attempt_at=ago(days=1),
        cured_at=ago(days=5),
        unsettled=True,
        unknown=True,
    )


def test_what_was_cured_stays_cured_after_its_attempts_have_expired() -> None:
    history = history_of([tried(100, Outcome.CONFIRMED), tried(200, Outcome.CONFIRMED)], NOW)
    assert history == CaseHistory(cured_at=ago(days=100))


def test_what_others_tried_neither_waits_for_an_outcome_nor_is_unknown() -> None:
    assert history_of([tried(1, None, None)], NOW) == CaseHistory(attempts=1, last_attempt_at=ago(days=1))


OUTCOMES = st.none() | st.sampled_from(Outcome)
ATTEMPTS = st.builds(
    tried,
    st.integers(-20, 2000).map(lambda tenths: tenths / 10),
    OUTCOMES,
    st.sampled_from([None, "r1", "r2"]),
)


@given(st.lists(ATTEMPTS, max_size=12))
def test_no_attempt_of_the_last_30_days_is_ever_forgotten(attempts: list[Attempt]) -> None:
    history = history_of(attempts, NOW)
    happened = [each for each in attempts if each.outcome is not Outcome.REFUSED]
    assert history.attempts >= sum(NOW - each.at < MEMORY for each in happened)
    assert history.attempts <= len(happened)
    assert history.unknown is any(each.outcome is Outcome.UNKNOWN for each in happened)
    assert history.unsettled is any(each.unsettled for each in happened)
    assert history.by_others >= 0


@given(st.lists(ATTEMPTS, max_size=12), st.integers(0, 29))
def test_a_case_tried_every_month_never_forgets(attempts: list[Attempt], every_days: int) -> None:
    chain = [tried(every_days * number) for number in range(len(attempts))]
    assert history_of(chain, NOW).attempts == len(chain)
    assert history_of(chain, NOW + timedelta(days=30)).attempts == 0
