"""The policy, written a second time from the rule format's words and as plainly as can be; it shares values and no code.

A history is a plain dictionary: ``ours`` retries by rule, those of ``others``, ``last_at``, ``cured_at``, ``unsettled``,
``unknown``.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from daemon.core.actions import Hold, Leave, Resolve, Retry, Rule
from daemon.core.records import ErrorRecord

Said = tuple[str, str]
"""The verb and the reason."""

UNMATCHED: Said = ("none", "unmatched")


def naive_decision(
    rule: Rule, record: ErrorRecord, history: Mapping[str, Any], now: datetime, caps: Mapping[str, Any]
) -> Said:
    """Say what a rule that matches decides about an error."""
    action = rule.action
    if isinstance(action, Leave):
        return ("leave", "leave")
    if isinstance(action, Hold):
        return ("hold", "hold")
    if record.assigned_to and record.assigned_to != rule.assign and not rule.takes_assigned:
        return ("leave", "assigned")
    if record.occurred_at is None:
        return ("hold", "no-time")
    if history["unsettled"] or history["unknown"]:
        return ("leave", "in-flight") if history["unsettled"] else ("hold", "unknown")
    if record.retry_at is not None and now < record.retry_at + timedelta(minutes=1):
        return ("leave", "platform-retries")
    if isinstance(action, Resolve):
        return ("resolve", "due")
    return _retried(action, rule, record, history, now, caps)


def _retried(
    action: Retry, rule: Rule, record: ErrorRecord, history: Mapping[str, Any], now: datetime, caps: Mapping[str, Any]
) -> Said:
    assert record.occurred_at is not None
    if not record.retry_key:
        return ("hold", "not-retryable")
    if action.patched and record.source == "ftp_bridge":
        return ("hold", "not-patchable")
    if history["cured_at"] is not None and record.occurred_at <= history["cured_at"]:
        return ("hold", "superseded")
    ours, others = history["ours"], history["others"]
    if ours.get(rule.id, 0) + others >= action.max_attempts or sum(ours.values()) + others >= caps["attempts"]:
        return ("resolve" if action.exhausted == "resolve" else action.exhausted, "exhausted")
    longest = caps["age"] if action.max_age is None else min(action.max_age, caps["age"])
    if now - record.occurred_at > longest:
        return ("hold", "too-old")
    due = record.occurred_at + action.after
    if history["last_at"] is not None:
        pause = action.after or timedelta(minutes=1)
        for _ in range(sum(ours.values()) + others - 1):
            pause = min(pause, action.backoff.longest) * action.backoff.factor
        due = max(due, history["last_at"] + min(pause, action.backoff.longest))
    return ("retry", "due" if due <= now else "waiting")
