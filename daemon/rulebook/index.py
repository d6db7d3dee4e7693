"""Which rules the step and the fields with few different values leave possible, as bit masks.

Bit *n* stands for the rule at position *n*. Masks are worked out once per combination and then kept (profiles.py).
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from daemon.rulebook.ast import Condition, FieldCondition
from daemon.rulebook.checks import kinded
from daemon.rulebook.conditions import Node
from daemon.rulebook.patterns import is_plain
from daemon.rulebook.subject import READERS, Subject

Item = TypeVar("Item")


class FieldIndex:
    """The rules that ask for certain values of one field: a look-up per value instead of a question per rule."""

    __slots__ = ("_asked", "_by_value", "_read")

    def __init__(self, field: str) -> None:
        self._read = READERS[field][1]
        self._asked = 0
        self._by_value: dict[object, int] = {}

    def add(self, bit: int, values: Sequence[object]) -> None:
        """Let the rule of *bit* pass only where the field has one of *values*."""
        self._asked |= bit
        for value in values:
            key = kinded(value)
            self._by_value[key] = self._by_value.get(key, 0) | bit

    def has(self, bit: int) -> bool:
        """Tell whether the rule of *bit* asks already."""
        return bool(self._asked & bit)

    def narrow(self, mask: int, subject: Subject) -> int:
        """Return *mask* without the rules that ask for other values than *subject* has."""
        fitting = 0
        for value in self._read(subject):
            fitting |= self._by_value.get(kinded(value), 0)
        return mask & (fitting | ~self._asked)


class Masks:
    """The conditions of one stage, those that ask for values in the field indexes and the others one by one."""

    __slots__ = ("_fields", "_others")

    def __init__(self) -> None:
        self._fields: dict[str, FieldIndex] = {}
        self._others: list[tuple[int, Node]] = []

    def add(self, bit: int, condition: Condition, node: Node) -> None:
        """Let the rule of *bit* pass only where *condition*, compiled as *node*, holds."""
        values = asked_values(condition)
        if values is not None and isinstance(condition, FieldCondition):
            index = self._fields.setdefault(condition.field, FieldIndex(condition.field))
            if not index.has(bit):
                index.add(bit, values)
                return
        self._others.append((bit, node))

    def narrow(self, mask: int, subject: Subject) -> int:
        """Return *mask* without the rules whose conditions fail on *subject*."""
        for index in self._fields.values():
            mask = index.narrow(mask, subject)
        for bit, node in self._others:
            if mask & bit and not node.judge(subject):
                mask ^= bit
        return mask


def chosen(items: Sequence[Item], mask: int) -> Iterator[Item]:
    """Yield those of *items* whose bit is set in *mask*, in order."""
    while mask:
        lowest = mask & -mask
        yield items[lowest.bit_length() - 1]
        mask ^= lowest


def asked_values(condition: Condition) -> tuple[object, ...] | None:
    """Return the values one of which *condition* asks for, or None where it says something else."""
    if not isinstance(condition, FieldCondition) or condition.ignore_case or len(condition.checks) != 1:
        return None
    check = condition.checks[0]
    if check.operator in ("is", "in"):
        return check.operands
    if check.operator == "glob" and all(isinstance(operand, str) and is_plain(operand) for operand in check.operands):
        return check.operands
    return None
