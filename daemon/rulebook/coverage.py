"""What the tests beside the rules would not notice: rules without a test, conditions that could go, brittle samples.

A condition is removed on a copy of its rule, and the winner of every test's error is asked anew; a condition that no
test would miss is one that nobody has shown to be needed.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from daemon.rulebook.ast import AllOf, AnyOf, Condition, FieldCondition, NotOf, Place, RuleSource
from daemon.rulebook.conditions import compile_condition
from daemon.rulebook.explain import describe
from daemon.rulebook.ruleset import RuleSet
from daemon.rulebook.subject import Subject
from daemon.rulebook.testing import Sample, samples, winner_of

KEPT_OF_CUT = 0.6
"""How much of a message is left where it is cut; systems cut long messages at different lengths."""

MANY = "9081726354"
"""Digits to replace others with, each by another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Something that no test notices. *kind*: ``untested`` rule, ``condition`` nobody would miss, ``brittle`` sample."""

    kind: str
    rule_id: str
    text: str
    place: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How well the tests hold the rules: *conditions* that can be removed, *held* of them noticed by a test."""

    rules: int
    tested: int
    conditions: int
    held: int
    gaps: tuple[Gap, ...]


def coverage(ruleset: RuleSet, sources: Sequence[RuleSource]) -> Coverage:
    """Return what the tests of *sources*, the rules of *ruleset*, do not hold."""
    tried = list(samples(ruleset, sources))
    order = {source.rule.id: number for number, source in enumerate(sources)}
    tested = {sample.source.rule.id for sample in tried if sample.test.expect == "match"}
    gaps = [
        Gap(kind="untested", rule_id=source.rule.id, text="no test shows what it matches", place=source.place)
        for source in sources
        if source.rule.id not in tested
    ]
    conditions = 0
    for source in sources:
        for removed, left in without_one(source.when):
            conditions += 1
            if source.rule.id in tested and not _noticed(source, left, tried, order):
                gaps.append(_condition_gap(source, removed))
    unheld = sum(gap.kind == "condition" for gap in gaps)
    of_untested = sum(len(list(without_one(source.when))) for source in sources if source.rule.id not in tested)
    gaps += [gap for sample in tried for gap in _brittle(ruleset, sample)]
    return Coverage(
        rules=len(sources),
        tested=len(tested),
        conditions=conditions,
        held=conditions - unheld - of_untested,
        gaps=tuple(gaps),
    )


def without_one(condition: Condition) -> Iterator[tuple[Condition, Condition]]:
    """Yield each part of *condition* that can be left out, with what is left then."""
    if isinstance(condition, AllOf | AnyOf):
        make = type(condition)
        for number, part in enumerate(condition.parts):
            before, after = condition.parts[:number], condition.parts[number + 1 :]
            if isinstance(condition, AllOf) or before or after:  # an empty "any" would hold nowhere
                yield part, make(parts=before + after)
            for removed, left in without_one(part):
                yield removed, make(parts=(*before, left, *after))
    elif isinstance(condition, NotOf):
        for removed, left in without_one(condition.part):
            yield removed, NotOf(part=left)
    elif len(condition.checks) > 1:
        for number, check in enumerate(condition.checks):
            others = condition.checks[:number] + condition.checks[number + 1 :]
            yield replace(condition, checks=(check,)), replace(condition, checks=others)


def _noticed(source: RuleSource, left: Condition, tried: Sequence[Sample], order: dict[str, int]) -> bool:
    """Tell whether some test ends otherwise where the rule of *source* has only the condition *left*."""
    node, mine = compile_condition(left), order[source.rule.id]
    for sample in tried:
        winner = sample.won.rule.id if sample.won else ""
        own = sample.source.rule.id == source.rule.id
        holds = node.judge(Subject(sample.step, sample.record, sample.facts)) is True
        if winner == source.rule.id:
            if own and sample.test.expect == "match" and not holds:
                return True
        elif holds and mine < order.get(winner, len(order)):  # it would win now
            expected = sample.test.expect == "match" and winner == sample.source.rule.id
            if expected or (own and sample.test.expect == "no_match"):
                return True
    return False


def _condition_gap(source: RuleSource, removed: Condition) -> Gap:
    place = removed.place if isinstance(removed, FieldCondition) else None
    text = f"no test would miss the condition {describe(removed)}"
    return Gap(kind="condition", rule_id=source.rule.id, text=text, place=place or source.place)


def _brittle(ruleset: RuleSet, sample: Sample) -> Iterator[Gap]:
    """Yield in what other forms the sample's message would not be matched any more."""
    rule_id, message = sample.source.rule.id, sample.record.message
    if sample.test.expect != "match" or sample.won is None or sample.won.rule.id != rule_id:
        return
    lost: list[str] = []
    for form, changed in _otherwise(message):
        won = winner_of(ruleset, sample.step, sample.record._replace(message=changed), sample.facts)
        if won is None or won.rule.id != rule_id:
            lost.append(f"{form} ({changed})")
    if lost:
        text = f"{sample.name} would not match {' nor '.join(lost)}"
        yield Gap(kind="brittle", rule_id=rule_id, text=text, place=sample.test.place)


def _otherwise(message: str) -> Iterator[tuple[str, str]]:
    yield "in capitals", message.upper()
    yield "with other numbers", re.sub(r"\d", lambda digit: MANY[int(digit.group())], message)
    yield "cut short", message[: int(len(message) * KEPT_OF_CUT)].rstrip()
