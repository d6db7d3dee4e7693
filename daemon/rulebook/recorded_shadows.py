"""Rules that took none of the recorded errors they match, because a rule before them did something else with all of these.

What conditions alone cannot prove, past errors may show. It is no problem where the rule before is an exception of the
later one (it took nothing that the later one does not match), where it wants the same, or where a test says which of the
two is meant; and what a recording does not say of an error is never taken for a match.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from daemon.core.facts import Facts
from daemon.core.recordings import Said
from daemon.core.records import ErrorRecord, Step
from daemon.rulebook.ast import RuleSource
from daemon.rulebook.conditions import AllNode, Node
from daemon.rulebook.hindsight import compile_hindsight
from daemon.rulebook.implication import implies
from daemon.rulebook.overlaps import DEEDS, OPPOSED, Compared
from daemon.rulebook.problems import Problem
from daemon.rulebook.source_lines import SourceLines
from daemon.rulebook.subject import Stage, Subject

FEWEST = 3
"""Errors that a rule must have lost before it is spoken of: one or two may be chance."""


class RecordedShadows:
    """Who would have won the recorded errors, and who else matched them."""

    def __init__(self, sources: Sequence[RuleSource]) -> None:
        self._sources = sources
        self._nodes = [compile_hindsight(source.when) for source in sources]
        self._possible: dict[tuple[Step, Said], Sequence[int]] = {}
        self._lost: dict[int, Counter[int]] = defaultdict(Counter)
        self._won: Counter[int] = Counter()

    def see(self, step: Step, said: Said, record: ErrorRecord, facts: Facts) -> None:
        """Judge one recorded error; *said* is the part of *record* that many share."""
        subject = Subject(step, record, facts)
        winner: int | None = None
        for position in self._candidates(step, said, subject):
            held = self._nodes[position].judge(subject)
            if winner is not None:
                if held:
                    self._lost[position][winner] += 1
            elif held is not False:
                self._won[position] += 1  # also where it cannot be told: it may have won
                if held is None:
                    return
                winner = position

    def problems(self, account: str, days: int, lines: SourceLines) -> Iterator[Problem]:
        """Yield a warning for each rule that lost all it matched to rules that do something else."""
        for position, lost in sorted(self._lost.items()):
            wider = [(winner, count) for winner, count in lost.most_common() if self._won[winner] > count]
            taken = [(winner, count) for winner, count in wider if self._is_unlike(winner, position)]
            if self._won[position] or lost.total() < FEWEST or not taken:
                continue
            mine, theirs = self._sources[position], self._sources[taken[0][0]]
            yield lines.warning(
                "W039",
                f'rule "{mine.rule.id}" took none of the {lost.total()} recorded errors that it matches: '
                f'"{theirs.rule.id}" ({theirs.rule.place}) {DEEDS[type(theirs.rule.action)]} {taken[0][1]} of them first',
                mine.place,
                rule=mine.rule.id,
                hint="move it before that rule, or add a test to the rule that is meant",
                why=f'seen in what account "{account}" had in the last {days} days; the rule seems to work and never acts',
            )

    def _candidates(self, step: Step, said: Said, subject: Subject) -> Sequence[int]:
        """Return the rules that do not fail on what was said alone."""
        known = self._possible.get((step, said))
        if known is None:
            known = [position for position, node in enumerate(self._nodes) if _may_hold(node, subject)]
            self._possible[step, said] = known
        return known

    def _is_unlike(self, winner: int, loser: int) -> bool:
        """Tell whether *winner* wants the opposite of *loser*, is no exception of it, and no test says that it is meant."""
        first, second = self._sources[winner], self._sources[loser]
        if OPPOSED[type(first.rule.action)] == OPPOSED[type(second.rule.action)] or implies(first.when, second.when):
            return False
        both = Compared.of(first), Compared.of(second)
        return not any(all(each.judges(tried) for each in both) for one in both for tried in one.tried)


def _may_hold(node: Node, subject: Subject) -> bool:
    parts = node.parts if isinstance(node, AllNode) else (node,)
    return not any(part.stage <= Stage.MESSAGE and part.judge(subject) is False for part in parts)
