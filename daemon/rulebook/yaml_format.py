"""YAML → document tree, strictly: what people meet by accident in YAML is refused or stays text.

Only ruamel's events are used; nothing is constructed, so no tag or alias can do anything.
"""

from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)
from ruamel.yaml.reader import ReaderError

from daemon.rulebook import yaml_quick
from daemon.rulebook.formats import (
    DEPTH_LIMIT,
    Document,
    Entry,
    Flaw,
    Node,
    ScalarNode,
    SequenceNode,
    mapping,
    too_deep,
)
from daemon.rulebook.yaml_scalars import plain_scalar

Event = Any
"""One of ruamel's events; which attributes it has depends on its class in ways that its types do not say."""

WHY_PLAIN = "rule files say everything in its place, so that whoever reads a rule sees all of it"
WHY_SYNTAX = "nothing of this file can be read before that is put right"

SYNTAX: tuple[tuple[str, str, str], ...] = (
    ("mapping values are not allowed", 'a ":" that does not belong here', 'put a text with ": " in it in quotes'),
    ("expected '<document start>'", "something follows that belongs to nothing above it", "every line is: key: value"),
    ("could not find expected ':'", 'a key without ":"', 'every line of a map is "key: value"'),
    (
        "expected <block end>",
        "the indentation does not fit the lines above",
        "begin it in the same column as its peers",
    ),
    (
        "did not find expected",
        "the indentation does not fit the lines above",
        "begin it in the same column as its peers",
    ),
    ("found unknown escape", "a backslash in double quotes", "put patterns in single quotes: '\\d+'"),
    ("found unexpected end of stream", "the quote that opens here is never closed", "close it"),
    (
        "expected ',' or ']'",
        'the "[" that opens here is never closed',
        'close it with "]", or a comma is missing in it',
    ),
    (
        "expected ',' or '}'",
        'the "{" that opens here is never closed',
        'close it with "}", or a comma is missing in it',
    ),
    ("that cannot start any token", "a text cannot begin with this character", "put the text in quotes"),
)
"""What ruamel says, what it means, and what to do."""

AT_THE_OPENING = ("found unexpected end of stream", "expected ',' or")


class _RefusedError(Exception):
    """Carry the flaw after which the rest of the text cannot be read."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.message)
        self.flaw = flaw


def read_yaml(text: str) -> Document:
    """Return the tree of *text*, whose lines end in line feeds only; everything wrong with it is in the flaws."""
    return yaml_quick.read(text) or read_with_ruamel(text)


def read_with_ruamel(text: str) -> Document:
    """Return the tree of any YAML; slower by an order of magnitude than the quick way, which must agree with it."""
    flaws: list[Flaw] = []
    try:
        root = _Builder(iter(YAML(typ="safe", pure=True).parse(text)), flaws).document()
    except _RefusedError as refused:
        return Document(root=None, flaws=(*flaws, refused.flaw))
    except MarkedYAMLError as error:
        return Document(root=None, flaws=(*flaws, _syntax(error, text)))
    except ReaderError as error:
        return Document(root=None, flaws=(_unprintable(text, error.position),))
    return Document(root=root, flaws=tuple(flaws))


class _Builder:
    """Turn the events of one text into nodes; recursion is bounded by the depth limit."""

    def __init__(self, events: Iterator[Event], flaws: list[Flaw]) -> None:
        self.events = events
        self.flaws = flaws

    def document(self) -> Node | None:
        root: Node | None = None
        for event in self.events:
            if isinstance(event, DocumentStartEvent):
                if root is not None:
                    raise _RefusedError(_flaw(event, "a second document (---)", "make it a file of its own"))
                if event.version or event.tags:
                    raise _RefusedError(_flaw(event, "a YAML directive (%YAML or %TAG)", "leave it out"))
                root = self.node(next(self.events), 0)
            elif isinstance(event, StreamEndEvent | StreamStartEvent):
                continue
        return root

    def node(self, event: Event, depth: int) -> Node:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if depth > DEPTH_LIMIT:
            raise _RefusedError(too_deep(line, column))
        if isinstance(event, AliasEvent):
            self.flaws.append(_flaw(event, f'the alias "*{event.anchor}"', "write the value itself here"))
            return ScalarNode(None, "", line, column, 1)
        self.plain_only(event)
        if isinstance(event, MappingStartEvent):
            return mapping(self.entries(depth), line, column, self.flaws)
        if isinstance(event, SequenceStartEvent):
            return SequenceNode(tuple(self.items(depth)), line, column)
        if event.style is None:
            return plain_scalar(event.value, line, column, self.flaws, width=_width(event))
        return ScalarNode(event.value, event.value, line, column, _width(event))

    def plain_only(self, event: Event) -> None:
        """Note an anchor or a tag; refuse half characters, which no message has and nothing can be compared with."""
        if isinstance(event, ScalarEvent) and any("\ud800" <= char <= "\udfff" for char in event.value):
            raise _RefusedError(_half_character(event))
        if event.anchor is not None:
            self.flaws.append(_flaw(event, f'the anchor "&{event.anchor}"', "leave it out"))
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self.flaws.append(_flaw(event, f'the tag "{tag}"', 'leave it out; text goes in quotes: "5"'))

    def items(self, depth: int) -> Iterator[Node]:
        for event in self.events:
            if isinstance(event, SequenceEndEvent):
                return
            yield self.node(event, depth + 1)

    def entries(self, depth: int) -> Iterator[Entry]:
        for event in self.events:
            if isinstance(event, MappingEndEvent):
                return
            if not isinstance(event, ScalarEvent):
                raise _RefusedError(
                    _flaw(event, "a key that is not plain text", "keys are single words or quoted text")
                )
            self.plain_only(event)
            if event.value == "<<" and event.style is None:
                self.flaws.append(_flaw(event, 'the merge key "<<"', "write the keys themselves here"))
            line, column = event.start_mark.line + 1, event.start_mark.column + 1
            held = next(self.events)
            if isinstance(held, ScalarEvent) and held.start_mark.index == held.end_mark.index:
                # Nothing: ruamel has it wherever the next thing begins, people behind the colon.
                value: Node = ScalarNode(None, "", line, event.end_mark.column + 2, 1)
            else:
                value = self.node(held, depth + 1)
            yield Entry(event.value, value, line, column, _width(event))


def _width(event: Event) -> int:
    """Return how many characters of one line *event* covers; 1 where it goes on over the line's end."""
    start, end = event.start_mark, event.end_mark
    return max(1, end.column - start.column) if end.line == start.line else 1


def _flaw(event: Event, what: str, hint: str) -> Flaw:
    return Flaw(
        code="E005",
        message=f"{what} is not available",
        line=event.start_mark.line + 1,
        column=event.start_mark.column + 1,
        width=_width(event),
        hint=hint,
        why=WHY_PLAIN,
    )


def _half_character(event: Event) -> Flaw:
    return Flaw(
        code="E004",
        message="half a character: a \\u escape from D800 to DFFF stands for none by itself",
        line=event.start_mark.line + 1,
        column=event.start_mark.column + 1,
        width=_width(event),
        hint='write the character itself, or all of it: "\\U0001F600"',
        why=WHY_SYNTAX,
    )


def _syntax(error: MarkedYAMLError, text: str) -> Flaw:
    said = str(error.problem or error.context or "")
    message, hint = next(((m, h) for part, m, h in SYNTAX if part in said), (said, ""))
    mark = error.problem_mark or error.context_mark
    if error.context_mark is not None and any(part in said for part in AT_THE_OPENING):
        mark = error.context_mark
    line, column = mark.line + 1, mark.column + 1
    source = "".join(text.split("\n")[mark.line : mark.line + 1])  # YAML knows more line ends than rule files have
    indentation = source[: len(source) - len(source.lstrip())]
    if "\t" in indentation:
        message, hint = "a tab in the indentation", "indent with spaces: nobody sees how wide a tab is"
        column = indentation.index("\t") + 1
    return Flaw(
        code="E004",
        message=f"this is not YAML: {message}",
        line=line,
        column=column,
        hint=hint,
        why=WHY_SYNTAX,
    )


def _unprintable(text: str, position: int) -> Flaw:
    return Flaw(
        code="E004",
        message=f"an invisible control character (U+{ord(text[position]):04X})",
        line=text.count("\n", 0, position) + 1,
        column=position - text.rfind("\n", 0, position),
        hint="remove it",
        why=WHY_SYNTAX,
    )
