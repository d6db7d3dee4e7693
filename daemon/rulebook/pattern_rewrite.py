"""Write a pattern that RE2 does not know in the way it does, where the two find the same texts, or nearly so.

A rule asks only whether a pattern is found, not where or how: so what looks ahead at the end, or behind at the
beginning, may as well be part of the pattern, and what must not be there becomes a condition of its own under ``not``.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from daemon.rulebook.patterns import Pattern, PatternError

SAME_ESCAPES = {
    "\\Z": "\\z", "\\K": "", "\\h": "[ \\t]", "\\H": "[^ \\t]", "\\R": "(?:\\r\\n|\\n|\\r)", "\\G": "\\A",
    "\\<": "\\b", "\\>": "\\b", "\\e": "\\x1b", "\\N": "[^\\n]", "\\_": "_",
}  # fmt: skip
NEGATIVE = {"(?!": "ahead", "(?<!": "behind"}
POSITIVE = {"(?=": "ahead", "(?<=": "behind"}
REPEATS_LIMIT = 1000
QUANTIFIERS = frozenset("*+?}")
UNICODE_DIGITS = 4
HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
NO_SUCH_THING = "(?&"
"""What no pattern can have, so that a rewriting with it in it is given up."""

NOTHING_LEFT = frozenset({"", "^", ".*", "^.*", "^.*$", ".*$", "$"})
SPECIAL = frozenset(".*+?()[]{}|^$\\")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instead:
    """What to write: *regex* ("" for none), none of *unless* beside it, and all *words* if there are any."""

    regex: str = ""
    unless: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


def rewritten(pattern: str) -> Instead | None:
    """Return what finds what *pattern* was meant to find, on RE2, or None where no such thing is known."""
    words = _words_in_any_order(pattern)
    if words:
        return Instead(words=words)
    plain = _without_positive("".join(_same(pattern)))
    pieces = tuple(_negative(plain))
    kept = _cut(plain, pieces)
    unless = tuple(_unless(plain, pieces, number) for number in range(len(pieces)))
    found = Instead(regex="" if pieces and kept in NOTHING_LEFT else kept, unless=unless)
    return found if found.regex != pattern and all(map(_compiles, (kept, *unless))) else None


def significant(pattern: str) -> list[tuple[int, str]]:
    """Return the characters of *pattern* that are neither escaped nor inside [a class], with their offsets."""
    return [(at, text) for at, text in outside_classes(pattern) if not text.startswith("\\")]


def outside_classes(pattern: str) -> Iterator[tuple[int, str]]:
    """Yield the characters and escapes of *pattern* that are not inside [a class], with their offsets."""
    at = class_at = 0
    in_class = False
    while at < len(pattern):
        text = pattern[at : at + 2] if pattern[at] == "\\" else pattern[at]
        if in_class:
            in_class = text != "]" or at == class_at
        elif text == "[":
            in_class = True
            class_at = at + 1 + pattern.startswith("^", at + 1)
        else:
            yield at, text
        at += len(text)


def _compiles(pattern: str) -> bool:
    try:
        Pattern(pattern)
    except PatternError:
        return False
    return True


def _same(pattern: str) -> Iterator[str]:
    """Yield *pattern* piece by piece, with what is only written otherwise in RE2."""
    outside = dict(outside_classes(pattern))
    at = 0
    while at < len(pattern):
        step, text = _piece(pattern, at, outside)
        yield text
        at += step


def _piece(pattern: str, at: int, outside: dict[int, str]) -> tuple[int, str]:
    """Return how many characters at *at* are one piece, and what to write for them."""
    rest = pattern[at:]
    if rest.startswith("\\"):
        return _escape(pattern, at, in_class=at not in outside)
    if at not in outside:
        return 1, rest[0]
    if rest.startswith("(?"):
        return _opening(pattern, rest)
    if rest[0] == "+" and outside.get(at - 1, "") in QUANTIFIERS:
        return 1, ""
    if rest[0] == "{" and "}" in rest:
        low, comma, high = rest[1 : rest.index("}")].partition(",")
        if comma and low.isdecimal() and high.isdecimal() and int(low) <= REPEATS_LIMIT < int(high):
            return rest.index("}") + 1, f"{{{low},}}"
    return 1, rest[0]


def _opening(pattern: str, rest: str) -> tuple[int, str]:
    if rest.startswith("(?>"):
        return 3, "(?:"
    if rest.startswith("(?'") and "'" in rest[3:]:
        name = rest[3:].partition("'")[0]
        return len(name) + 4, f"(?P<{name}>"
    end = rest.find(")") + 1
    if rest.startswith("(?#") and end:
        return end, ""
    if rest.startswith("(?P=") and end:
        return end, _repeated(pattern, rest[4 : end - 1])
    return 1, rest[0]


def _escape(pattern: str, at: int, *, in_class: bool) -> tuple[int, str]:
    rest = pattern[at:]
    digits = rest[2:6]
    if rest.startswith("\\u") and len(digits) == UNICODE_DIGITS and set(digits) <= HEX_DIGITS:
        return 6, f"\\x{{{digits}}}"
    if in_class:
        return 2, rest[:2]
    if rest[1:2].isdecimal() and rest[1] != "0":
        return 2, _repeated(pattern, rest[1])
    if rest.startswith("\\k<") and ">" in rest:
        return rest.index(">") + 1, _repeated(pattern, rest[3 : rest.index(">")])
    return 2, SAME_ESCAPES.get(rest[:2], rest[:2])


def _repeated(pattern: str, name: str) -> str:
    """Return the text that a group always catches, to be written out."""
    number = 0
    for at, char in significant(pattern):
        if char != "(" or (pattern.startswith("(?", at) and not pattern.startswith(("(?P<", "(?<"), at)):
            continue
        if pattern.startswith(("(?<=", "(?<!"), at):
            continue
        number += 1
        inside = pattern[at + 1 : _closing(pattern, at)]
        named, _, rest = inside.removeprefix("?P<").removeprefix("?<").partition(">")
        is_named = inside.startswith("?")
        if name in (str(number), named if is_named else ""):
            text = rest if is_named else inside
            return text if text and not set(text) & SPECIAL else NO_SUCH_THING
    return NO_SUCH_THING


def _closing(pattern: str, at: int) -> int:
    """Return the offset of the bracket that closes the one at *at*, or the end."""
    depth = 0
    for each, char in significant(pattern):
        if each >= at and char in "()":
            depth += 1 if char == "(" else -1
            if depth == 0:
                return each
    return len(pattern)


def _outer_groups(pattern: str, openings: dict[str, str]) -> Iterator[tuple[int, int, str]]:
    """Yield offset, end and opening of those groups that are inside no other."""
    depth = 0
    for at, char in significant(pattern):
        if char == "(" and depth == 0:
            opening = max((each for each in openings if pattern.startswith(each, at)), key=len, default="")
            if opening:
                yield at, _closing(pattern, at) + 1, opening
        depth += (char == "(") - (char == ")")


def _without_positive(pattern: str) -> str:
    """Make part of the pattern what it looks at behind its beginning, or ahead at its end."""
    for at, end, opening in reversed(list(_outer_groups(pattern, POSITIVE))):
        ahead = POSITIVE[opening] == "ahead"
        beside = pattern[end : end + 1] if ahead else pattern[at - 1 : at]
        if beside in ("", "|"):
            inside = pattern[at + len(opening) : end - 1]
            pattern = pattern[:at] + _grouped(inside) + pattern[end:]
    return pattern


def _grouped(inside: str) -> str:
    return f"(?:{inside})" if "|" in inside else inside


def _negative(pattern: str) -> Iterator[tuple[int, int, str]]:
    """Yield the groups that say what must not be there, where nothing else could be meant by them."""
    depth = 0
    for _, char in significant(pattern):
        depth += (char == "(") - (char == ")")
        if char == "|" and depth == 0:
            return
    yield from _outer_groups(pattern, NEGATIVE)


def _cut(pattern: str, pieces: tuple[tuple[int, int, str], ...]) -> str:
    for at, end, _ in reversed(pieces):
        pattern = pattern[:at] + pattern[end:]
    return pattern


def _unless(pattern: str, pieces: tuple[tuple[int, int, str], ...], number: int) -> str:
    """Return the pattern of what must not be found: what the piece rules out, with what stands on its other side."""
    at, end, opening = pieces[number]
    inside = pattern[at + len(opening) : end - 1]
    before = _cut(pattern[:at], pieces[:number])
    if NEGATIVE[opening] == "behind":
        return inside + _cut(pattern[end:], tuple((a - end, e - end, o) for a, e, o in pieces[number + 1 :]))
    if before in NOTHING_LEFT and inside.startswith(".*"):
        return inside[2:]
    return before + _grouped(inside)


def _words_in_any_order(pattern: str) -> tuple[str, ...]:
    """Return the words of a pattern that is nothing but look-aheads for words, such as ``(?=.*a)(?=.*b)``."""
    rest, words = pattern.removeprefix("^"), []
    while rest.startswith("(?=.*") and ")" in rest:
        inside, _, rest = rest.removeprefix("(?=.*").partition(")")
        word = inside.removesuffix(".*").removeprefix("\\b").removesuffix("\\b")
        if not word or set(word) & SPECIAL:
            return ()
        words.append(word)
    return tuple(words) if words and rest in NOTHING_LEFT else ()
