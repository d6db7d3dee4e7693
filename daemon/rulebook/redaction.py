"""Take the values out of a message and leave what rules look for (P10).

Hidden are e-mail addresses, numbers and everything that letters form with digits (ids, keys, dates), what stands in
quotes, and words too long for a language. What is no value stays: numbers of up to three digits by themselves (an HTTP
status, the length of a field), sentences in quotes, the keys of JSON, and words like ``channel_not_found``, which
programs write and no customer is called. Each hidden character becomes the sign of its kind, so that one message always
becomes the same text, and lengths and forms stay.
"""

from daemon.core.recordings import CUT, DIGIT, LETTER, LOWER, MESSAGE_KEPT, SIGNS, UPPER
from daemon.rulebook.value_finder import is_alone, is_word, values

SHORT_DIGITS = 3


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


_NUMBERS = str.maketrans(dict.fromkeys("0123456789", DIGIT))


class Redaction:
    """Redact messages."""

    def __init__(self) -> None:
        self._kinds = _Kinds()

    def redact(self, message: str) -> str:
        """Return *message* without its values, cut right after what a recording keeps."""
        message = whole(message)
        parts: list[str] = []
        done = 0
        for start, end, quoted in values(message):
            parts += (message[done:start], self._hidden(message, start, end, quoted=quoted))
            done = end
        parts.append(message[done:])
        return "".join(parts)

    def _hidden(self, message: str, start: int, end: int, *, quoted: bool) -> str:
        value = message[start:end]
        if value.isdecimal() and value.isascii():
            if end - start <= SHORT_DIGITS and is_alone(message, start, end):
                return value
            return DIGIT * (end - start)
        return value.translate(_NUMBERS if is_word(message, start, end, quoted=quoted) else self._kinds)


def whole(message: str) -> str:
    """Return the beginning of *message* with nothing hidden, for a store that may keep values; no sign is in it."""
    message = message[: MESSAGE_KEPT + 1]
    if message.isascii():
        return message
    known = "".join("\ufffd" if char in SIGNS + CUT else char for char in message)
    return known.encode("utf-8", "replace").decode()
