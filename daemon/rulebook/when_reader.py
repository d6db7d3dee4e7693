"""Read ``when`` and ``scope``: maps of fields, nested by all, any and not, into conditions."""

from collections.abc import Iterator

from daemon.rulebook.ast import AllOf, AnyOf, Condition, FieldCondition, FieldName, NotOf
from daemon.rulebook.formats import Entry, MappingNode, Node
from daemon.rulebook.matcher_reader import MatcherReader
from daemon.rulebook.schema_parts import names
from daemon.rulebook.schema_selects import WHERE_NOT_WHICH
from daemon.rulebook.schema_when import ScopePart, WhenPart
from daemon.rulebook.typed import TypedReading

NESTING_LIMIT = 16

ALONE = "ignored, the rule would match every error of its step: it has no other condition"


class WhenReader:
    """Read the conditions of one rule. *groups* are the named groups that a match gives to the rule's patch."""

    def __init__(self, reading: TypedReading) -> None:
        self.reading = reading
        self.matchers = MatcherReader(reading)

    @property
    def groups(self) -> frozenset[str]:
        """Return the named groups of the patterns that must be found."""
        return frozenset(self.matchers.groups)

    def when(self, entry: Entry) -> Condition:
        """Return the rule's conditions; a ``when`` that would take every error of its step is refused."""
        errors = self.reading.error_count
        condition = self.map_of(entry.value, entry, depth=0, negated=False)
        if self.reading.error_count == errors and not selects(condition, negated=False):
            hint = "add a condition on the error itself: code, message, source …"
            if has_any(condition):
                hint = 'every branch of "any" needs a condition on the error itself: code, message, source …'
            elif isinstance(condition, NotOf):
                hint = 'add what the errors have in common; "not" alone takes all the others'
            self.reading.note(
                "E023",
                entry,
                '"when" says where, but not which errors',
                hint=hint,
                why="it would match everything there, also errors that nobody has thought of yet",
            )
        return condition

    def scope(self, entry: Entry) -> tuple[FieldCondition, ...]:
        """Return the conditions that hold for every rule of the file."""
        keys = self.reading.keys(entry.value, ScopePart, holder=entry)
        if not keys and isinstance(entry.value, MappingNode) and not entry.value.entries:
            self.reading.note("E013", entry, '"scope" is empty', hint="fill it, or leave the key out")
        return tuple(condition for key, field in keys.items() for condition in self.field(key, field))

    def map_of(self, node: Node, holder: Entry, *, depth: int, negated: bool) -> Condition:
        """Return what a map of conditions says: all of its lines must hold."""
        if not isinstance(node, MappingNode):
            self.reading.wrong(holder, node, "a map of conditions", holder)
            return AllOf(parts=())
        if not node.entries:
            hint = f"say which errors, such as {self.reading.notation.line('code', 'DUP_RCRD')}"
            self.reading.note("E013", holder, f'"{holder.key}" has no conditions', inside=True, hint=hint)
        allowed = names(WhenPart)
        known = sum(key in allowed for key in node.entries)
        parts: list[Condition] = []
        for key, entry in node.entries.items():
            if key in {"all", "any", "not"}:
                parts.append(self.nested(key, entry, depth=depth + 1, negated=negated))
            elif key in allowed:
                parts.extend(self.field(key, entry, negated=negated))
            else:
                self.reading.unknown(entry, allowed, why=WhenPart.if_ignored if known else ALONE)
        return parts[0] if len(parts) == 1 else AllOf(parts=tuple(parts))

    def nested(self, key: str, entry: Entry, *, depth: int, negated: bool) -> Condition:
        """Return what ``all``, ``any`` or ``not`` says."""
        if depth > NESTING_LIMIT:
            message = f'"{key}" is nested more than {NESTING_LIMIT} levels deep'
            self.reading.note("E024", entry, message, hint="make two rules of it")
            return AllOf(parts=())
        if key == "not":
            return NotOf(part=self.map_of(entry.value, entry, depth=depth, negated=not negated))
        if isinstance(entry.value, MappingNode):
            branches = [{"code": "A"}, {"code": "B"}]
            hint = f"a list has one map for every branch: {self.reading.notation.line(key, branches)}"
            self.reading.wrong(entry, entry.value, "a list of maps", entry, hint=hint)
            return AllOf(parts=())
        items = self.reading.items(entry, "maps")
        parts = tuple(self.map_of(item, entry, depth=depth, negated=negated) for item in items)
        return AllOf(parts=parts) if key == "all" else AnyOf(parts=parts)

    def field(self, key: str, entry: Entry, *, negated: bool = False) -> Iterator[FieldCondition]:
        """Yield the condition on one field; on ``data`` one for each expression."""
        if key == "data":
            yield from self.matchers.data(entry, negated=negated)
            return
        name: FieldName = key  # type: ignore[assignment]
        checks, ignore_case = self.matchers.checks(name, entry, negated=negated)
        place = self.reading.place(entry)
        yield FieldCondition(field=name, checks=checks, ignore_case=ignore_case, place=place)


def selects(condition: Condition, *, negated: bool) -> bool:
    """Tell whether *condition* (or its opposite) asks for something of the error itself, in every branch."""
    if isinstance(condition, FieldCondition):
        return condition.field not in WHERE_NOT_WHICH
    if isinstance(condition, NotOf):
        return selects(condition.part, negated=not negated)
    # "not all" is "any not", and "not any" is "all not".
    every_branch = isinstance(condition, AnyOf) != negated
    return (all if every_branch else any)(selects(part, negated=negated) for part in condition.parts)


def has_any(condition: Condition) -> bool:
    """Tell whether ``any`` stands somewhere in *condition*."""
    if isinstance(condition, NotOf):
        return has_any(condition.part)
    return not isinstance(condition, FieldCondition) and (
        isinstance(condition, AnyOf) or any(has_any(part) for part in condition.parts)
    )


def asks_for_assigned(condition: Condition) -> bool:
    """Tell whether *condition* mentions ``assigned_to``."""
    if isinstance(condition, FieldCondition):
        return condition.field == "assigned_to"
    parts = (condition.part,) if isinstance(condition, NotOf) else condition.parts
    return any(asks_for_assigned(part) for part in parts)
