"""The rules' meaning, written a second time and as plainly as can be: every rule in order, nothing kept, nothing skipped.

It shares the values of ``ast.py`` and ``records.py`` with the product and no code that judges.
"""

import operator
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import jmespath
import re2

from daemon.core.records import ErrorRecord, Step
from daemon.rulebook.ast import AllOf, AnyOf, Check, Condition, FieldCondition, NotOf, RuleSource

UNKNOWN = object()
"""Retry data that was not fetched."""

Answer = tuple[str, dict[str, str]] | list[str] | None
"""The winner and its groups, or the rules that wait for data, or none."""


class NaiveMatcher:
    def __init__(self, sources: Iterable[RuleSource]) -> None:
        self._sources = list(sources)

    def match(self, step: Step, record: ErrorRecord, now: datetime, attempts: int, data: object) -> Answer:
        waiting = []
        for source in self._sources:
            world = (step, record, now, attempts, data)
            held = _holds(source.when, world)
            if held is None:
                waiting.append(source.rule.id)
            elif held:
                return waiting or (source.rule.id, _groups(source.when, world))
        return waiting or None


World = tuple[Step, ErrorRecord, datetime, int, object]


def _holds(condition: Condition, world: World) -> bool | None:
    if isinstance(condition, AllOf):
        parts = [_holds(part, world) for part in condition.parts]
        return False if False in parts else None if None in parts else True
    if isinstance(condition, AnyOf):
        parts = [_holds(part, world) for part in condition.parts]
        return True if True in parts else None if None in parts else False
    if isinstance(condition, NotOf):
        held = _holds(condition.part, world)
        return None if held is None else not held
    values = _values(condition, world)
    if values is None:
        return None
    for check in condition.checks:
        if check.operator == "exists" and check.operands != (bool(values),):
            return False
    others = [check for check in condition.checks if check.operator != "exists"]
    if not others:
        return True
    return any(all(_fits(check, value, condition.ignore_case) for check in others) for value in values)


def _values(condition: FieldCondition, world: World) -> list[Any] | None:
    step, record, now, attempts, data = world
    if condition.field == "data" and record.retry_key == "":
        return []
    if condition.field == "data" and data is UNKNOWN:
        return None
    if condition.field == "data":
        selected = jmespath.search(condition.expression, data)
        found = selected if isinstance(selected, list) else [selected]
        return [value for value in found if value is not None]
    known: dict[str, list[Any]] = {
        "account": [step.ref.account],
        "integration": [step.integration_id, step.integration_name],
        "flow": [step.ref.flow_id, step.flow_name],
        "step": [step.ref.step_id, step.name],
        "step_type": [step.type],
        "tags": list(record.tags),
        "retryable": [record.retry_key != ""],
        "age": [now - record.occurred_at] if record.occurred_at else [],
        "attempts": [attempts],
        "message": [record.message[:65536].encode("utf-16", "surrogatepass").decode("utf-16", "replace")],
    }
    found = known[condition.field] if condition.field in known else [getattr(record, condition.field)]
    return [value for value in found if value not in ("", None)]


def _fits(check: Check, value: Any, ignore_case: bool) -> bool:
    operands = check.operands
    if check.operator == "contains_all":
        return all(_fits_one("contains", value, operand, ignore_case) for operand in operands)
    return any(_fits_one(check.operator, value, operand, ignore_case) for operand in operands)


ON_TEXT: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda value, part: part in value,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
}
ON_ALIKE: dict[str, Callable[[Any, Any], bool]] = {
    "is": operator.eq,
    "in": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def _fits_one(name: str, value: Any, operand: Any, ignore_case: bool) -> bool:
    if isinstance(value, timedelta):
        value = Decimal(value // timedelta(microseconds=1)) / 1_000_000
    value, operand = (Decimal(repr(one)) if isinstance(one, float) else one for one in (value, operand))
    is_text = isinstance(value, str) and isinstance(operand, str)
    if name in ("regex", "glob"):
        return is_text and _search(operand if name == "regex" else _glob(operand), value, ignore_case) is not None
    if is_text and ignore_case:
        value, operand = value.casefold(), operand.casefold()
    if name in ON_TEXT:
        return is_text and ON_TEXT[name](value, operand)
    numbers = all(isinstance(one, int | Decimal) and not isinstance(one, bool) for one in (value, operand))
    alike = is_text or numbers or (isinstance(value, bool) and isinstance(operand, bool))
    return alike and ON_ALIKE[name](value, operand)


def _glob(glob: str) -> str:
    """Translate a glob without tricks: the tests use none."""
    return (
        r"\A"
        + "".join({"*": "(?s:.*)", "?": "(?s:.)"}.get(c) or (c if c in "[]" else re2.escape(c)) for c in glob).replace(
            r"[\!", "[^"
        )
        + r"\z"
    )


def _search(pattern: str, text: str, ignore_case: bool) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not ignore_case
    return re2.compile(pattern, options).search(text)


def _groups(condition: Condition, world: World) -> dict[str, str]:
    caught: dict[str, str] = {}
    if isinstance(condition, AllOf | AnyOf):
        for part in condition.parts:
            if _holds(part, world):
                caught = _groups(part, world) | caught
    elif isinstance(condition, FieldCondition):
        checks = [check for check in condition.checks if check.operator != "exists"]
        for value in _values(condition, world) or []:
            if isinstance(value, str) and all(_fits(check, value, condition.ignore_case) for check in checks):
                for check in checks:
                    for pattern in map(str, check.operands) if check.operator == "regex" else ():
                        found = _search(pattern, value, condition.ignore_case)
                        named = found.groupdict() if found else {}
                        caught = {name: text for name, text in named.items() if text is not None} | caught
    return caught
