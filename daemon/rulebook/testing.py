"""Run the tests that stand beside rules, through the whole set and the code the daemon runs (P9)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from daemon.core.decisions import Match
from daemon.core.facts import UNAVAILABLE, Facts, PatchRefused
from daemon.core.records import ErrorRecord, Step, StepRef, StepType
from daemon.rulebook.ast import Condition, FieldCondition, Place, RuleSource, RuleTest
from daemon.rulebook.explain import explain_rule
from daemon.rulebook.index import asked_values
from daemon.rulebook.json_values import json_equal
from daemon.rulebook.program import conjuncts
from daemon.rulebook.ruleset import RuleSet
from daemon.rulebook.selection import exact
from daemon.rulebook.subject import Subject

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
"""The moment at which tests run; any would do."""

USUAL_AGE_S = 3_600

_STEP_FIELDS = ("account", "integration", "flow", "step", "step_type")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTestResult:
    """How one test ended. *winner* is the rule that won, "" where none did; *detail* says why the test failed."""

    rule_id: str
    name: str
    passed: bool
    winner: str = ""
    detail: str = ""
    place: Place | None = None


def run_tests(ruleset: RuleSet, sources: Sequence[RuleSource]) -> tuple[RuleTestResult, ...]:
    """Run every test of *sources*, the rules that *ruleset* was compiled from."""
    return tuple(
        _run(ruleset, source, number, test) for source in sources for number, test in enumerate(source.tests, 1)
    )


def _run(ruleset: RuleSet, source: RuleSource, number: int, test: RuleTest) -> RuleTestResult:
    step, record, facts = _filled(test, source.when)
    found = ruleset.match(step, record, facts)
    won = found if isinstance(found, Match) else None
    winner = won.rule.id if won else ""
    wins = winner == source.rule.id
    if test.expect == "no_match":
        detail = f'rule "{winner}" matches, and should not' if wins else ""
    elif won is None or not wins:
        detail = _why_not(source, winner, explain_rule(source.when, Subject(step, record, facts)))
    else:
        detail = _patch_problem(ruleset, test, won, record)
    name = test.name or f"{test.expect} {number}"
    return RuleTestResult(
        rule_id=source.rule.id, name=name, passed=not detail, winner=winner, detail=detail, place=test.place
    )


def _why_not(source: RuleSource, winner: str, failed: str) -> str:
    instead = f'rule "{winner}" wins instead' if winner else "no rule matches"
    return (
        f'{instead}; of "{source.rule.id}" this fails: {failed}'
        if failed
        else f'{instead}: it stands before "{source.rule.id}"'
    )


def _patch_problem(ruleset: RuleSet, test: RuleTest, match: Match, record: ErrorRecord) -> str:
    if not test.has_patched:
        return ""
    changed = ruleset.patch(match, record, exact(test.data))
    if isinstance(changed, PatchRefused):
        return f"the patch is refused: {changed.detail} ({changed.reason})"
    if json_equal(changed.data, exact(test.patched)):
        return ""
    return f"the patch gives {changed.data!r}, not {exact(test.patched)!r}"


def _filled(test: RuleTest, when: Condition) -> tuple[Step, ErrorRecord, Facts]:
    """Return the test's error, filled up: a retryable one of an hour ago, on a step inside the rule's own scope."""
    told = test.error

    def text(name: str) -> str:
        return str(told.get(name, ""))

    scope = {name: str(told.get(name) or _inside(name, when)) for name in _STEP_FIELDS}
    step_type: StepType = "export" if scope["step_type"] == "export" else "import"
    step = Step(
        ref=StepRef(account=scope["account"], flow_id=scope["flow"], step_id=scope["step"]),
        type=step_type,
        name=scope["step"],
        flow_name=scope["flow"],
        integration_id=scope["integration"],
        integration_name=scope["integration"],
    )
    tags = told.get("tags", ())
    status = told.get("http_status")
    record = ErrorRecord(
        error_id="test-error",
        occurred_at=NOW - timedelta(seconds=_number(told.get("age", USUAL_AGE_S))),
        http_status=int(_number(status)) if status is not None else None,
        retry_key="test-retry-key" if told.get("retryable", True) else "",
        tags=tuple(map(str, tags)) if isinstance(tags, list | tuple) else (str(tags),),
        source=text("source"),
        code=text("code"),
        message=text("message"),
        trace_key=text("trace_key"),
        classification=text("classification"),
        classified_by=text("classified_by"),
        assigned_to=text("assigned_to"),
    )
    data = exact(test.data) if test.has_data else UNAVAILABLE
    return step, record, Facts(now=NOW, attempts=int(_number(told.get("attempts", 0))), data=data)


def _number(value: object) -> float:
    return value if isinstance(value, int | float) else 0


def _inside(field: str, when: Condition) -> str:
    """Return a value for a field of the step that *when* accepts, as far as that can be read from it."""
    for part in conjuncts(when):
        if isinstance(part, FieldCondition) and part.field == field:
            for value in asked_values(part) or part.checks[0].operands:
                return _example(str(value))
    return f"test-{field}"


def _example(glob: str) -> str:
    """Return a text that fits *glob*; for a class with ``!`` or a range its first character has to do."""
    text = ""
    inside = iter(glob)
    for char in inside:
        text += "x" if char in "*?" else next(inside, "") if char == "[" else char
        if char == "[":
            while next(inside, "]") != "]":
                pass
    return text
