"""How a formatted rule file is laid out: the order of keys, and which maps stand open, a key a line.

The order of conditions, of operators and of data is left as it is: it is the order in which ``explain`` names what
failed, and of two patterns with the same named group the order says which one counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from daemon.rulebook.schema import CsvTablePart, RuleFilePart, RulePart
from daemon.rulebook.schema_parts import (
    BackoffPart,
    EditPart,
    HoldPart,
    LimitPart,
    PatchPart,
    RetryPart,
    names,
)
from daemon.rulebook.sheet import Group

WIDTH = 120
WIDE = 150
"""Columns of a line in braces: an error in a test, and an operation of a patch, read best in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One map of the format (or a list of such maps). Keys not in *order* stay behind, as they were.

    *parts* are the shapes of its keys' values, *each* that of all other values. *open*: never on one line. *fixed*: the
    order of its keys says something. *width*: of a line in braces. *sample*: lists of maps may stand in braces, too.
    *filled*: a map of many short entries.
    """

    order: tuple[str, ...] = ()
    parts: Mapping[str, "Shape"] = field(default_factory=dict)
    each: "Shape | None" = None
    open: bool = False
    fixed: bool = False
    width: int = WIDTH
    sample: bool = False
    filled: bool = False

    def of(self, key: str) -> "Shape":
        """Return the shape of what stands under *key*; a list has the shape of its items."""
        return self.parts.get(key) or self.each or (SAMPLE if self.sample else FREE)


FREE = Shape()
SAMPLE = Shape(sample=True, width=WIDE)
MATCHER = Shape(fixed=True)


class _Conditions(Shape):
    """A map of conditions, which nests."""

    __slots__ = ()

    def of(self, key: str) -> Shape:
        return self if key in {"all", "any", "not"} else MATCHER


CONDITIONS = _Conditions(open=True, fixed=True)
VALUE_FROM = Shape(order=("match", "data", "field", "transform", "lookup", "default"), sample=True)
THEN = Shape(
    order=("patch", "retry", "resolve", "hold", "leave", "notify", "tag", "assign"),
    parts={
        "patch": Shape(order=names(PatchPart), parts={"value_from": VALUE_FROM}, width=WIDE),
        "retry": Shape(order=names(RetryPart), parts={"backoff": Shape(order=names(BackoffPart))}),
        "hold": Shape(order=names(HoldPart), parts={"edit": Shape(order=names(EditPart))}),
    },
    open=True,
)
TEST = Shape(order=("match", "no_match", "data", "patched", "name"), each=SAMPLE, open=True)
RULE = Shape(
    order=names(RulePart),
    parts={"when": CONDITIONS, "then": THEN, "limit": Shape(order=names(LimitPart)), "tests": TEST},
    open=True,
)
TABLE = Shape(order=names(CsvTablePart), filled=True)
FILE = Shape(
    order=names(RuleFilePart),
    parts={"scope": CONDITIONS, "tables": Shape(each=TABLE, open=True), "rules": RULE},
    open=True,
)


def put_in_order(group: Group, shape: Shape = FILE) -> None:
    """Order the keys of *group* and of everything in it."""
    head = group.members[0].above if shape is FILE and group.members else []
    if group.is_map:
        place = {key: number for number, key in enumerate(shape.order)}
        group.members.sort(key=lambda one: place.get(one.key, len(place)))
    if head and head is not group.members[0].above:  # what stands at the top of the file stays there
        first = next(one for one in group.members if one.above is head)
        own = group.members[0].above
        first.above, group.members[0].above = [], [*head, *own[not head[-1] and own[:1] == [""] :]]
    for number, one in enumerate(group.members):
        if not number:
            while one.above and not one.above[0]:  # an empty line has nothing to keep apart there
                del one.above[0]
        if isinstance(one.value, Group) and not one.value.members:  # {} and [] have no room for comments
            one.above, one.value.tail = [*one.above, *filter(None, one.value.tail)], []
        if isinstance(one.value, Group):
            put_in_order(one.value, shape.of(one.key) if group.is_map else shape)
    if group.is_map and shape is FILE:
        _part_rules(group)


def _part_rules(file: Group) -> None:
    """Put an empty line between two rules."""
    for one in file.members:
        if one.key == "rules" and isinstance(one.value, Group):
            for rule in one.value.members[1:]:
                if not (rule.above and not rule.above[0]):
                    rule.above.insert(0, "")
