"""What a recording keeps, and what it does not show."""

from datetime import UTC, datetime

import pytest

from daemon.core.decisions import Decision, Verb
from daemon.core.facts import Facts
from daemon.core.recordings import Ruling, ruling_of, said_by, trace_in, trace_of
from daemon.core.records import ErrorRecord

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECORD = ErrorRecord(error_id="e1", occurred_at=NOON, code="A", message="no key Example", trace_key="Example")


@pytest.mark.parametrize(
    "shown",
    [RECORD, said_by(RECORD, RECORD.message), Facts(now=NOON, data={"name": "Example"})],
    ids=["an error", "what is recorded of it", "facts"],
)
def test_what_an_error_says_and_its_data_are_not_shown(shown: object) -> None:
    assert "Example" not in repr(shown)
    assert type(shown).__name__ in repr(shown)


@pytest.mark.parametrize(
    ("case_key", "trace"),
    [("t:order-1", "order-1"), ("c:d1:order:1", "order:1"), ("d:order-1", ""), ("e:order-1", "")],
)
def test_a_recording_keeps_a_hash_of_the_trace_key_that_names_a_case(case_key: str, trace: str) -> None:
    assert trace_in(case_key) == trace_of(trace)
    assert bool(trace_in(case_key)) == bool(trace)


def test_what_was_decided_is_recorded_without_its_sentence() -> None:
    decision = Decision(verb=Verb.LEAVE, reason="backlog", detail="it was there before Flowmend")
    assert ruling_of(decision) == Ruling(rule_id="", verb=Verb.LEAVE, reason="backlog")
