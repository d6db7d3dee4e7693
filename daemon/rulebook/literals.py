"""What a text must contain for a pattern to match it, read from the pattern.

RE2's own syntax is read here, not Python's, and only as far as it is sure: whatever is not understood requires
nothing. A clause is a set of literals of which at least one must occur; all clauses of a pattern must hold.
"""

from dataclasses import dataclass
from string import ascii_letters, digits
from typing import NoReturn

from daemon.rulebook.literal_pieces import ANYTHING, EMPTY, MAX_ALTERNATIVES, Clause, Piece, clauses_of, either, joined

_CONTROL = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
_ZERO_WIDTH = frozenset("bBAz")
_CLASSES = frozenset("dDwWsSC")
_FLAGS = frozenset("imsU-")
_PLAIN = frozenset(ascii_letters + digits + " _=:,;'\"/<>@!#%&~-`")
"""Characters that stand for themselves outside of classes; only some of these, but all that fill most patterns."""

_REPEATS = frozenset("*+?{")


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
    clauses = found.clauses if found.texts is None else (*found.clauses, *clauses_of(found.texts))
    enough = found.texts is not None and bool(clauses) and not reader.folded and not reader.zero_width
    return Needs(clauses=clauses, folded=reader.folded, enough=enough)


class _UnsureError(Exception):
    """The pattern has something that is not understood here."""


class _PatternReader:
    """Read one pattern by descent: alternatives of sequences of repeated atoms."""

    def __init__(self, pattern: str, *, folded: bool) -> None:
        self._pattern = pattern
        self._at = 0
        self.folded = folded
        self.zero_width = False

    def read(self) -> Piece:
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

    def _alternatives(self) -> Piece:
        branches = [self._sequence()]
        while self._take_if("|"):
            branches.append(self._sequence())
        return branches[0] if len(branches) == 1 else either(branches)

    def _sequence(self) -> Piece:
        pieces: list[Piece] = []
        while self._peek() not in ("", "|", ")"):
            plain = self._take_plain()
            pieces.append(Piece(frozenset({plain})) if plain else self._repeated(self._atom()))
        return joined(pieces)

    def _take_plain(self) -> str:
        """Take the characters that stand for themselves and are not repeated, as they are to be looked for."""
        pattern, end = self._pattern, self._at
        while end < len(pattern) and pattern[end] in _PLAIN:
            end += 1
        if self._at < end < len(pattern) and pattern[end] in _REPEATS:
            end -= 1
        taken = pattern[self._at : end]
        self._at = end
        return taken.lower() if self.folded else taken

    def _repeated(self, piece: Piece) -> Piece:
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
            return Piece(piece.texts | {""}) if small and piece.texts else ANYTHING
        if at_most == 1:
            return piece
        return Piece(None, piece.clauses if piece.texts is None else clauses_of(piece.texts))

    def _bounds(self) -> tuple[int, int] | None:
        """Read ``{n}``, ``{n,}`` or ``{n,m}``; anything else is the brace itself, as in RE2."""
        closing = self._pattern.find("}", self._at)
        low, comma, high = self._pattern[self._at + 1 : max(closing, 0)].partition(",")
        if closing < 0 or not _is_number(low) or (high and not _is_number(high)):
            return None
        self._at = closing + 1
        return int(low), int(high) if high else int(low) + 1 if comma else int(low)

    def _atom(self) -> Piece:
        char = self._take()
        if char == "\\":
            return self._escape()
        if char == "(":
            return self._group()
        if char == "[":
            return self._class()
        if char == ".":
            return ANYTHING
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

    def _nothing(self) -> Piece:
        self.zero_width = True
        return EMPTY

    def _literal(self, char: str) -> Piece:
        if not self.folded:
            return Piece(frozenset({char}))
        # Only of ASCII letters is it sure that RE2 and Python fold them alike.
        return Piece(frozenset({char.lower()})) if char.isascii() else ANYTHING

    def _escape(self) -> Piece:
        char = self._take()
        if char in _ZERO_WIDTH:
            return self._nothing()
        if char in _CLASSES:
            return ANYTHING
        if char in "pP":
            if self._take() == "{":
                self._take_to("}")
            return ANYTHING
        if char in _CONTROL:
            return self._literal(_CONTROL[char])
        if not char.isascii() or char.isalnum() or char == "_":
            self._unsure()
        return self._literal(char)

    def _group(self) -> Piece:
        if self._take_if("?"):
            if self._take_if("P<") or self._take_if("<"):
                if not self._take_to(">").replace("_", "a").isalnum():
                    self._unsure()
            elif self._flags_only():
                return EMPTY
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

    def _class(self) -> Piece:
        negated = self._take_if("^")
        chars = [self._take_class_char()]
        while not self._take_if("]"):
            chars.append(self._take_class_char())
        simple = not negated and len(chars) <= MAX_ALTERNATIVES and all(len(char) == 1 for char in chars)
        if not simple or "-" in chars or (self.folded and not "".join(chars).isascii()):
            return ANYTHING
        return Piece(frozenset(char.lower() if self.folded else char for char in chars))

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
