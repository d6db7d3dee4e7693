"""Suggestions as a whole: what no rule takes, as rules that load, pass their tests, and take nothing from other rules."""

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bench.integration_errors import TEMPLATES, corpus
from daemon.app.error_files import told_errors
from daemon.app.suggest import Sighting, Suggestions, read_text, suggest, told_sightings
from daemon.core.exceptions import ConfigError
from daemon.core.recordings import Fate, Said
from daemon.core.records import Step
from daemon.rulebook.reader import read_rules
from daemon.rulebook.ruleset import RuleSet, compile_rules
from daemon.rulebook.suggestion_text import HEAD, file_text
from daemon.rulebook.testing import run_tests
from tests.makers import NOW, ago, step

SHIPPED = Path(__file__).parents[3] / "rules"
NO_RULES = compile_rules([])
STEP = Step(ref=step(), type="import")


def listing(*errors: dict[str, Any]) -> bytes:
    return json.dumps({"errors": errors, "nextPageURL": "/v1/…"}).encode()


def suggested(text: bytes, rules: RuleSet = NO_RULES, **more: Any) -> Suggestions:
    seen = told_sightings(told_errors(text, "errors.json"), rules, NOW)
    return suggest(seen, rules, **{"days": 0, "least": 1, "most": 100, **more})


def integration_errors(count: int) -> bytes:
    """Return errors of which some share a code and some have none."""
    samples = corpus(TEMPLATES, count, seed=31)
    codes = {template: (f"CODE_{n}", "USER_ERROR", "422", "")[n % 4] for n, template in enumerate(TEMPLATES)}
    return listing(
        *(
            {"errorId": str(n), "source": "application", "code": codes[each.template], "message": each.message}
            for n, each in enumerate(samples)
        )
    )


@pytest.fixture(scope="module")
def shipped() -> RuleSet:
    return compile_rules(read_rules([SHIPPED]).sources)


@pytest.fixture(scope="module")
def made(shipped: RuleSet) -> Suggestions:
    return suggested(integration_errors(500), shipped)


def test_every_suggested_rule_loads_and_its_tests_pass_behind_all_other_rules(
    shipped: RuleSet, made: Suggestions
) -> None:
    sources = read_text(HEAD + made.text())
    whole = compile_rules([*shipped.sources, *sources])
    results = [each for each in run_tests(whole, whole.sources) if each.rule_id in {one.rule.id for one in sources}]

    assert len(made.rules) == len(sources) > 40
    assert {source.rule.id for source in sources}.isdisjoint(source.rule.id for source in shipped.sources)
    assert [result.detail for result in results if not result.passed] == []
    assert {result.rule_id for result in results} == {source.rule.id for source in sources}
    assert all(source.rule.mode.name == "OBSERVE" for source in sources)


def test_suggested_rules_take_nearly_all_that_no_rule_takes_and_nothing_else(
    shipped: RuleSet, made: Suggestions
) -> None:
    sources = read_text(file_text(made.in_file_order))
    after = suggested(integration_errors(500), compile_rules([*shipped.sources, *sources]))

    assert sum(each.takes for each in made.rules) == made.unmatched - after.unmatched
    assert after.unmatched < 0.02 * made.unmatched
    assert sum(each.overlap for each in made.rules) <= sum(each.takes for each in made.rules) * 0.01


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        pytest.param([f"TA1-{n}" for n in range(400_000, 400_004)], [4], id="codes with ids in them are one"),
        pytest.param([f"ORA-{n}" for n in range(10_000, 10_003)], [1, 1, 1], id="a few codes with numbers are not"),
        pytest.param([str(n) for n in range(400, 406)], [1] * 6, id="nor are numbers"),
    ],
)
def test_errors_of_different_codes_are_different_unless_each_has_its_own(codes: list[str], expected: list[int]) -> None:
    made = suggested(listing(*({"code": code, "message": "No answer in time"} for code in codes)))

    assert [each.takes for each in made.rules] == expected


def test_the_most_frequent_pattern_comes_first_and_then_the_oldest() -> None:
    kinds = {"A": ("Apples are missing here", 1), "B": ("Bananas are missing here", 3), "C": ("Cherries are gone", 3)}
    made = suggested(
        listing(
            *(
                {"code": code, "message": text, "occurredAt": (ago(days=5) if code == "C" else ago(days=1)).isoformat()}
                for code, (text, count) in kinds.items()
                for _ in range(count)
            )
        )
    )

    assert [each.proposal.when["code"] for each in made.rules] == ["C", "B", "A"]
    assert [each.takes for each in made.rules] == [3, 3, 1]


def test_what_is_too_rare_too_vague_or_too_much_is_counted() -> None:
    errors = [{"code": f"C{n}", "message": "Something is wrong"} for n in range(5) for _ in range(2)]
    made = suggested(listing(*errors, {"code": "ONCE", "message": "Once"}, *([{"message": "17"}] * 3)), least=2, most=3)

    assert (made.errors, made.unmatched, made.patterns) == (14, 14, 7)
    assert (len(made.rules), made.rare, made.more, made.vague) == (3, 1, 2, 1)


def test_a_rule_that_would_take_errors_of_another_rule_says_how_many() -> None:
    taken = '  - {id: mine, why: w, classify: c, when: {code: X, message: {contains: "of Ann"}}, then: {leave: {}}}\n'
    rules = compile_rules(read_text(HEAD + taken))
    made = suggested(
        listing(
            *({"code": "X", "message": f"The order {n} of {who} is late"} for n in range(9) for who in ("Ann", "Bob"))
        ),
        rules,
    )

    ((takes, overlap),) = [(each.takes, each.overlap) for each in made.rules]
    assert (made.unmatched, takes) == (9, 9)
    assert overlap in (0, 9)


def test_what_an_error_has_of_a_person_gets_into_no_rule() -> None:
    made = suggested(listing(*({"code": "X", "message": f"Mail {n} to ann.lee@example.com bounced"} for n in range(4))))

    assert made.rules[0].proposal.when == {"code": "X", "message": {"contains": "bounced"}}
    assert "ann" not in made.text()


def test_a_rule_whose_own_tests_another_rule_takes_is_not_suggested() -> None:
    taking = "  - {id: mine, why: w, classify: c, when: {code: X, message: {contains: of Xxx}}, then: {leave: {}}}\n"
    errors = [
        {"code": "X", "message": f"The order {n} of {who} is late"} for n, who in enumerate(["Ann", "Bob", "Cid"])
    ]
    errors += [
        {"code": "X", "message": f"The order {n} of {who} is late"} for n, who in enumerate(["Dan", "Eve", "Fay"])
    ]

    made = suggested(listing(*errors), compile_rules(read_text(HEAD + taking)))

    assert (made.unmatched, made.rules, made.vague) == (6, (), 1)


def test_of_two_rules_for_one_code_the_narrower_goes_first_in_the_file() -> None:
    errors = [{"code": "X", "message": f"Invalid key {n}"} for n in range(9)]
    errors += [{"code": "X", "message": f"Invalid key {n} in the sublist of the items of an order"} for n in range(3)]
    made = suggested(listing(*errors))

    assert [each.proposal.known.count for each in made.rules] == [9, 3]
    assert [each.takes for each in made.rules] == [9, 3]
    assert [len(proposal.known.said) > 0 and proposal.known.count for proposal in made.in_file_order] == [3, 9]


def sighted(error_id: str, fate: Fate = Fate.OPEN, *, trace: int = 1, hours_ago: float = 5, **more: Any) -> Sighting:
    said = Said(source="application", code="X", message="The order is late again", retryable=True)
    fields = {"step": STEP, "said": said, "matched": False, "occurred_at": NOW - timedelta(hours=hours_ago)}
    return Sighting(error_id=error_id, fate=fate, trace=trace, **{**fields, **more})


@pytest.mark.parametrize(
    ("later", "worked"),
    [
        pytest.param([], 1, id="nothing came after it"),
        pytest.param([sighted("e2", hours_ago=1)], 0, id="its case failed again"),
        pytest.param([sighted("e2", hours_ago=1, matched=True)], 0, id="in another way, which a rule takes"),
        pytest.param([sighted("e2", hours_ago=1, trace=2)], 1, id="another case failed"),
        pytest.param([sighted("e2", hours_ago=1, step=Step(ref=step("s2"), type="import"))], 1, id="on another step"),
        pytest.param([sighted("e2", hours_ago=9)], 1, id="it had failed before"),
    ],
)
def test_a_retry_of_people_went_through_if_its_case_did_not_come_back(later: Sequence[Sighting], worked: int) -> None:
    made = suggest([sighted("e1", Fate.PERSON_RETRIED), *later], NO_RULES, days=14, least=1, most=9)

    known = made.rules[0].proposal.known
    assert (known.retried, known.worked) == (1, worked)


def test_without_a_trace_key_nobody_can_tell_whether_a_retry_went_through() -> None:
    made = suggest([sighted("e1", Fate.PERSON_RETRIED, trace=0)], NO_RULES, days=14, least=1, most=9)

    known = made.rules[0].proposal.known
    assert (known.retried, known.worked) == (1, 0)


def test_what_people_did_is_said_in_the_rule() -> None:
    people = [sighted(f"r{n}", Fate.PERSON_RETRIED, trace=n) for n in range(10, 16)]
    made = suggest([*people, sighted("e1", Fate.PERSON_RESOLVED)], NO_RULES, days=14, least=1, most=9)

    (rule,) = made.rules
    assert "retry" in rule.proposal.then
    assert "7 such errors in 14 days" in rule.proposal.why
    assert "people retried 6 of them (6 did not come back) and resolved 1" in rule.proposal.why


@pytest.mark.parametrize(
    ("text", "count"),
    [
        pytest.param(b'{"errors": [{"code": "A"}, {"code": "B"}]}', 2, id="a page of the platform"),
        pytest.param(b'[{"code": "A"}]', 1, id="a list"),
        pytest.param(b'{"code": "A"}', 1, id="one error"),
        pytest.param(b"[]", 0, id="nothing"),
    ],
)
def test_errors_are_read_in_every_form_in_which_they_are_at_hand(text: bytes, count: int) -> None:
    assert len(told_errors(text, "errors.json")) == count


@pytest.mark.parametrize("text", [b"", b"no JSON", b'"text"', b"[1]", b'[{"code": "A"}, null]'])
def test_what_is_no_listing_of_errors_is_refused_by_name(text: bytes) -> None:
    with pytest.raises(ConfigError, match=r"^errors\.json"):
        told_errors(text, "errors.json")
