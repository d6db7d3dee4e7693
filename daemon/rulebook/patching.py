"""Change the retry data as a rule says: whole or not at all, and nothing but what the rule names (P14).

Values are read from the data as it was before the first operation. A value goes through its transforms, then through
its lookup table; a default stands in, as it is, where the source or the table has nothing.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy

from jsonpatch import JsonPatch, JsonPatchException
from jsonpointer import JsonPointer, JsonPointerException

from daemon.core.decisions import Match
from daemon.core.exceptions import RuleError
from daemon.core.facts import Patched, PatchRefused
from daemon.core.records import ErrorRecord
from daemon.rulebook.ast import PatchOperation, ValueFrom
from daemon.rulebook.json_values import json_equal
from daemon.rulebook.selection import Selection, SelectionError, exact
from daemon.rulebook.transforms import TransformError, as_text, transform

RECORD_FIELDS = frozenset(
    {
        "source",
        "code",
        "message",
        "trace_key",
        "classification",
        "classified_by",
        "assigned_to",
        "http_status",
        "retryable",
    }
)
"""Error fields a patch can take a value from."""


class _RefusedError(Exception):
    """Leave a patch half-way; its document is thrown away."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.refused = PatchRefused(reason=reason, detail=detail)


class Patch:
    """The compiled operations of one rule.

    Raises:
        RuleError: an operation can be carried out on no data at all, or leads outside ``/data``.
    """

    __slots__ = ("_operations",)

    def __init__(self, operations: Sequence[PatchOperation], tables: Mapping[str, Mapping[str, object]]) -> None:
        self._operations = [_Operation(operation, tables) for operation in operations]

    def apply(self, match: Match, record: ErrorRecord, data: object) -> Patched | PatchRefused:
        """Return *data* changed, itself left as it is, or why it cannot be."""
        document = {"data": deepcopy(data)}
        try:
            for operation in self._operations:
                operation.apply(document, operation.value(match, record, data))
        except _RefusedError as left:
            return left.refused
        return Patched(data=document["data"])


class _Operation:
    """One operation of RFC 6902."""

    __slots__ = ("_from", "_op", "_path", "_source", "_value")

    def __init__(self, operation: PatchOperation, tables: Mapping[str, Mapping[str, object]]) -> None:
        self._op = operation.op
        self._path = _pointer(operation.path)
        self._from = _pointer(operation.from_path) if operation.op in ("move", "copy") else None
        if (operation.op == "remove" and len(self._path.parts) == 1) or (
            operation.op == "move" and self._from is not None and self._path.contains(self._from)
        ):
            msg = f'"{operation.op}" at {operation.path} would leave no data, or data inside itself'
            raise RuleError(msg)
        self._value = exact(operation.value)
        self._source = _Source(operation.value_from, tables) if operation.value_from else None

    def value(self, match: Match, record: ErrorRecord, data: object) -> object:
        """Return the operation's value, all its own."""
        return deepcopy(self._source.value(match, record, data) if self._source else self._value)

    def apply(self, document: dict[str, object], value: object) -> None:
        """Change *document* in place."""
        if self._op == "test":
            self._test(document, value)
            return
        operation = {"op": self._op, "path": self._path.path, "value": value}
        if self._from is not None:
            operation["from"] = self._from.path
        try:
            JsonPatch([operation]).apply(document, in_place=True)
        except (JsonPatchException, JsonPointerException):
            detail = f"the retry data has no place to {self._op} {self._path.path}"
            raise _RefusedError("patch-path-missing", detail) from None

    def _test(self, document: dict[str, object], value: object) -> None:
        # Compared here: older versions of jsonpatch compare as Python does, which takes true for 1.
        try:
            equal = json_equal(self._path.resolve(document), value)
        except JsonPointerException:
            equal = False
        if not equal:
            raise _RefusedError(
                "patch-test-failed", f"the retry data is not what the rule expects at {self._path.path}"
            )


def _pointer(text: str) -> JsonPointer:
    try:
        pointer = JsonPointer(text)
    except JsonPointerException as problem:
        msg = f"{text!r} is no JSON Pointer: {problem}"
        raise RuleError(msg) from None
    if pointer.parts[:1] != ["data"]:
        msg = f"{text!r} leads outside /data"
        raise RuleError(msg)
    return pointer


class _Source:
    """Where an operation takes its value from."""

    __slots__ = ("_from", "_selection", "_table")

    def __init__(self, source: ValueFrom, tables: Mapping[str, Mapping[str, object]]) -> None:
        self._from = source
        try:
            self._selection = Selection(source.source) if source.kind == "data" else None
            self._table = {key: exact(value) for key, value in tables[source.lookup].items()} if source.lookup else None
        except SelectionError as problem:
            raise RuleError(str(problem)) from None
        except KeyError:
            msg = f'there is no table "{source.lookup}"'
            raise RuleError(msg) from None
        if source.kind == "field" and source.source not in RECORD_FIELDS:
            msg = f'no value can be taken from "{source.source}"; possible are {", ".join(sorted(RECORD_FIELDS))}'
            raise RuleError(msg)

    def value(self, match: Match, record: ErrorRecord, data: object) -> object:
        """Return the value after transforms and lookup, or the default."""
        value = self._read(match, record, data)
        if value is None:
            return self._default("value-missing", f"there is no {self._from.kind} value {self._from.source!r}")
        for name, argument in self._from.transforms:
            try:
                value = transform(value, name, argument)
            except TransformError as problem:
                raise _RefusedError("transform-failed", f"{self._from.kind} {self._from.source!r}: {problem}") from None
        if self._table is None:
            return value
        key = as_text(value)
        if key is None or key not in self._table:
            return self._default("lookup-missing", f"table {self._from.lookup!r} has no entry for the value")
        return self._table[key]

    def _read(self, match: Match, record: ErrorRecord, data: object) -> object:
        if self._selection is not None:
            return exact(self._selection.of(data))
        if self._from.kind == "match":
            return match.groups.get(self._from.source)
        value: object = getattr(record, self._from.source)
        return None if value == "" else value

    def _default(self, reason: str, detail: str) -> object:
        if self._from.has_default:
            return exact(self._from.default)
        raise _RefusedError(reason, detail)
