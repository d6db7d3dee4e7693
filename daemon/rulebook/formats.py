"""One document tree for YAML and TOML, in which every key and every value knows where it stands.

The formats end here: whoever reads the tree cannot tell which of the two it came from.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

SIZE_LIMIT_BYTES = 1024 * 1024
DEPTH_LIMIT = 64
NUMBER_LIMIT = 40
"""Characters of a number; a longer one is a mistake, or text that wants quotes."""


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """One text, number, boolean or null; *text* is the value as written, without quotes.

    *width* counts the characters of the first line of it in the file, quotes included.
    """

    value: str | int | float | bool | None
    text: str
    line: int
    column: int
    width: int


@dataclass(frozen=True, slots=True)
class SequenceNode:
    """A list, in order."""

    items: tuple["Node", ...]
    line: int
    column: int
    width: int = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a map with its value; the place is the key's."""

    key: str
    value: "Node"
    line: int
    column: int
    width: int


@dataclass(frozen=True, slots=True)
class MappingNode:
    """A map, in the order of the file, each key once."""

    entries: dict[str, Entry]
    line: int
    column: int
    width: int = 1


Node = ScalarNode | SequenceNode | MappingNode
Spot = Node | Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """One thing wrong with the text of a file: a problem before it is known which rule it belongs to.

    *others* are (line, column) of further places.
    """

    code: str
    message: str
    line: int
    column: int
    width: int = 1
    hint: str = ""
    why: str = ""
    others: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a file's text holds; *root* is None where the flaws leave nothing to read."""

    root: Node | None
    flaws: tuple[Flaw, ...] = ()


def written_twice(first: Entry, again: Entry) -> Flaw:
    """Return the flaw of a key that stands twice in one map."""
    return Flaw(
        code="E003",
        message=f'key "{first.key}" written twice',
        line=first.line,
        column=first.column,
        width=first.width,
        others=((again.line, again.column),),
        why="only one of the two could count: remove the other, or merge them under one key",
    )


def too_deep(line: int, column: int) -> Flaw:
    """Return the flaw of a document nested beyond the limit."""
    return Flaw(code="E006", message=f"nested more than {DEPTH_LIMIT} levels deep", line=line, column=column)


def not_a_number(text: str, line: int, column: int) -> Flaw:
    """Return the flaw of an infinite, undefined or overlong number."""
    if len(text) > NUMBER_LIMIT:
        message, hint = f"a number of {len(text)} characters", "if it is text, put it in quotes"
    else:
        message, hint = f"{text} is not a number that can be used", "write the number out, or put it in quotes"
    return Flaw(code="E007", message=message, line=line, column=column, width=len(text), hint=hint)


def mapping(entries: Iterable[Entry], line: int, column: int, flaws: list[Flaw]) -> MappingNode:
    """Build a map; of a key written twice the first stays, and the flaw is noted."""
    kept: dict[str, Entry] = {}
    for entry in entries:
        first = kept.setdefault(entry.key, entry)
        if first is not entry:
            flaws.append(written_twice(first, entry))
    return MappingNode(kept, line, column)


def plain(node: Node) -> object:
    """Return *node* as JSON has it; numbers that are not whole are Decimals, to the last digit as written."""
    if isinstance(node, MappingNode):
        return {key: plain(entry.value) for key, entry in node.entries.items()}
    if isinstance(node, SequenceNode):
        return [plain(item) for item in node.items]
    if isinstance(node.value, float):
        return Decimal(node.text.replace("_", ""))
    return node.value
