"""Tests beside rules run through the whole set, and say why they fail."""

from typing import Any

import pytest

from daemon.rulebook.ast import AnyOf, NotOf, PatchOperation, Place, RuleSource, RuleTest, ValueFrom
from daemon.rulebook.ruleset import compile_rules
from daemon.rulebook.testing import RuleTestResult, run_tests
from tests.rule_values import asks, rule


def example(expect: str, *, data: Any = ..., patched: Any = ..., name: str = "", **fields: Any) -> RuleTest:
    return RuleTest(
        expect=expect,  # type: ignore[arg-type]
        error=fields,
        name=name,
        data=None if data is ... else data,
        has_data=data is not ...,
        patched=None if patched is ... else patched,
        has_patched=patched is not ...,
        place=Place(file="rules.yaml", line=9, column=7),
    )


def run(*sources: RuleSource) -> list[RuleTestResult]:
    return list(run_tests(compile_rules(sources), sources))


def one(*sources: RuleSource) -> RuleTestResult:
    (result,) = run(*sources)
    return result


STATE = asks("message", regex="Invalid state '(?P<state>[^']+)'")
SET_STATE = PatchOperation(
    op="replace", path="/data/state", value_from=ValueFrom(kind="match", source="state", lookup="states")
)
STATES: dict[str, dict[str, object]] = {"states": {"California": "CA"}}


def test_a_passing_test_names_the_winner() -> None:
    result = one(rule("a", asks("code", is_="X"), tests=(example("match", code="X", name="the usual"),)))
    assert result == RuleTestResult(
        rule_id="a", name="the usual", passed=True, winner="a", place=Place(file="rules.yaml", line=9, column=7)
    )


def test_a_test_without_a_name_is_called_by_what_it_expects_and_its_number() -> None:
    results = run(rule("a", asks("code", is_="X"), tests=(example("match", code="X"), example("no_match", code="Y"))))
    assert [result.name for result in results] == ["match 1", "no_match 2"]


def test_match_means_that_the_rule_wins_not_that_it_would() -> None:
    result = one(
        rule("first", asks("code", exists=True)), rule("a", asks("code", is_="X"), tests=(example("match", code="X"),))
    )
    assert not result.passed
    assert result.winner == "first"
    assert result.detail == 'rule "first" wins instead: it stands before "a"'
    assert [(each.expected, each.found) for each in result.differences] == [
        ('rule "a" wins', f'rule "first" ({rule("first").place}) wins')
    ]


def test_a_failed_match_says_which_condition_failed_and_what_was_found() -> None:
    shown = rule(
        "a", asks("source", is_="app"), asks("code", in_=("X", "Y")), tests=(example("match", source="app", code="Z"),)
    )
    assert one(shown).detail == 'no rule matches; of "a" this fails: code: in "X" or "Y"; found \'Z\''
    assert one(shown, rule("b")).detail.startswith('rule "b" wins instead; of "a" this fails: code')


def test_no_match_fails_only_where_this_rule_wins() -> None:
    tested = rule("a", asks("code", is_="X"), tests=(example("no_match", code="X"),))
    assert one(tested).detail == 'rule "a" matches, and should not'
    assert one(rule("first"), tested).passed


@pytest.mark.parametrize(
    "scope",
    [
        {"flow": "Amazon orders to NetSuite"},
        {"flow": "Amazon *", "integration": "[[]PROD] Shop?"},
        {"account": "acme", "step": "[ab]-import", "step_type": "export"},
    ],
    ids=str,
)
def test_an_error_is_filled_up_so_that_it_lies_in_the_scope_of_its_rule(scope: dict[str, str]) -> None:
    conditions = [asks(field, glob=value) for field, value in scope.items()]
    assert one(rule("a", *conditions, asks("code", is_="X"), tests=(example("match", code="X"),))).passed


def test_a_test_may_say_where_its_error_is() -> None:
    inside, outside = example("match", flow="Orders"), example("no_match", flow="Items")
    assert all(result.passed for result in run(rule("a", asks("flow", glob="Ord*"), tests=(inside, outside))))


@pytest.mark.parametrize(
    ("condition", "fields"),
    [
        (asks("retryable", is_=True), {}),
        (asks("retryable", is_=False), {"retryable": False}),
        (asks("age", gte=3600, lte=3600), {}),
        (asks("age", gt=86_400), {"age": 90_000.5}),
        (asks("attempts", is_=0), {}),
        (asks("attempts", gte=2), {"attempts": 2}),
        (asks("http_status", exists=False), {}),
        (asks("http_status", is_=429), {"http_status": 429}),
        (asks("tags", is_="b"), {"tags": ["a", "b"]}),
        (asks("tags", is_="b"), {"tags": "b"}),
        (asks("tags", exists=False), {}),
        (asks("trace_key", is_="SO-1"), {"trace_key": "SO-1"}),
        (asks("classification", is_="value"), {"classification": "value"}),
        (asks("classified_by", is_="autopilot"), {"classified_by": "autopilot"}),
        (asks("assigned_to", is_="kim@example.com"), {"assigned_to": "kim@example.com"}),
        (asks("source", exists=False), {}),
        (asks("step_type", is_="import"), {}),
    ],
    ids=str,
)
def test_every_field_can_be_given_and_is_plausible_where_it_is_not(condition: Any, fields: dict[str, Any]) -> None:
    error = example("match", code="X", **fields)
    filled = asks("code", is_="X")
    # Wrapped, so that the value does not come from the scope of the rule.
    assert one(rule("a", filled, AnyOf(parts=(condition,)), tests=(error,))).passed


def test_data_is_what_the_test_gives_or_none() -> None:
    wants = asks("data", expression="type", is_="invoice")
    assert one(rule("a", wants, tests=(example("match", data={"type": "invoice"}),))).passed
    assert one(rule("a", wants, tests=(example("no_match"),))).passed
    assert "found nothing" in one(rule("a", wants, tests=(example("match"),))).detail
    assert one(rule("first", wants), rule("a", tests=(example("match"),))).passed


def test_the_patched_data_is_compared_as_json() -> None:
    def patched(expected: object) -> RuleTestResult:
        test = example(
            "match", message="Invalid state 'California'", data={"state": "California", "n": 1.5}, patched=expected
        )
        return one(rule("a", STATE, patch=(SET_STATE,), tables=STATES, tests=(test,)))

    assert patched({"n": 1.50, "state": "CA"}).passed
    assert [(each.path, each.expected, each.found) for each in patched({"n": True, "state": "XX"}).differences] == [
        ("/data/n", "true", "1.5"),
        ("/data/state", '"XX"', '"CA"'),
    ]
    assert not patched({"state": "CA"}).passed


def test_a_refused_patch_fails_the_test_with_its_reason() -> None:
    test = example("match", message="Invalid state 'Bavaria'", data={"state": "Bavaria"}, patched={})
    result = one(rule("a", STATE, patch=(SET_STATE,), tables=STATES, tests=(test,)))
    assert result.detail == "the patch is refused: table 'states' has no entry for the value (lookup-missing)"


def test_a_condition_turned_round_is_explained_too() -> None:
    tested = rule("a", NotOf(part=asks("code", is_="X")), tests=(example("match", code="X"),))
    assert one(tested).detail == 'no rule matches; of "a" this fails: not (code: is "X"); but it holds'
