"""The part of the JSON Schema that refuses a ``when`` which says where, but not which errors.

It says what ``when_reader.selects`` says: a condition on the error itself must hold in every branch. Under ``not`` the
roles of ``all`` and ``any`` are exchanged, so there are two definitions that refer to each other.
"""

from typing import Any

from daemon.rulebook.schema_parts import names
from daemon.rulebook.schema_when import ScopePart, WhenPart

NESTING = ("all", "any", "not")
WHERE_NOT_WHICH = frozenset({*names(ScopePart), "age", "attempts"})
"""Fields that say where to look, or when, but not which errors."""


def _under(key: str, how: str, definition: str) -> dict[str, Any]:
    ref: dict[str, Any] = {"$ref": f"#/definitions/{definition}"}
    return {"required": [key], "properties": {key: {how: ref} if how else ref}}


SELECTING: dict[str, Any] = {
    "Selects": {
        "anyOf": [
            *({"required": [name]} for name in names(WhenPart) if name not in {*NESTING, *WHERE_NOT_WHICH}),
            _under("all", "contains", "Selects"),
            _under("any", "items", "Selects"),
            _under("not", "", "SelectsWhenNegated"),
        ]
    },
    "SelectsWhenNegated": {
        "not": {"anyOf": [{"required": [name]} for name in sorted(WHERE_NOT_WHICH)]},
        "properties": {
            "all": {"items": {"$ref": "#/definitions/SelectsWhenNegated"}},
            "any": {"contains": {"$ref": "#/definitions/SelectsWhenNegated"}},
            "not": {"$ref": "#/definitions/Selects"},
        },
    },
}
