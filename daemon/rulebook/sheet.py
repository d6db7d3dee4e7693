"""A rule file with its comments: what formatting moves about, the same for YAML and TOML.

Comments and empty lines hang on the key or list item that they are about, so that they go where it goes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import takewhile

from daemon.rulebook.formats import MappingNode, Node, ScalarNode, SequenceNode

ASIDE = 100
"""Comments behind lines that are longer are not brought into line with their neighbours."""

Line = tuple[str, str]
"""Text of a line, and the comment behind it."""


class NotCarriedError(ValueError):
    """The format written has no such value as stands in *node*; the text says what it lacks."""

    def __init__(self, text: str, node: ScalarNode) -> None:
        super().__init__(text)
        self.node = node


@dataclass(slots=True, kw_only=True, eq=False)
class Member:
    """One key with its value, or one item of a list (*key* is "").

    *above* are the comment lines before it, with their ``#``; "" among them is an empty line. *beside* is the comment
    behind it in the same line.
    """

    key: str = ""
    value: "ScalarNode | Group"
    above: list[str] = field(default_factory=list)
    beside: str = ""


@dataclass(slots=True, kw_only=True, eq=False)
class Group:
    """A map or a list. *tail* are the comment lines behind its last member."""

    is_map: bool
    members: list[Member]
    tail: list[str] = field(default_factory=list)

    def remarked(self) -> bool:
        """Tell whether there is a comment inside, so that it cannot stand on one line; empty lines do not count."""
        return any(self.tail) or any(
            any(one.above) or one.beside or (isinstance(one.value, Group) and one.value.remarked())
            for one in self.members
        )

    def remarks(self) -> Iterator[str]:
        """Yield every comment inside."""
        for one in self.members:
            yield from filter(None, one.above)
            if one.beside:
                yield one.beside
            if isinstance(one.value, Group):
                yield from one.value.remarks()
        yield from filter(None, self.tail)


def sheet_of(value: object) -> ScalarNode | Group:
    """Return a JSON value, whose numbers that are not whole are Decimals, as something to be written."""
    if isinstance(value, Mapping):
        return Group(is_map=True, members=[Member(key=str(key), value=sheet_of(part)) for key, part in value.items()])
    if isinstance(value, list | tuple):
        return Group(is_map=False, members=[Member(value=sheet_of(part)) for part in value])
    if isinstance(value, Decimal):
        written = format(value, "f")
        return ScalarNode(float(value), written if "." in written else f"{written}.0", 0, 0, 0)
    if value is None or isinstance(value, str | int | bool):
        return ScalarNode(value, "" if value is None else str(value), 0, 0, 0)
    raise TypeError(f"not a JSON value: {value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where a member stands in the text: offsets from 0, *end* behind its value where that ends on a line of its own.

    *column* is that of the dash of a list's item. *parents* are the groups around it, the outermost first, and *flow*
    the innermost bracket around it.
    """

    member: Member
    start: int
    key_end: int
    end: int
    column: int
    parents: tuple[Group, ...]
    flow: tuple[int, int, Group] | None


class SheetBuilder:
    """Turn a document tree into groups and members; *spots* are all members in the order of the text."""

    def __init__(self, text: str, ends: dict[int, int]) -> None:
        self.text = text
        self.ends = ends
        self.spots: list[Spot] = []
        self._starts = [0, *(at + 1 for at, char in enumerate(text) if char == "\n")]

    def build(self, root: MappingNode) -> Group:
        """Return the whole file; call it once."""
        whole = self._group(root, (), None)
        self.spots.sort(key=lambda spot: spot.start)  # TOML may go on with a table further down
        return whole

    def offset(self, line: int, column: int) -> int:
        """Return where a place is, counted from the text's beginning."""
        return self._starts[line - 1] + column - 1

    def _group(self, node: MappingNode | SequenceNode, parents: tuple[Group, ...], flow: "Flow") -> Group:
        group = Group(is_map=isinstance(node, MappingNode), members=[])
        start = self.offset(node.line, node.column)
        if self.text[start : start + 1] in {"[", "{"} and start in self.ends:
            flow = (start, self.ends[start], group)
        inside = (*parents, group)
        if isinstance(node, MappingNode):
            for entry in node.entries.values():
                at = self.offset(entry.line, entry.column)
                self._member(group, entry.key, entry.value, at, at + entry.width, entry.column, inside, flow)
        else:
            for item in node.items:
                at = self.offset(item.line, item.column)
                self._member(group, "", item, at, at, node.column if flow is None else item.column, inside, flow)
        return group

    def _member(  # noqa: PLR0913, PLR0917 - one place of the text, in all its parts
        self,
        group: Group,
        key: str,
        node: Node,
        start: int,
        key_end: int,
        column: int,
        parents: tuple[Group, ...],
        flow: "Flow",
    ) -> None:
        at = self.offset(node.line, node.column)
        single = isinstance(node, ScalarNode) or self.text[at : at + 1] in {"[", "{"}
        member = Member(key=key, value=ScalarNode(None, "", 0, 0, 0))
        group.members.append(member)
        self.spots.append(
            Spot(
                member=member,
                start=start,
                key_end=key_end,
                end=self.ends.get(at, key_end) if single else key_end,
                column=column,
                parents=parents,
                flow=flow,
            )
        )
        member.value = node if isinstance(node, ScalarNode) else self._group(node, parents, flow)


Flow = tuple[int, int, Group] | None


def aligned(lines: Sequence[Line]) -> Iterator[str]:
    """Yield the lines with the comments behind them, those of neighbours in one column."""
    column = 0
    for number, (text, comment) in enumerate(lines):
        if not comment:
            column = 0
            yield text
            continue
        if not column:
            neighbours = takewhile(lambda line: line[1], lines[number:])
            column = max(len(other) for other, _ in neighbours)
        yield f"{text.ljust(column if column <= ASIDE else 0)}  {comment}"
