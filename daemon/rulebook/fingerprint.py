"""Name a rule set by its content: the same decisions give the same name, wherever the rules are written."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from hashlib import blake2b

from daemon.rulebook.ast import RuleSource

_SAYS_NOTHING = frozenset({"place", "why", "owner"})
"""What explains a rule to people but changes no decision."""


def digest(sources: Sequence[RuleSource]) -> str:
    """Return a hash, in hex digits, of all that the rules decide by."""
    content = blake2b(digest_size=16)
    for source in sources:
        wanted = {operation.value_from.lookup for operation in source.patch if operation.value_from}
        tables = {name: table for name, table in source.tables.items() if name in wanted}
        content.update(_written((source.rule, source.when, source.patch, tables)).encode("utf-8", "surrogatepass"))
    return content.hexdigest()


def _written(value: object) -> str:
    """Return *value* in a form in which equal values of equal type, and no others, are written alike."""
    if is_dataclass(value) and not isinstance(value, type):
        told = ((entry.name, getattr(value, entry.name)) for entry in fields(value) if entry.name not in _SAYS_NOTHING)
        return f"{type(value).__name__}({','.join(f'{name}={_written(part)}' for name, part in told)})"
    if isinstance(value, Mapping):
        return "{" + ",".join(sorted(f"{_written(key)}:{_written(part)}" for key, part in value.items())) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_written, value)) + "]"
    if isinstance(value, Enum):
        return str(value)
    return repr(value)
