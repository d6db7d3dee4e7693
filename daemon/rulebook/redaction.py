"""Take the values out of a message and leave what rules look for (P10).

Hidden are e-mail addresses, numbers and everything that letters form with digits (ids, keys, dates), what stands in
quotes, and words too long for a language. What is no value stays: numbers of up to three digits by themselves (an HTTP
status, the length of a field), sentences in quotes, the keys of JSON, and words like ``channel_not_found``, which
programs write and no customer is called. Each hidden character becomes the sign of its kind, so that one message always
becomes the same text, and lengths and forms stay.
"""

from collections.abc import Iterator

from daemon.core.recordings import CUT, DIGIT, LETTER, LOWER, MESSAGE_KEPT, SIGNS, UPPER
from daemon.rulebook.memo import Memo
from daemon.rulebook.patterns import Finder

QUOTED_CHARS = 120
FORMS_KEPT = 4_096

_ZEROS = str.maketrans("123456789", "000000000")
_NUMBERS = str.maketrans({"0": DIGIT})
_VALUES = Finder(
    r"([A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)"
    rf'|\\"([^"\\\n]{{0,{QUOTED_CHARS}}})\\"|"([^"\\\n]{{0,{QUOTED_CHARS}}})"|“([^”\n]{{0,{QUOTED_CHARS}}})”'
    rf"|(?:^|\W)'([^'\n]{{0,{QUOTED_CHARS}}})'"
    r"|([A-Za-z]*[0-9][A-Za-z0-9]*)|([A-Za-z]{25,})"
)
_PROGRAMS_WORD = Finder(r"\A([A-Za-z]+(?:[_.][A-Za-z]+)+|true|false|null|ok)\z")
_KEYS_END = Finder(r"\A(\\?\"\s*:)")
_OPENING, _CLOSING = (b"'", b'"', "“".encode()[-1:]), (b"'", b'"', "”".encode()[:1], b"\\")
_SENTENCE = Finder(r"((?s:\b[a-z]{2,}\b.*){3})")
_SHORT_DIGITS = 3
_ALONE_BEFORE = Finder(r"((?:\A|[^0-9][ (:=\[\"'/<>]|\A[ (:=\[\"'/<>])\z)")
_ALONE_AFTER = Finder(r"\A([^0-9 ./:,_-]|[ ./:,_-](?:[^0-9]|\z)|\z)")

Form = tuple[str, tuple[tuple[int, int], ...]]
"""A redacted message, and where the numbers stand in it that are to stay, as (start, end)."""


class _Kinds(dict[int, str]):
    """The sign for each character that is a letter or a digit."""

    def __missing__(self, char: int) -> str:
        text = chr(char)
        if "a" <= text <= "z":
            sign = LOWER
        elif "A" <= text <= "Z":
            sign = UPPER
        elif "0" <= text <= "9":
            sign = DIGIT
        else:
            sign = LETTER if text.isalnum() else text
        self[char] = sign
        return sign


class Redaction:
    """Redact messages. Those that differ in their digits alone are worked out once."""

    def __init__(self) -> None:
        self._kinds = _Kinds()
        self._forms: Memo[str, Form] = Memo(FORMS_KEPT)

    def redact(self, message: str) -> str:
        """Return *message* without its values, cut right after what a recording keeps."""
        message = whole(message)
        form = message.translate(_ZEROS)
        known = self._forms.get(form)
        if known is None:
            known = self._redacted(form)
            self._forms.put(form, known)
        redacted, numbers = known
        for start, end in numbers:
            redacted = f"{redacted[:start]}{message[start:end]}{redacted[end:]}"
        return redacted

    def _redacted(self, form: str) -> Form:
        """Redact a message whose digits are all zeros."""
        raw = form.encode()
        parts: list[str] = []
        numbers: list[tuple[int, int]] = []
        done = length = 0
        for start, end in _values(raw):
            clear, value = raw[done:start].decode(), raw[start:end].decode()
            parts += (clear, value.translate(_NUMBERS if _is_word(raw, start, end) else self._kinds))
            length += len(clear)
            if _is_alone(raw, start, end):
                numbers.append((length, length + len(value)))
            length += len(value)
            done = end
        return "".join((*parts, raw[done:].decode())), tuple(numbers)


def _values(raw: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Yield where values stand in *raw*; of a sentence in quotes, those in it."""
    for begin, after in _VALUES.spans(raw[start:end]):
        found = start + begin, start + after
        text = raw[slice(*found)]
        # without a space it may be one value from end to end, an address with dots in it: nothing in it is clear
        if b" " in text and _in_quotes(raw, *found) and _SENTENCE.found(text):
            yield from _values(raw, *found)
        else:
            yield found


def whole(message: str) -> str:
    """Return the beginning of *message* with nothing hidden, for a store that may keep values; no sign is in it."""
    message = message[: MESSAGE_KEPT + 1]
    if message.isascii():
        return message
    known = "".join("\ufffd" if char in SIGNS + CUT else char for char in message)
    return known.encode("utf-8", "replace").decode()


def _in_quotes(raw: bytes, start: int, end: int) -> bool:
    return raw[start - 1 : start] in _OPENING and raw[end : end + 1] in _CLOSING


def _is_word(raw: bytes, start: int, end: int) -> bool:
    """Tell whether what was found is a word that programs write, or a key of JSON."""
    if not _in_quotes(raw, start, end):
        return False
    return _PROGRAMS_WORD.found(raw[start:end]) or _KEYS_END.found(raw[end : end + 8])


def _is_alone(raw: bytes, start: int, end: int) -> bool:
    """Tell whether what was found is a short number by itself, no part of a date, an address, a phone number."""
    if end - start > _SHORT_DIGITS or not raw[start:end].isdigit():
        return False
    return _ALONE_BEFORE.found(raw[max(0, start - 2) : start]) and _ALONE_AFTER.found(raw[end : end + 2])
