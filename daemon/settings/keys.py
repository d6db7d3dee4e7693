"""What may be set: the keys of each section, and the variables that set them."""

from collections.abc import Iterator, Sequence
from typing import get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from daemon.settings.model import Settings

PREFIX = "FLOWMEND_"
CONFIG_VARIABLE = "FLOWMEND_CONFIG"
NAMED = frozenset({"accounts", "notify"})
"""The sections whose second level are names that people choose."""

SECRET = frozenset({"token", "url"})
"""Keys whose values are never shown, wherever they stand."""


def section_at(path: Sequence[str | int]) -> type[BaseModel] | None:
    """Return the model of the section at *path*, such as ``("accounts", "acme")``; None where there is none."""
    if not path:
        return Settings
    field = Settings.model_fields.get(str(path[0]))
    if field is None or len(path) != (2 if path[0] in NAMED else 1):
        return None
    kind = get_args(field.annotation)[-1] if path[0] in NAMED else field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def field_at(path: Sequence[str | int]) -> FieldInfo | None:
    """Return the field that *path* leads to or into; None where nothing can be set."""
    for depth in range(len(path), 0, -1):
        section = section_at(path[: depth - 1])
        if section is not None and path[depth - 1] in section.model_fields:
            return section.model_fields[str(path[depth - 1])]
    return None


def settable() -> Iterator[tuple[str, ...]]:
    """Yield the path of every key that holds a value; ``*`` stands for names that people choose."""
    for name in Settings.model_fields:
        section = section_at((name, "*") if name in NAMED else (name,))
        above = (name, "*") if name in NAMED else (name,)
        if section is None:
            yield (name,)
        else:
            yield from ((*above, key) for key in section.model_fields)


def variable(path: Sequence[str | int]) -> str:
    """Name the variable that sets the value at *path*."""
    return PREFIX + "__".join(str(part).upper().replace("-", "_") for part in path)
