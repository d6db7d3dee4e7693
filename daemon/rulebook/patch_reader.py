"""Read ``patch``: RFC 6902 operations inside ``/data``, with values from patterns, the record, the error and tables."""

from collections.abc import Collection, Mapping
from typing import Literal, cast, get_args

from daemon.rulebook.ast import FieldName, PatchOperation, Scalar, Transform, ValueFrom
from daemon.rulebook.formats import Entry, MappingNode, Node, ScalarNode, plain
from daemon.rulebook.matcher_reader import check_expression
from daemon.rulebook.patching import RECORD_FIELDS
from daemon.rulebook.schema_parts import PatchPart, ValueFromPart
from daemon.rulebook.typed import TypedReading, described, nearest

OPS = ("add", "remove", "replace", "move", "copy", "test")
WITH_VALUE = frozenset({"add", "replace", "test"})
WITH_FROM = frozenset({"move", "copy"})
KINDS = ("match", "data", "field")
FIELDS = tuple(name for name in get_args(FieldName) if name in RECORD_FIELDS)

TRANSFORMS: Mapping[str, object] = {
    "trim": "", "upper": "", "lower": "", "collapse_spaces": "", "digits": "", "ascii": "",
    "truncate": 30, "prefix": "X", "suffix": "X", "number": True,
}  # fmt: skip
"""Every transform, with an example of its argument, "" where it takes none."""

TRUNCATE_LIMIT = 1_000_000
OUTSIDE = "nothing outside /data may be touched: the rest of the retry data is the platform's own"


class PatchReader:
    """Read one rule's patch. *groups* are its patterns' named groups, *tables* the file's tables."""

    def __init__(self, reading: TypedReading, *, groups: Collection[str], tables: Collection[str]) -> None:
        self.reading = reading
        self.groups = sorted(groups)
        self.tables = sorted(tables)

    def read(self, entry: Entry | None) -> tuple[PatchOperation, ...]:
        """Return the operations, in order."""
        return tuple(self._operation(item) for item in self.reading.items(entry, "operations"))

    def _operation(self, node: Node) -> PatchOperation:
        reading = self.reading
        keys = reading.keys(node, PatchPart)
        op = reading.choice(keys.get("op"), OPS, "")
        path = read_pointer(reading, keys.get("path"), append=op in {"add", "move", "copy"})
        from_path = read_pointer(reading, keys.get("from"))
        if op:
            self._check_parts(op, keys, node, path=path, from_path=from_path)
        return PatchOperation(
            op=cast('Literal["add", "remove", "replace", "move", "copy", "test"]', op),
            path=path,
            from_path=from_path,
            value=plain(keys["value"].value) if "value" in keys else None,
            value_from=self._value_from(keys["value_from"]) if "value_from" in keys else None,
        )

    def _check_parts(self, op: str, keys: Mapping[str, Entry], node: Node, *, path: str, from_path: str) -> None:
        note = self.reading.note
        value, value_from, source = keys.get("value"), keys.get("value_from"), keys.get("from")
        if op in WITH_VALUE and not value and not value_from:
            note("E033", node, f'"{op}" needs a value', hint='add "value" or "value_from"')
        if value and value_from:
            note("E033", value_from, '"value" and "value_from" in one operation', hint="keep one of them")
        extra = value or value_from
        if op not in WITH_VALUE and extra:
            note("E033", extra, f'"{op}" takes no value', hint=f'leave "{extra.key}" out')
        if op in WITH_FROM and not source:
            note("E033", node, f'"{op}" needs "from"', hint="say where it comes from")
        if op not in WITH_FROM and source:
            note("E033", source, f'"{op}" has no "from"', hint='only "move" and "copy" have one')
        if op == "remove" and path == "/data":
            note("E032", keys["path"], "the whole record would be removed", hint="name the field that is to go")
        if op == "move" and from_path and f"{path}/".startswith(f"{from_path}/"):
            note("E032", keys["path"], "nothing can be moved into itself")

    def _value_from(self, entry: Entry) -> ValueFrom:
        reading = self.reading
        keys = reading.keys(entry.value, ValueFromPart, holder=entry)
        given = [name for name in KINDS if name in keys]
        if len(given) != 1 and isinstance(entry.value, MappingNode):
            message = "one source of the value, not several" if given else "no source of the value"
            reading.note("E033", keys[given[1]] if given else entry, message, inside=not given, allowed=KINDS)
        kind = given[0] if given else "match"
        source = reading.text(keys.get(kind))
        if source:
            self._check_source(kind, source, keys[kind])
        lookup = reading.text(keys.get("lookup"))
        if lookup and lookup not in self.tables:
            self._unknown("E035", keys["lookup"], f'the file has no table "{lookup}"', lookup, self.tables, "tables")
        default = keys.get("default")
        return ValueFrom(
            kind=cast('Literal["match", "data", "field"]', kind),
            source=source,
            lookup=lookup,
            default=plain(default.value) if default else None,
            has_default=default is not None,
            transforms=self._transforms(keys.get("transform")),
        )

    def _check_source(self, kind: str, source: str, entry: Entry) -> None:
        if kind == "data":
            check_expression(self.reading, source, entry.value)
        elif kind == "field" and source not in FIELDS:
            hint = nearest(source, FIELDS)
            self.reading.note(
                "E017", entry.value, f'no field "{source}" to take a value from', hint=hint, allowed=FIELDS
            )
        elif kind == "match" and source not in self.groups:
            message = f'no pattern has a group "{source}"'
            self._unknown("E034", entry, message, source, self.groups, f"a group is written (?P<{source}>…)")

    def _unknown(self, code: str, entry: Entry, message: str, word: str, known: list[str], otherwise: str) -> None:
        hint = nearest(word, known) or (
            "" if known else otherwise if code == "E034" else f'the file has no "{otherwise}"'
        )
        why = "the error would be held every time: there is nothing to write"
        self.reading.note(code, entry.value, message, hint=hint, allowed=known, why=why)

    def _transforms(self, entry: Entry | None) -> tuple[tuple[Transform, Scalar], ...]:
        if entry is None:
            return ()
        found = (self._transform(item, entry) for item in self.reading.items(entry, "transforms"))
        return tuple(step for step in found if step)

    def _transform(self, node: Node, holder: Entry) -> tuple[Transform, Scalar] | None:
        if isinstance(node, MappingNode) and len(node.entries) == 1:
            entry = next(iter(node.entries.values()))
            if TRANSFORMS.get(entry.key):
                name = cast("Transform", entry.key)
                return name, self._argument(entry)
            spot: Entry | Node = entry
            word = entry.key
        elif isinstance(node, ScalarNode) and node.value is not None:
            word, spot = node.text, node
            if TRANSFORMS.get(word) == "":
                return cast("Transform", word), None
        else:
            self.reading.wrong(
                holder,
                node,
                "a list of transforms",
                holder,
                hint=f"one per item: {self.reading.notation.value(['trim', {'truncate': 30}])}",
            )
            return None
        if word in TRANSFORMS:
            argument = TRANSFORMS[word]
            hint = f"write {self.reading.notation.value({word: argument}) if argument else word}"
            self.reading.note("E036", spot, f'"{word}" is not written like this', hint=hint)
        else:
            allowed = tuple(TRANSFORMS)
            self.reading.note("E036", spot, f'unknown transform "{word}"', hint=nearest(word, allowed), allowed=allowed)
        return None

    def _argument(self, entry: Entry) -> Scalar:
        if entry.key == "truncate":
            return self.reading.whole(entry, low=1, high=TRUNCATE_LIMIT)
        if entry.key == "number":
            if not self.reading.flag(entry, default=True):
                self.reading.note("E036", entry, '"number" is only ever true', hint="leave it out")
            return True
        node = entry.value
        if isinstance(node, ScalarNode) and node.text and type(node.value) in {str, int, float}:
            return node.text  # a prefix may well be a blank
        return self.reading.text(entry)


def read_pointer(reading: TypedReading, entry: Entry | None, *, append: bool = False) -> str:
    """Return a JSON Pointer inside ``/data``; *append* says whether ``-`` may stand for the end of a list."""
    if entry is None:
        return ""
    pointer = reading.text(entry)
    if not pointer.strip():
        return ""
    parts = pointer.split("/")
    if parts[0] or parts[1:2] != ["data"]:
        inside = f"/data{pointer if pointer.startswith('/') else '/' + pointer.replace('.', '/')}"
        message = f'"{entry.key}" must be a path inside /data, not {described(entry.value)}'
        reading.note("E032", entry.value, message, hint=f"did you mean {inside}?", why=OUTSIDE)
    elif any("~" in part.replace("~0", "").replace("~1", "") for part in parts):
        hint = "in a path, ~ is written ~0, and / inside a name ~1"
        reading.note("E032", entry.value, f'"{entry.key}" has a "~" that stands for nothing', hint=hint)
    elif parts[-1] == "" and len(parts) > 2:
        reading.note("E032", entry.value, f'"{entry.key}" ends with a slash', hint="leave it out")
    elif parts[-1] == "-" and not append:
        hint = "number the item: 0 is the first"
        reading.note("E032", entry.value, '"-" is the place behind the last item: there is nothing', hint=hint)
    return pointer
