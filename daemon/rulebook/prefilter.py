"""Rule rules out by the words that a message lacks: one scan for the literals which the rules' conditions need."""

from collections.abc import Sequence
from dataclasses import dataclass

from daemon.rulebook.ast import AllOf, AnyOf, Check, Condition, FieldCondition
from daemon.rulebook.checks import texts
from daemon.rulebook.literal_pieces import Clause, best
from daemon.rulebook.literals import NOTHING, Needs, pattern_needs
from daemon.rulebook.patterns import LiteralScan, glob_pattern
from daemon.rulebook.subject import Text

SHORTEST = 3
"""A literal shorter than this occurs nearly everywhere."""

LONGEST = 64
"""Of a longer literal only its beginning is looked for."""

CLAUSES_PER_CHECK = 3
"""How many clauses of one pattern are looked for, the most telling ones; more would only cost."""

LEVELS = 4
"""How many clauses of a rule are indexed; what further ones say is asked rule by rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageNeeds:
    """What a message must contain for a condition to hold: of each clause at least one literal, by its number.

    *enough*: where all clauses hold, the condition does.
    """

    clauses: tuple[frozenset[int], ...] = ()
    enough: bool = False


class Prefilter:
    """All literals worth looking for: first told of the conditions, then asked about messages.

    Literals are numbered from 0, those to be looked for without differences of case downwards from -1.
    """

    __slots__ = ("_exact", "_exact_scan", "_folded", "_folded_scan")

    def __init__(self) -> None:
        self._exact: dict[str, int] = {}
        self._folded: dict[str, int] = {}
        self._exact_scan: LiteralScan | None = None
        self._folded_scan: LiteralScan | None = None

    def add(self, condition: Condition) -> MessageNeeds:
        """Return what a message must contain for *condition* to hold."""
        needs = [_worthwhile(need) for need in _condition_needs(condition)]
        clauses = (self._numbered(clause, folded=need.folded) for need in needs for clause in need.clauses)
        return MessageNeeds(clauses=tuple(clauses), enough=all(need.enough for need in needs))

    def build(self) -> None:
        """Prepare the scans; every condition has been added."""
        self._exact_scan = LiteralScan(self._exact) if self._exact else None
        self._folded_scan = LiteralScan(self._folded) if self._folded else None

    def hits(self, message: Text) -> tuple[int, ...] | None:
        """Return the numbers of the literals in *message*, always in one order; None where a scan gave up."""
        hits: tuple[int, ...] = ()
        if self._exact_scan is not None:
            exact = self._exact_scan.hits(message.raw)
            if exact is None:
                return None
            hits = exact
        if self._folded_scan is not None:
            folded = self._folded_scan.hits(message.folded.encode())
            if folded is None:
                return None
            hits += tuple(-1 - number for number in folded)
        return hits

    def _numbered(self, clause: Clause, *, folded: bool) -> frozenset[int]:
        numbers = self._folded if folded else self._exact
        for text in clause:
            numbers.setdefault(text, len(numbers))
        return frozenset(-1 - numbers[text] if folded else numbers[text] for text in clause)


class ClauseIndex:
    """Which rules a set of hits leaves possible, as a bit mask: the first clauses of each rule, ``LEVELS`` of them."""

    __slots__ = ("_all", "_levels")

    def __init__(self, clauses_of_rules: Sequence[Sequence[frozenset[int]]]) -> None:
        self._all = (1 << len(clauses_of_rules)) - 1
        self._levels: list[tuple[int, dict[int, int]]] = []
        for level in range(LEVELS):
            free = 0
            asking: dict[int, int] = {}
            for position, clauses in enumerate(clauses_of_rules):
                if level >= len(clauses):
                    free |= 1 << position
                else:
                    for literal in clauses[level]:
                        asking[literal] = asking.get(literal, 0) | 1 << position
            if asking:
                self._levels.append((free, asking))

    def possible(self, hits: Sequence[int]) -> int:
        """Return the rules that miss no literal they need."""
        mask = self._all
        for free, asking in self._levels:
            possible = free
            for literal in hits:
                if literal in asking:
                    possible |= asking[literal]
            mask &= possible
        return mask


def _worthwhile(need: Needs) -> Needs:
    """Return *need* without what is too short or too much to look for."""
    usable = [clause for clause in need.clauses if min(map(len, clause)) >= SHORTEST]
    if not need.enough:
        usable = sorted(usable, key=lambda clause: (-min(map(len, clause)), len(clause)))[:CLAUSES_PER_CHECK]
    cut = tuple(frozenset(text[:LONGEST] for text in clause) for clause in usable)
    return Needs(clauses=cut, folded=need.folded, enough=need.enough and cut == need.clauses)


def _condition_needs(condition: Condition) -> list[Needs]:
    """Return one need per check, all of which must be met."""
    if isinstance(condition, AllOf):
        return [need for part in condition.parts for need in _condition_needs(part)]
    if isinstance(condition, AnyOf):
        return [_either([_condition_needs(part) for part in condition.parts])]
    if isinstance(condition, FieldCondition) and condition.field == "message":
        return [_check_needs(check, ignore_case=condition.ignore_case) for check in condition.checks]
    return [NOTHING]


def _check_needs(check: Check, *, ignore_case: bool) -> Needs:
    operands = texts(check.operands)
    if check.operator in ("regex", "glob"):
        sources = operands if check.operator == "regex" else map(glob_pattern, operands)
        alternatives = [pattern_needs(source, ignore_case=ignore_case) for source in sources]
        return alternatives[0] if len(alternatives) == 1 else _either([[need] for need in alternatives])
    words = frozenset(text.casefold() if ignore_case else text for text in operands)
    if check.operator == "contains_all":
        return Needs(clauses=tuple(frozenset({word}) for word in words), folded=ignore_case, enough=bool(words))
    if check.operator in ("is", "in", "starts_with", "ends_with", "contains") and words:
        return Needs(clauses=(words,), folded=ignore_case, enough=check.operator == "contains")
    return NOTHING


def _either(branches: list[list[Needs]]) -> Needs:
    """Return what is needed where one of *branches* must hold: a literal of the best clause of any of them."""
    folded = any(need.folded for branch in branches for need in branch)
    chosen = [best(clause for need in branch for clause in need.clauses) for branch in branches]
    words = frozenset(word.casefold() if folded else word for clause in chosen for word in clause or ())
    return Needs(clauses=(words,), folded=folded) if words and all(chosen) else NOTHING
