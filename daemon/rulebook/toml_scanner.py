"""Walk through TOML text and note where every key and value stands.

It builds the tree of any valid TOML. Of invalid TOML it builds what it can (keys written twice are noted and passed
over) or gets lost; that is no judgement, since tomllib reads the same text.
"""

import tomllib
from bisect import bisect_right
from collections.abc import Sequence
from math import isfinite

from daemon.rulebook.formats import (
    DEPTH_LIMIT,
    NUMBER_LIMIT,
    Entry,
    Flaw,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    not_a_number,
    too_deep,
    written_twice,
)

BARE_KEY = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
VALUE_END = frozenset(",]}#\n")
WHY_SYNTAX = "nothing of this file can be read before that is put right"
NOT_FINITE = frozenset({"inf", "nan"})

Key = tuple[str, int, int]
"""Its text, its offset in the file, and its width there."""


class LostError(Exception):
    """Carry the flaw for which scanning stopped, or None where the text is simply no TOML."""

    def __init__(self, flaw: Flaw | None = None) -> None:
        super().__init__("lost")
        self.flaw = flaw


def _not_a_value(text: str, line: int, column: int) -> Flaw:
    """Return the flaw of a bare word that is no value: text without quotes, mostly."""
    hint = f'text goes in quotes: "{text}"'
    if text.lower() in {"true", "false", "yes", "no"}:
        hint = "truths are true and false, in small letters"
    elif text.isdecimal():
        hint = f"a number has no leading zeros: {text.lstrip('0') or '0'}"
    message = f"this is not TOML: {text} is neither a number nor text in quotes"
    return Flaw(code="E004", message=message, line=line, column=column, width=len(text), hint=hint, why=WHY_SYNTAX)


def _never_closed(line: int, column: int) -> Flaw:
    message = "this is not TOML: the three quotes that open here are never closed"
    hint = "close the text with three quotes, too"
    return Flaw(code="E004", message=message, line=line, column=column, width=3, hint=hint, why=WHY_SYNTAX)


class _Table:
    """A table under construction. *declared*: by a header or by braces, so that no header may declare it again."""

    __slots__ = ("declared", "members", "offset")

    def __init__(self, offset: int, *, declared: bool) -> None:
        self.offset = offset
        self.declared = declared
        self.members: dict[str, tuple[Key, _Table | _Tables | Node]] = {}


class _Tables:
    """The tables of one ``[[name]]``."""

    __slots__ = ("offset", "tables")

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.tables: list[_Table] = []


class TomlScanner:
    """Scan one text once; ``at`` is the offset of the character that comes next."""

    def __init__(self, text: str) -> None:
        self.text = text + "\n"
        self.at = 0
        self.flaws: list[Flaw] = []
        self._starts = [0, *(offset + 1 for offset, char in enumerate(self.text) if char == "\n")]

    def document(self) -> Node:
        """Return the tree.

        Raises:
            LostError: the text cannot be followed to its end.
        """
        root = current = _Table(0, declared=True)
        try:
            while self._next_statement():
                if self.text[self.at] == "[":
                    current = self._header(root)
                else:
                    self._pair(current, 0)
        except (IndexError, ValueError):
            raise LostError from None
        return self._frozen(root)

    def _next_statement(self) -> bool:
        self._skip(" \t\n")
        while self.at < len(self.text) and self.text[self.at] == "#":
            self.at = self.text.index("\n", self.at)
            self._skip(" \t\n")
        return self.at < len(self.text)

    def _header(self, root: _Table) -> _Table:
        double = self.text.startswith("[[", self.at)
        self.at += 2 if double else 1
        keys = self._keys()
        self._take("]]" if double else "]")
        table = self._descend(root, keys[:-1])
        key = keys[-1]
        held = table.members.get(key[0])
        if double:
            new = _Table(key[1], declared=True)
            if held is None:
                held = table.members[key[0]] = (key, _Tables(key[1]))
            if isinstance(held[1], _Tables):
                held[1].tables.append(new)
            else:
                self._twice(held[0], key)
            return new
        if held is None:
            new = _Table(key[1], declared=True)
            table.members[key[0]] = (key, new)
            return new
        if isinstance(held[1], _Table) and not held[1].declared:
            held[1].declared = True
            return held[1]
        self._twice(held[0], key)
        return held[1] if isinstance(held[1], _Table) else _Table(key[1], declared=True)

    def _pair(self, table: _Table, depth: int) -> None:
        keys = self._keys()
        self._take("=")
        self._skip(" \t")
        value = self._value(depth)
        table = self._descend(table, keys[:-1])
        held = table.members.setdefault(keys[-1][0], (keys[-1], value))
        if held[0] is not keys[-1]:
            self._twice(held[0], keys[-1])

    def _descend(self, table: _Table, keys: Sequence[Key]) -> _Table:
        for key in keys:
            _, held = table.members.setdefault(key[0], (key, _Table(key[1], declared=False)))
            if isinstance(held, _Tables):
                held = held.tables[-1]
            if not isinstance(held, _Table):
                self._twice(table.members[key[0]][0], key)
                return _Table(key[1], declared=False)
            table = held
        return table

    def _keys(self) -> list[Key]:
        keys: list[Key] = []
        while True:
            self._skip(" \t")
            start = self.at
            if self.text[start] in "\"'":
                text = self._string()
            else:
                while self.text[self.at] in BARE_KEY:
                    self.at += 1
                text = self.text[start : self.at]
                if not text:
                    raise LostError
            keys.append((text, start, self.at - start))
            self._skip(" \t")
            if len(keys) > DEPTH_LIMIT:
                raise LostError(too_deep(*self._place(start)))
            if self.text[self.at] != ".":
                return keys
            self.at += 1

    def _value(self, depth: int) -> Node:
        start = self.at
        line, column = self._place(start)
        if depth > DEPTH_LIMIT:
            raise LostError(too_deep(line, column))
        first = self.text[start]
        if first in "\"'":
            text = self._string()
            end = min(self.at, self.text.index("\n", start))
            return ScalarNode(text, text, line, column, end - start)
        if first == "[":
            return SequenceNode(tuple(self._array(depth)), line, column)
        if first == "{":
            return self._frozen(self._inline_table(depth))
        while self.text[self.at] not in VALUE_END:
            self.at += 1
        text = self.text[start : self.at].rstrip(" \t")
        return ScalarNode(self._bare(text, line, column), text, line, column, len(text))

    def _bare(self, text: str, line: int, column: int) -> str | int | float | bool:
        if text in {"true", "false"}:
            return text == "true"
        if text.lstrip("+-") in NOT_FINITE or (len(text) > NUMBER_LIMIT and text[-1].isdigit()):
            self.flaws.append(not_a_number(text, line, column))
            return text
        if text.isascii() and text.isdigit() and text[0] != "0":
            return int(text)
        try:
            value: object = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            one_word = text and not set(text) & set(" \t=")
            raise LostError(_not_a_value(text, line, column) if one_word else None) from None
        if isinstance(value, float) and not isfinite(value):
            self.flaws.append(not_a_number(text, line, column))
        return value if isinstance(value, int | float) else text

    def _array(self, depth: int) -> list[Node]:
        items: list[Node] = []
        self.at += 1
        self._next_statement()
        while self.text[self.at] != "]":
            items.append(self._value(depth + 1))
            self._next_statement()
            if self.text[self.at] != "]":
                self._take(",")
                self._next_statement()
        self.at += 1
        return items

    def _inline_table(self, depth: int) -> _Table:
        table = _Table(self.at, declared=True)
        self.at += 1
        self._skip(" \t")
        while self.text[self.at] != "}":
            self._pair(table, depth + 1)
            self._skip(" \t")
            if self.text[self.at] != "}":
                self._take(",")
        self.at += 1
        return table

    def _string(self) -> str:
        start = self.at
        quote = self.text[start]
        several = self.text.startswith(quote * 3, start)
        closing = quote * 3 if several else quote
        at = start + len(closing)
        while not self.text.startswith(closing, at):
            if at >= len(self.text):
                raise LostError(_never_closed(*self._place(start)))
            if self.text[at] == "\n" and not several:
                raise LostError
            at += 2 if quote == '"' and self.text[at] == "\\" else 1
        at += len(closing)
        while several and self.text[at] == quote:  # up to two quotes more belong to the text
            at += 1
        self.at = at
        raw = self.text[start:at]
        if several or (quote == '"' and "\\" in raw):
            return str(tomllib.loads(f"value = {raw}")["value"])
        return raw[1:-1]

    def _take(self, expected: str) -> None:
        self._skip(" \t")
        if not self.text.startswith(expected, self.at):
            raise LostError
        self.at += len(expected)

    def _skip(self, blanks: str) -> None:
        while self.at < len(self.text) and self.text[self.at] in blanks:
            self.at += 1

    def _place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def _twice(self, first: Key, again: Key) -> None:
        nothing = ScalarNode(None, "", 0, 0, 0)
        first_entry, again_entry = (Entry(key[0], nothing, *self._place(key[1]), key[2]) for key in (first, again))
        self.flaws.append(written_twice(first_entry, again_entry))

    def _frozen(self, held: "_Table | _Tables | Node") -> Node:
        if isinstance(held, _Table):
            entries = {
                name: Entry(name, self._frozen(member), *self._place(key[1]), key[2])
                for name, (key, member) in held.members.items()
            }
            return MappingNode(entries, *self._place(held.offset))
        if isinstance(held, _Tables):
            return SequenceNode(tuple(self._frozen(table) for table in held.tables), *self._place(held.offset))
        return held
