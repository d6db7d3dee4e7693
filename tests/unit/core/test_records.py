"""What the platform holds, as values."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.records import ErrorRecord, Job, RetryData
from tests.makers import NOW, ago, record


@pytest.mark.parametrize("field", ["source", "code", "message", "trace_key", "retry_key"])
def test_an_error_that_says_something_else_is_another_error_by_now(field: str) -> None:
    changed: dict[str, Any] = {field: "something else"}
    assert record()._replace(**changed).fingerprint() != record().fingerprint()


@pytest.mark.parametrize(
    "changed",
    [
        {"tags": ("urgent",)},
        {"assigned_to": "clerk@example.com"},
        {"retry_at": NOW},
        {"purge_at": NOW},
        {"classification": "missing"},
        {"occurred_at": ago(days=1)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_what_people_and_the_platform_do_with_an_error_does_not_make_it_another(changed: dict[str, Any]) -> None:
    assert record()._replace(**changed).fingerprint() == record().fingerprint()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"code": "ab", "message": ""}, {"code": "a", "message": "b"}),
        ({"source": "a", "code": ""}, {"source": "", "code": "a"}),
        ({"trace_key": "a", "retry_key": "b"}, {"trace_key": "b", "retry_key": "a"}),
    ],
    ids=["text moved on", "other field", "exchanged"],
)
def test_the_same_words_in_other_fields_are_another_error(one: dict[str, str], other: dict[str, str]) -> None:
    assert record(**one).fingerprint() != record(**other).fingerprint()


RECORDS = st.builds(
    ErrorRecord,
    error_id=st.text(),
    occurred_at=st.none(),
    message=st.text(st.characters()),
    trace_key=st.text(st.characters(categories=["Cs", "Lu"])),
)


@given(RECORDS)
def test_a_fingerprint_fits_the_store_whatever_the_text_and_stays_the_same(error: ErrorRecord) -> None:
    assert -(2**63) <= error.fingerprint() < 2**63
    assert error.fingerprint() == ErrorRecord(*error).fingerprint()


def test_a_fingerprint_is_the_same_in_every_process() -> None:
    assert ErrorRecord(error_id="e1", occurred_at=None, code="A", message="B").fingerprint() == 5882706290911383223


@pytest.mark.parametrize(("retry_key", "retryable"), [("k1", True), ("", False)])
def test_only_an_error_with_a_retry_key_can_be_retried(retry_key: str, retryable: bool) -> None:
    assert record(retry_key=retry_key).retryable is retryable


@pytest.mark.parametrize(
    ("status", "ended"),
    [
        ("completed", True),
        ("failed", True),
        ("canceled", True),
        ("queued", False),
        ("running", False),
        ("retrying", False),
        ("canceling", False),
        ("", False),
        ("paused by a later version", False),
        ("Completed", False),
    ],
)
def test_a_job_has_ended_only_where_its_status_is_known_to_say_so(status: str, ended: bool) -> None:
    assert Job(job_id="j1", status=status).ended is ended


def test_the_retry_data_is_in_no_text_about_it() -> None:
    data = RetryData(retry_key="k1", envelope=b'{"data":"Ann Example"}', data="Ann Example", digest="9c1d")
    assert "Example" not in repr(data)
    assert "9c1d" in repr(data)
