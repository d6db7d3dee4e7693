"""Judge one condition tree on one error.

A judgement is True, False or None: None where it hangs on retry data that has not been fetched. A missing field fails
every operator but ``exists: false``; a field with several values (id and name, tags, a list selected from the retry
data) fits where one of its values fits all operators.
"""

from collections.abc import Sequence
from typing import Protocol

from daemon.core.exceptions import RuleError
from daemon.core.facts import MISSING, UNAVAILABLE
from daemon.rulebook.ast import AllOf, AnyOf, Condition, FieldCondition, NotOf
from daemon.rulebook.checks import Test, compile_checks
from daemon.rulebook.patterns import Pattern
from daemon.rulebook.selection import Selection, exact
from daemon.rulebook.subject import READERS, Reader, Stage, Subject, Text

Judgement = bool | None


class Node(Protocol):
    """One compiled condition. *catches*: it has named groups."""

    stage: Stage
    catches: bool

    def judge(self, subject: Subject) -> Judgement:
        """Say whether the condition holds."""

    def groups(self, subject: Subject) -> dict[str, str]:
        """Return what the named groups of a condition that holds caught."""


class FieldNode:
    """All operators of one matcher on one field."""

    __slots__ = ("_exists", "_patterns", "_test", "catches", "read", "stage")

    def __init__(self, condition: FieldCondition, stage: Stage, read: Reader) -> None:
        self.stage = stage
        self.read = read
        checks = condition.checks
        durations = condition.field == "age"
        self._test: Test | None
        self._patterns: Sequence[Pattern]
        self._test, self._patterns = compile_checks(checks, ignore_case=condition.ignore_case, durations=durations)
        self._exists = {bool(operand) for check in checks if check.operator == "exists" for operand in check.operands}
        self.catches = bool(self._patterns)

    def values(self, subject: Subject) -> tuple[object, ...] | None:
        """Return the field's values, or None where they are not known yet."""
        return self.read(subject)

    def judge(self, subject: Subject) -> Judgement:
        """Say whether the condition holds."""
        values = self.values(subject)
        if values is None:
            return None
        if self._exists and self._exists != {bool(values)}:
            return False
        if self._test is None:
            return True
        for value in values:  # noqa: SIM110 - a generator around one value costs more than the test
            if self._test(Text(value) if isinstance(value, str) else value):
                return True
        return False

    def groups(self, subject: Subject) -> dict[str, str]:
        """Return what the named groups caught; of several values or patterns the first that has a group gives it."""
        caught: dict[str, str] = {}
        for value in self.values(subject) or ():
            text = Text(value) if isinstance(value, str) else value
            if isinstance(text, Text) and self._test is not None and self._test(text):
                for pattern in self._patterns:
                    caught = pattern.groups(text.raw) | caught
        return caught


class DataNode(FieldNode):
    """All operators of one matcher on what a JMESPath selects from the retry data's ``data``."""

    __slots__ = ("_selection",)

    def __init__(self, condition: FieldCondition) -> None:
        super().__init__(condition, Stage.DATA, lambda _: ())
        self._selection = Selection(condition.expression)

    def values(self, subject: Subject) -> tuple[object, ...] | None:
        """Return the selected value, or a selected list's elements without its nulls."""
        data = subject.data
        if data is MISSING:
            return None
        selected = None if data is UNAVAILABLE else exact(self._selection.of(data))
        if isinstance(selected, list):
            return tuple(element for element in selected if element is not None)
        return () if selected is None else (selected,)


class AllNode:
    """Every part holds; the cheap parts are judged first."""

    __slots__ = ("_cheapest_first", "catches", "parts", "stage")

    def __init__(self, parts: Sequence[Node]) -> None:
        self.parts = parts
        self._cheapest_first = sorted(parts, key=lambda part: part.stage)
        self.stage = max((part.stage for part in parts), default=Stage.STEP)
        self.catches = any(part.catches for part in parts)

    def judge(self, subject: Subject) -> Judgement:
        """Say whether every part holds."""
        judgement: Judgement = True
        for part in self._cheapest_first:
            one = part.judge(subject)
            if one is False:
                return False
            if one is None:
                judgement = None
        return judgement

    def groups(self, subject: Subject) -> dict[str, str]:
        """Return what all parts caught."""
        return _merged([part.groups(subject) for part in self.parts if part.catches])


class AnyNode:
    """At least one part holds; the cheap parts are judged first."""

    __slots__ = ("_cheapest_first", "catches", "parts", "stage")

    def __init__(self, parts: Sequence[Node]) -> None:
        self.parts = parts
        self._cheapest_first = sorted(parts, key=lambda part: part.stage)
        self.stage = max((part.stage for part in parts), default=Stage.STEP)
        self.catches = any(part.catches for part in parts)

    def judge(self, subject: Subject) -> Judgement:
        """Say whether a part holds."""
        judgement: Judgement = False
        for part in self._cheapest_first:
            one = part.judge(subject)
            if one is True:
                return True
            if one is None:
                judgement = None
        return judgement

    def groups(self, subject: Subject) -> dict[str, str]:
        """Return what the parts that hold caught."""
        return _merged([part.groups(subject) for part in self.parts if part.catches and part.judge(subject)])


class NotNode:
    """The part does not hold. Its groups caught nothing."""

    __slots__ = ("catches", "part", "stage")

    def __init__(self, part: Node) -> None:
        self.part = part
        self.stage = part.stage
        self.catches = False

    def judge(self, subject: Subject) -> Judgement:
        """Say whether the part does not hold."""
        one = self.part.judge(subject)
        return None if one is None else not one

    def groups(self, subject: Subject) -> dict[str, str]:  # noqa: ARG002 - as the others
        """Return nothing."""
        return {}


def _merged(catches: Sequence[dict[str, str]]) -> dict[str, str]:
    merged: dict[str, str] = {}
    for caught in catches:
        merged = caught | merged
    return merged


def compile_condition(condition: Condition) -> Node:
    """Compile *condition*.

    Raises:
        RuleError: an operand, a pattern or an expression in it cannot be used.
    """
    if isinstance(condition, AllOf):
        return AllNode([compile_condition(part) for part in condition.parts])
    if isinstance(condition, AnyOf):
        return AnyNode([compile_condition(part) for part in condition.parts])
    if isinstance(condition, NotOf):
        return NotNode(compile_condition(condition.part))
    return compile_field(condition)


def compile_field(condition: FieldCondition) -> FieldNode:
    """Compile one matcher on one field.

    Raises:
        RuleError: an operand, a pattern or an expression in it cannot be used.
    """
    try:
        if condition.field == "data":
            return DataNode(condition)
        return FieldNode(condition, *READERS[condition.field])
    except (ValueError, OverflowError) as problem:
        msg = f'condition on "{condition.field}": {problem}'
        raise RuleError(msg) from None
