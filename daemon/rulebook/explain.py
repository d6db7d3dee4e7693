"""Say in words why a condition does not hold: the first matcher that failed, and the value it found."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from daemon.rulebook.ast import AllOf, AnyOf, Check, Condition, FieldCondition, NotOf, RuleSource
from daemon.rulebook.conditions import compile_condition, compile_field
from daemon.rulebook.program import conjuncts
from daemon.rulebook.subject import Subject, Text

SHOWN_CHARS = 200
"""How much of a value from outside is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How one rule fared: which of its *conditions* failed, each with what was found; none: it matches."""

    source: RuleSource
    failed: tuple[str, ...]
    conditions: int

    @property
    def matches(self) -> bool:
        """Tell whether the whole rule holds; the first that does wins."""
        return not self.failed

    @property
    def near(self) -> bool:
        """Tell whether all but one of several conditions held."""
        return len(self.failed) == 1 < self.conditions


def verdicts(sources: Sequence[RuleSource], subject: Subject) -> tuple[Verdict, ...]:
    """Say of every rule, in order, how it fares on *subject*."""
    return tuple(_verdict(source, subject) for source in sources)


def _verdict(source: RuleSource, subject: Subject) -> Verdict:
    parts = list(conjuncts(source.when))
    failed = tuple(text for part in parts if (text := explain_rule(part, subject)))
    return Verdict(source=source, failed=failed, conditions=len(parts))


def explain_rule(condition: Condition, subject: Subject) -> str:
    """Return the first part of *condition* that does not hold on *subject*, with the value found; "" where all holds.

    Parts are taken in the order in which they are written. One that hangs on retry data not fetched does not hold.
    """
    if compile_condition(condition).judge(subject):
        return ""
    if isinstance(condition, AllOf):
        return next(text for text in (explain_rule(part, subject) for part in condition.parts) if text)
    if isinstance(condition, AnyOf):
        return f"none of: {'; '.join(explain_rule(part, subject) for part in condition.parts)}"
    if isinstance(condition, NotOf):
        return f"{describe(condition)}; but it holds"
    return f"{describe(condition)}; found {_found(condition, subject)}"


def describe(condition: Condition) -> str:
    """Return *condition* in one line."""
    if isinstance(condition, AllOf):
        return f"all of ({'; '.join(map(describe, condition.parts))})"
    if isinstance(condition, AnyOf):
        return f"any of ({'; '.join(map(describe, condition.parts))})"
    if isinstance(condition, NotOf):
        return f"not ({describe(condition.part)})"
    field = f"data {condition.expression}" if condition.field == "data" else condition.field
    checks = ", ".join(f"{check.operator} {_operands(check)}" for check in condition.checks)
    return f"{field}: {checks}{' (ignoring case)' if condition.ignore_case else ''}"


def _operands(check: Check) -> str:
    return " or ".join(json.dumps(operand, ensure_ascii=False) for operand in check.operands)


def _found(condition: FieldCondition, subject: Subject) -> str:
    values = compile_field(condition).values(subject)
    if values is None:
        return "retry data that was not fetched"
    return ", ".join(map(_shown, values)) if values else "nothing"


def _shown(value: object) -> str:
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.0f}"
    shown = repr(value.plain[: SHOWN_CHARS + 1] if isinstance(value, Text) else value)
    return shown if len(shown) <= SHOWN_CHARS else f"{shown[:SHOWN_CHARS]}…"
