"""Judge recorded errors with any rule set, by the code that the service runs (P9), and know what cannot be judged.

A recording hides values. What a condition says of the message is certain only if it says so whatever was hidden: it must
hold with two quite different fillings, or fail with both and with everything else the signs may stand for. Of the
trace key it is only known whether there was one, and of the retry data nothing. Between the rules the logic is that of
the matcher: a condition that cannot be told leaves a rule open, and a rule left open before the winner leaves the
winner open.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from daemon.core.decisions import Match
from daemon.core.facts import Facts
from daemon.core.recordings import CUT, FILLINGS, Said, has_hidden
from daemon.core.records import ErrorRecord, Step
from daemon.rulebook.ast import AllOf, AnyOf, Check, Condition, FieldCondition, NotOf, RuleSource
from daemon.rulebook.checks import compile_checks, texts
from daemon.rulebook.conditions import AllNode, AnyNode, Judgement, Node, NotNode, compile_field
from daemon.rulebook.memo import Memo
from daemon.rulebook.patterns import Pattern, glob_pattern, quote
from daemon.rulebook.program import conjuncts, fields_of
from daemon.rulebook.ruleset import RuleSet
from daemon.rulebook.subject import Stage, Subject, Text
from daemon.rulebook.widening import widened

TEXTS_KEPT = 8_192
"""Combinations of step and what was said whose possible rules are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CannotTell:
    """The rule that may have won, but for what the recording does not say of the *fields* that it asks about."""

    rule_id: str
    fields: tuple[str, ...]


HIDDEN = frozenset({"message", "trace_key", "data"})
"""The fields of which a recording does not say everything."""

Answer = Match | CannotTell | None


class Hindsight:
    """One rule set, looking back."""

    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules
        self._rules = [_Rule(source) for source in rules.sources]
        self._possible: Memo[tuple[Step, Said], Sequence[_Rule]] = Memo(TEXTS_KEPT)

    def match(self, step: Step, said: Said, record: ErrorRecord, facts: Facts) -> Answer:
        """Return the rule that wins the recorded error, None where none does, or that it cannot be told.

        *record* is the error as the recording knows it, *said* the part of it that others share.
        """
        subject = Subject(step, record, facts)
        for rule in self._candidates(step, said, subject):
            held = rule.node.judge(subject)
            if held is None:
                return CannotTell(rule_id=rule.rule_id, fields=rule.in_doubt(subject))
            if held:
                break
        filled = record._replace(message=record.message.translate(FILLINGS[0]))
        answer = self.rules.match(step, filled, facts)
        return answer if isinstance(answer, Match) else None

    def _candidates(self, step: Step, said: Said, subject: Subject) -> "Sequence[_Rule]":
        """Return the rules that do not fail on what was said alone, in their order, up to the first that holds."""
        known = self._possible[step, said]
        if known is None:
            found = []
            for rule in self._rules:
                early = rule.early.judge(subject)
                if early is False:
                    continue
                found.append(rule)
                if early and rule.node.stage <= Stage.MESSAGE:
                    break
            known = tuple(found)
            self._possible.put((step, said), known)
        return known


def compile_hindsight(condition: Condition) -> Node:
    """Compile *condition* as the service does, but for the fields that a recording hides."""
    if isinstance(condition, AllOf):
        return AllNode([compile_hindsight(part) for part in condition.parts])
    if isinstance(condition, AnyOf):
        return AnyNode([compile_hindsight(part) for part in condition.parts])
    if isinstance(condition, NotOf):
        return NotNode(compile_hindsight(condition.part))
    if condition.field == "message":
        return _MessageNode(condition)
    if condition.field == "trace_key" and any(check.operator != "exists" for check in condition.checks):
        return _TraceKeyNode(condition)
    return compile_field(condition)


class _Rule:
    """One rule: all of its *node* must hold; *early* is of that what hangs on what was said alone."""

    __slots__ = ("_asks", "early", "node", "rule_id")

    def __init__(self, source: RuleSource) -> None:
        parts = [(fields_of(part) & HIDDEN, compile_hindsight(part)) for part in conjuncts(source.when)]
        self.rule_id = source.rule.id
        self.node = AllNode([node for _, node in parts])
        self.early = AllNode([node for _, node in parts if node.stage <= Stage.MESSAGE])
        self._asks = [(fields, node) for fields, node in parts if fields]

    def in_doubt(self, subject: Subject) -> tuple[str, ...]:
        """Return the fields because of which it cannot be told whether the rule holds."""
        doubted = (fields for fields, node in self._asks if node.judge(subject) is None)
        return tuple(sorted(set[str]().union(*doubted)))


class _HiddenNode:
    """A condition on a field whose values are hidden; whether there is one is known."""

    catches = False

    def __init__(self, condition: FieldCondition) -> None:
        plain = compile_field(condition)
        self._plain = plain
        self.stage = plain.stage
        exists = tuple(check for check in condition.checks if check.operator == "exists")
        self._exists = compile_field(replace(condition, checks=exists)) if exists else None

    def groups(self, subject: Subject) -> dict[str, str]:  # noqa: ARG002 - as the others
        """Return nothing: what a group would catch is hidden."""
        return {}


class _TraceKeyNode(_HiddenNode):
    """A condition on the trace key."""

    def judge(self, subject: Subject) -> Judgement:
        """Say whether the condition holds: without a trace key as always, with one it cannot be told."""
        if not subject.record.trace_key:
            return self._plain.judge(subject)
        return False if self._exists and not self._exists.judge(subject) else None


class _MessageNode(_HiddenNode):
    """A condition on a message of which values are hidden, or of which only the beginning is known."""

    def __init__(self, condition: FieldCondition) -> None:
        super().__init__(condition)
        checks = [check for check in condition.checks if check.operator != "exists"]
        self._checks = [_HiddenCheck(check, ignore_case=condition.ignore_case) for check in checks]

    def judge(self, subject: Subject) -> Judgement:
        """Say whether the condition holds, None where that hangs on what is hidden."""
        message = subject.message
        if not has_hidden(message.plain):
            return self._plain.judge(subject)
        if self._exists and not self._exists.judge(subject):
            return False
        if message.plain.endswith(CUT):
            return None
        fillings = _filled(message.plain)
        judged = [check.judge(message, fillings) for check in self._checks]
        return False if False in judged else None if None in judged else True


@lru_cache(maxsize=TEXTS_KEPT // 8)
def _filled(message: str) -> tuple[Text, ...]:
    return tuple(Text(message.translate(filling)) for filling in FILLINGS)


class _HiddenCheck:
    """One operator, on a text with hidden characters; each operand is asked by itself."""

    def __init__(self, check: Check, *, ignore_case: bool) -> None:
        self._every = check.operator == "contains_all"
        self._asked = [_HiddenOperand(check, operand, ignore_case=ignore_case) for operand in check.operands]

    def judge(self, message: Text, fillings: Sequence[Text]) -> Judgement:
        """Say whether the operator holds."""
        answers = [operand.judge(message, fillings) for operand in self._asked]
        surely = not self._every
        return surely if surely in answers else None if None in answers else not surely


class _HiddenOperand:
    """One operand of one operator."""

    def __init__(self, check: Check, operand: object, *, ignore_case: bool) -> None:
        one = Check(operator=check.operator, operands=(operand,))  # type: ignore[arg-type]
        self._test, _ = compile_checks([one], ignore_case=ignore_case, durations=False)
        source = _pattern_of(check.operator, texts([operand]))
        self._may: Pattern | None = None if source is None else widened(source, ignore_case=ignore_case)

    def judge(self, message: Text, fillings: Sequence[Text]) -> Judgement:
        """Say whether it holds: surely with every filling, surely not with any, or neither."""
        held = [self._test is not None and self._test(filling) for filling in fillings]
        if all(held):
            return True
        may = any(held) or self._may is None or self._may.found(message.raw)
        return None if may else False


def _pattern_of(operator: str, written: Sequence[str]) -> str | None:
    """Return the pattern that says what *operator* asks, None where there is none."""
    if not written:
        return None
    text = written[0]
    if operator == "regex":
        return text
    if operator == "glob":
        return glob_pattern(text)
    exact = quote(text)
    before = r"\A" if operator in ("is", "in", "starts_with") else ""
    after = r"\z" if operator in ("is", "in", "ends_with") else ""
    known = operator in ("is", "in", "starts_with", "ends_with", "contains", "contains_all")
    return f"{before}{exact}{after}" if known else None
