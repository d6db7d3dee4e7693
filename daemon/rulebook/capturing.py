"""Make a test of a real error: without what is personal in it, and still won by the same rule."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from daemon.core.durations import format_duration, parse_duration
from daemon.core.facts import DataState, Facts, Patched
from daemon.core.records import ErrorRecord, Step
from daemon.rulebook.ast import AllOf, Condition, RuleSource, RuleTest
from daemon.rulebook.disguise import Disguise
from daemon.rulebook.explain import explain_rule
from daemon.rulebook.program import leaves
from daemon.rulebook.ruleset import RuleSet
from daemon.rulebook.subject import Subject
from daemon.rulebook.testing import filled, winner_of

ALWAYS = ("source", "code", "message", "http_status", "classification")
PLACES = ("account", "integration", "flow", "step")
DISGUISED = ("message", "trace_key", "assigned_to", "classified_by")
"""Fields of free text; codes, sources and names of flows are not about anybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """A test for a rule's ``tests``, and what is to be known of it.

    *test* has ``match``, and ``data`` and ``patched`` where the rule is about them. *won* is the rule that takes the
    error ("" for none), *wins* the one that takes the test. *lost* says why that is another one, or "". *replaced*
    counts the different values that were replaced, by kind.
    """

    test: Mapping[str, Any] = field(repr=False)
    won: str
    wins: str
    lost: str
    replaced: Mapping[str, int]


def capture(step: Step, record: ErrorRecord, facts: Facts, rules: RuleSet) -> Captured:
    """Return the test for one error of which everything is known."""
    match = winner_of(rules, step, record, facts)
    winner = next((each for each in rules.sources if match and each.rule.id == match.rule.id), None)
    asked = frozenset(_fields_of(winner)) if winner else frozenset()
    data = None if isinstance(facts.data, DataState) else facts.data
    literals = {literal for source in rules.sources for literal in _literals(source)}
    texts = [str(getattr(record, name)) for name in DISGUISED]
    disguise = Disguise(texts, data, literals)
    known = _known(step, record, facts, disguise)
    shown = None if data is None else disguise.value(data)
    when = winner.when if winner else AllOf(parts=())
    tests = [_test(known, (*ALWAYS, *asked), shown if "data" in asked else None)]
    if winner:  # what the rule does not ask for may still keep the error from another one
        tests.append(_test(known, tuple(known), shown))
    wanted = winner.rule.id if winner else ""
    results = [_winner(test, when, rules) for test in tests]
    chosen, wins = next(
        ((test, wins) for test, wins in zip(tests, results, strict=True) if wins == wanted), (tests[0], results[0])
    )
    lost = "" if wins == wanted else explain_rule(when, Subject(*filled(_as_rule_test(chosen), when)))
    if winner and winner.patch and "data" in chosen and wins == wanted:
        chosen = _with_result(chosen, when, rules)
    return Captured(test=chosen, won=wanted, wins=wins, lost=lost, replaced=disguise.counts)


def _winner(test: Mapping[str, Any], when: Condition, rules: RuleSet) -> str:
    won = winner_of(rules, *filled(_as_rule_test(test), when))
    return won.rule.id if won else ""


def _with_result(test: dict[str, Any], when: Condition, rules: RuleSet) -> dict[str, Any]:
    """Return *test* with what the rule's patch makes of its data today, if it can be applied."""
    step, record, facts = filled(_as_rule_test(test), when)
    won = winner_of(rules, step, record, facts)
    changed = rules.patch(won, record, test["data"]) if won else None
    return {**test, "patched": changed.data} if isinstance(changed, Patched) else test


def _known(step: Step, record: ErrorRecord, facts: Facts, disguise: Disguise) -> dict[str, Any]:
    """Return everything that a test may say of the error, in the order in which tests are written."""
    age = None if record.occurred_at is None else facts.now - record.occurred_at
    attempts = facts.attempts if isinstance(facts.attempts, int) else facts.attempts()
    told: dict[str, Any] = {
        "account": step.ref.account,
        "integration": step.integration_name or step.integration_id,
        "flow": step.flow_name or step.ref.flow_id,
        "step": step.name or step.ref.step_id,
        "source": record.source,
        "step_type": step.type,
        "code": record.code,
        "message": disguise.text(record.message),
        "trace_key": disguise.text(record.trace_key),
        "http_status": record.http_status,
        "classification": record.classification,
        "classified_by": disguise.text(record.classified_by),
        "assigned_to": disguise.text(record.assigned_to),
        "tags": list(record.tags),
        "retryable": record.retryable,
        "age": None
        if age is None or age < timedelta(0)
        else format_duration(timedelta(seconds=age // timedelta(seconds=1))),
        "attempts": attempts,
    }
    return {name: value for name, value in told.items() if value not in (None, "", [])}


def _test(known: Mapping[str, Any], wanted: Sequence[str], data: object) -> dict[str, Any]:
    """Return a test with the fields that are wanted, and those that are not as tests have them by themselves."""
    unusual = {name for name, usual in (("step_type", "import"), ("retryable", True)) if known.get(name) != usual}
    test: dict[str, Any] = {"match": {name: value for name, value in known.items() if name in {*wanted, *unusual}}}
    return test if data is None else {**test, "data": data}


def _as_rule_test(test: Mapping[str, Any]) -> RuleTest:
    return RuleTest(expect="match", error=_as_read(test["match"]), data=test.get("data"), has_data="data" in test)


def _as_read(error: Mapping[str, Any]) -> dict[str, object]:
    return {name: parse_duration(value).total_seconds() if name == "age" else value for name, value in error.items()}


def _fields_of(source: RuleSource) -> Iterator[str]:
    """Yield the fields that a rule asks for, ``data`` also where it patches."""
    yield from (condition.field for condition in leaves(source.when))
    yield from (
        operation.value_from.source
        for operation in source.patch
        if operation.value_from and operation.value_from.kind == "field"
    )
    if source.patch:
        yield "data"


def _literals(source: RuleSource) -> Iterator[str]:
    """Yield the texts that a rule asks for, and the keys that its tables have."""
    for condition in leaves(source.when):
        yield from (operand for check in condition.checks for operand in check.operands if isinstance(operand, str))
    for table in source.tables.values():
        yield from table
