"""Take the values out of a message and leave what rules look for (P10).

Hidden are e-mail addresses, numbers and everything that letters form with digits (ids, keys, dates), what stands in
quotes, and words too long for a language. What is no value stays: numbers of up to three digits by themselves (an HTTP
status, the length of a field), sentences in quotes, the keys of JSON, and words like ``channel_not_found``, which
programs write and no customer is called. Each hidden character becomes the sign of its kind, so that one message always
becomes the same text, and lengths and forms stay.
"""

from collections.abc import Sequence

from daemon.core.recordings import CUT, DIGIT, LETTER, LOWER, MESSAGE_KEPT, SIGNS, UPPER
from daemon.rulebook.value_finder import has_rare_values, is_alone, is_word, values

SHORT_DIGITS = 3

BETWEEN = "\n\0 "
"""Stands between messages that are looked through as one text: to what is before and behind it, it is the text's end.

No value goes on over a line's end, NUL keeps the colon of the next message from making a key of JSON of what is in
quotes, and before a number by itself a space is what nothing is.
"""


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
        return self._hidden([whole(message)])[0]

    def redact_all(self, messages: Sequence[str]) -> list[str]:
        """Return each of *messages* as `redact` does, for less: they are looked through as one text."""
        texts = all_whole(messages)
        if not has_rare_values(BETWEEN.join(texts)):
            return self._hidden(texts)
        rare = [has_rare_values(text) for text in texts]  # apart from the others, which are looked through faster
        hidden = [
            iter(self._hidden([text for text, of in zip(texts, rare, strict=True) if of is kind]))
            for kind in (False, True)
        ]
        return [next(hidden[kind]) for kind in rare]

    def _hidden(self, texts: Sequence[str]) -> list[str]:
        text = BETWEEN.join(texts)
        parts: list[str] = []
        done = 0
        for start, end, quoted in values(text):
            value = text[start:end]
            if value.isdecimal() and value.isascii():
                if end - start > SHORT_DIGITS or not is_alone(text, start, end):
                    value = DIGIT * (end - start)
            else:
                value = value.translate(_NUMBERS if is_word(text, start, end, quoted=quoted) else self._kinds)
            parts += (text[done:start], value)
            done = end
        parts.append(text[done:])
        hidden = "".join(parts)
        if len(texts) == 1:
            return [hidden]
        cut = hidden.split(BETWEEN)
        return cut if len(cut) == len(texts) else [self._hidden([each])[0] for each in texts]  # some has that itself


def all_whole(messages: Sequence[str]) -> list[str]:
    """Return `whole` of each of *messages*."""
    return [whole(each) for each in messages]


def whole(message: str) -> str:
    """Return the beginning of *message* with nothing hidden, for a store that may keep values; no sign is in it."""
    message = message[: MESSAGE_KEPT + 1]
    if message.isascii():
        return message
    known = "".join("\ufffd" if char in SIGNS + CUT else char for char in message)
    return known.encode("utf-8", "replace").decode()
