"""Rules that can never act, because one before them takes all that they match: told from the conditions alone.

Every pair of a large set would be too many to compare. A rule takes all of another only if the other asks for the same
value, or for a text that holds the same words: so each is filed under one of its own values or words, the rarest, and
compared only with those that have it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from daemon.rulebook.ast import FieldCondition, RuleSource
from daemon.rulebook.checks import kinded, texts
from daemon.rulebook.implication import HOLDS_IN, exact_values, implies
from daemon.rulebook.patterns import LiteralScan
from daemon.rulebook.problems import Problem
from daemon.rulebook.program import conjuncts, leaves
from daemon.rulebook.source_lines import SourceLines

Key = tuple[object, ...]
WORDS = frozenset({*HOLDS_IN, "contains_all"})


def shadowed(sources: Sequence[RuleSource], lines: SourceLines) -> Iterator[Problem]:
    """Yield a warning for each rule that can never win."""
    filed = Filed(sources)
    for position, source in enumerate(sources):
        for earlier in filed.perhaps_wider(source):
            wide = sources[earlier]
            if earlier >= position:
                break
            if implies(source.when, wide.when):
                yield lines.warning(
                    "W031",
                    f'rule "{source.rule.id}" can never act: "{wide.rule.id}" ({wide.rule.place}) takes all it matches',
                    source.place,
                    rule=source.rule.id,
                    hint="move it before that rule, or narrow that rule",
                )
                break


class Filed:
    """Rules by what they ask for. *perhaps_wider* finds those that may take all that another one matches."""

    def __init__(self, sources: Sequence[RuleSource]) -> None:
        offers = [list(_offers(source)) for source in sources]
        common = Counter(key for offer in offers for keys in offer for key in keys)
        self._by_key: dict[Key, list[int]] = defaultdict(list)
        self._always: list[int] = []
        for position, offer in enumerate(offers):
            if not offer:
                self._always.append(position)
            for key in min(offer, key=lambda keys: max(common[each] for each in keys), default=()):
                self._by_key[key].append(position)
        self._words = sorted({str(key[-1]) for key in self._by_key if key[0] == "words"})
        self._scan = LiteralScan(self._words)

    def perhaps_wider(self, source: RuleSource) -> list[int]:
        """Return the positions of the rules that may be wider than *source*, in order."""
        found = set(self._always)
        for leaf in leaves(source.when):
            for key in self._asked(leaf):
                found.update(self._by_key.get(key, ()))
        return sorted(found)

    def _asked(self, leaf: FieldCondition) -> Iterator[Key]:
        for keys in _keys(leaf):
            yield from keys
        about = (leaf.field, leaf.expression, leaf.ignore_case)
        for check in leaf.checks:
            for text in texts(check.operands):
                whole = text.casefold() if leaf.ignore_case else text
                hits = self._scan.hits(whole.encode("utf-8", "replace"))
                for word in self._words if hits is None else (self._words[hit] for hit in hits):
                    yield "words", *about, word


def _offers(source: RuleSource) -> Iterator[tuple[Key, ...]]:
    """Yield sets of keys, of each of which a narrower rule must have one."""
    for part in conjuncts(source.when):
        if isinstance(part, FieldCondition):
            yield from _keys(part)


def _keys(leaf: FieldCondition) -> Iterator[tuple[Key, ...]]:
    about = (leaf.field, leaf.expression, leaf.ignore_case)
    for check in leaf.checks:
        values = exact_values(check)
        if check.operator in WORDS:
            words = (text.casefold() if leaf.ignore_case else text for text in texts(check.operands))
            yield tuple(("words", *about, word) for word in words)
        elif values is not None:
            yield tuple(("value", *about, kinded(value)) for value in values)
        elif check.operator != "exists":
            yield tuple((check.operator, *about, operand) for operand in check.operands)
