"""Recorded errors show which rules never act; what they do not show is not claimed."""

from collections.abc import Sequence

import pytest

from daemon.core.actions import Hold, Retry
from daemon.core.facts import MISSING
from daemon.core.recordings import said_by
from daemon.core.records import ErrorRecord
from daemon.rulebook.ast import RuleSource, RuleTest
from daemon.rulebook.problems import Problem
from daemon.rulebook.recorded_shadows import RecordedShadows
from daemon.rulebook.redaction import Redaction
from daemon.rulebook.source_lines import SourceLines
from tests.rule_values import STEP, asks, error, facts, rule

BUSY = rule("busy", asks("message", regex="busy|locked"), action=Retry())
LOCKED = rule("locked", asks("message", regex="order [0-9]+ is locked"), action=Hold(queue="data"))
OTHER = error("the server is busy")
LOST = [error(f"order {number} is locked") for number in (10017, 10042, 20001)]


def seen(sources: Sequence[RuleSource], errors: Sequence[ErrorRecord]) -> list[Problem]:
    shadows = RecordedShadows(sources)
    for record in errors:
        message = Redaction().redact(record.message)
        known = said_by(record, message)
        shadows.see(STEP, known, error(message, code=record.code), facts(data=MISSING))
    return list(shadows.problems("acme", 14, SourceLines({})))


def test_a_rule_that_lost_all_it_matched_to_the_opposite_is_pointed_out() -> None:
    (problem,) = seen([BUSY, LOCKED], [*LOST, OTHER])
    assert problem.code == "W039"
    assert problem.message == (
        'rule "locked" took none of the 3 recorded errors that it matches: "busy" () retries 3 of them first'
    )


def test_a_rule_that_took_one_of_them_is_left_in_peace() -> None:
    narrow = rule("busy", asks("message", regex="busy|is locked by"), action=Retry())
    errors = [OTHER, *[error(f"{each.message} by a user") for each in LOST], LOST[0]]
    assert seen([narrow, LOCKED], errors) == []
    assert len(seen([narrow, LOCKED], errors[:4])) == 1


@pytest.mark.parametrize(
    ("sources", "errors"),
    [
        pytest.param([BUSY, LOCKED], LOST[:2], id="two errors may be chance"),
        pytest.param([LOCKED, BUSY], LOST, id="the narrow one stands first"),
        pytest.param(
            [BUSY, rule("other", asks("message", contains="is locked"), action=Retry())], LOST, id="both want the same"
        ),
        pytest.param(
            [
                rule("first", asks("code", is_="L"), asks("message", contains="is locked"), action=Retry()),
                rule("rest", asks("code", is_="L"), action=Hold(queue="data")),
            ],
            [error(each.message, code="L") for each in LOST],
            id="an exception before the rest",
        ),
        pytest.param(
            [
                rule("busy", asks("message", regex="busy|locked"), action=Retry()),
                rule(
                    "locked",
                    asks("message", contains="is locked"),
                    action=Hold(queue="data"),
                    tests=(RuleTest(expect="no_match", error={"message": "order 5 is locked"}),),
                ),
            ],
            LOST,
            id="a test says that it is meant",
        ),
        pytest.param(
            [rule("maybe", asks("message", regex="order [12]000?[0-9]+"), action=Retry()), BUSY, LOCKED],
            LOST,
            id="who won cannot be told",
        ),
        pytest.param(
            [rule("never", asks("code", is_="X"), action=Retry()), LOCKED], LOST, id="nothing stood in its way"
        ),
    ],
)
def test_what_is_meant_or_cannot_be_told_is_left_in_peace(
    sources: Sequence[RuleSource], errors: Sequence[ErrorRecord]
) -> None:
    assert seen(sources, [OTHER, *errors]) == []


def test_a_rule_that_took_nothing_else_may_be_the_exception() -> None:
    assert seen([BUSY, LOCKED], LOST) == []


def test_what_hangs_on_the_retry_data_is_never_a_match() -> None:
    of_data = rule("of-data", asks("data", expression="type", is_="invoice"), action=Hold(queue="data"))
    assert seen([BUSY, of_data], [OTHER, *LOST]) == []
