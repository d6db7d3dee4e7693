"""What came of a write (P4)."""

from dataclasses import fields, replace
from itertools import product

import pytest

from daemon.core.batches import Act
from daemon.core.decisions import Outcome
from daemon.core.outcomes import Evidence, outcome_of

RETRIED = Evidence(
    act=Act.RETRY,
    accepted=True,
    clean=True,
    unexplained=False,
    listed=False,
    returned=False,
    absent=True,
    overdue=False,
)
RESOLVED = replace(RETRIED, act=Act.RESOLVE, clean=False)

NAMES = [field.name for field in fields(Evidence) if field.name != "act"]
POSSIBLE = [
    Evidence(act=act, **dict(zip(NAMES, values, strict=True)))
    for act in (Act.RETRY, Act.RESOLVE)
    for values in product([False, True], repeat=len(NAMES))
]


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        pytest.param({}, Outcome.CONFIRMED, id="gone, the job counted no failure"),
        pytest.param({"clean": False}, Outcome.CONFIRMED, id="gone, all failures of the job are other errors"),
        pytest.param({"absent": False}, None, id="not shown, but the list moved: wait"),
        pytest.param({"absent": False, "overdue": True}, Outcome.UNKNOWN, id="not shown for too long"),
        pytest.param({"unexplained": True}, None, id="the job counted a failure that nobody has seen: wait"),
        pytest.param({"unexplained": True, "overdue": True}, Outcome.UNKNOWN, id="never seen"),
        pytest.param({"returned": True}, Outcome.CAME_BACK, id="open again under a new id"),
        pytest.param({"returned": True, "absent": False}, Outcome.CAME_BACK, id="back, wherever the old id is"),
        pytest.param(
            {"listed": True, "clean": False, "absent": False}, Outcome.CAME_BACK, id="still open, the job failed"
        ),
        pytest.param({"listed": True, "absent": False}, None, id="still open, but the job says it went: wait"),
        pytest.param(
            {"listed": True, "absent": False, "overdue": True}, Outcome.UNKNOWN, id="contradiction for too long"
        ),
    ],
)
def test_a_retry_has_the_outcome_that_was_seen(changed: dict[str, bool], outcome: Outcome | None) -> None:
    assert outcome_of(replace(RETRIED, **changed)) is outcome  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        pytest.param({}, Outcome.CONFIRMED, id="accepted and gone"),
        pytest.param({"accepted": False}, Outcome.VANISHED, id="gone, but perhaps not by us"),
        pytest.param({"absent": False}, None, id="not shown, but the list moved: wait"),
        pytest.param({"absent": False, "overdue": True}, None, id="for however long"),
        pytest.param({"listed": True, "absent": False}, None, id="accepted, still open: wait"),
        pytest.param({"listed": True, "absent": False, "overdue": True}, Outcome.REFUSED, id="still open for too long"),
        pytest.param({"listed": True, "absent": False, "accepted": False}, Outcome.REFUSED, id="it did not happen"),
    ],
)
def test_a_resolve_has_the_outcome_that_was_seen(changed: dict[str, bool], outcome: Outcome | None) -> None:
    assert outcome_of(replace(RESOLVED, **changed)) is outcome  # type: ignore[arg-type]


def test_success_is_never_said_while_anything_speaks_against_it() -> None:
    for evidence in POSSIBLE:
        if outcome_of(evidence) is Outcome.CONFIRMED:
            assert evidence.absent
            assert not evidence.listed
            if evidence.act is Act.RETRY:
                assert not evidence.returned
                assert not evidence.unexplained
            else:
                assert evidence.accepted


def test_a_retry_is_never_taken_for_what_others_did_or_the_platform_refused() -> None:
    outcomes = {outcome_of(evidence) for evidence in POSSIBLE if evidence.act is Act.RETRY}
    assert outcomes == {None, Outcome.CONFIRMED, Outcome.CAME_BACK, Outcome.UNKNOWN}


def test_no_retry_is_waited_for_longer_than_the_time_it_has() -> None:
    for evidence in POSSIBLE:
        if evidence.act is Act.RETRY and evidence.overdue:
            assert outcome_of(evidence) is not None
