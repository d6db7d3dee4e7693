"""The rule engines of PyPI, each with the rules of the bench in its own language: the first rule that matches wins.

None is needed to run Flowmend; ``pip install flowmend[bench]`` brings them. What is not there, or does not run, is said.
"""

from collections.abc import Callable, Sequence
from json import dumps
from types import SimpleNamespace
from typing import Any

from daemon.core.records import ErrorRecord, Step
from daemon.rulebook.ast import AllOf, FieldCondition, RuleSource

Facts = dict[str, str]
Find = Callable[[Any], str | None]
"""Return the id of the first rule that takes an error, given as the peer wants it."""

Peer = tuple[Find, Callable[[Facts], Any]]
"""How the peer finds the rule, and how it wants its errors, which is not part of what is measured."""


def facts_of(step: Step, record: ErrorRecord) -> Facts:
    """Return what the rules of the bench ask for."""
    return {"flow": step.ref.flow_id, "source": record.source, "code": record.code, "message": record.message}


def _conditions(source: RuleSource) -> list[tuple[str, str, list[str]]]:
    assert isinstance(source.when, AllOf)
    found: list[tuple[str, str, list[str]]] = []
    for part in source.when.parts:
        assert isinstance(part, FieldCondition)
        found.append((part.field, part.checks[0].operator, [str(each) for each in part.checks[0].operands]))
    return found


def _written(conditions: Sequence[tuple[str, str, list[str]]], *, regex: str, contains: str, both: str) -> str:
    parts = []
    for field, operator, operands in conditions:
        equal = "{field} == {value}" if len(operands) == 1 else "{field} in {all}"
        form = {"regex": regex, "contains": contains}.get(operator, equal)
        parts.append(form.format(field=field, value=dumps(operands[0]), all=dumps(operands)))
    return both.join(parts)


def rule_engine(sources: Sequence[RuleSource]) -> Peer:
    """Return rule-engine: expressions over a dictionary."""
    import rule_engine as library  # noqa: PLC0415 - of the extra "bench"

    rules = []
    for source in sources:
        text = _written(_conditions(source), regex="{field} =~~ {value}", contains="{value} in {field}", both=" and ")
        rules.append((source.rule.id, library.Rule(text)))
    return lambda facts: next((rule_id for rule_id, rule in rules if rule.matches(facts)), None), dict


def cel_python(sources: Sequence[RuleSource]) -> Peer:
    """Return cel-python: the Common Expression Language, compiled."""
    import celpy  # noqa: PLC0415 - of the extra "bench"
    from celpy.adapter import json_to_cel  # noqa: PLC0415

    environment = celpy.Environment()
    rules = []
    for source in sources:
        text = _written(
            _conditions(source), regex="{field}.matches({value})", contains="{field}.contains({value})", both=" && "
        )
        rules.append((source.rule.id, environment.program(environment.compile(text))))

    def wanted(facts: Facts) -> Any:
        return {name: json_to_cel(value) for name, value in facts.items()}

    return lambda facts: next((rule_id for rule_id, rule in rules if rule.evaluate(facts)), None), wanted


def business_rules(sources: Sequence[RuleSource]) -> Peer:
    """Return business-rules: conditions as dictionaries, variables as methods."""
    from business_rules.engine import check_conditions_recursively  # noqa: PLC0415 - of the extra "bench"
    from business_rules.operators import StringType  # noqa: PLC0415

    names = {"regex": "matches_regex", "contains": "contains"}
    rules = []
    for source in sources:
        conditions = [
            {"any": [{"name": field, "operator": names.get(operator, "equal_to"), "value": each} for each in operands]}
            for field, operator, operands in _conditions(source)
        ]
        rules.append((source.rule.id, {"all": conditions}))

    def wanted(facts: Facts) -> Any:
        return SimpleNamespace(**{name: _variable(value, StringType) for name, value in facts.items()})

    return lambda facts: next(
        (rule_id for rule_id, all_of in rules if check_conditions_recursively(all_of, facts)), None
    ), wanted


def _variable(value: str, field_type: type) -> Any:
    def variable() -> str:
        return value

    variable.field_type = field_type  # type: ignore[attr-defined]
    return variable


def json_logic(sources: Sequence[RuleSource]) -> Peer:
    """Return json-logic, which knows no patterns: they are given to it as texts to be contained."""
    from json_logic import jsonLogic  # noqa: PLC0415 - of the extra "bench"

    rules = []
    for source in sources:
        conditions = [
            {"in": [operands[0], {"var": field}]}
            if operator in ("regex", "contains")
            else {"in": [{"var": field}, operands]}
            for field, operator, operands in _conditions(source)
        ]
        rules.append((source.rule.id, {"and": conditions}))
    return lambda facts: next((rule_id for rule_id, all_of in rules if jsonLogic(all_of, facts)), None), dict


PEERS: dict[str, Callable[[Sequence[RuleSource]], Peer]] = {
    "rule-engine": rule_engine,
    "business-rules": business_rules,
    "cel-python": cel_python,
    "json-logic": json_logic,
}
APPROXIMATE = {"json-logic"}
"""Peers that cannot say what the rules say: their answers differ."""
