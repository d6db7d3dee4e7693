"""What is equal in JSON, and where two values differ."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import msgspec

NOTHING = "nothing"

_ENCODER = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What was expected and what was found, in words or as JSON; *path* is where, as a JSON Pointer, if it is data."""

    expected: str
    found: str
    path: str = ""


def json_equal(one: object, other: object) -> bool:
    """Compare two JSON values as RFC 6902 does: 1 equals 1.0, true equals nothing but true."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | Decimal) and isinstance(other, int | Decimal):
        return one == other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(json_equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(json_equal, one, other))
    return type(one) is type(other) and one == other


def differences(path: str, expected: object, found: object) -> tuple[Difference, ...]:
    """Return the innermost places, under the JSON Pointer *path*, where two JSON values are not equal."""
    return tuple(_differences(path, expected, found))


def _differences(path: str, expected: object, found: object) -> Iterator[Difference]:
    if json_equal(expected, found):
        return
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        for key in dict.fromkeys([*expected, *found]):
            yield from _one(f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}", key, expected, found)
    elif isinstance(expected, list | tuple) and isinstance(found, list | tuple):
        for place in range(max(len(expected), len(found))):
            yield from _one(f"{path}/{place}", place, _numbered(expected), _numbered(found))
    else:
        yield Difference(path=path, expected=as_json(expected), found=as_json(found))


def _one(
    path: str, key: object, expected: Mapping[object, object], found: Mapping[object, object]
) -> Iterator[Difference]:
    if key in expected and key in found:
        yield from _differences(path, expected[key], found[key])
    elif key in expected:
        yield Difference(path=path, expected=as_json(expected[key]), found=NOTHING)
    else:
        yield Difference(path=path, expected=NOTHING, found=as_json(found[key]))


def _numbered(values: Sequence[object]) -> Mapping[object, object]:
    return dict(enumerate(values))


def as_json(value: object) -> str:
    """Return a JSON value with its numbers spelled as they are held."""
    return _ENCODER.encode(value).decode()
