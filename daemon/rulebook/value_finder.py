"""Find the values in a message, and tell those that may be shown all the same.

The patterns are our own, and the standard library runs them in a third of the time that RE2 takes with its wrapper. What
is looked at was cut before, and no pattern goes back to try again further than `QUOTED_CHARS`: the time they take is
linear in the text, whoever wrote it.
"""

import re
from collections.abc import Iterator
from string import ascii_letters

QUOTED_CHARS = 120
LONG_WORD = 25

Value = tuple[int, int, bool]
"""Where a value starts and ends, and whether it is all that stands in quotes."""

_STRAIGHT = rf'[^"\\\n]{{0,{QUOTED_CHARS}}}+'
_CURVED = rf"[^”\n]{{0,{QUOTED_CHARS}}}+"
_SINGLE = rf"[^'\n]{{0,{QUOTED_CHARS}}}+"
_ADDRESS = r"(?P<address>[A-Za-z0-9._%+-]++@[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)++)"
# An apostrophe behind a letter or right behind a value opens no quotation; the latter is taken along with the value.
_VALUE = re.compile(
    rf"(?:(?<![A-Za-z0-9._%+-]){_ADDRESS}"
    rf"|\\\"({_STRAIGHT})\\\"|\"({_STRAIGHT})\"|“({_CURVED})”|'(?<![A-Za-z0-9_]')({_SINGLE})'"
    rf"|(?P<number>[A-Za-z]*+[0-9][A-Za-z0-9]*+)|(?P<word>[A-Za-z]{{{LONG_WORD},}}+))'?"
)
# An address is looked for where its first character can stand, or, with this one, right behind another value.
_ADDRESS_HERE = re.compile(rf"{_ADDRESS}'?")
_LETTERS = bytes(ord("a") if chr(byte) in ascii_letters else 0 for byte in range(256))
_LONG_WORD = b"a" * LONG_WORD
# The same for most messages, those with neither addresses nor long words: fast, because it begins with a set of
# characters. The letters in front of a digit are left to who asks.
_QUOTED_OR_DIGITS = re.compile(
    rf"[0-9\\\"“'](?:(?<=[0-9])[A-Za-z0-9]*+|(?<=\\)\"({_STRAIGHT})\\\"'?|(?<=\")({_STRAIGHT})\"'?"
    rf"|(?<=“)({_CURVED})”'?|(?<=')(?<![A-Za-z0-9_]')({_SINGLE})''?)"
)

_PROGRAMS_WORD = re.compile(r"[A-Za-z]++(?:[_.][A-Za-z]++)++|true|false|null|ok")
_KEYS_END = re.compile(r'\\?"[\t\n\f\r ]*+:')
_KEYS_END_CHARS = 8
_WORD_OF_SENTENCE = re.compile(r"\b[a-z]{2,}+\b", re.ASCII)
_WORDS_OF_SENTENCE = 3
_OPENING = (b"'", b'"', "“".encode()[-1:])
_CLOSING = '"\\'
_ALONE_BEFORE = re.compile(r"(?:[\0-/:-\x7f]?[ (:=\[\"'/<>])?")
_ALONE_AFTER = re.compile(r"\Z|[^0-9 ./:,_\-\u0800-\U0010ffff]|[ ./:,_-](?:[\0-/:-\x7f]|\Z)")


def values(message: str) -> Iterator[Value]:
    """Yield the values in *message*; of a sentence in quotes, those in it."""
    done = 0
    if has_rare_values(message):
        while found := _ADDRESS_HERE.match(message, done) or _VALUE.search(message, done):
            start, end = found.span(found.lastindex or 0)
            if found.lastgroup:
                yield start, end, False
            else:
                yield from _quoted(message, start, end)
            done = found.end()
        return
    for found in _QUOTED_OR_DIGITS.finditer(message):
        group = found.lastindex
        if group:
            start, end = found.span(group)
            if " " in message[start:end]:
                yield from _quoted(message, start, end)
            else:
                yield start, end, True
            done = found.end()
        else:
            start, end = found.span()
            if start > done and message[start - 1] in ascii_letters:
                start = done + len(message[done:start].rstrip(ascii_letters))
            yield start, end, False
            done = end


def has_rare_values(text: str) -> bool:
    """Tell whether *text* may have an address, or has a word too long for a language; most messages have neither."""
    return "@" in text or _LONG_WORD in text.encode().translate(_LETTERS)


def _quoted(message: str, start: int, end: int) -> Iterator[Value]:
    text = message[start:end]
    # without a space it may be one value from end to end, an address with dots in it: nothing in it is clear
    if " " in text and len(_WORD_OF_SENTENCE.findall(text)) >= _WORDS_OF_SENTENCE:
        for begin, after, quoted in values(text):
            yield start + begin, start + after, quoted
    else:
        yield start, end, True


def is_word(message: str, start: int, end: int, *, quoted: bool) -> bool:
    """Tell whether what was found is a word that programs write, or a key of JSON."""
    if quoted and _PROGRAMS_WORD.fullmatch(message, start, end):
        return True
    if end == len(message) or message[end] not in _CLOSING or not _KEYS_END.match(message, end, end + _KEYS_END_CHARS):
        return False
    return quoted or message[max(0, start - 1) : start].encode()[-1:] in _OPENING


def is_alone(message: str, start: int, end: int) -> bool:
    """Tell whether the short number that was found stands by itself: no part of a date, an address, a phone number."""
    return bool(_ALONE_BEFORE.fullmatch(message, max(0, start - 2), start) and _ALONE_AFTER.match(message, end))
