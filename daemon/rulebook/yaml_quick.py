"""The plain part of YAML that rule files are written in, read an order of magnitude quicker than ruamel can.

It takes a whole text or declines it. Whatever is unusual (values over several lines, anchors, odd characters, and every
mistake) is declined, and ruamel reads the text instead: it alone decides what YAML is. A property test holds that
what is taken here comes out node for node as ruamel has it.
"""

from collections.abc import Iterator

from daemon.rulebook.formats import Document, Entry, Flaw, MappingNode, Node, ScalarNode, SequenceNode, mapping
from daemon.rulebook.yaml_scalars import plain_scalar

DEPTH_TAKEN = 24
KEY_TAKEN = 200
"""Characters of a key; ruamel has a limit of its own, far beyond."""

ESCAPES = {"\\": "\\", '"': '"', "/": "/", "n": "\n", "t": "\t"}
FIRST_NEVER = frozenset("?:,[]{}#&*!|>'\"%@`=<")
FLOW_END = frozenset(",]}")
FLOW_NEVER = frozenset("[{?")

Line = tuple[int, int, str]
"""Number from 1, indentation, content without it and without trailing spaces."""


class _Declined(Exception):  # noqa: N818 - not an error: ruamel's turn
    """Hand the text to ruamel."""


def read(text: str) -> Document | None:
    """Return the tree of *text*, or None where ruamel must read it."""
    if not text.replace("\n", "").isprintable():
        return None
    lines = list(_lines(text))
    if not lines or lines[0][1] != 0:
        return None
    reader = _QuickReader(lines)
    try:
        root = reader.block(0, 0)
        if reader.at < len(lines):
            return None
    except (_Declined, IndexError):
        return None
    return Document(root=root, flaws=tuple(reader.flaws))


def _lines(text: str) -> Iterator[Line]:
    for number, line in enumerate(text.split("\n"), start=1):
        content = line.lstrip(" ")
        if content and content[0] != "#":
            yield number, len(line) - len(content), content.rstrip(" ")


class _QuickReader:
    """Read lines by their indentation; ``at`` is the line that comes next."""

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines
        self.at = 0
        self.flaws: list[Flaw] = []

    def block(self, indent: int, depth: int) -> Node:
        """Read the map or list whose lines begin in column *indent*."""
        if depth > DEPTH_TAKEN:
            raise _Declined
        number, _, content = self.lines[self.at]
        if content[0] == "-" and (len(content) == 1 or content[1] == " "):
            return SequenceNode(tuple(self.items(indent, depth)), number, indent + 1)
        return mapping(self.entries(indent, depth), number, indent + 1, self.flaws)

    def items(self, indent: int, depth: int) -> Iterator[Node]:
        lines = self.lines
        while self.at < len(lines):
            number, here, content = lines[self.at]
            if here != indent or content[0] != "-" or (len(content) > 1 and content[1] != " "):
                break
            rest = content[1:].lstrip(" ")
            if not rest:
                self.at += 1
                yield self.block(self._deeper(indent), depth + 1)
                continue
            start = indent + len(content) - len(rest)
            if rest[0] == "-" or _key_end(rest):
                lines[self.at] = (number, start, rest)
                yield self.block(start, depth + 1)
            else:
                self.at += 1
                yield self.leaf(rest, number, start + 1)
        self._no_continuation(indent)

    def entries(self, indent: int, depth: int) -> Iterator[Entry]:
        lines = self.lines
        while self.at < len(lines):
            number, here, content = lines[self.at]
            if here != indent:
                break
            end = _key_end(content)
            if not end:
                raise _Declined
            self.at += 1
            key = content[:end]
            if key[0] in "\"'":
                key = _quoted(content, 0)[0]
            rest = content[end + 1 :].lstrip(" ")
            value: Node
            if rest and rest[0] != "#":
                value = self.leaf(rest, number, indent + len(content) - len(rest) + 1)
                self._no_continuation(indent)
            elif self.at < len(lines) and lines[self.at][1] > indent:
                value = self.block(lines[self.at][1], depth + 1)
            elif self.at < len(lines) and lines[self.at][1] == indent and lines[self.at][2].startswith("- "):
                value = self.block(indent, depth + 1)
            else:
                value = ScalarNode(None, "", number, indent + end + 2, 1)
            yield Entry(key, value, number, indent + 1, end)
        self._no_continuation(indent)

    def leaf(self, text: str, number: int, column: int) -> Node:
        """Read a value that must end with its line; *text* goes on to the line's end."""
        if text[0] in "[{":
            node, end = self.flow(text, 0, number, column, 0)
        elif text[0] in "\"'":
            value, end = _quoted(text, 0)
            node = ScalarNode(value, value, number, column, end)
        else:
            shown = text.split(" #", 1)[0].rstrip(" ")
            _check_plain(shown)
            return plain_scalar(shown, number, column, self.flaws)
        tail = text[end:]
        if tail and not (tail[0] == " " and tail.lstrip(" ")[0] == "#"):
            raise _Declined
        return node

    def flow(self, text: str, at: int, number: int, column: int, depth: int) -> tuple[Node, int]:
        """Read the value at *at* inside brackets; return it and where it ends. *column* is that of ``text[0]``."""
        first = text[at]
        if first in "\"'":
            value, end = _quoted(text, at)
            return ScalarNode(value, value, number, column + at, end - at), end
        if first not in "[{":
            end = at
            while text[end] not in FLOW_END:
                if text[end] in FLOW_NEVER:
                    raise _Declined
                end += 1
            shown = text[at:end].rstrip(" ")
            if " #" in shown:
                raise _Declined
            _check_plain(shown)
            return plain_scalar(shown, number, column + at, self.flaws), end
        if depth > DEPTH_TAKEN:
            raise _Declined
        return (self._flow_list if first == "[" else self._flow_map)(text, at, number, column, depth)

    def _flow_list(self, text: str, at: int, number: int, column: int, depth: int) -> tuple[Node, int]:
        items: list[Node] = []
        end = _skip(text, at + 1)
        while text[end] != "]" or items:
            item, end = self.flow(text, end, number, column, depth + 1)
            items.append(item)
            end = _skip(text, end)
            if text[end] == "]":
                break
            end = _after_comma(text, end)
        return SequenceNode(tuple(items), number, column + at), end + 1

    def _flow_map(self, text: str, at: int, number: int, column: int, depth: int) -> tuple[MappingNode, int]:
        entries: list[Entry] = []
        end = _skip(text, at + 1)
        while text[end] != "}" or entries:
            start = end
            end = start + _key_end(text[start:])
            if end == start or text[end + 1] != " ":
                raise _Declined
            key = _quoted(text, start)[0] if text[start] in "\"'" else text[start:end]
            value, after = self.flow(text, _skip(text, end + 1), number, column, depth + 1)
            entries.append(Entry(key, value, number, column + start, end - start))
            end = _skip(text, after)
            if text[end] == "}":
                break
            end = _after_comma(text, end)
        return mapping(entries, number, column + at, self.flaws), end + 1

    def _deeper(self, indent: int) -> int:
        found = self.lines[self.at][1]
        if found <= indent:
            raise _Declined
        return found

    def _no_continuation(self, indent: int) -> None:
        """Decline where the next line is indented further: a value over several lines, or a mistake."""
        if self.at < len(self.lines) and self.lines[self.at][1] > indent:
            raise _Declined


def _key_end(content: str) -> int:
    """Return where the key that *content* begins with ends (at its colon), or 0 where it begins with none."""
    if content[0] in "\"'":
        end = _quoted(content, 0)[1]
        return end if content[end : end + 2] in {":", ": "} and end <= KEY_TAKEN else 0
    end = content.find(": ")
    if end < 0 and content[-1] == ":":
        end = len(content) - 1
    if end <= 0:
        return 0
    key = content[:end]
    if key.isidentifier():
        return end if end <= KEY_TAKEN else 0
    letters = key.replace("_", "a").replace("-", "a").replace(" ", "a").replace(".", "a")
    if not (letters.isalnum() and key[0].isalnum() and key[-1] != " " and end <= KEY_TAKEN):
        return 0
    return end


def _quoted(text: str, at: int) -> tuple[str, int]:
    """Return the quoted text that begins at *at*, and where it ends."""
    quote = text[at]
    end = text.find(quote, at + 1)
    if quote == "'":
        while text[end + 1 : end + 2] == "'":
            end = text.find("'", end + 2)
            if end < 0:
                raise _Declined
    elif "\\" in text[at + 1 : end]:
        return _escaped(text, at)
    if end < 0:
        raise _Declined
    value = text[at + 1 : end]
    return (value.replace("''", "'") if quote == "'" else value), end + 1


def _escaped(text: str, at: int) -> tuple[str, int]:
    parts: list[str] = []
    at += 1
    while text[at] != '"':
        if text[at] == "\\":
            if text[at + 1] not in ESCAPES:
                raise _Declined
            parts.append(ESCAPES[text[at + 1]])
            at += 2
        else:
            parts.append(text[at])
            at += 1
    return "".join(parts), at + 1


def _check_plain(text: str) -> None:
    if not text or text[0] in FIRST_NEVER or ": " in text or text[-1] == ":":
        raise _Declined
    if text[0] == "-" and not text[1:2].isalnum():
        raise _Declined


def _skip(text: str, at: int) -> int:
    while text[at] == " ":
        at += 1
    return at


def _after_comma(text: str, at: int) -> int:
    if text[at] != ",":
        raise _Declined
    return _skip(text, at + 1)
