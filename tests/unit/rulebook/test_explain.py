"""Why a rule does not match, in words."""

import pytest

from daemon.rulebook.ast import AllOf, AnyOf, Condition, NotOf
from daemon.rulebook.explain import explain_rule, verdicts
from daemon.rulebook.subject import Subject
from tests.rule_values import STEP, asks, error, facts, rule

RECORD = error("Invalid state 'CA' \x1b[31m", code="INVALID_KEY", tags=("a", "b"))
CODE = asks("code", is_="INVALID_KEY")


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (CODE, ""),
        (asks("code", is_="invalid", ignore_case=True), "code: is \"invalid\" (ignoring case); found 'INVALID_KEY'"),
        (AllOf(parts=(CODE, asks("source", exists=True), asks("code", is_="Z"))), "source: exists true; found nothing"),
        (
            asks("message", contains=("état", "x"), starts_with="In"),
            "message: contains \"état\" or \"x\", starts_with \"In\"; found \"Invalid state 'CA' \\x1b[31m\"",
        ),
        (asks("tags", is_="c"), "tags: is \"c\"; found 'a', 'b'"),
        (asks("flow", glob="Items*"), "flow: glob \"Items*\"; found 'f1', 'Orders to NetSuite'"),
        (asks("age", gt=7200), "age: gt 7200; found 3600"),
        (asks("attempts", gt=1), "attempts: gt 1; found 0"),
        (asks("data", expression="lines[0].sku", is_=1), "data lines[0].sku: is 1; found retry data that was not fetched"),
        (NotOf(part=CODE), 'not (code: is "INVALID_KEY"); but it holds'),
        (
            AnyOf(parts=(asks("code", is_="A"), AllOf(parts=(CODE, asks("source", is_="B"))))),
            "none of: code: is \"A\"; found 'INVALID_KEY'; source: is \"B\"; found nothing",
        ),
        (NotOf(part=AllOf(parts=(CODE, AnyOf(parts=(CODE,))))), 'not (all of (code: is "INVALID_KEY"; any of (code: is "INVALID_KEY"))); but it holds'),
    ],
)  # fmt: skip
def test_the_first_condition_that_fails_is_named_with_the_value_found(condition: Condition, said: str) -> None:
    assert explain_rule(condition, Subject(STEP, RECORD, facts())) == said


def test_a_long_value_is_cut() -> None:
    said = explain_rule(asks("message", is_="y"), Subject(STEP, error("x" * 100_000), facts()))
    assert said.endswith("x…")
    assert len(said) < 300


def test_every_rule_is_judged_and_a_near_miss_is_one_of_which_all_but_one_condition_holds() -> None:
    other = asks("source", is_="shop")
    sources = [
        rule("near", CODE, other),
        rule("far", asks("code", is_="Z"), other),
        rule("single", other),
        rule("wins", CODE),
    ]
    told = verdicts(sources, Subject(STEP, RECORD, facts()))

    assert [(each.source.rule.id, each.matches, each.near, len(each.failed), each.conditions) for each in told] == [
        ("near", False, True, 1, 2),
        ("far", False, False, 2, 2),
        ("single", False, False, 1, 1),
        ("wins", True, False, 0, 1),
    ]
    assert told[0].failed == ('source: is "shop"; found nothing',)
