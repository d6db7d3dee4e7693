"""What the tests beside the rules would not notice."""

import pytest

from daemon.rulebook.ast import AllOf, AnyOf, Condition, NotOf, RuleSource, RuleTest
from daemon.rulebook.coverage import Coverage, coverage, without_one
from daemon.rulebook.explain import describe
from daemon.rulebook.ruleset import compile_rules
from tests.rule_values import asks, rule

CODE, SOURCE, STATUS = asks("code", is_="X"), asks("source", is_="app"), asks("http_status", gte=500, lt=600)


def match(**error: object) -> RuleTest:
    return RuleTest(expect="match", error=error)


def no_match(**error: object) -> RuleTest:
    return RuleTest(expect="no_match", error=error)


def measured(*sources: RuleSource) -> Coverage:
    return coverage(compile_rules(sources), sources)


def gaps(kind: str, *sources: RuleSource) -> list[tuple[str, str]]:
    return [(gap.rule_id, gap.text) for gap in measured(*sources).gaps if gap.kind == kind]


def test_a_rule_needs_a_test_that_shows_what_it_matches() -> None:
    only_not = rule("a", CODE, tests=(no_match(code="Y"),))
    assert gaps("untested", only_not, rule("b", CODE, tests=(match(code="X"),))) == [
        ("a", "no test shows what it matches")
    ]


@pytest.mark.parametrize(
    ("condition", "left"),
    [
        (AllOf(parts=(CODE, SOURCE)), [AllOf(parts=(SOURCE,)), AllOf(parts=(CODE,))]),
        (AnyOf(parts=(CODE, SOURCE)), [AnyOf(parts=(SOURCE,)), AnyOf(parts=(CODE,))]),
        (AnyOf(parts=(CODE,)), []),
        (NotOf(part=AllOf(parts=(CODE,))), [NotOf(part=AllOf(parts=()))]),
        (STATUS, [asks("http_status", lt=600), asks("http_status", gte=500)]),
        (CODE, []),
    ],
    ids=["all", "any", "the last of any", "not", "two operators", "one operator"],
)
def test_every_part_that_can_go_is_removed_in_turn(condition: Condition, left: list[Condition]) -> None:
    assert [describe(each) for _, each in without_one(condition)] == [describe(each) for each in left]


def test_a_condition_is_missed_where_a_no_match_test_would_fail_without_it() -> None:
    weak = rule("a", CODE, SOURCE, tests=(match(code="X", source="app"),))
    assert gaps("condition", weak) == [
        ("a", 'no test would miss the condition code: is "X"'),
        ("a", 'no test would miss the condition source: is "app"'),
    ]
    strong = rule(
        "a", CODE, SOURCE, tests=(match(code="X", source="app"), no_match(code="Y", source="app"), no_match(code="X"))
    )
    assert measured(strong).gaps == ()
    assert (measured(strong).conditions, measured(strong).held) == (2, 2)
    assert (measured(weak).conditions, measured(weak).held) == (2, 0)


def test_a_condition_is_missed_where_the_rule_would_take_what_a_later_one_should_have() -> None:
    wide = rule("a", CODE, SOURCE, tests=(match(code="X", source="app"),))
    later = rule("b", asks("source", is_="app"), tests=(match(source="app", code="Y"),))
    of_wide = [gap for gap in gaps("condition", wide, later) if gap[0] == "a"]
    assert of_wide == [("a", 'no test would miss the condition source: is "app"')]
    assert len([gap for gap in gaps("condition", later, wide) if gap[0] == "a"]) == 2


def test_an_alternative_is_missed_where_the_rule_would_lose_its_own_sample() -> None:
    both = rule("a", AnyOf(parts=(CODE, SOURCE)), tests=(match(code="X"),))
    assert gaps("condition", both) == [
        ("a", 'no test would miss the condition any of (code: is "X"; source: is "app")'),
        ("a", 'no test would miss the condition source: is "app"'),
    ]


def test_a_sample_is_brittle_where_its_message_would_not_match_in_another_form() -> None:
    exact = rule("a", asks("message", contains="Order 12 failed"), tests=(match(message="Order 12 failed"),))
    ((rule_id, text),) = gaps("brittle", exact)
    assert rule_id == "a"
    assert text == (
        "match 1 would not match in capitals (ORDER 12 FAILED) nor with other numbers (Order 08 failed) "
        "nor cut short (Order 12)"
    )
    free = rule("a", asks("message", regex=r"(?i)^order \d"), tests=(match(message="Order 12 failed"),))
    assert gaps("brittle", free) == []
    assert gaps("brittle", rule("a", CODE, tests=(match(code="X"),))) == []
