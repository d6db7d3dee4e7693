"""The rules' meaning, written a second time and as plainly as can be: every rule in order, nothing kept, nothing skipped.

It shares the values of ``ast.py`` and ``records.py`` with the product and no code that judges.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

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
    for value in values:
        if all(_fits(check, value, condition.ignore_case) for check in others):
            return True
    return False


def _values(condition: FieldCondition, world: World) -> list[object] | None:
    step, record, now, attempts, data = world
    found: list[object]
    match condition.field:
        case "account":
            found = [step.ref.account]
        case "integration":
            found = [step.integration_id, step.integration_name]
        case "flow":
            found = [step.ref.flow_id, step.flow_name]
        case "step":
            found = [step.ref.step_id, step.name]
        case "step_type":
            found = [step.type]
        case "tags":
            found = list(record.tags)
        case "retryable":
            return [record.retry_key != ""]
        case "age":
            return [] if record.occurred_at is None else [now - record.occurred_at]
        case "attempts":
            return [attempts]
        case "message":
            found = [record.message[:65536].encode("utf-16", "surrogatepass").decode("utf-16", "replace")]
        case "data":
            if record.retry_key == "":
                return []
            if data is UNKNOWN:
                return None
            selected = jmespath.search(condition.expression, data)
            found = selected if isinstance(selected, list) else [selected]
            return [value for value in found if value is not None]
        case name:
            found = [getattr(record, name)]
    return [value for value in found if value not in ("", None)]


def _fits(check: Check, value: object, ignore_case: bool) -> bool:
    operands = check.operands
    if check.operator == "contains_all":
        return all(_fits_one("contains", value, operand, ignore_case) for operand in operands)
    return any(_fits_one(check.operator, value, operand, ignore_case) for operand in operands)


def _fits_one(operator: str, value: object, operand: object, ignore_case: bool) -> bool:
    if isinstance(value, timedelta):
        value = Decimal(value // timedelta(microseconds=1)) / 1_000_000
    if isinstance(operand, float):
        operand = Decimal(repr(operand))
    if isinstance(value, float):
        value = Decimal(repr(value))
    is_text = isinstance(value, str) and isinstance(operand, str)
    if operator in ("regex", "glob"):
        if not is_text:
            return False
        pattern = operand if operator == "regex" else _glob(operand)
        return _search(pattern, value, ignore_case) is not None
    if is_text and ignore_case:
        value, operand = value.casefold(), operand.casefold()
    numbers = all(isinstance(one, int | Decimal) and not isinstance(one, bool) for one in (value, operand))
    alike = is_text or numbers or (isinstance(value, bool) and isinstance(operand, bool))
    match operator:
        case "is" | "in":
            return alike and value == operand
        case "contains":
            return is_text and operand in value
        case "starts_with":
            return is_text and value.startswith(operand)
        case "ends_with":
            return is_text and value.endswith(operand)
        case "gt":
            return alike and value > operand
        case "gte":
            return alike and value >= operand
        case "lt":
            return alike and value < operand
        case "lte":
            return alike and value <= operand
    raise AssertionError(operator)


def _glob(glob: str) -> str:
    """Translate a glob without tricks: the tests use none."""
    return r"\A" + "".join({"*": "(?s:.*)", "?": "(?s:.)"}.get(c) or (c if c in "[]" else re2.escape(c)) for c in glob).replace(r"[\!", "[^") + r"\z"


def _search(pattern: str, text: str, ignore_case: bool) -> object:
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
                    for pattern in check.operands if check.operator == "regex" else ():
                        found = _search(pattern, value, condition.ignore_case)
                        named = found.groupdict() if found else {}
                        caught = {name: text for name, text in named.items() if text is not None} | caught
    return caught
