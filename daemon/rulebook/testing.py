"""Run the tests that stand beside rules, through the whole set and the code the daemon runs (P9)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from daemon.core.decisions import Match
from daemon.core.facts import UNAVAILABLE, Facts, PatchRefused
from daemon.core.records import ErrorRecord, Step, StepRef, StepType
from daemon.rulebook.ast import Condition, FieldCondition, Place, RuleSource, RuleTest
from daemon.rulebook.explain import explain_rule
from daemon.rulebook.index import asked_values
from daemon.rulebook.json_values import Difference, differences
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
    """How one test ended. *winner* is the rule that won, "" where none did.

    Of a failed test *differences* are what was expected and what was found, *detail* says why in one sentence.
    """

    rule_id: str
    name: str
    passed: bool
    winner: str = ""
    detail: str = ""
    differences: tuple[Difference, ...] = ()
    place: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A test's error, filled up so that it can be matched, and who *won* it (None: no rule)."""

    source: RuleSource
    test: RuleTest
    name: str
    step: Step
    record: ErrorRecord
    facts: Facts
    won: Match | None


def samples(ruleset: RuleSet, sources: Sequence[RuleSource]) -> Iterator[Sample]:
    """Yield the error of every test of *sources*, with the rule of *ruleset* that wins it."""
    for source in sources:
        for number, test in enumerate(source.tests, 1):
            step, record, facts = filled(test, source.when)
            yield Sample(
                source=source,
                test=test,
                name=test.name or f"{test.expect} {number}",
                step=step,
                record=record,
                facts=facts,
                won=winner_of(ruleset, step, record, facts),
            )


def winner_of(ruleset: RuleSet, step: Step, record: ErrorRecord, facts: Facts) -> Match | None:
    """Return the match of the rule that wins an error of which everything is known."""
    found = ruleset.match(step, record, facts)
    return found if isinstance(found, Match) else None


def run_tests(ruleset: RuleSet, sources: Sequence[RuleSource]) -> tuple[RuleTestResult, ...]:
    """Run every test of *sources*, the rules that *ruleset* was compiled from."""
    places = {source.rule.id: source.place for source in sources}
    return tuple(_run(ruleset, sample, places) for sample in samples(ruleset, sources))


def _run(ruleset: RuleSet, sample: Sample, places: Mapping[str, Place]) -> RuleTestResult:
    source, test, won = sample.source, sample.test, sample.won
    winner = won.rule.id if won else ""
    wins = winner == source.rule.id
    detail = ""
    found: tuple[Difference, ...] = ()
    shown = f'rule "{winner}" ({places[winner]}) wins' if winner else "no rule matches"
    if test.expect == "no_match" and wins:
        detail = f'rule "{winner}" matches, and should not'
        found = (Difference(expected=f'rule "{winner}" does not match', found="it wins"),)
    elif test.expect == "match" and not wins:
        detail = _why_not(source, winner, explain_rule(source.when, Subject(sample.step, sample.record, sample.facts)))
        found = (Difference(expected=f'rule "{source.rule.id}" wins', found=shown),)
    elif test.expect == "match" and won is not None and test.has_patched:
        detail, found = _patch_problem(ruleset, test, won, sample.record)
    return RuleTestResult(
        rule_id=source.rule.id,
        name=sample.name,
        passed=not detail,
        winner=winner,
        detail=detail,
        differences=found,
        place=test.place,
    )


def _why_not(source: RuleSource, winner: str, failed: str) -> str:
    instead = f'rule "{winner}" wins instead' if winner else "no rule matches"
    return (
        f'{instead}; of "{source.rule.id}" this fails: {failed}'
        if failed
        else f'{instead}: it stands before "{source.rule.id}"'
    )


def _patch_problem(
    ruleset: RuleSet, test: RuleTest, match: Match, record: ErrorRecord
) -> tuple[str, tuple[Difference, ...]]:
    changed = ruleset.patch(match, record, exact(test.data))
    if isinstance(changed, PatchRefused):
        return f"the patch is refused: {changed.detail} ({changed.reason})", ()
    different = differences("/data", exact(test.patched), changed.data)
    return ("the patched data is not what the test expects" if different else ""), different


def filled(test: RuleTest, when: Condition) -> tuple[Step, ErrorRecord, Facts]:
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
                return example(str(value))
    return f"test-{field}"


def example(glob: str) -> str:
    """Return a text that fits *glob*; for a class with ``!`` or a range its first character has to do."""
    text = ""
    inside = iter(glob)
    for char in inside:
        text += "x" if char in "*?" else next(inside, "") if char == "[" else char
        if char == "[":
            while next(inside, "]") != "]":
                pass
    return text
