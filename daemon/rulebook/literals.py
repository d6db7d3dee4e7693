"""What a text must contain for a pattern to match it, read from the pattern.

RE2's own syntax is read here, not Python's, and only as far as it is sure: whatever is not understood requires
nothing. A clause is a set of literals of which at least one must occur; all clauses of a pattern must hold.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import NoReturn

MAX_ALTERNATIVES = 16
"""A clause with more literals than this says too little for what it costs."""

Clause = frozenset[str]

_CONTROL = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
_ZERO_WIDTH = frozenset("bBAz")
_CLASSES = frozenset("dDwWsSC")
_FLAGS = frozenset("imsU-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a match needs.

    *folded*: the literals are to be looked for in the text without differences of case. *enough*: where all clauses
    hold, the pattern does match.
    """

    clauses: tuple[Clause, ...] = ()
    folded: bool = False
    enough: bool = False


NOTHING = Needs()


def pattern_needs(pattern: str, *, ignore_case: bool = False) -> Needs:
    """Return what a text must contain for the RE2 *pattern* to be found in it."""
    try:
        reader = _PatternReader(pattern, folded=ignore_case)
        found = reader.read()
        if reader.folded and not ignore_case:
            # A flag inside the pattern ignores case: read again with that in mind from the start.
            reader = _PatternReader(pattern, folded=True)
            found = reader.read()
    except _UnsureError:
        return NOTHING
    clauses = found.clauses if found.texts is None else (*found.clauses, *_clause(found.texts))
    enough = found.texts is not None and bool(clauses) and not reader.folded and not reader.zero_width
    return Needs(clauses=clauses, folded=reader.folded, enough=enough)


def best(clauses: Iterable[Clause]) -> Clause | None:
    """Return the clause that the fewest texts are likely to meet: the one with the longest shortest literal."""
    return max(clauses, key=lambda clause: (min(map(len, clause)), -len(clause)), default=None)


class _UnsureError(Exception):
    """The pattern has something that is not understood here."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a pattern: all *texts* it can match, where these are few, else the clauses that a match meets."""

    texts: Clause | None
    clauses: tuple[Clause, ...] = ()


_ANYTHING = _Piece(None)
_EMPTY = _Piece(frozenset({""}))


class _PatternReader:
    """Read one pattern by descent: alternatives of sequences of repeated atoms."""

    def __init__(self, pattern: str, *, folded: bool) -> None:
        self._pattern = pattern
        self._at = 0
        self.folded = folded
        self.zero_width = False

    def read(self) -> _Piece:
        piece = self._alternatives()
        if self._at < len(self._pattern):
            self._unsure()
        return piece

    def _unsure(self) -> NoReturn:
        raise _UnsureError

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _take(self) -> str:
        char = self._peek()
        if not char:
            self._unsure()
        self._at += 1
        return char

    def _take_if(self, text: str) -> bool:
        if self._pattern.startswith(text, self._at):
            self._at += len(text)
            return True
        return False

    def _take_to(self, end: str) -> str:
        closing = self._pattern.find(end, self._at)
        if closing < 0:
            self._unsure()
        taken = self._pattern[self._at : closing]
        self._at = closing + len(end)
        return taken

    def _alternatives(self) -> _Piece:
        branches = [self._sequence()]
        while self._take_if("|"):
            branches.append(self._sequence())
        return branches[0] if len(branches) == 1 else _either(branches)

    def _sequence(self) -> _Piece:
        pieces: list[_Piece] = []
        while self._peek() not in ("", "|", ")"):
            pieces.append(self._repeated(self._atom()))
        return _joined(pieces)

    def _repeated(self, piece: _Piece) -> _Piece:
        at_least, at_most = 1, 1
        if self._take_if("*"):
            at_least, at_most = 0, 2
        elif self._take_if("+"):
            at_most = 2
        elif self._take_if("?"):
            at_least = 0
        elif self._peek() == "{" and (bounds := self._bounds()):
            at_least, at_most = bounds
        else:
            return piece
        self._take_if("?")
        if self._peek() in ("*", "+", "?"):
            self._unsure()
        if at_least == 0:
            small = at_most == 1 and piece.texts is not None
            return _Piece(piece.texts | {""}) if small and piece.texts else _ANYTHING
        if at_most == 1:
            return piece
        return _Piece(None, piece.clauses if piece.texts is None else _clause(piece.texts))

    def _bounds(self) -> tuple[int, int] | None:
        """Read ``{n}``, ``{n,}`` or ``{n,m}``; anything else is the brace itself, as in RE2."""
        closing = self._pattern.find("}", self._at)
        low, comma, high = self._pattern[self._at + 1 : max(closing, 0)].partition(",")
        if closing < 0 or not _is_number(low) or (high and not _is_number(high)):
            return None
        self._at = closing + 1
        return int(low), int(high) if high else int(low) + 1 if comma else int(low)

    def _atom(self) -> _Piece:
        char = self._take()
        if char == "\\":
            return self._escape()
        if char == "(":
            return self._group()
        if char == "[":
            return self._class()
        if char == ".":
            return _ANYTHING
        if char in "^$":
            return self._nothing()
        if char in "*+?" or (char == "{" and self._looks_repeated()):
            self._unsure()
        return self._literal(char)

    def _looks_repeated(self) -> bool:
        self._at -= 1
        repeated = self._bounds() is not None
        self._at += 1
        return repeated

    def _nothing(self) -> _Piece:
        self.zero_width = True
        return _EMPTY

    def _literal(self, char: str) -> _Piece:
        if not self.folded:
            return _Piece(frozenset({char}))
        # Only of ASCII letters is it sure that RE2 and Python fold them alike.
        return _Piece(frozenset({char.lower()})) if char.isascii() else _ANYTHING

    def _escape(self) -> _Piece:
        char = self._take()
        if char in _ZERO_WIDTH:
            return self._nothing()
        if char in _CLASSES:
            return _ANYTHING
        if char in "pP":
            if self._take() == "{":
                self._take_to("}")
            return _ANYTHING
        if char in _CONTROL:
            return self._literal(_CONTROL[char])
        if not char.isascii() or char.isalnum() or char == "_":
            self._unsure()
        return self._literal(char)

    def _group(self) -> _Piece:
        if self._take_if("?"):
            if self._take_if("P<") or self._take_if("<"):
                if not self._take_to(">").replace("_", "a").isalnum():
                    self._unsure()
            elif self._flags_only():
                return _EMPTY
        piece = self._alternatives()
        if not self._take_if(")"):
            self._unsure()
        return piece

    def _flags_only(self) -> bool:
        """Read the flags of ``(?i:`` or ``(?i)``; tell whether that was all, without a group."""
        while (char := self._take()) in _FLAGS:
            self.folded = self.folded or char == "i"
        if char not in (":", ")"):
            self._unsure()
        return char == ")"

    def _class(self) -> _Piece:
        negated = self._take_if("^")
        chars = [self._take_class_char()]
        while not self._take_if("]"):
            chars.append(self._take_class_char())
        simple = not negated and len(chars) <= MAX_ALTERNATIVES and all(len(char) == 1 for char in chars)
        if not simple or "-" in chars or (self.folded and not "".join(chars).isascii()):
            return _ANYTHING
        return _Piece(frozenset(char.lower() if self.folded else char for char in chars))

    def _take_class_char(self) -> str:
        """Take one member of a class as it is written; more than one character where it is no plain one."""
        char = self._take()
        if char == "\\":
            escaped = self._take()
            return escaped if escaped.isascii() and not escaped.isalnum() else char + escaped
        if char == "[" and self._take_if(":"):
            return self._take_to(":]") + ":]"
        return char


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _clause(texts: Clause) -> tuple[Clause, ...]:
    return (texts,) if "" not in texts else ()


def _either(branches: list[_Piece]) -> _Piece:
    if all(branch.texts is not None for branch in branches):
        texts = frozenset(text for branch in branches for text in branch.texts or ())
        if len(texts) <= MAX_ALTERNATIVES:
            return _Piece(texts)
    needed = [best(branch.clauses if branch.texts is None else _clause(branch.texts)) for branch in branches]
    union = frozenset(text for clause in needed for text in clause or ())
    return _Piece(None, (union,) if all(needed) and len(union) <= MAX_ALTERNATIVES else ())


def _joined(pieces: list[_Piece]) -> _Piece:
    clauses: list[Clause] = []
    texts = _EMPTY.texts or frozenset()
    whole = True
    for piece in pieces:
        if piece.texts is None:
            clauses += (*_clause(texts), *piece.clauses)
            texts = frozenset({""})
            whole = False
        elif len(texts) * len(piece.texts) <= MAX_ALTERNATIVES:
            texts = frozenset(map("".join, product(texts, piece.texts)))
        else:
            clauses += _clause(texts)
            texts = piece.texts
            whole = False
    if whole:
        return _Piece(texts)
    return _Piece(None, (*clauses, *_clause(texts)))
