"""Tell from conditions alone whether one surely matches all that another does; patterns are compared, never tried."""

from collections.abc import Callable, Iterable

from daemon.rulebook.ast import AllOf, AnyOf, Check, Condition, FieldCondition, NotOf, Scalar
from daemon.rulebook.checks import compile_checks, texts
from daemon.rulebook.patterns import is_plain
from daemon.rulebook.subject import Text

EQUAL = frozenset({"is", "in"})
ANY_OPERAND = frozenset({"contains", "starts_with", "ends_with", "glob", "regex"})
"""Operators that hold when any of their operands fits: with fewer operands they are narrower."""

HOLDS_IN: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda whole, part: part in whole,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
}


def implies(narrow: Condition, wide: Condition) -> bool:
    """Tell whether everything that *narrow* matches is surely matched by *wide*, too."""
    if isinstance(wide, AllOf):
        return all(implies(narrow, part) for part in wide.parts)
    if isinstance(narrow, AnyOf):
        return all(implies(part, wide) for part in narrow.parts)
    if isinstance(wide, AnyOf):
        return any(implies(narrow, part) for part in wide.parts)
    if isinstance(narrow, AllOf):
        return any(implies(part, wide) for part in narrow.parts)
    if isinstance(narrow, NotOf) or isinstance(wide, NotOf):
        return isinstance(narrow, NotOf) and isinstance(wide, NotOf) and implies(wide.part, narrow.part)
    same = (narrow.field, narrow.expression, narrow.ignore_case) == (wide.field, wide.expression, wide.ignore_case)
    return same and all(any(_check_implies(mine, check, wide) for mine in narrow.checks) for check in wide.checks)


def exact_values(check: Check) -> tuple[Scalar, ...] | None:
    """Return the values that *check* asks for, one of which it must be, or None where it asks otherwise."""
    if check.operator in EQUAL:
        return check.operands
    plain = check.operator == "glob" and all(is_plain(str(glob).replace("[[]", "")) for glob in check.operands)
    return tuple(str(glob).replace("[[]", "[") for glob in check.operands) if plain else None


def holds_on(check: Check, value: object, *, ignore_case: bool = False, durations: bool = False) -> bool:
    """Tell whether *check* (any but ``exists``) holds on one value, by the code that judges errors."""
    test, _ = compile_checks([check], ignore_case=ignore_case, durations=durations)
    return test is not None and test(Text(value) if isinstance(value, str) else value)


def _check_implies(narrow: Check, wide: Check, of: FieldCondition) -> bool:
    if narrow == wide:
        return True
    if wide.operator == "exists":  # a missing value fails every operator but "exists: false"
        return wide.operands == (True,) and narrow.operator != "exists"
    values = exact_values(narrow)
    if values is not None and not of.ignore_case and of.field != "age":
        return all(holds_on(wide, value) for value in values)
    one_of = narrow.operator == wide.operator and wide.operator in ANY_OPERAND
    if (one_of or (narrow.operator in EQUAL and wide.operator in EQUAL)) and _within(narrow.operands, wide.operands):
        return True
    if narrow.operator == wide.operator == "contains_all":
        return set(narrow.operands) >= set(wide.operands)
    fold = str.casefold if of.ignore_case else str
    found = HOLDS_IN.get(wide.operator)
    if found is None or narrow.operator not in {"contains", "starts_with", "ends_with", "contains_all"}:
        return False
    if wide.operator not in {"contains", narrow.operator}:
        return False
    holding = any if narrow.operator == "contains_all" else all
    parts = [fold(part) for part in texts(wide.operands)]
    return holding(any(found(fold(whole), part) for part in parts) for whole in texts(narrow.operands))


def _within(narrow: Iterable[Scalar], wide: Iterable[Scalar]) -> bool:
    return set(map(_typed, narrow)) <= set(map(_typed, wide))


def _typed(operand: object) -> tuple[type, object]:
    """Tell true from 1 and 1 from "1"."""
    return type(operand), operand
