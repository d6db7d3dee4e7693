"""Read matchers: what a field (or a value in the retry data) must be, as a scalar, a list or a map of operators."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal, get_args

from daemon.rulebook.ast import Check, FieldCondition, FieldName, Operator, Scalar
from daemon.rulebook.formats import Entry, MappingNode, Node, ScalarNode, SequenceNode
from daemon.rulebook.pattern_check import PatternFlaw, check_pattern, fits_everything
from daemon.rulebook.schema_parts import Part, names
from daemon.rulebook.schema_when import (
    WIDER,
    AgeOperators,
    ChoiceOperators,
    DataOperators,
    FlagOperators,
    NumberOperators,
    StepType,
    TextOperators,
)
from daemon.rulebook.selection import Selection, SelectionError
from daemon.rulebook.typed import TypedReading

Kind = Literal["place", "text", "number", "age", "flag", "choice", "data"]

KINDS: dict[str, Kind] = {
    "account": "place", "integration": "place", "flow": "place", "step": "place", "step_type": "choice",
    "http_status": "number", "attempts": "number", "retryable": "flag", "age": "age",
}  # fmt: skip
"""What is not text."""

OPERATORS: dict[Kind, type[Part]] = {
    "place": TextOperators, "text": TextOperators, "number": NumberOperators, "age": AgeOperators,
    "flag": FlagOperators, "choice": ChoiceOperators, "data": DataOperators,
}  # fmt: skip
NATURE: dict[Kind, str] = {
    "place": "text", "text": "text", "number": "a number", "age": "a duration", "flag": "true or false",
    "choice": "export or import", "data": "any value",
}  # fmt: skip
TEXT_OPERATORS = frozenset({"contains", "contains_all", "starts_with", "ends_with", "glob", "regex"})
FOLDING = TEXT_OPERATORS | {"is", "in"}
COMPARISONS = frozenset({"gt", "gte", "lt", "lte"})


class MatcherReader:
    """Read the matchers of one rule; *groups* collects the named groups of patterns that must be found."""

    def __init__(self, reading: TypedReading) -> None:
        self.reading = reading
        self.groups: set[str] = set()

    def data(self, entry: Entry, *, negated: bool) -> Iterator[FieldCondition]:
        """Yield a condition for each JMESPath expression of ``data``."""
        if not isinstance(entry.value, MappingNode):
            hint = f"such as {self.reading.notation.line('data', {'type': 'invoice'})}"
            self.reading.wrong(entry, entry.value, "a map of JMESPath expressions", entry, hint=hint)
            return
        if not entry.value.entries:
            self.reading.note("E013", entry, '"data" has no conditions', inside=True)
        for expression, matcher in entry.value.entries.items():
            check_expression(self.reading, expression, matcher)
            checks, ignore_case = self.checks("data", matcher, negated=negated)
            place = self.reading.place(matcher)
            yield FieldCondition(
                field="data", checks=checks, ignore_case=ignore_case, expression=expression, place=place
            )

    def checks(
        self, field: FieldName | Literal["data"], entry: Entry, *, negated: bool
    ) -> tuple[tuple[Check, ...], bool]:
        """Return the checks on one field, and whether case is ignored."""
        kind = "data" if field == "data" else KINDS.get(field, "text")
        node = entry.value
        if isinstance(node, MappingNode):
            return self._operators(kind, field, node, entry, negated=negated)
        if kind == "age":
            hint = f"say from when or until when: {self.reading.notation.line(field, {'gte': '10m'})}"
            self.reading.note("E022", entry, f'"{field}" needs an operator: no age is met exactly', hint=hint)
            return (), False
        listed = isinstance(node, SequenceNode)
        if listed and kind == "flag":
            self.reading.wrong(entry, node, "true or false", entry)
            return (), False
        items = self.reading.items(entry) if isinstance(node, SequenceNode) else (node,)
        operands = tuple(self._operand("is", kind, item, entry) for item in items)
        if kind == "place":
            # Names like "Orders [PROD]" are common: here only * and ? are wild, and "[[]" is a glob's plain bracket.
            return (Check(operator="glob", operands=tuple(str(text).replace("[", "[[]") for text in operands)),), False
        operator: Operator = "in" if listed else "is"
        return (Check(operator=operator, operands=operands),), False

    def _operators(
        self, kind: Kind, field: str, node: MappingNode, holder: Entry, *, negated: bool
    ) -> tuple[tuple[Check, ...], bool]:
        allowed = names(OPERATORS[kind])
        checks: list[Check] = []
        for key, entry in node.entries.items():
            if key not in allowed:
                self._unfit(key, entry, kind, field, allowed)
            elif key != "ignore_case":
                operator: Operator = key  # type: ignore[assignment]
                checks.append(Check(operator=operator, operands=self._operands(operator, kind, entry)))
        ignore_case = self.reading.flag(node.entries.get("ignore_case")) if "ignore_case" in allowed else False
        if not node.entries:
            self.reading.note("E013", holder, f'"{holder.key}" has no operators', inside=True, allowed=allowed)
        elif ignore_case and not any(check.operator in FOLDING for check in checks):
            message = '"ignore_case" needs an operator on text beside it'
            self.reading.note("E022", node.entries["ignore_case"], message, allowed=sorted(FOLDING))
        if "regex" in node.entries:
            self._patterns(node.entries["regex"], holder, negated=negated)
        return tuple(checks), ignore_case

    def _unfit(self, key: str, entry: Entry, kind: Kind, field: str, allowed: tuple[str, ...]) -> None:
        if key in get_args(Operator) or key == "ignore_case":
            message = f'"{key}" does not fit "{field}", which is {NATURE[kind]}'
            self.reading.note("E022", entry, message, allowed=allowed, why=WIDER)
        else:
            self.reading.unknown(entry, allowed, code="E020", why=WIDER)

    def _operands(self, operator: Operator, kind: Kind, entry: Entry) -> tuple[Scalar, ...]:
        if operator == "exists":
            return (self.reading.flag(entry, default=True),)
        listed = isinstance(entry.value, SequenceNode)
        if operator in {"in", "contains_all"} or (listed and operator in TEXT_OPERATORS):
            return tuple(self._operand(operator, kind, item, entry) for item in self.reading.items(entry))
        if listed and operator == "is":
            self.reading.note("E011", entry, '"is" takes one value, not a list', hint='for any of several, write "in"')
            return ()
        return (self._operand(operator, kind, entry.value, entry),)

    def _operand(self, operator: Operator, kind: Kind, node: Node, holder: Entry) -> Scalar:
        reading = self.reading
        if kind == "choice":
            return reading.choice_of(node, holder, get_args(StepType))
        if kind == "flag":
            return reading.flag(holder)
        if kind == "age":
            return _seconds(reading.duration(holder))
        if kind == "number" or operator in COMPARISONS:
            return reading.number_of(node, holder)
        if kind == "data" and operator in {"is", "in"}:
            if isinstance(node, ScalarNode):
                return node.value
            reading.wrong(holder, node, "one value", holder)
            return None
        if operator == "is" and isinstance(node, ScalarNode) and node.value == "":
            hint = f"for a missing value, write {reading.notation.value({'exists': False})}"
            reading.note("E013", node, f'"{holder.key}" is empty, and no value is', hint=hint)
            return ""
        return reading.text_of(node, holder)

    def _patterns(self, entry: Entry, holder: Entry, *, negated: bool) -> None:
        nodes = entry.value.items if isinstance(entry.value, SequenceNode) else (entry.value,)
        for node in nodes:
            if not isinstance(node, ScalarNode) or not node.text.strip():
                continue
            flaw, groups = check_pattern(node.text)
            if flaw:
                offset, width = self._inside(node, flaw.offset, flaw.width)
                self.reading.note(
                    "E021", node, flaw.message, offset=offset, width=width, hint=self._instead(flaw, holder)
                )
            elif fits_everything(node.text):
                self.reading.note(
                    "W032",
                    node,
                    "the pattern fits every text",
                    hint="leave it out, or write what the text must hold",
                    why="the condition decides nothing: the rule takes more than it seems to say",
                )
            if not negated:
                self.groups |= groups

    def _instead(self, flaw: PatternFlaw, holder: Entry) -> str:
        """Say what to write instead of a pattern in the matcher of *holder*."""
        if flaw.instead is None:
            return flaw.hint
        notation = self.reading.notation
        told: dict[str, object] = {}
        if flaw.instead.words:
            told["contains_all"] = flaw.instead.words
        if flaw.instead.regex:
            told["regex"] = flaw.instead.regex
        here = ", ".join(notation.line(key, value) for key, value in told.items())
        ruled_out = {
            holder.key: {"regex": flaw.instead.unless[0] if len(flaw.instead.unless) == 1 else flaw.instead.unless}
        }
        beside = f'beside "{holder.key}": ' if here else "write "
        unless = [beside + notation.line("not", ruled_out)] if flaw.instead.unless else []
        return ", and ".join([f"write {here}" if here else "", *unless]).removeprefix(", and ")

    def _inside(self, node: ScalarNode, offset: int, width: int) -> tuple[int, int]:
        """Return where a part of a pattern stands from the node's column on; the whole node where that cannot be told."""
        source = self.reading.line(node.line)[node.column - 1 :]
        quotes = len(source) - len(source.lstrip("\"'"))
        if source.startswith(node.text, quotes):
            return quotes + offset, width
        return 0, node.width


def check_expression(reading: TypedReading, expression: str, spot: Entry | Node) -> None:
    """Note it where *expression* is no JMESPath."""
    try:
        Selection(expression)
    except SelectionError as refusal:
        reason = str(refusal).split("\n", 1)[0].removeprefix("Invalid jmespath expression: ").rstrip(":.")
        hint = "a name with other characters than letters, digits and _ needs quotes: '\"ship-to\".state'"
        if "token" not in reason:
            hint = "a bracket or a name is missing at its end" if "ncomplete" in reason else ""
        said = reason[:1].lower() + reason[1:]
        reading.note("E025", spot, f"not a JMESPath expression: {said}", hint=hint)
    except RecursionError:
        reading.note("E025", spot, "this JMESPath expression is nested too deeply")


def _seconds(duration: timedelta) -> int | float:
    seconds = duration.total_seconds()
    return int(seconds) if seconds.is_integer() else seconds
