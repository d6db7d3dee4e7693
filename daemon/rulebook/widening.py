"""Widen a pattern so that it also finds what hidden characters may stand for.

In a redacted message a sign stands for a hidden letter or digit. A widened pattern takes a sign wherever it would take
one of the characters that the sign may stand for; so it finds something in a redacted message exactly where the pattern
itself would find something in one of the messages that may have been redacted to it. Where a word begins and ends is
left open: then it may find more, never less.
"""

from collections.abc import Iterator
from functools import cache

from daemon.core.recordings import DIGIT, LETTER, LOWER, SIGNS, UPPER
from daemon.rulebook.patterns import Pattern, PatternError

MEMBERS = {
    LOWER: "abcdefghijklmnopqrstuvwxyz",
    UPPER: "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    DIGIT: "0123456789",
    LETTER: "àßñøşÀÑØЖжαΩ中あ",
}
"""Characters that a sign may stand for: all of them, of other letters some."""

_NEGATED = {"D": "0-9", "W": "0-9A-Za-z_", "S": r"\t\n\f\r "}
_PLAIN_ESCAPES = frozenset("nrtfva")


def widened(pattern: str, *, ignore_case: bool = False) -> Pattern | None:
    """Return the widened form of *pattern*, which RE2 accepts; None where it is written in a way not understood here."""
    ignore_case = ignore_case or any(flags in pattern for flags in ("(?i", "(?mi", "(?si", "(?ms", "(?sm"))
    parts = list(_parts(pattern, ignore_case=ignore_case))
    if None in parts:
        return None
    try:
        return Pattern("".join(filter(None, parts)), ignore_case=ignore_case)
    except PatternError:
        return None


def _parts(pattern: str, *, ignore_case: bool) -> Iterator[str | None]:
    """Yield the pattern piece by piece, widened; None for what is not understood."""
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "[":
            end = _class_end(pattern, at)
            yield _widened_class(pattern[at:end], ignore_case=ignore_case)
            at = end
        elif char == "\\":
            end = _escape_end(pattern, at)
            yield _widened_escape(pattern[at:end], ignore_case=ignore_case) if end else None
            at = end or len(pattern)
        elif char == "(" and pattern[at + 1 : at + 2] == "?":
            end = at + 1 + len(pattern[at + 1 :]) - len(pattern[at + 1 :].lstrip("?P<>:imsU-_"))
            if "<" in pattern[at:end]:
                end = pattern.find(">", at) + 1
            yield pattern[at:end]
            at = end
        elif char == "{" and "}" in pattern[at:]:
            end = pattern.index("}", at) + 1
            yield pattern[at:end]
            at = end
        else:
            yield _widened_class(char, ignore_case=ignore_case) if char.isalnum() else char
            at += 1


def _class_end(pattern: str, start: int) -> int:
    """Return where the class that begins at *start* ends."""
    at = start + 1
    at += pattern.startswith("^", at)
    at += pattern.startswith("]", at)
    while at < len(pattern) and pattern[at] != "]":
        named = pattern.startswith("[:", at)
        at = pattern.index(":]", at) + 2 if named else at + (2 if pattern[at] == "\\" else 1)
    return at + 1


def _escape_end(pattern: str, start: int) -> int:
    """Return where the escape that begins at *start* ends, 0 for one that is not understood."""
    kind = pattern[start + 1 : start + 2]
    if kind in ("p", "P", "x") and pattern[start + 2 : start + 3] == "{":
        return pattern.index("}", start) + 1
    if kind == "x":
        return start + 4
    if kind in ("p", "P"):
        return start + 3
    return 0 if kind in ("C", "Q", "E") or kind.isdigit() else start + 2


def _widened_escape(escape: str, *, ignore_case: bool) -> str:
    kind = escape[1]
    if kind in ("b", "B"):
        return "(?:)"
    if kind in ("A", "z") or not kind.isalnum() or kind in _PLAIN_ESCAPES:
        return escape
    return _widened_class(escape, ignore_case=ignore_case)


@cache
def _widened_class(one: str, *, ignore_case: bool) -> str:
    """Return what takes the characters that *one*, a class or a character, takes, and the signs that may be such."""
    takes = Pattern(rf"\A(?:{one})\z", ignore_case=ignore_case)
    signs = "".join(sign for sign, members in MEMBERS.items() if any(takes.found(each.encode()) for each in members))
    if len(one) == 1 and LETTER not in signs and not one.isascii():
        signs += LETTER
    return f"(?:{_without_signs(one)}|[{signs}])" if signs else _without_signs(one)


def _without_signs(one: str) -> str:
    """Return the class so that it takes no sign by itself."""
    if one.startswith("[^"):
        return f"[^{SIGNS}{one[2:]}"
    return f"[^{SIGNS}{_NEGATED[one[1]]}]" if one[0] == "\\" and one[1] in _NEGATED else one
