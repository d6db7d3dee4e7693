"""What is equal in JSON."""

from collections.abc import Mapping
from decimal import Decimal


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
