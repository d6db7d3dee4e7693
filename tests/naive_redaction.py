"""What redaction hides, written a second time and as plainly as can be: RE2 over the bytes, nothing remembered.

It shares the signs of ``core/recordings.py`` with the product and no code that looks for values.
"""

from collections.abc import Iterator

import re2

from daemon.core.recordings import CUT, DIGIT, LETTER, LOWER, MESSAGE_KEPT, SIGNS, UPPER

VALUES = re2.compile(
    rb"([A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)"
    rb'|\\"([^"\\\n]{0,120})\\"|"([^"\\\n]{0,120})"|' + "“([^”\n]{0,120})”".encode() + rb"|(?:^|\W)'([^'\n]{0,120})'"
    rb"|([A-Za-z]*[0-9][A-Za-z0-9]*)|([A-Za-z]{25,})"
)
PROGRAMS_WORD = re2.compile(rb"\A([A-Za-z]+(?:[_.][A-Za-z]+)+|true|false|null|ok)\z")
KEYS_END = re2.compile(rb"\A(\\?\"\s*:)")
SENTENCE = re2.compile(rb"((?s:\b[a-z]{2,}\b.*){3})")
ALONE_BEFORE = re2.compile(rb"((?:\A|[^0-9][ (:=\[\"'/<>]|\A[ (:=\[\"'/<>])\z)")
ALONE_AFTER = re2.compile(rb"\A([^0-9 ./:,_-]|[ ./:,_-](?:[^0-9]|\z)|\z)")
OPENING, CLOSING = (b"'", b'"', b"\x9c"), (b"'", b'"', b"\xe2", b"\\")


def redacted(message: str) -> str:
    """Return *message* without its values, cut right after what a recording keeps."""
    message = "".join("\ufffd" if char in SIGNS + CUT else char for char in message[: MESSAGE_KEPT + 1])
    raw = message.encode("utf-8", "replace")
    parts = []
    done = 0
    for start, end in _values(raw, 0, len(raw)):
        value = raw[start:end].decode()
        parts.append(raw[done:start].decode())
        if _is_alone(raw, start, end):
            parts.append(value)
        elif _is_word(raw, start, end):
            parts.append("".join(DIGIT if char in "0123456789" else char for char in value))
        else:
            parts.append("".join(map(_sign, value)))
        done = end
    return "".join((*parts, raw[done:].decode()))


def _values(raw: bytes, begin: int, stop: int) -> Iterator[tuple[int, int]]:
    for found in VALUES.finditer(raw[begin:stop]):
        start, end = (begin + place for place in found.span(found.lastindex))
        text = raw[start:end]
        if b" " in text and _in_quotes(raw, start, end) and SENTENCE.search(text):
            yield from _values(raw, start, end)
        else:
            yield start, end


def _in_quotes(raw: bytes, start: int, end: int) -> bool:
    return raw[start - 1 : start] in OPENING and raw[end : end + 1] in CLOSING


def _is_word(raw: bytes, start: int, end: int) -> bool:
    if not _in_quotes(raw, start, end):
        return False
    return bool(PROGRAMS_WORD.search(raw[start:end]) or KEYS_END.search(raw[end : end + 8]))


def _is_alone(raw: bytes, start: int, end: int) -> bool:
    if end - start > 3 or not raw[start:end].isdigit():
        return False
    return bool(ALONE_BEFORE.search(raw[max(0, start - 2) : start]) and ALONE_AFTER.search(raw[end : end + 2]))


def _sign(char: str) -> str:
    if "a" <= char <= "z":
        return LOWER
    if "A" <= char <= "Z":
        return UPPER
    if "0" <= char <= "9":
        return DIGIT
    return LETTER if char.isalnum() else char
