"""What a rule file says, as plain values: the form between the files' formats and the compiled matcher.

The readers (YAML, TOML) make it, the compiler takes it; both speak of the same conditions and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from daemon.core.actions import Rule

FieldName = Literal[
    "account", "integration", "flow", "step", "step_type",
    "source", "code", "message", "trace_key", "classification", "classified_by", "assigned_to", "tags",
    "http_status", "retryable", "age", "attempts",
]  # fmt: skip

Operator = Literal[
    "is", "in", "contains", "contains_all", "starts_with", "ends_with", "glob", "regex",
    "gt", "gte", "lt", "lte", "exists",
]  # fmt: skip

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something stands in a rule file; *line* and *column* count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        """Return it as editors and terminals take it: ``file:line:column``."""
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One operator and its operands; text operators hold when any operand fits (``contains_all``: when all do).

    Ages are seconds. ``exists`` has one boolean operand. A scalar or a list in a file arrives as ``is`` or ``in``;
    for ``account``, ``integration``, ``flow`` and ``step`` these arrive as ``glob`` on both id and name, with ``[``
    written as ``[[]``, because names like "Orders [PROD]" are common.
    """

    operator: Operator
    operands: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldCondition:
    """All *checks* must hold on one field of the error (or on *expression*'s value where the field is ``data``)."""

    field: FieldName | Literal["data"]
    checks: tuple[Check, ...]
    ignore_case: bool = False
    expression: str = ""
    place: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AllOf:
    """Every part must hold."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf:
    """At least one part must hold."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOf:
    """The part must not hold."""

    part: "Condition"


Condition = FieldCondition | AllOf | AnyOf | NotOf

Transform = Literal[
    "trim", "upper", "lower", "collapse_spaces", "digits", "ascii", "truncate", "prefix", "suffix", "number"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueFrom:
    """Where a patch takes its value: a named group, a JMESPath into the retry data's ``data``, or an error field.

    *lookup* names a table. *default* is used where the source or the table has nothing; *has_default* tells an
    absent default from ``default: null``. *transforms* are (name, argument) pairs, applied in order before the lookup.
    """

    kind: Literal["match", "data", "field"]
    source: str
    lookup: str = ""
    default: object = None
    has_default: bool = False
    transforms: tuple[tuple[Transform, Scalar], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchOperation:
    """One RFC 6902 operation; pointers begin with ``/data`` and *value* is used where *value_from* is None.

    Numbers in *value* that are not whole are Decimals, as they are in the retry data; so in defaults, tables and tests.
    """

    op: Literal["add", "remove", "replace", "move", "copy", "test"]
    path: str
    from_path: str = ""
    value: object = None
    value_from: ValueFrom | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTest:
    """One test beside a rule: a partial error in the file's own field names, and what is expected of it.

    *patched* is the expected ``data`` after the patch, meaningful where *has_patched* is set.
    """

    expect: Literal["match", "no_match"]
    error: Mapping[str, object]
    name: str = ""
    data: object = None
    has_data: bool = False
    patched: object = None
    has_patched: bool = False
    place: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSource:
    """One rule as read: what the policy needs (*rule*), its conditions with the file's scope and-ed in, and the rest."""

    rule: Rule
    when: Condition
    patch: tuple[PatchOperation, ...] = ()
    tables: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    tests: tuple[RuleTest, ...] = ()
    place: Place
