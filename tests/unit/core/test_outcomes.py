"""What came of a write (P4)."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.batches import Act, Batch, BatchItem, WriteState, Written
from daemon.core.decisions import Outcome
from daemon.core.outcomes import Sight, came_of_resolve, came_of_retry, must_ask
from daemon.core.records import Job
from tests.makers import NOW, step

US, SOMEBODY = "user-us", "user-else"
BEFORE, AFTER = NOW - timedelta(seconds=1), NOW + timedelta(seconds=1)
"""When a new error occurred: before or after the end of the job."""


def entry(errors: str, **fields: Any) -> Written:
    """Return an entry of the journal with one error for each letter; its answer named its job."""
    items = tuple(BatchItem(error_id=each, case_key=f"t:{each}") for each in errors)
    batch = Batch(step=step(), act=Act.RETRY, rule_id="r1", rules="rules@1", plan_id=1, items=items)
    usual = {"state": WriteState.ACCEPTED, "sent": len(errors), "job_id": "j1"}
    return Written(**{"batch_id": 1, "batch": batch, "intended_at": NOW, **usual, **fields})


def job(passed: int, failed: int = 0, **fields: Any) -> Job:
    """Return a retry job of ours that completed at `NOW`."""
    usual = {"job_id": "j1", "status": "completed", "triggered_by": US, "ended_at": NOW}
    return Job(**{**usual, "num_success": passed, "num_error": failed, **fields})


def sight(errors: str, listed: str = "", overdue: bool = False, **fields: Any) -> Sight:
    """Return a trusted read after the end that shows those *listed* and neither *returned* nor *resolved* errors."""
    usual: dict[str, Any] = {
        "listed": frozenset(listed),
        "returned": {},
        "absent": frozenset(errors) - frozenset(listed),
        "overdue": overdue,
        "resolved": {},
    }
    return Sight(**usual | fields)


def told(outcomes: dict[str, Outcome]) -> str:
    """Return outcomes as ``a=confirmed b=came_back``."""
    return " ".join(f"{each}={outcomes[each].value}" for each in sorted(outcomes))


RETRIES = [
    pytest.param("ab", job(2), sight("ab"), "a=confirmed b=confirmed", id="all passed and gone"),
    pytest.param("a", job(1), sight("a", absent=frozenset()), "", id="not shown by a list that moved: wait"),
    pytest.param(
        "a", job(1), sight("a", absent=frozenset(), overdue=True), "a=unknown", id="not surely gone for too long"
    ),
    pytest.param("a", job(1), sight("a", listed="a"), "", id="passed and still listed: the list is behind, wait"),
    pytest.param("a", job(1), sight("a", listed="a", overdue=True), "a=unknown", id="a contradiction for too long"),
    pytest.param("a", job(0, 1), sight("a", listed="a"), "a=came_back", id="failed and still open"),
    pytest.param("a", job(0, 1), sight("a", returned={"a": BEFORE}), "a=came_back", id="failed, open under a new id"),
    pytest.param("a", job(0, 1), sight("a", returned={"a": None}), "a=came_back", id="open again, nobody says when"),
    pytest.param("a", job(0, 1), sight("a"), "", id="the failure is nowhere to be seen: wait"),
    pytest.param("a", job(0, 1), sight("a", overdue=True), "a=unknown", id="the failure was never seen"),
    pytest.param("a", job(1), sight("a", returned={"a": AFTER}), "a=came_back", id="passed, failed anew afterwards"),
    pytest.param(
        "a", job(1), sight("a", returned={"a": BEFORE}), "", id="passed, while another run failed on it: wait"
    ),
    pytest.param(
        "a",
        job(1),
        sight("a", returned={"a": BEFORE}, overdue=True),
        "a=unknown",
        id="never retried again by itself: the record is there",
    ),
    pytest.param(
        "ab",
        job(1, 1),
        sight("ab", listed="b", resolved={"a": US}),
        "a=confirmed b=came_back",
        id="of a partial job the one that is resolved by it passed",
    ),
    pytest.param("ab", job(1, 1), sight("ab", listed="b"), "b=came_back", id="of a partial job, in no list yet: wait"),
    pytest.param(
        "ab",
        job(1, 1),
        sight("ab", listed="ab", resolved={"a": US}),
        "b=came_back",
        id="of a partial job, passed but still listed: not retried",
    ),
    pytest.param("ab", job(1, 1), sight("ab", listed="ab"), "", id="one failure cannot be two errors: wait"),
    pytest.param(
        "ab",
        job(1, 1),
        sight("ab", returned={"b": BEFORE}, resolved={"b": US}),
        "",
        id="passed but open by another run, and the failure resolved by a person: nothing can be told",
    ),
    pytest.param(
        "ab", job(1), sight("ab", resolved={"a": SOMEBODY, "b": US}), "a=vanished b=confirmed", id="a person was faster"
    ),
    pytest.param(
        "ab", job(1), sight("ab", resolved={"a": "auto", "b": US}), "a=vanished b=confirmed", id="the platform was"
    ),
    pytest.param(
        "ab", job(1), sight("ab", resolved={"a": "auto", "b": "auto"}), "", id="which of two the job resolved: not told"
    ),
    pytest.param(
        "ab", job(1), sight("ab", resolved={"b": US}), "b=confirmed", id="one is in no list: purged, or not listed yet"
    ),
    pytest.param(
        "ab",
        job(1),
        sight("ab", resolved={"b": US}, overdue=True),
        "a=vanished b=confirmed",
        id="purged: the one success was another's",
    ),
    pytest.param(
        "abc", job(1), sight("abc", resolved=dict.fromkeys("ab", US)), "", id="more resolved than passed: not by the job"
    ),
    pytest.param(
        "abc",
        job(1),
        sight("abc", resolved=dict.fromkeys("ab", US), overdue=True),
        "a=unknown b=unknown c=unknown",
        id="nobody can tell which",
    ),
    pytest.param(
        "ab", job(2, 0, status="failed"), sight("ab", resolved={"a": "auto", "b": ""}), "a=confirmed b=confirmed",
        id="resolved by nobody in particular, as many as passed",
    ),
    pytest.param("a", job(0, status="canceled"), sight("a", listed="a"), "a=came_back", id="canceled, open as before"),
    pytest.param("a", job(0, status="canceled"), sight("a"), "", id="canceled, and gone: wait"),
    pytest.param("a", job(0, status="failed"), sight("a", overdue=True), "a=unknown", id="cut short, and gone"),
    pytest.param(
        "ab",
        job(1, status="failed"),
        sight("ab", listed="b", resolved={"a": US}),
        "a=confirmed b=came_back",
        id="cut short half-way",
    ),
    pytest.param("ab", job(1, status="failed"), sight("ab", listed="ab"), "", id="cut short, one of them passed: wait"),
    pytest.param(
        "a", job(0), sight("a", resolved={"a": US}), "", id="counters that disagree with the list confirm nothing"
    ),
]  # fmt: skip


@pytest.mark.parametrize(("errors", "ended", "seen", "expected"), RETRIES)
def test_a_retry_has_the_outcome_that_was_seen(errors: str, ended: Job, seen: Sight, expected: str) -> None:
    assert told(came_of_retry(entry(errors), ended, seen, US)) == expected


@pytest.mark.parametrize("how", [{"state": WriteState.UNKNOWN}, {"reason": "the answer was lost"}])
def test_a_job_that_was_only_looked_for_confirms_only_what_is_listed_as_resolved_by_us(how: dict[str, Any]) -> None:
    adopted = entry("ab", **how)
    assert must_ask(adopted, job(2), sight("ab"))
    assert told(came_of_retry(adopted, job(2), sight("ab"), US)) == ""
    found = sight("ab", resolved={"a": US, "b": SOMEBODY})
    assert told(came_of_retry(adopted, job(2), found, US)) == "a=confirmed b=vanished"


def test_what_was_told_before_counts_against_the_job() -> None:
    rest = entry("b", sent=3, confirmed=1, came_back=1)
    assert told(came_of_retry(rest, job(1, 1), sight("b", resolved={"b": US}), US)) == ""
    assert told(came_of_retry(rest, job(1, 1), sight("b", listed="b"), US)) == ""
    assert told(came_of_retry(rest, job(2, 1), sight("b", resolved={"b": US}), US)) == "b=confirmed"
    assert told(came_of_retry(rest, job(1, 2), sight("b", listed="b"), US)) == "b=came_back"


@pytest.mark.parametrize(
    ("ended", "seen", "asked"),
    [
        pytest.param(job(1), sight("a"), False, id="all passed"),
        pytest.param(job(0, 1), sight("a", listed="a"), False, id="all failed"),
        pytest.param(job(0, 1), sight("a", absent=frozenset()), False, id="nothing is surely gone"),
        pytest.param(job(0, 1), sight("a"), True, id="gone all the same"),
        pytest.param(job(1, 1), sight("a", returned={"a": BEFORE}), True, id="back, and something passed"),
        pytest.param(None, sight("a"), True, id="a resolve, gone"),
        pytest.param(None, sight("a", listed="a"), False, id="a resolve, still open"),
    ],
)
def test_the_list_of_resolved_errors_is_asked_for_only_where_it_can_tell_something(
    ended: Job | None, seen: Sight, asked: bool
) -> None:
    assert must_ask(entry("a"), ended, seen) is asked


RESOLVES = [
    pytest.param({}, sight("a", resolved={"a": US}), "a=confirmed", id="resolved by us"),
    pytest.param(
        {"state": WriteState.UNKNOWN}, sight("a", resolved={"a": US}), "a=confirmed", id="the answer was lost"
    ),
    pytest.param({}, sight("a", resolved={"a": SOMEBODY}), "a=vanished", id="a person was faster"),
    pytest.param({}, sight("a", resolved={"a": "auto"}), "a=vanished", id="the platform was faster"),
    pytest.param({}, sight("a"), "", id="gone, in no list: wait"),
    pytest.param({}, sight("a", overdue=True), "a=vanished", id="purged"),
    pytest.param({}, sight("a", absent=frozenset(), overdue=True), "", id="not surely gone: wait, for however long"),
    pytest.param({}, sight("a", listed="a"), "", id="accepted, still open: wait"),
    pytest.param({}, sight("a", listed="a", overdue=True), "a=refused", id="still open for too long"),
    pytest.param({"state": WriteState.UNKNOWN}, sight("a", listed="a"), "a=refused", id="it did not happen"),
]


@pytest.mark.parametrize(("written", "seen", "expected"), RESOLVES)
def test_a_resolve_has_the_outcome_that_was_seen(written: dict[str, Any], seen: Sight, expected: str) -> None:
    assert told(came_of_resolve(entry("a", **written), seen, US)) == expected


ERRORS = "abc"
subsets = st.frozensets(st.sampled_from(ERRORS))
moments = st.sampled_from([BEFORE, NOW, AFTER, None])
sights = st.builds(
    lambda listed, returned, absent, overdue, resolved: Sight(
        listed=listed, returned=returned, absent=absent - listed, overdue=overdue, resolved=resolved
    ),
    subsets,
    st.dictionaries(st.sampled_from(ERRORS), moments),
    subsets,
    st.booleans(),
    st.dictionaries(st.sampled_from(ERRORS), st.sampled_from([US, SOMEBODY, "auto", ""])),
)
entries = st.builds(
    lambda confirmed, came_back, state, reason: entry(
        ERRORS, sent=3 + confirmed + came_back, confirmed=confirmed, came_back=came_back, state=state, reason=reason
    ),
    st.integers(0, 2),
    st.integers(0, 2),
    st.sampled_from([WriteState.ACCEPTED, WriteState.UNKNOWN]),
    st.sampled_from(["", "lost"]),
)
jobs = st.builds(
    lambda passed, failed, status: job(passed, failed, status=status),
    st.integers(0, 7),
    st.integers(0, 7),
    st.sampled_from(["completed", "failed", "canceled"]),
)


@given(entries, jobs, sights)
def test_whatever_is_seen_no_retry_is_called_a_success_against_any_evidence(
    written: Written, ended: Job, seen: Sight
) -> None:
    outcomes = came_of_retry(written, ended, seen, US)
    of = {outcome: {each for each, one in outcomes.items() if one is outcome} for outcome in Outcome}
    confirmed, failed = of[Outcome.CONFIRMED], of[Outcome.CAME_BACK]
    later = {each for each, at in seen.returned.items() if at is AFTER}

    assert confirmed <= seen.absent - seen.returned.keys()
    assert len(confirmed) + written.confirmed <= ended.num_success or not confirmed
    assert all(seen.resolved.get(each) != SOMEBODY for each in confirmed) or ended.num_success >= written.sent
    if confirmed and (ended.status != "completed" or ended.num_error or not written.answered):
        assert confirmed <= seen.resolved.keys()
    assert failed <= seen.listed | seen.returned.keys()
    failures = ended.num_error if ended.status == "completed" else written.sent - ended.num_success
    assert len(failed - later) <= max(0, failures - written.came_back)
    assert not of[Outcome.REFUSED]
    assert not of[Outcome.UNKNOWN] or seen.overdue
    assert of[Outcome.VANISHED] <= seen.absent
    assert outcomes.keys() <= set(ERRORS)
    if seen.overdue:
        assert outcomes.keys() == set(ERRORS)


@given(entries, sights)
def test_whatever_is_seen_no_resolve_is_called_a_success_that_is_not_listed_as_ours(
    written: Written, seen: Sight
) -> None:
    outcomes = came_of_resolve(written, seen, US)
    for error_id, outcome in outcomes.items():
        assert outcome in (Outcome.CONFIRMED, Outcome.VANISHED, Outcome.REFUSED)
        assert (outcome is Outcome.REFUSED) == (error_id in seen.listed)
        assert (outcome is Outcome.CONFIRMED) == (error_id not in seen.listed and seen.resolved.get(error_id) == US)
