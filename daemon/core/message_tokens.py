"""Take a message apart into words, marks and values: the first step of finding out which messages say the same.

What can only be a value (a number with its unit, an address, a path, a date, an id) becomes `VALUE`, several in a row
one `VALUE`. What is written between quotes is one token, unless it is a sentence. Everything else stays as it is:
whether a word is a value shows only beside other messages.
"""

import re
from collections.abc import Iterator

VALUE = "<*>"

Tokens = tuple[str, ...]

TOKENS_KEPT = 200
"""Of a message; what makes two messages alike stands at their beginning."""

WORDS_OF_A_NAME = 3
"""What is quoted and has more words than this is a sentence, whose words count by themselves."""

DIGITS_OF_AN_ID = 3
"""A word with so many digits is an id; with fewer it may be ``IPv4`` or ``OAuth2``."""

QUOTES = "\"'"
PREFIXES = "#+<>~-*€£¥"
CONNECTORS = "'.:@/-"
"""Marks that join words to one (``api.example.com:443``) where no blank stands beside them."""

_UNITS = frozenset({
    "b", "kb", "mb", "gb", "tb", "kib", "mib", "gib", "byte", "bytes", "ms", "msec", "msecs", "millisecond",
    "milliseconds", "us", "s", "sec", "secs", "second", "seconds", "min", "mins", "minute", "minutes", "h", "hr",
    "hrs", "hour", "hours", "day", "days", "%", "kbps", "mbps", "usd", "eur", "gbp", "cad", "aud", "chf", "jpy",
    "sek", "nok", "dkk", "pln", "nzd", "mxn", "€", "$", "£", "¥", "lb", "lbs", "oz", "kg", "g", "mm", "cm", "km",
})  # fmt: skip
_DATE_WORDS = frozenset({
    "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
    "Oct", "Nov", "Dec", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "January",
    "February", "March", "April", "June", "July", "August", "September", "October", "November", "December", "AM",
    "PM", "GMT", "UTC",
})  # fmt: skip
CLOSING = ")"
_URL_ENDS = "\"'<>,;)]}"
_STACK = re.compile(r"\n[ \t]{1,16}at [^\s.(/]{0,200}[.(/]\S")
"""The first frame of a stack trace: how deep it is and who called says nothing about what went wrong."""
_DIGITS = frozenset("0123456789")
_BLOB = re.compile(r"[A-Za-z0-9+/]{24,512}={0,2}")
"""What may be base64: a signature, a checksum, a receipt."""


def is_mark(token: str) -> bool:
    """Tell whether *token* is a single character of punctuation."""
    return len(token) == 1 and not token.isalnum()


def is_word(token: str) -> bool:
    """Tell whether *token* is a word that stands in the message: no mark and no `VALUE`."""
    return token != VALUE and not is_mark(token)


def looks_chosen(token: str) -> bool:
    """Tell whether *token* looks like a name that somebody gave: quoted, dotted, with digits or inner capitals."""
    if token == VALUE or token[0] == '"' or any(char in "._:@/" or char.isdigit() for char in token):
        return True
    return any(char.isupper() for char in token[1:]) and any(char.islower() for char in token)


class Tokeniser:
    """Take messages apart; what stands between two blanks is looked at once, however often it occurs."""

    def __init__(self) -> None:
        self._known: dict[str, Tokens] = {}

    def tokens(self, message: str) -> Tokens:
        """Return what *message* consists of, up to its stack trace and `TOKENS_KEPT`."""
        found: list[str] = []
        trace = _STACK.search(message)
        for token in self._raw(message[: trace.start()] if trace else message):
            _add(found, token)
            if len(found) == TOKENS_KEPT:
                break
        return tuple(_without_repetitions(found))

    def _raw(self, message: str) -> Iterator[str]:
        done = 0
        for start, end in _quoted(message):
            yield from self._words(message[done:start])
            inner = message[start + 1 : end - 1]
            if len(inner.split()) > WORDS_OF_A_NAME:
                yield message[start]
                yield from self._words(inner)
                yield message[start]
            else:
                yield VALUE if not inner or any(char.isdigit() for char in inner) else f'"{inner}"'
            done = end
        yield from self._words(message[done:])

    def _words(self, text: str) -> Iterator[str]:
        for piece in text.split():
            known = self._known.get(piece)
            if known is None:
                known = self._known[piece] = tuple(_taken_apart(piece))
            yield from known


def _add(found: list[str], token: str) -> None:
    """Add *token* to those before it, which together with it may be one value."""
    if token == VALUE:
        while found and found[-1] in _DATE_WORDS:
            found.pop()
        if found and found[-1] == VALUE:
            return
        if found[-2:] == [VALUE, ","]:
            found.pop()
            return
    elif found and found[-1] == VALUE and (token in _DATE_WORDS or token.lower() in _UNITS):
        return
    elif token in CLOSING and found[-2:] == [VALUE, "("]:
        found.pop()
        return
    elif token in CLOSING and len(found) > 2 and found[-3] == VALUE and found[-2] == "(" and looks_chosen(found[-1]):
        del found[-2:]  # 1671 bytes (1.63 KB), 10.0.0.1 (host.example.com): the same value once more
        return
    found.append(token)


def _without_repetitions(tokens: list[str]) -> list[str]:
    """Return *tokens* with each entry of a list that says the same as the one before it left out."""
    kept: list[str] = []
    at = 0
    while at < len(tokens):
        repeated = _repeated(kept, tokens, at + 1) if tokens[at] == "," else 0
        if not repeated:
            kept.append(tokens[at])
        at += 1 + repeated
    return kept


def _repeated(kept: list[str], tokens: list[str], start: int) -> int:
    """Return how many of *tokens* from *start* on are what *kept* ends with, 0 where they are not."""
    most = min(len(kept), len(tokens) - start)
    for length in range(1, most + 1):
        entry = tokens[start : start + length]
        if kept[-length] == entry[0] and kept[-length:] == entry and not all(map(is_mark, entry)):
            return length
    return 0


def _quoted(message: str) -> Iterator[tuple[int, int]]:
    """Yield where quoted text begins and ends, quotes included; an apostrophe inside a word is no quote."""
    at = 0
    while at < len(message):
        quote = message[at]
        if quote in QUOTES and not (quote == "'" and at and _in_word(message[at - 1])):
            end = _closing(message, at)
            if end:
                yield at, end
                at = end
                continue
        at += 1


def _closing(message: str, start: int) -> int:
    """Return the offset behind the quote that closes the one at *start*, 0 where none does."""
    quote = message[start]
    end = message.find(quote, start + 1)
    while end > 0:
        apostrophe = quote == "'" and end + 1 < len(message) and _in_word(message[end + 1])
        escaped = quote == '"' and message[end - 1] == "\\" and message[start - 1 : start] != "\\"
        if not (apostrophe or escaped):
            return end + 1
        end = message.find(quote, end + 1)
    return 0


def _in_word(char: str) -> bool:
    return char.isalnum() or char in "_$"


def _taken_apart(piece: str) -> Iterator[str]:
    """Yield the tokens of *piece*, which has no blanks."""
    at = 0
    while at < len(piece):
        end = _path_end(piece, at) or _url_end(piece, at) or _address_end(piece, at) or _blob_end(piece, at)
        if end:
            yield VALUE
        else:
            end = _word_end(piece, at)
            word = piece[at:end]
            yield VALUE if _is_value(word) else word
        at = end


def _word_end(piece: str, start: int) -> int:
    """Return where the word at *start* ends; a mark that begins none is a token of its own."""
    at = start
    if piece[at] == "*":
        while at < len(piece) and piece[at] == "*":
            at += 1
    elif piece[at] in PREFIXES:
        at += 1
    if at == len(piece) or not _in_word(piece[at]):
        return start + 1
    while at < len(piece):
        if _in_word(piece[at]):
            at += 1
            continue
        joined = at
        while joined < len(piece) and piece[joined] in CONNECTORS:
            joined += 1
        if joined == at or joined == len(piece) or not _in_word(piece[joined]):
            break
        at = joined
    return at


def _url_end(piece: str, start: int) -> int:
    """Return where the URL that begins at *start* ends, 0 where none does."""
    at = piece.find("://", start)
    if at <= start or not all(char.isalnum() or char in "+.-" for char in piece[start:at]):
        return 0
    end = next((place for place in range(at, len(piece)) if piece[place] in _URL_ENDS), len(piece))
    return start + len(piece[start:end].rstrip(".:!?"))


def _path_end(piece: str, start: int) -> int:
    """Return where the path of at least two parts that begins at *start* ends, 0 where none does."""
    at = start + 2 if piece[start].isalpha() and piece[start + 1 : start + 3] in (":\\", ":/") else start
    parts = 0
    while at + 1 < len(piece) and piece[at] in "/\\" and _in_path(piece[at + 1]):
        at += 1
        while at < len(piece) and _in_path(piece[at]):
            at += 1
        parts += 1
    if parts < 2:
        return 0
    return at + 1 if at < len(piece) and piece[at] in "/\\" else at


def _address_end(piece: str, start: int) -> int:
    """Return where the e-mail address or ``user@host`` that begins at *start* ends, 0 where none does."""
    at = piece.find("@", start)
    if at <= start or not all(_in_word(char) or char in "+.-" for char in piece[start:at]):
        return 0
    end = next(
        (place for place in range(at + 1, len(piece)) if not (_in_word(piece[place]) or piece[place] in ".-")),
        len(piece),
    )
    host = piece[at + 1 : end].rstrip(".-")
    return at + 1 + len(host) if host and piece[end : end + 1] != "@" else 0


def _blob_end(piece: str, start: int) -> int:
    """Return where the base64 that begins at *start* ends, 0 where none does: no word has all three kinds of signs."""
    found = _BLOB.match(piece, start)
    if not found:
        return 0
    said = found[0]
    return found.end() if said.lower() != said != said.upper() and not _DIGITS.isdisjoint(said) else 0


def _in_path(char: str) -> bool:
    return _in_word(char) or char in ".@%+~-"


def _is_value(word: str) -> bool:
    """Tell whether *word* is a number or an id: no word of any language, whatever stands beside it."""
    digits = sum(char.isdigit() for char in word)
    if not digits:
        return False
    runs = sum(char.isdigit() and not before.isdigit() for before, char in zip(" " + word, word, strict=False))
    begins = word[0].isdigit() or word[0] in PREFIXES
    return begins or digits >= DIGITS_OF_AN_ID or runs > 1 or 2 * digits >= len(word)
