"""What the store is given of each judged error has every field in its place."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from daemon.core.actions import Hold, Mode, Retry, Rule
from daemon.core.cases import CaseHistory
from daemon.core.decisions import Decision, Match, Verb
from daemon.core.judgements import Judged
from daemon.core.policy import UNMATCHED
from daemon.core.recordings import Recorded, Ruling, Said
from daemon.core.records import ErrorRecord, Step, StepRef
from daemon.pipeline.judge import Judgement
from daemon.pipeline.record import Recorder

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEP = Step(ref=StepRef(account="acme", flow_id="f1", step_id="s1"), type="import")
RECORD = ErrorRecord(
    error_id="e1",
    occurred_at=NOON - timedelta(hours=1),
    source="application",
    code="DUP",
    message="no key 4711",
    trace_key="order-1",
    retry_key="k1",
    http_status=400,
    classification="duplicate",
    classified_by="autopilot",
    tags=("t1",),
    retry_at=NOON + timedelta(hours=1),
)
RULE = Rule(id="busy", why="The target is busy.", action=Retry(), tags=("t1", "t2"), assign="ann")
CASE = CaseHistory(attempts=2)
HELD = Hold(queue="people", title="look")


def judgement(decision: Decision) -> Judgement:
    match = None if decision.rule is None else Match(rule=decision.rule)
    return Judgement(record=RECORD, match=match, decision=decision, case_key="t:order-1", case=CASE)


@pytest.mark.parametrize(
    ("decision", "told"),
    [
        pytest.param(UNMATCHED, {"verb": Verb.NONE, "reason": "unmatched"}, id="no rule"),
        pytest.param(
            Decision(verb=Verb.RETRY, reason="due", detail="why", rule=RULE, mode=Mode.ENFORCE, due_at=NOON),
            {"verb": Verb.RETRY, "rule_id": "busy", "reason": "due", "detail": "why", "due_at": NOON, "tag": True, "assign": True},
            id="to be retried, tagged and assigned",
        ),
        pytest.param(
            Decision(verb=Verb.LEAVE, reason="backlog", rule=RULE, mode=Mode.ENFORCE),
            {"verb": Verb.LEAVE, "rule_id": "busy", "reason": "backlog"},
            id="not ours to touch",
        ),
        pytest.param(
            Decision(verb=Verb.HOLD, reason="too-old", rule=RULE, mode=Mode.APPROVE, hold=HELD),
            {"verb": Verb.HOLD, "rule_id": "busy", "reason": "too-old", "tag": True, "assign": True, "hold": HELD},
            id="held",
        ),
        pytest.param(
            Decision(verb=Verb.HOLD, reason="too-old", rule=RULE, mode=Mode.OBSERVE, hold=HELD),
            {"verb": Verb.HOLD, "rule_id": "busy", "reason": "too-old", "tag": True, "assign": True},
            id="would be held",
        ),
    ],
)  # fmt: skip
def test_a_judgement_is_kept_with_what_is_still_to_be_done(decision: Decision, told: dict[str, Any]) -> None:
    plain = {"rule_id": "", "detail": "", "due_at": None, "tag": False, "assign": False, "hold": None}
    assert judgement(decision).to_keep()._asdict() == {
        "error_id": "e1",
        "case_key": "t:order-1",
        "occurred_at": RECORD.occurred_at,
        "fingerprint": RECORD.fingerprint(),
        "code": "DUP",
        **plain,
        **told,
    }
    assert isinstance(judgement(decision).to_keep(), Judged)


def test_a_recording_says_what_was_judged_of_which_error() -> None:
    recorder = Recorder(redact=lambda messages: [each.upper() for each in messages])
    left = Decision(verb=Verb.LEAVE, reason="backlog", rule=RULE, mode=Mode.ENFORCE)
    said = Said(
        source="application",
        code="DUP",
        message="NO KEY 4711",
        classification="duplicate",
        classified_by="autopilot",
        tags=("t1",),
        http_status=400,
        retryable=True,
    )
    assert recorder.of(STEP, [judgement(UNMATCHED), judgement(left)], NOON) == [
        Recorded(
            step=STEP.ref,
            error_id="e1",
            occurred_at=RECORD.occurred_at,
            said=said,
            ruling=ruling,
            judged_at=NOON,
            last_at=NOON,
            case=CASE,
            retry_at=RECORD.retry_at,
        )
        for ruling in (
            Ruling(rule_id="", verb=Verb.NONE, reason="unmatched"),
            Ruling(rule_id="busy", verb=Verb.LEAVE, reason="backlog", mode=Mode.ENFORCE),
        )
    ]
