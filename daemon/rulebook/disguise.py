"""Replace what is personal or secret in an error and its record, the same value by the same substitute everywhere."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from daemon.rulebook.patterns import PartFinder
from daemon.rulebook.personal import CERTAIN, PATTERNS, kind_of
from daemon.rulebook.subject import Text
from daemon.rulebook.substitutes import Substitutes

SHORTEST_KNOWN = 3
"""Characters of a name; a shorter one would be found in the middle of everything."""

FINDERS = tuple(PartFinder(patterns) for patterns in PATTERNS)
"""One after the other, the surest first: what one has found no later one takes apart."""

Part = tuple[str, int, int]
"""The kind of a part of a text, its start and its end."""


class Disguise:
    """Redact one error: its texts and its record. *literals* are what rules ask for; names and the like among them stay."""

    def __init__(self, texts: Iterable[str], data: object, literals: Iterable[str]) -> None:
        fields = list(_fields(data))
        leaves = [str(value) for _, value in fields if value is not None and not isinstance(value, bool)]
        self.substitutes = Substitutes(original="\n".join([*texts, *leaves]))
        self._literals = "\n".join(literals).casefold()
        self._known = {
            value.casefold(): kind
            for kind, value in sorted(fields, key=lambda field: -len(str(field[1])))
            if kind and isinstance(value, str) and len(value.strip()) >= SHORTEST_KNOWN and not self._asked_for(value)
        }

    @property
    def counts(self) -> Mapping[str, int]:
        """Return how many different values of each kind have been replaced."""
        return self.substitutes.counts

    def text(self, text: str) -> str:
        """Return *text* without what is personal in it."""
        text = Text(text).plain
        parts: list[str] = []
        at = 0
        for kind, start, end in self._all_parts(text):
            parts += [text[at:start], self.substitutes.of(kind, text[start:end])]
            at = end
        return "".join([*parts, text[at:]])

    def value(self, value: object, kind: str = "") -> object:
        """Return a JSON value without what is personal in it; *kind* is what its field says."""
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(part, kind_of(str(key))) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(part, kind) for part in value]
        if isinstance(value, str):
            return self._leaf(value, kind)
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            written = format(value, "f") if isinstance(value, Decimal) else str(value)
            redacted = self._leaf(written, kind if kind in {"phone", "code", "iban"} else "")
            return value if redacted == written else type(value)(redacted)
        return value

    def _leaf(self, text: str, kind: str) -> str:
        if kind and text.strip() and not self._asked_for(text) and not (kind == "mail" and "@" not in text):
            whole = next(self._formed_parts(text, 0, len(text)), ("", 0, 0))
            formed = whole[0] if whole[0] in CERTAIN and whole[1:] == (0, len(text)) else kind
            return self.substitutes.of(formed, text)
        return self.text(text)

    def _asked_for(self, value: str) -> bool:
        return value.casefold() in self._literals

    def _all_parts(self, text: str) -> Iterator[Part]:
        """Yield what is to be replaced, from left to right: values known from the record first, then what has a form."""
        at = 0
        for kind, start, end in sorted(self._known_parts(text), key=lambda part: (part[1], -part[2])):
            if start >= at:
                yield from self._formed_parts(text, at, start)
                yield kind, start, end
                at = end
        yield from self._formed_parts(text, at, len(text))

    def _known_parts(self, text: str) -> Iterator[Part]:
        folded = text.casefold()
        if len(folded) != len(text):  # letters that grow when folded: only the exact form can be found
            folded = text
        for value, kind in self._known.items():
            start = folded.find(value)
            while start >= 0:
                end = start + len(value)
                if not (_joined(text, start) or _joined(text, end)):
                    yield kind, start, end
                start = folded.find(value, end)

    def _formed_parts(
        self, text: str, start: int, end: int, finders: tuple[PartFinder, ...] = FINDERS
    ) -> Iterator[Part]:
        """Yield what has a form of its own between two places, what the first finder finds before all else."""
        if not finders or start >= end:
            return
        at = start
        for kind, first, last in finders[0].parts(text[start:end]):
            found, begin = text[start + first : start + last], start + first
            yield from self._formed_parts(text, at, begin, finders[1:])
            at = start + last
            if kind in CERTAIN or self._is_personal(kind, found):
                yield kind, begin, at
            elif kind != "moment":
                yield from self._formed_parts(text, begin, at, finders[-1:])
        yield from self._formed_parts(text, at, end, finders[1:])

    def _is_personal(self, kind: str, found: str) -> bool:
        if kind == "moment" or self._asked_for(found):
            return False
        return kind != "token" or (any(map(str.isdecimal, found)) and any(map(str.isalpha, found)))


def _joined(text: str, at: int) -> bool:
    """Tell whether letters or digits stand on both sides of a place in *text*."""
    return 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()


def _fields(data: object, kind: str = "") -> Iterator[tuple[str, object]]:
    """Yield every value of a record with the kind that its field says, or ""."""
    if isinstance(data, Mapping):
        for key, part in data.items():
            yield "", str(key)
            yield from _fields(part, kind_of(str(key)))
    elif isinstance(data, list | tuple):
        for part in data:
            yield from _fields(part, kind)
    else:
        yield kind, data
