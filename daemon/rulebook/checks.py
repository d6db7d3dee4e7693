"""One matcher on one value: the operators of the rule format as plain functions.

A value is a ``Text``, a number (int, Decimal), a boolean or a duration. Values of different kinds are never equal and
have no order; text operators hold on text only.
"""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Any, NamedTuple

from daemon.rulebook.ast import Check
from daemon.rulebook.patterns import Pattern, glob_pattern
from daemon.rulebook.subject import Text

Test = Callable[[object], bool]


class Case(NamedTuple):
    """How text is compared: *of* a Text to be looked at, *fold* an operand."""

    of: Callable[[Text], str]
    fold: Callable[[str], str]


EXACT_CASE = Case(attrgetter("plain"), str)
IGNORED_CASE = Case(attrgetter("folded"), str.casefold)


def kinded(value: object, case: Case = EXACT_CASE) -> tuple[str, Any] | None:
    """Return *value* with its kind, so that 1 equals 1.0 and neither equals true; None where it is no scalar."""
    if isinstance(value, Text):
        return "text", case.of(value)
    if isinstance(value, str):
        return "text", case.fold(value)
    if isinstance(value, bool):
        return "boolean", value
    if isinstance(value, float):
        return "number", Decimal(repr(value))
    if isinstance(value, int | Decimal):
        return "number", value
    if isinstance(value, timedelta):
        return "duration", value
    return None


def texts(operands: Iterable[object]) -> list[str]:
    """Return *operands* as text, numbers as they are written: a file may say ``contains: 404``."""
    written = (operand for operand in operands if not isinstance(operand, bool))
    return [str(operand) for operand in written if isinstance(operand, str | int | float)]


def compile_checks(checks: Sequence[Check], *, ignore_case: bool, durations: bool) -> tuple[Test | None, list[Pattern]]:
    """Return one test that holds where all *checks* but ``exists`` hold, or None, and the patterns with named groups.

    With *durations* the operands are seconds.

    Raises:
        ValueError: an operand cannot be used, among them patterns that RE2 refuses.
        OverflowError: a duration that no calendar can hold.
    """
    case = IGNORED_CASE if ignore_case else EXACT_CASE
    tests: list[Test] = []
    catching: list[Pattern] = []
    for check in checks:
        if check.operator == "exists":
            continue
        if check.operator in ("regex", "glob"):
            sources = texts(check.operands) if check.operator == "regex" else map(glob_pattern, texts(check.operands))
            patterns = [Pattern(source, ignore_case=ignore_case) for source in sources]
            tests.append(_found(patterns))
            catching += [pattern for pattern in patterns if pattern.names]
        else:
            operands = [_duration(operand) for operand in check.operands] if durations else check.operands
            tests.append(_OPERATORS[check.operator](operands, case))
    return _all_of(tests), catching


def _all_of(tests: Sequence[Test]) -> Test | None:
    if not tests:
        return None
    if len(tests) == 1:
        return tests[0]
    return lambda value: all(test(value) for test in tests)


def _duration(operand: object) -> timedelta:
    if isinstance(operand, int | float) and not isinstance(operand, bool):
        return timedelta(seconds=operand)
    msg = f"an age is compared with a number of seconds, not with {operand!r}"
    raise ValueError(msg)


def _found(patterns: Sequence[Pattern]) -> Test:
    if len(patterns) == 1:
        found = patterns[0].found
        return lambda value: isinstance(value, Text) and found(value.raw)
    return lambda value: isinstance(value, Text) and any(pattern.found(value.raw) for pattern in patterns)


def _equals(operands: Sequence[object], case: Case) -> Test:
    wanted = frozenset(kinded(operand, case) for operand in operands) - {None}
    return lambda value: kinded(value, case) in wanted


def _contains(operands: Sequence[object], case: Case) -> Test:
    parts = [case.fold(text) for text in texts(operands)]
    return lambda value: isinstance(value, Text) and any(part in case.of(value) for part in parts)


def _contains_all(operands: Sequence[object], case: Case) -> Test:
    parts = [case.fold(text) for text in texts(operands)]
    return lambda value: isinstance(value, Text) and all(part in case.of(value) for part in parts)


def _starts_with(operands: Sequence[object], case: Case) -> Test:
    starts = tuple(case.fold(text) for text in texts(operands))
    return lambda value: isinstance(value, Text) and case.of(value).startswith(starts)


def _ends_with(operands: Sequence[object], case: Case) -> Test:
    ends = tuple(case.fold(text) for text in texts(operands))
    return lambda value: isinstance(value, Text) and case.of(value).endswith(ends)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Sequence[object], Case], Test]:
    def compiled(operands: Sequence[object], case: Case) -> Test:
        bounds = [bound for bound in (kinded(operand, case) for operand in operands) if bound]
        if any(bound[1] != bound[1] for bound in bounds):
            msg = "nan has no order"
            raise ValueError(msg)

        def test(value: object) -> bool:
            own = kinded(value, case)
            return own is not None and any(own[0] == bound[0] and compare(own[1], bound[1]) for bound in bounds)

        return test

    return compiled


_OPERATORS: Mapping[str, Callable[[Sequence[object], Case], Test]] = {
    "is": _equals,
    "in": _equals,
    "contains": _contains,
    "contains_all": _contains_all,
    "starts_with": _starts_with,
    "ends_with": _ends_with,
    "gt": _ordered(operator.gt),
    "gte": _ordered(operator.ge),
    "lt": _ordered(operator.lt),
    "lte": _ordered(operator.le),
}
