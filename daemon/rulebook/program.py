"""One rule, compiled and split by when its conditions can be judged."""

from collections.abc import Callable, Iterator, Sequence

from daemon.core.actions import Rule
from daemon.core.decisions import Match
from daemon.rulebook.ast import AllOf, Condition, FieldCondition, NotOf
from daemon.rulebook.conditions import AllNode, Judgement, Node, compile_condition
from daemon.rulebook.prefilter import MessageNeeds, Prefilter
from daemon.rulebook.subject import Stage, Subject

Part = tuple[Condition, Node]
Judges = tuple[Callable[[Subject], Judgement], ...]

Verdict = tuple["Program", Match | None]
"""A rule that may win, and its match where that is sure and known."""

Verdicts = tuple[Verdict, ...]


class Program:
    """One rule: *early* depends on the step and fields alone, *message* on the message too, *late* on anything else.

    *clauses*: all that a message must contain. *asked*: the fields its parts ask about, by the stage of the part. *constant* is its match where nothing late and no named group is in it; *kept* says that its match depends on the
    message alone, so that it may be kept with the message.
    """

    __slots__ = ("_catches", "asked", "clauses", "constant", "early", "kept", "late", "message", "rule")

    def __init__(self, rule: Rule, when: Condition, prefilter: Prefilter) -> None:
        self.rule = rule
        parts = [(part, compile_condition(part)) for part in conjuncts(when)]
        self.early: Sequence[Part] = [part for part in parts if part[1].stage < Stage.MESSAGE]
        self.message: Sequence[tuple[Node, MessageNeeds]] = [
            (node, prefilter.add(part)) for part, node in parts if node.stage is Stage.MESSAGE
        ]
        self.clauses = [clause for _, needs in self.message for clause in needs.clauses]
        self.asked = {node.stage: set[str]() for _, node in parts}
        for part, node in parts:
            self.asked[node.stage] |= fields_of(part)
        late = [node for _, node in parts if node.stage > Stage.MESSAGE]
        self.late: Node | None = AllNode(late) if late else None
        catching = [(part, node) for part, node in parts if node.catches]
        self._catches = AllNode([node for _, node in catching])
        self.constant = None if late or catching else Match(rule=rule)
        self.kept = not late and all(fields_of(part) == {"message"} for part, _ in catching)

    def possible(self, hits: frozenset[int]) -> bool:
        """Tell whether a message with these literals can fit."""
        return not any(clause.isdisjoint(hits) for clause in self.clauses)

    def judges_after(self, hits: frozenset[int] | None) -> Judges:
        """Return what is to be asked of a message that is possible; with None for *hits*, everything."""
        return tuple(node.judge for node, needs in self.message if hits is None or not needs.enough)

    def match(self, subject: Subject) -> Match:
        """Return the match of this rule, all of which holds on *subject*."""
        return self.constant or Match(rule=self.rule, groups=self._catches.groups(subject))


def conjuncts(condition: Condition) -> Iterator[Condition]:
    """Yield the parts of *condition* that must all hold, without the ``all`` around them."""
    if isinstance(condition, AllOf):
        for part in condition.parts:
            yield from conjuncts(part)
    else:
        yield condition


def leaves(condition: Condition) -> Iterator[FieldCondition]:
    """Yield every matcher on a field in *condition*, however deep."""
    if isinstance(condition, FieldCondition):
        yield condition
    elif isinstance(condition, NotOf):
        yield from leaves(condition.part)
    else:
        for part in condition.parts:
            yield from leaves(part)


def fields_of(condition: Condition) -> set[str]:
    """Return the names of the fields that *condition* asks about."""
    return {leaf.field for leaf in leaves(condition)}
