"""JSON whose numbers stay as they were written: retry data must come back to the last digit."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Number:
    """A JSON number by its spelling: ``1.10`` and ``1.1`` are two different ones."""

    text: str


def read_exact(text: str | bytes) -> Any:
    """Parse JSON, every number as `Number`.

    Raises:
        ValueError: *text* is not JSON or not UTF-8.
    """
    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=Number)


def write_exact(value: Any) -> str:
    """Write what `read_exact` read, with plain Python values among it."""
    match value:
        case Number(text):
            return text
        case dict():
            return "{" + ",".join(f"{json.dumps(name)}:{write_exact(part)}" for name, part in value.items()) + "}"
        case list():
            return "[" + ",".join(write_exact(part) for part in value) + "]"
        case _:
            return json.dumps(value)


MISSING = object()
"""What `value_at` returns where the pointer leads nowhere; equal to no JSON value."""


def value_at(document: Any, pointer: str) -> Any:
    """Return what stands at a JSON Pointer, or `MISSING`."""
    for token in _tokens(pointer):
        match document:
            case dict() if token in document:
                document = document[token]
            case list() if token.isdecimal() and int(token) < len(document):
                document = document[int(token)]
            case _:
                return MISSING
    return document


def put_at(document: Any, pointer: str, value: Any) -> None:
    """Set what stands at a JSON Pointer; its parent must exist.

    Raises:
        LookupError: the parent is missing or can hold nothing under that name.
    """
    parent_pointer, _, _ = pointer.rpartition("/")
    name = _tokens(pointer)[-1] if pointer else ""
    match value_at(document, parent_pointer):
        case dict() as parent if pointer:
            parent[name] = value
        case list() as parent if name.isdecimal() and int(name) < len(parent):
            parent[int(name)] = value
        case _:
            raise LookupError(pointer)


def changes(before: Any, after: Any, at: str = "") -> Iterator[str]:
    """Yield the JSON Pointer of every place where two documents differ: added, gone or another value."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in before | after:
            here = f"{at}/{name.replace('~', '~0').replace('/', '~1')}"
            yield from changes(before.get(name, MISSING), after.get(name, MISSING), here)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for place, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from changes(old, new, f"{at}/{place}")
    elif type(before) is not type(after) or before != after:
        yield at


def _tokens(pointer: str) -> list[str]:
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]
