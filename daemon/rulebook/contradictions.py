"""Conditions that no error can meet: told only where it is certain, by the code that judges errors."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import floor, inf

from daemon.core.durations import format_duration
from daemon.rulebook.alternatives import Way, ways
from daemon.rulebook.ast import AllOf, AnyOf, Check, Condition, FieldCondition, Place, RuleSource, Scalar
from daemon.rulebook.checks import texts
from daemon.rulebook.implication import exact_values, holds_on, implies
from daemon.rulebook.notation import Notation
from daemon.rulebook.problems import Problem
from daemon.rulebook.program import conjuncts
from daemon.rulebook.source_lines import SourceLines

NUMBERS = frozenset({"http_status", "attempts", "age"})
SEVERAL = frozenset({"integration", "flow", "step", "tags", "data"})
"""Fields that may have several values at once (id and name, tags, a list), so that two different ones may both hold."""

PLACES = frozenset({"integration", "flow", "step"})
SAID = {
    "is": "is", "in": "is", "glob": "is", "contains": "contains", "contains_all": "contains all of",
    "starts_with": "starts with", "ends_with": "ends with", "regex": "fits", "gt": "is over",
    "gte": "is at least", "lt": "is under", "lte": "is at most",
}  # fmt: skip
STATUS_LIMIT = 999
TICK_S = 1e-6
"""The smallest difference of two ages."""

ID_LENGTH = 24
HEX_DIGITS = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Conditions on one field that cannot hold together: all of *leaves*, and not *unless*."""

    leaves: tuple[FieldCondition, ...]
    unless: tuple[FieldCondition, ...] = ()

    @property
    def place(self) -> Place | None:
        """Return where the last of them stands."""
        places = [leaf.place for leaf in (*self.leaves, *self.unless) if leaf.place]
        return max(places, key=lambda place: (place.line, place.column), default=None)

    def __str__(self) -> str:
        """Say what cannot be."""
        asked = " and that ".join(dict.fromkeys(map(_said, self.leaves)))
        ruled_out = "".join(f", and rules out that {_said(leaf)}" for leaf in self.unless)
        return f"it asks that {asked}{ruled_out}"

    def hint(self, notation: Notation) -> str:
        """Say what to write instead."""
        field = self.leaves[0].field
        values = [exact_values(leaf.checks[0]) if len(leaf.checks) == 1 else None for leaf in self.leaves]
        if self.unless or (len(self.leaves) > 1 and not all(values)):
            return "leave one of them out"
        if field in PLACES:
            return "a file's scope holds for every rule in it: move this rule to a file of its own"
        if len(self.leaves) > 1:
            either = [str(value) for each in values for value in each or ()]
            return f"for any of them, write {notation.line(field, list(dict.fromkeys(either)))}"
        numbers = [each for check in self.leaves[0].checks for each in check.operands if isinstance(each, int | float)]
        if field == "http_status" and max(numbers, default=0) > STATUS_LIMIT:
            return "an HTTP status has three digits"
        return "one rules out the other" if len(self.leaves[0].checks) > 1 else "no value is like that"


def unreachable(source: RuleSource, found: Conflict, lines: SourceLines) -> Problem:
    """Return the warning about a rule that no error can meet."""
    return _warning(source, found, f'rule "{source.rule.id}" can never match', lines)


def dead_branches(source: RuleSource, lines: SourceLines) -> Iterator[Problem]:
    """Yield a warning for each branch of ``any`` that contradicts what must hold beside it."""
    parts = tuple(conjuncts(source.when))
    for part in parts:
        others = tuple(other for other in parts if other is not part)
        for number, branch in enumerate(part.parts if isinstance(part, AnyOf) else (), start=1):
            found = conflict(AllOf(parts=(*others, branch)))
            if found is not None:
                message = f'branch {number} of "any" can never hold in rule "{source.rule.id}"'
                yield _warning(source, found, message, lines)


def conflict(condition: Condition) -> Conflict | None:
    """Return why no error at all meets *condition*, or None where one may."""
    found = [_conflict_of(way) for way in ways(condition)]
    return next(iter(found), None) if all(found) else None


def _conflict_of(way: Way) -> Conflict | None:
    return next((leaves for said in way.about().values() if (leaves := _of_field(said))), None)


def _of_field(said: Way) -> Conflict | None:
    first = (*said.holds, *said.fails)[0]
    for fail in said.fails:
        against = [leaf for leaf in said.holds if implies(leaf, fail)]
        if against:
            return Conflict(leaves=(against[0],), unless=(fail,))
    absent = [leaf for leaf in said.holds if _asks_for_absence(leaf)]
    present = [leaf for leaf in said.holds if any(_asks_for_presence(check) for check in leaf.checks)]
    if absent and present:
        return Conflict(leaves=tuple(dict.fromkeys((*absent, *present))))
    if first.field in SEVERAL:
        return _of_places(said.holds) if first.field in PLACES else None
    values = _candidates(said)
    if values is not None and said.holds and not any(_meets(value, said) for value in values):
        return Conflict(leaves=said.holds, unless=said.fails)
    return _of_ends(said.holds)


def _said(leaf: FieldCondition) -> str:
    """Say in words what is asked of one field."""
    field = f'"{leaf.expression}"' if leaf.field == "data" else leaf.field
    return f"{field} {' and '.join(_check_said(check, leaf.field) for check in leaf.checks)}"


def _check_said(check: Check, field: str) -> str:
    if check.operator == "exists":
        return "is there" if check.operands == (True,) else "is missing"
    shown = [
        format_duration(timedelta(seconds=operand))
        if field == "age" and isinstance(operand, int | float)
        else json.dumps(operand.replace("[[]", "[") if isinstance(operand, str) else operand, ensure_ascii=False)
        for operand in check.operands
    ]
    return f"{SAID[check.operator]} {' or '.join(shown)}"


def _asks_for_absence(leaf: FieldCondition) -> bool:
    return any(check.operator == "exists" and check.operands == (False,) for check in leaf.checks)


def _asks_for_presence(check: Check) -> bool:
    return check.operator != "exists" or check.operands == (True,)


def _candidates(said: Way) -> list[Scalar] | None:
    """Return values among which one must meet what is said if any value does; None where that cannot be told."""
    field = (*said.holds, *said.fails)[0].field
    checks = [check for leaf in (*said.holds, *said.fails) for check in leaf.checks if check.operator != "exists"]
    if field in NUMBERS:
        numbers = [each for check in checks for each in check.operands if isinstance(each, int | float)]
        return _numbers_near(numbers, field) if checks else None
    exact = [
        values
        for leaf in said.holds
        for check in leaf.checks
        if not leaf.ignore_case and (values := exact_values(check)) is not None
    ]
    return list(exact[0]) if exact else None


def _numbers_near(numbers: Sequence[float], field: str) -> list[Scalar]:
    """Return numbers that *field* can be, one at least of every stretch that the borders *numbers* divide them into."""
    if field == "age":
        return [0, *(age for each in numbers for age in (each - TICK_S, each, each + TICK_S) if age >= 0)]
    longest = STATUS_LIMIT if field == "http_status" else inf
    whole = {floor(each) + step for each in numbers for step in (-1, 0, 1, 2)} | {0}
    return [number for number in sorted(whole) if 0 <= number <= longest]


def _meets(value: Scalar, said: Way) -> bool:
    durations = said.holds[0].field == "age"
    tried = timedelta(seconds=value) if durations and isinstance(value, int | float) else value

    def holds(leaf: FieldCondition) -> bool:
        return all(
            check.operands == (True,)
            if check.operator == "exists"
            else holds_on(check, tried, ignore_case=leaf.ignore_case, durations=durations)
            for check in leaf.checks
        )

    return all(map(holds, said.holds)) and not any(map(holds, said.fails))


def _of_places(holds: Sequence[FieldCondition]) -> Conflict | None:
    """Return two conditions of which one asks for other names than the other; one may be about the id, one the name."""
    asked = [(leaf, exact_values(check)) for leaf in holds for check in leaf.checks if check.operator != "exists"]
    for leaf, names in asked:
        if names is None or any(_is_id(str(name)) for name in names):
            continue
        for other in holds:
            ids = any(_is_id(text) for check in other.checks for text in texts(check.operands))
            if other is not leaf and not ids and not any(_fits(name, other) for name in names):
                return Conflict(leaves=(leaf, other))
    return None


def _is_id(text: str) -> bool:
    return len(text) == ID_LENGTH and set(text) <= HEX_DIGITS


def _fits(name: Scalar, leaf: FieldCondition) -> bool:
    return all(
        holds_on(check, name, ignore_case=leaf.ignore_case) for check in leaf.checks if check.operator != "exists"
    )


def _of_ends(holds: Sequence[FieldCondition]) -> Conflict | None:
    """Return two conditions that want different beginnings, or ends, of one text."""
    for operator, fits in (("starts_with", str.startswith), ("ends_with", str.endswith)):
        asked = [(leaf, texts(check.operands)) for leaf in holds for check in leaf.checks if check.operator == operator]
        for leaf, mine in asked:
            for other, theirs in asked:
                pairs = [(one.casefold(), two.casefold()) for one in mine for two in theirs]
                if not any(fits(one, two) or fits(two, one) for one, two in pairs):
                    return Conflict(leaves=tuple(dict.fromkeys((leaf, other))))
    return None


def _warning(source: RuleSource, found: Conflict, message: str, lines: SourceLines) -> Problem:
    return lines.warning(
        "W033",
        f"{message}: {found}",
        found.place or source.place,
        rule=source.rule.id,
        hint=found.hint(Notation.of(source.place.file)),
        why="no error meets all of its conditions, so the rule never acts and nobody would notice",
    )
