"""A condition tree as the ways in which it can hold, each a plain list of what must and what must not hold."""

from dataclasses import dataclass
from itertools import product

from daemon.rulebook.ast import AllOf, AnyOf, Condition, FieldCondition, NotOf

WAYS_LIMIT = 64
"""A rule with more ways to hold is not looked into: with some ``any`` beside each other they multiply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to hold: all of *holds* and none of *fails*."""

    holds: tuple[FieldCondition, ...] = ()
    fails: tuple[FieldCondition, ...] = ()

    def about(self) -> dict[tuple[str, str], "Way"]:
        """Return what it says of each field (and expression of the retry data)."""
        keys = dict.fromkeys((leaf.field, leaf.expression) for leaf in (*self.holds, *self.fails))
        return {
            key: Way(
                holds=tuple(leaf for leaf in self.holds if (leaf.field, leaf.expression) == key),
                fails=tuple(leaf for leaf in self.fails if (leaf.field, leaf.expression) == key),
            )
            for key in keys
        }


def ways(condition: Condition) -> tuple[Way, ...]:
    """Return all ways in which *condition* can hold; none where they are too many to be told one by one."""
    found = _ways(condition, negated=False)
    return tuple(found) if len(found) <= WAYS_LIMIT else ()


def _ways(condition: Condition, *, negated: bool) -> list[Way]:
    if isinstance(condition, FieldCondition):
        return [Way(fails=(condition,))] if negated else [Way(holds=(condition,))]
    if isinstance(condition, NotOf):
        return _ways(condition.part, negated=not negated)
    # "not all" is "any not", and "not any" is "all not".
    if isinstance(condition, AnyOf) != negated:
        return [way for part in condition.parts for way in _ways(part, negated=negated)]
    found = [Way()]
    for part in condition.parts:
        found = [
            Way(holds=(*one.holds, *other.holds), fails=(*one.fails, *other.fails))
            for one, other in product(found, _ways(part, negated=negated))
        ]
        if len(found) > WAYS_LIMIT:
            break  # one too many is told as too many, however they go on
    return found


def all_of(*conditions: Condition) -> Condition:
    """Return what holds where all *conditions* do."""
    return AllOf(parts=conditions)
