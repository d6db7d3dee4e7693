"""What is allowed and still hardly meant: a rule that can never act, because one before it takes all that it matches.

Told from the conditions alone and only where it is certain; patterns are compared as texts, never tried.
"""

from collections.abc import Callable, Iterator, Sequence

from daemon.rulebook.ast import AllOf, AnyOf, Check, Condition, FieldCondition, NotOf, Place, RuleSource
from daemon.rulebook.problems import Problem
from daemon.rulebook.program import fields_of

EQUAL = frozenset({"is", "in"})
ANY_OPERAND = frozenset({"contains", "starts_with", "ends_with", "glob", "regex"})
"""Operators that hold when any of their operands fits: with fewer operands they are narrower."""


def shadowed(sources: Sequence[RuleSource], line_of: Callable[[Place], str]) -> Iterator[Problem]:
    """Yield a warning for each rule that can never win; *line_of* gives the line of its file to show."""
    before: list[tuple[frozenset[str], RuleSource]] = []
    for source in sources:
        mentioned = fields_of(source.when)
        for needed, wide in before:
            if needed <= mentioned and implies(source.when, wide.when):
                yield Problem(
                    code="W031",
                    message=f'rule "{source.rule.id}" can never act: "{wide.rule.id}" ({wide.rule.place}) takes all '
                    "it matches",
                    file=source.place.file,
                    line=source.place.line,
                    column=source.place.column,
                    source=line_of(source.place),
                    rule=source.rule.id,
                    hint="move it before that rule, or narrow that rule",
                )
                break
        before.append((_needed(source.when), source))


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
    return same and all(any(_check_implies(mine, check) for mine in narrow.checks) for check in wide.checks)


def _check_implies(narrow: Check, wide: Check) -> bool:
    if narrow == wide:
        return True
    if wide.operator == "exists":  # a missing value fails every operator but "exists: false"
        return wide.operands == (True,) and narrow.operator != "exists"
    one_of = narrow.operator == wide.operator and wide.operator in ANY_OPERAND
    if one_of or (narrow.operator in EQUAL and wide.operator in EQUAL):
        return set(map(_typed, narrow.operands)) <= set(map(_typed, wide.operands))
    if narrow.operator == wide.operator == "contains_all":
        return set(narrow.operands) >= set(wide.operands)
    return False


def _typed(operand: object) -> tuple[type, object]:
    """Tell true from 1 and 1 from "1"."""
    return type(operand), operand


def _needed(condition: Condition) -> frozenset[str]:
    """Return fields that every match of *condition* depends on: a rule that does not mention them is not narrower."""
    if isinstance(condition, FieldCondition):
        return frozenset({condition.field})
    if isinstance(condition, AllOf):
        return frozenset[str]().union(*(_needed(part) for part in condition.parts))
    return frozenset()
