"""Rules and errors for tests, each with what the test is about and nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any

from daemon.core.actions import Leave, Retry, Rule
from daemon.core.facts import Facts
from daemon.core.records import ErrorRecord, Step, StepRef
from daemon.rulebook.ast import AllOf, Check, Condition, FieldCondition, PatchOperation, Place, RuleSource, RuleTest

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)

STEP = Step(
    ref=StepRef(account="acme", flow_id="f1", step_id="s1"),
    type="import",
    name="Create order",
    flow_name="Orders to NetSuite",
    integration_id="i1",
    integration_name="Shop [EU]",
)


def error(message: str = "", *, age_s: float | None = 3600, **fields: Any) -> ErrorRecord:
    """Return an open, retryable error of an hour ago."""
    occurred_at = None if age_s is None else NOW - timedelta(seconds=age_s)
    return ErrorRecord(
        **{"error_id": "e1", "retry_key": "k1", "occurred_at": occurred_at, "message": message, **fields}
    )


def facts(**known: Any) -> Facts:
    return Facts(**{"now": NOW, **known})


def asks(field: str, *, ignore_case: bool = False, expression: str = "", **checks: Any) -> FieldCondition:
    """Return a condition: ``asks("code", in_=("A", "B"))``; an underscore keeps Python's words apart."""
    return FieldCondition(
        field=field,  # type: ignore[arg-type]
        checks=tuple(
            Check(operator=name.rstrip("_"), operands=operands if isinstance(operands, tuple) else (operands,))  # type: ignore[arg-type]
            for name, operands in checks.items()
        ),
        ignore_case=ignore_case,
        expression=expression,
    )


def rule(
    rule_id: str,
    *when: Condition,
    patch: tuple[PatchOperation, ...] = (),
    tables: dict[str, dict[str, object]] | None = None,
    tests: tuple[RuleTest, ...] = (),
    place: Place | None = None,
    **of_rule: Any,
) -> RuleSource:
    action = Retry(patched=True) if patch else Leave()
    return RuleSource(
        rule=Rule(**{"id": rule_id, "action": action, **of_rule}),
        when=AllOf(parts=when),
        patch=patch,
        tables=tables or {},
        tests=tests,
        place=place or Place(file="rules.yaml", line=3, column=5),
    )
