"""Turn a value on its way into the retry data: what ``transform`` can do, on plain values."""

import unicodedata
from collections.abc import Callable, Mapping
from decimal import Decimal

from daemon.rulebook.ast import Scalar, Transform
from daemon.rulebook.patterns import matches_whole

_NUMBER = r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,4})?"
_LONGEST_NUMBER = 1_000


class TransformError(ValueError):
    """The value cannot be transformed; the text says why."""


def transform(value: object, name: Transform, argument: Scalar) -> object:
    """Return *value* after one transform. Numbers are taken as they are written.

    Raises:
        TransformError: the value is neither text nor a number, or no number where one is due.
    """
    text = as_text(value)
    if text is None:
        msg = f"{name} works on text and numbers only"
        raise TransformError(msg)
    if name == "number":
        return _number(text)
    return _ON_TEXT[name](text, argument)


def as_text(value: object) -> str | None:
    """Return text as it is, a number as it is written, and None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    return str(value)


def _number(text: str) -> int | Decimal:
    if len(text) > _LONGEST_NUMBER or not matches_whole(_NUMBER, text):
        msg = "the text is no number"
        raise TransformError(msg)
    return Decimal(text) if any(char in text for char in ".eE") else int(text)


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


_ON_TEXT: Mapping[str, Callable[[str, Scalar], str]] = {
    "trim": lambda text, _: text.strip(),
    "upper": lambda text, _: text.upper(),
    "lower": lambda text, _: text.lower(),
    "collapse_spaces": lambda text, _: " ".join(text.split()),
    "digits": lambda text, _: "".join(char for char in text if char in "0123456789"),
    "ascii": lambda text, _: _ascii(text),
    "truncate": lambda text, length: text[: int(length or 0)],
    "prefix": lambda text, start: f"{start}{text}",
    "suffix": lambda text, end: f"{text}{end}",
}
