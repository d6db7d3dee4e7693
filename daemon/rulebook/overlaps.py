"""Rules that match the same error and want opposite things of it, where nothing but their order decides.

A rule before a wider one is the way to write an exception, and no problem. This is about two rules of which neither is
the wider, such as one for a code on one flow and one for the same code under one HTTP status. To be told it must be
certain and of use: an error that both match is made from their own conditions and samples, both are judged on it by
the code that judges errors, and no test of either shows yet which of the two is meant.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from daemon.core.actions import Action, Hold, Leave, Resolve, Retry
from daemon.core.durations import format_duration
from daemon.rulebook.alternatives import Way, ways
from daemon.rulebook.ast import AllOf, Check, Condition, FieldCondition, RuleSource, RuleTest, Scalar
from daemon.rulebook.checks import texts
from daemon.rulebook.conditions import Node, compile_condition
from daemon.rulebook.implication import exact_values, holds_on, implies
from daemon.rulebook.notation import Notation
from daemon.rulebook.patterns import LiteralScan, is_plain
from daemon.rulebook.problems import Problem
from daemon.rulebook.program import conjuncts, leaves
from daemon.rulebook.source_lines import SourceLines
from daemon.rulebook.subject import Subject
from daemon.rulebook.testing import example, filled

PARTNERS_LIMIT = 20
"""With how many earlier rules one is compared; a set with more rules for one code has them in some order anyhow."""

PLACES = frozenset({"account", "integration", "flow", "step"})
SHARED = ("code", "http_status")
"""Fields that say which error it is: rules that share a value of one are compared. Beside them, messages."""

OPPOSED: Mapping[type[Action], str] = {Retry: "retry", Resolve: "resolve", Hold: "wait", Leave: "wait"}
"""Actions that are opposite where this differs: to hold and to leave are alike, nothing is sent."""

DEEDS: Mapping[type[Action], str] = {Retry: "retries", Resolve: "resolves", Hold: "holds", Leave: "leaves"}
WORDS = frozenset({"is", "in", "contains", "contains_all", "starts_with", "ends_with"})


@dataclass(slots=True, kw_only=True)
class Compared:
    """One rule, with what comparing it needs, made when it is first compared."""

    source: RuleSource
    node: Node
    ways: tuple[Way, ...]
    tried: tuple[Subject, ...] = field(default=())

    @classmethod
    def of(cls, source: RuleSource) -> "Compared":
        """Compile what comparing *source* needs."""
        subjects = (filled(test, source.when) for test in source.tests)
        return cls(
            source=source,
            node=compile_condition(source.when),
            ways=ways(source.when),
            tried=tuple(Subject(step, record, facts) for step, record, facts in subjects),
        )

    def judges(self, subject: Subject) -> bool:
        """Tell whether the rule matches, whatever stands before it."""
        return self.node.judge(subject) is True


def overlapping(sources: Sequence[RuleSource], lines: SourceLines) -> Iterator[Problem]:
    """Yield a warning for each rule that shares errors with an earlier one which wants the opposite."""
    partners = Partners(sources)
    known: dict[int, Compared] = {}

    asked = [_asked(source) for source in sources]

    def compared(position: int) -> Compared:
        return known.setdefault(position, known.get(position) or Compared.of(sources[position]))

    for position, later in enumerate(sources):
        for earlier in partners.of(position):
            if _disjoint(asked[earlier], asked[position]) or _exception(sources[earlier], later):
                continue
            shared = _shared_error(compared(earlier), compared(position))
            if shared is not None:
                yield _warning(sources[earlier], later, shared, lines)
                break


class Partners:
    """The earlier rules that speak of the same errors as a later one, and want something else."""

    def __init__(self, sources: Sequence[RuleSource]) -> None:
        self._deeds = [OPPOSED[type(source.rule.action)] for source in sources]
        self._values = [list(_shared_values(source)) for source in sources]
        self._by_value: dict[object, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for position, values in enumerate(self._values):
            for value in dict.fromkeys(values):
                self._by_value[value][self._deeds[position]].append(position)
        self._said = [list(_said(source)) for source in sources]
        by_word: dict[str, list[int]] = defaultdict(list)
        for position, said in enumerate(self._said):
            for word in said:
                by_word[word].append(position)
        self._words = sorted(by_word)
        self._by_word: Mapping[str, list[int]] = by_word
        self._scan = LiteralScan(self._words)

    def of(self, position: int) -> list[int]:
        """Return the positions of a few of them, in order."""
        found: set[int] = set()
        for value in self._values[position]:
            for deed, positions in self._by_value[value].items():
                if deed != self._deeds[position]:
                    found.update(positions[:PARTNERS_LIMIT])
        for said in self._said[position]:
            for hit in self._scan.hits(said.encode("utf-8", "replace")) or ():
                found.update(self._by_word[self._words[hit]][:PARTNERS_LIMIT])
        mine = self._deeds[position]
        return [each for each in sorted(found) if each < position and self._deeds[each] != mine][:PARTNERS_LIMIT]


def _shared_values(source: RuleSource) -> Iterator[tuple[str, Scalar]]:
    for leaf in leaves(source.when):
        for check in leaf.checks if leaf.field in SHARED and not leaf.ignore_case else ():
            for value in exact_values(check) or ():
                yield leaf.field, value


def _said(source: RuleSource) -> Iterator[str]:
    for leaf in leaves(source.when):
        for check in leaf.checks if leaf.field == "message" and not leaf.ignore_case else ():
            if check.operator in WORDS:
                yield from texts(check.operands)


def _disjoint(mine: Mapping[str, frozenset[Scalar]], theirs: Mapping[str, frozenset[Scalar]]) -> bool:
    return any(mine[name].isdisjoint(theirs[name]) for name in mine.keys() & theirs.keys())


def _exception(earlier: RuleSource, later: RuleSource) -> bool:
    """Tell whether one is the exception of the other, which is how exceptions are written."""
    return implies(earlier.when, later.when) or implies(later.when, earlier.when)


def _asked(source: RuleSource) -> dict[str, frozenset[Scalar]]:
    """Return the values that the rule surely asks for, of fields that have one value."""
    asked: dict[str, frozenset[Scalar]] = {}
    for part in conjuncts(source.when):
        if isinstance(part, FieldCondition) and not part.ignore_case and part.field in {"source", "step_type", *SHARED}:
            for check in part.checks:
                values = exact_values(check)
                if values is not None:
                    asked[part.field] = asked.get(part.field, frozenset(values)) & frozenset(values)
    return asked


def _shared_error(earlier: Compared, later: Compared) -> dict[str, Scalar] | None:
    """Return an error, in the words of tests, that both rules match, unless a test has one already."""
    if any(earlier.judges(subject) and later.judges(subject) for subject in (*earlier.tried, *later.tried)):
        return None
    both = AllOf(parts=(earlier.source.when, later.source.when))
    said = [test.error.get("message", "") for each in (earlier, later) for test in each.source.tests]
    for one in earlier.ways:
        for other in later.ways:
            if not _same_evidence(one, other):
                continue
            error = _made(Way(holds=(*one.holds, *other.holds), fails=(*one.fails, *other.fails)), said)
            if error is None:
                continue
            if _both_match(earlier, later, error, both):
                inside = {name: value for name, value in error.items() if name not in PLACES}
                alone = all(_both_match(earlier, later, inside, each.source.when) for each in (earlier, later))
                return inside if alone else error
    return None


def _both_match(earlier: Compared, later: Compared, error: Mapping[str, Scalar], within: Condition) -> bool:
    """Tell whether both rules match *error*, on a step that *within* allows."""
    subject = Subject(*filled(RuleTest(expect="match", error=error), within))
    return earlier.judges(subject) and later.judges(subject)


def _same_evidence(one: Way, other: Way) -> bool:
    """Tell whether both ask for the code, the status or the message: otherwise they meet by chance, if at all."""
    mine, theirs = ({leaf.field for leaf in way.holds} & {*SHARED, "message"} for way in (one, other))
    return bool(mine & theirs)


def _made(way: Way, said: Sequence[object]) -> dict[str, Scalar] | None:
    """Return the fields of an error that should fit *way*: of each field the first value that fits all it says."""
    error: dict[str, Scalar] = {}
    said_of = way.about()
    if any(name == "data" for name, _ in said_of):
        return None
    for (name, _), about in sorted(said_of.items(), key=lambda told: told[0][0] != "message"):  # it fails most often
        if not about.holds:
            continue
        others = [text for text in said if isinstance(text, str) and text] if name == "message" else []
        fit = next((value for value in (*others, *_values(about)) if _fits(value, about)), None)
        if fit is None:
            return None
        if fit != "":
            error[name] = fit
    return error


def _values(about: Way) -> Iterator[Scalar]:
    for leaf in about.holds:
        for check in leaf.checks:
            for operand in check.operands:
                if check.operator == "exists":
                    yield "something" if operand else ""
                elif check.operator == "glob":
                    yield str(operand) if is_plain(str(operand)) else example(str(operand))
                elif isinstance(operand, int | float) and not isinstance(operand, bool):
                    yield from (operand, operand + 1, operand - 1)
                elif check.operator != "regex":
                    yield operand


def _fits(value: Scalar, about: Way) -> bool:
    """Tell whether *value* ("" for none at all) is likely to meet what is said of its field; both rules judge it later."""
    return all(
        (value != "") is check.operands[0] if check.operator == "exists" else _holds(check, value, leaf)
        for leaf in about.holds
        for check in leaf.checks
    )


def _holds(check: Check, value: Scalar, leaf: FieldCondition) -> bool:
    durations = leaf.field == "age"
    tried = timedelta(seconds=value) if durations and isinstance(value, int | float) else value
    return holds_on(check, tried, ignore_case=leaf.ignore_case, durations=durations)


def _warning(earlier: RuleSource, later: RuleSource, shared: Mapping[str, Scalar], lines: SourceLines) -> Problem:
    told = {
        name: format_duration(timedelta(seconds=value)) if name == "age" and isinstance(value, int | float) else value
        for name, value in shared.items()
    }
    mine, theirs = (DEEDS[type(source.rule.action)] for source in (later, earlier))
    return lines.warning(
        "W034",
        f'rule "{later.rule.id}" {mine} errors that "{earlier.rule.id}" ({earlier.rule.place}) {theirs}, and only their '
        "order decides",
        later.place,
        rule=later.rule.id,
        hint=f"put a test beside the rule that is meant: {Notation.of(later.place.file).line('match', told)}",
        why=f'such an error goes to "{earlier.rule.id}" now, because it stands first; if that is wrong, move one of '
        "the rules, or make one narrower",
    )
