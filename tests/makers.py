"""Values of the core for tests: each function fills in everything that the test is not about."""

from datetime import UTC, datetime, timedelta
from typing import Any

from daemon.core.actions import Action, Mode, Retry, Rule
from daemon.core.cases import CaseHistory
from daemon.core.decisions import Decision, Match
from daemon.core.policy import Caps, decide
from daemon.core.records import ErrorRecord, StepRef

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)

CAPS = Caps(mode=Mode.ENFORCE, max_attempts_per_case=5, retry_max_age=timedelta(days=7))


def ago(**duration: float) -> datetime:
    """Return the moment so long before `NOW`: ``ago(hours=1)``."""
    return NOW - timedelta(**duration)


def step(step_id: str = "s1", **fields: Any) -> StepRef:
    """Return the address of a step."""
    return StepRef(**{"account": "acme", "flow_id": "f1", "step_id": step_id, **fields})


def record(**fields: Any) -> ErrorRecord:
    """Return an open, retryable error of an hour ago that nobody has been given."""
    usual = {"error_id": "e1", "occurred_at": ago(hours=1), "trace_key": "order-1", "retry_key": "k1"}
    return ErrorRecord(**{**usual, **fields})


def rule(rule_id: str = "r1", action: Action | None = None, **fields: Any) -> Rule:
    """Return a rule that retries, unless *action* says otherwise."""
    return Rule(**{"id": rule_id, "action": action or Retry(), **fields})


def decided(
    action: Action | None = None,
    *,
    of_rule: dict[str, Any] | None = None,
    case: CaseHistory | None = None,
    caps: Caps = CAPS,
    now: datetime = NOW,
    **of_record: Any,
) -> Decision:
    """Return what the policy says of one error under one rule."""
    match = Match(rule=rule(action=action, **(of_rule or {})))
    return decide(record(**of_record), match, case or CaseHistory(), now, caps)
