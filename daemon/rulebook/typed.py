"""Typed access to the nodes of a rule file: each question returns a usable value or notes what is wrong.

After a problem a harmless stand-in is returned, so that the rest of the rule is still looked at; whoever builds the
rule asks afterwards whether errors were noted.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from difflib import get_close_matches

from daemon.core.durations import parse_duration
from daemon.rulebook.formats import Entry, MappingNode, Node, ScalarNode, SequenceNode
from daemon.rulebook.reading import Reading
from daemon.rulebook.schema_parts import (
    HoldPart,
    LimitPart,
    Part,
    ResolvePart,
    RetryPart,
    ThenPart,
    names,
    required,
)
from daemon.rulebook.schema_when import WhenPart

SLUG_LIMIT = 64
SLUG_HINT = "lower-case letters, digits and single hyphens, such as"

SYNONYMS: Mapping[str, str] = {
    "equals": "is", "eq": "is", "==": "is", "=": "is", "one_of": "in", "any_of": "in", "like": "glob",
    "matches": "regex", "match": "regex", "pattern": "regex", "re": "regex", "includes": "contains",
    ">": "gt", ">=": "gte", "<": "lt", "<=": "lte", "min": "gte", "max": "lte", "older_than": "gt", "younger_than": "lt",
    "text": "message", "msg": "message", "error": "message", "error_code": "code", "status": "http_status",
    "import": "step", "export": "step", "flow_id": "flow", "step_id": "step", "errors": "match", "class": "classify",
    "reason": "because", "description": "why", "name": "id", "if": "when", "action": "then", "do": "then",
    "set": "replace", "update": "replace", "delete": "remove", "ignore": "leave", "skip": "leave", "close": "resolve",
    "rerun": "retry", "lookup": "export", "tags": "tag", "dry-run": "observe", "attempts": "max_attempts", "retries": "max_attempts", "delay": "after", "wait": "after", "email": "assign",
}  # fmt: skip
"""What people write, and what they mean; used where the meaning is allowed and no spelling is near."""


def nearest(word: str, allowed: Sequence[str]) -> str:
    """Return ``did you mean "…"?`` for the nearest of *allowed*, or ""."""
    known = {name.lower(): name for name in allowed}
    found = get_close_matches(word.lower().replace("-", "_"), list(known), n=1, cutoff=0.65)
    meant = known[found[0]] if found else SYNONYMS.get(word.lower(), "")
    return f'did you mean "{meant}"?' if meant in allowed else ""


def is_slug(text: str) -> bool:
    """Tell whether *text* is lower-case letters and digits, in parts joined by single hyphens or underscores."""
    parts = text.replace("_", "-").split("-")
    return len(text) <= SLUG_LIMIT and all(part.isalnum() and part.isascii() and part == part.lower() for part in parts)


def described(node: Node) -> str:
    """Name what stands there, for "must be …, not …"."""
    if isinstance(node, MappingNode):
        return "a map"
    if isinstance(node, SequenceNode):
        return "a list"
    if node.value is None:
        return "nothing"
    if isinstance(node.value, bool):
        return node.text
    return f'the text "{_short(node.text)}"' if isinstance(node.value, str) else f"the number {node.text}"


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"


OF_A_RULE = frozenset({"when", "then", "limit", "tests", "mode", "owner", "classify", "why"})
REQUIRED: Mapping[str, object] = {
    "version": 1, "id": "dup-order", "when": {"code": "DUP_RCRD"}, "then": {"leave": {}}, "queue": "warehouse",
    "because": "the record is in the target already", "path": "/data/quantity", "op": "replace",
}  # fmt: skip
"""What may stand under a key that must not be missing."""

HOMES: Mapping[str, type[Part]] = {
    "retry": RetryPart, "hold": HoldPart, "resolve": ResolvePart, "limit": LimitPart, "then": ThenPart, "when": WhenPart,
}  # fmt: skip
"""Where a key belongs that stands in another map."""


class TypedReading(Reading):
    """A reading that knows which kind of value is due where. The entry may be None: then the default is returned."""

    def keys(
        self, node: Node, model: type[Part], *, holder: Entry | None = None, code: str = "E014"
    ) -> dict[str, Entry]:
        """Return the known keys of a map; unknown and missing ones are noted.

        *holder* is the key that the map stands under. *code* is that of an unknown key.
        """
        if not isinstance(node, MappingNode):
            nothing = isinstance(node, ScalarNode) and node.value in (None, True) and holder and not required(model)
            hint = f"write {self.notation.line(holder.key, {})}" if nothing and holder else ""
            self.wrong(holder or node, node, "a map of keys and values", holder, hint=hint)
            return {}
        allowed = names(model)
        for key, entry in node.entries.items():
            if key not in allowed:
                self.unknown(entry, allowed, code=code, why=model.if_ignored)
        for key in required(model):
            if key not in node.entries:
                self.note("E010", holder or node, f'"{key}" is missing', inside=True, hint=self._such_as(key))
        return {key: entry for key, entry in node.entries.items() if key in allowed}

    def _such_as(self, key: str) -> str:
        return f"add it, such as {self.notation.line(key, REQUIRED[key])}" if key in REQUIRED else f'add "{key}"'

    def unknown(self, entry: Entry, allowed: Sequence[str], *, code: str = "E014", why: str = "") -> None:
        """Note a key that does not exist here."""
        kind = "operator" if code == "E020" else "key"
        homes = (home for home, model in HOMES.items() if entry.key in names(model))
        hint = nearest(entry.key, allowed) or next((f'"{entry.key}" belongs in "{home}"' for home in homes), "")
        if entry.key in OF_A_RULE - set(allowed) and code == "E014":
            above = "above the header that it stands under" if self.notation.toml else 'as far left as "id"'
            hint = f'"{entry.key}" belongs to the rule itself: put it {above}'
        self.note(code, entry, f'unknown {kind} "{entry.key}"', hint=hint, allowed=allowed, why=why)

    def wrong(self, spot: Entry | Node, node: Node, due: str, holder: Entry | None = None, *, hint: str = "") -> None:
        """Note that *node* is of the wrong kind; *due* is what it must be."""
        named = holder or (spot if isinstance(spot, Entry) else None)
        subject = f'"{named.key}"' if named else "this"
        where = node if isinstance(node, ScalarNode) and node.text else (named or node)
        self.note("E011", where, f"{subject} must be {due}, not {described(node)}", hint=hint)

    def text(self, entry: Entry | None, default: str = "") -> str:
        """Return a text that is not empty; a number counts as it is written."""
        if entry is None:
            return default
        return self.text_of(entry.value, entry)

    def text_of(self, node: Node, holder: Entry) -> str:
        """Return the text of *node*, which stands (perhaps in a list) under *holder*."""
        if not isinstance(node, ScalarNode) or node.value is None or isinstance(node.value, bool):
            word = node.text if isinstance(node, ScalarNode) else ""
            hint = "a text with commas needs quotes, not brackets" if isinstance(node, SequenceNode) else ""
            self.wrong(holder, node, "text", holder, hint=f'as text it needs quotes: "{word}"' if word else hint)
            return ""
        if not node.text.strip():
            self.note("E013", node, f'"{holder.key}" is empty', hint="write something, or leave the key out")
        return node.text

    def items(self, entry: Entry | None, of: str = "values") -> tuple[Node, ...]:
        """Return the items of a list that is not empty."""
        if entry is None:
            return ()
        node = entry.value
        if not isinstance(node, SequenceNode):
            hint = (
                f"as a list: {self.notation.value([_short(node.text)])}"
                if isinstance(node, ScalarNode) and node.text
                else ""
            )
            if isinstance(node, MappingNode):
                header = self.line(entry.line).strip()
                hint = f"two brackets make a list: [{header}]" if header.startswith("[") else 'put "- " before each'
            self.wrong(entry, node, f"a list of {of}", entry, hint=hint)
            return ()
        if not node.items:
            self.note("E013", entry, f'"{entry.key}" is an empty list', hint="fill it, or leave the key out")
        return node.items

    def texts(self, entry: Entry | None, of: str = "texts") -> tuple[str, ...]:
        """Return the texts of a list that is not empty."""
        return tuple(self.text_of(item, entry) for item in self.items(entry, of) if entry)

    def slug(self, entry: Entry | None, default: str = "") -> str:
        """Return a slug."""
        if entry is None:
            return default
        return self.slug_of(entry.value, entry)

    def slug_of(self, node: Node, holder: Entry) -> str:
        """Return the slug in *node*."""
        text = self.text_of(node, holder)
        if text.strip() and not is_slug(text):
            words = "".join(char if char.isascii() and char.isalnum() else " " for char in text.lower()).split()
            hint = f'{SLUG_HINT} "{"-".join(words)[:SLUG_LIMIT].strip("-") or "dup-order"}"'
            self.note("E015", node, f'"{holder.key}" cannot be "{_short(text)}"', hint=hint)
        return text

    def choice(self, entry: Entry | None, allowed: Sequence[str], default: str) -> str:
        """Return one of *allowed*, or *default* where nothing (or something else) stands."""
        if entry is None:
            return default
        return self.choice_of(entry.value, entry, allowed) or default

    def choice_of(self, node: Node, holder: Entry, allowed: Sequence[str]) -> str:
        """Return the one of *allowed* that stands in *node*, or ""."""
        text = node.text if isinstance(node, ScalarNode) and isinstance(node.value, str) else ""
        if text in allowed:
            return text
        message = f'"{holder.key}" cannot be {described(node).removeprefix("the text ")}'
        spot = node if isinstance(node, ScalarNode) and node.text else holder
        self.note("E017", spot, message, hint=nearest(text, allowed) if text else "", allowed=allowed)
        return ""

    def flag(self, entry: Entry | None, *, default: bool = False) -> bool:
        """Return true or false."""
        if entry is None:
            return default
        node = entry.value
        if isinstance(node, ScalarNode) and isinstance(node.value, bool):
            return node.value
        yes = isinstance(node, ScalarNode) and node.text.lower() in {"yes", "on", "true", "1", "y"}
        no = isinstance(node, ScalarNode) and node.text.lower() in {"no", "off", "false", "0", "n"}
        hint = "write true" if yes else "write false" if no else ""
        self.wrong(entry, node, "true or false", entry, hint=hint)
        return default

    def whole(self, entry: Entry | None, default: int = 0, *, low: int, high: int) -> int:
        """Return a whole number from *low* to *high*."""
        if entry is None:
            return default
        return self.whole_of(entry.value, entry, low=low, high=high)

    def whole_of(self, node: Node, holder: Entry, *, low: int, high: int) -> int:
        """Return the whole number in *node*."""
        value = node.value if isinstance(node, ScalarNode) else None
        if not isinstance(value, int) or isinstance(value, bool):
            self.wrong(holder, node, "a whole number", holder, hint=_number_hint(value))
            return low
        return int(self._in_range(node, holder, value, low, high))

    def number(self, entry: Entry | None, default: float = 0.0, *, low: float, high: float) -> float:
        """Return a number from *low* to *high*."""
        if entry is None:
            return default
        value = self.number_of(entry.value, entry)
        return float(self._in_range(entry.value, entry, value, low, high)) if value is not None else default

    def number_of(self, node: Node, holder: Entry) -> int | float | None:
        """Return the number in *node*, or None after a problem."""
        value = node.value if isinstance(node, ScalarNode) else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        self.wrong(holder, node, "a number", holder, hint=_number_hint(value))
        return None

    def _in_range(self, node: Node, holder: Entry, value: float, low: float, high: float) -> float:
        if low <= value <= high:
            return value
        message = f'"{holder.key}" must be from {low} to {high}, not {value}'
        self.note("E018", node, message)
        return low

    def duration(self, entry: Entry | None, default: timedelta = timedelta(0), *, zero: bool = True) -> timedelta:
        """Return a duration; *zero* says whether it may be nothing."""
        if entry is None:
            return default
        node = entry.value
        if not isinstance(node, ScalarNode) or node.value is None:
            self.wrong(entry, node, 'a duration such as "5m"', entry)
            return default
        try:
            found = parse_duration(node.value)
        except ValueError as refusal:
            self.note("E019", node, f'"{entry.key}" is not a duration', hint=str(refusal))
            return default
        if not found and not zero:
            self.note("E018", node, f'"{entry.key}" must be longer than nothing')
        return found


def _number_hint(value: object) -> str:
    if isinstance(value, str) and value.strip().replace(".", "", 1).isdigit():
        return f"without quotes and leading zeros: {value.strip().lstrip('0') or '0'}"
    return ""
