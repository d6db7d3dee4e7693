"""The rule set's name, what it asks its caller for, and when it wants to see an error again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.actions import Limit, Mode, Retry
from daemon.core.exceptions import RuleError
from daemon.rulebook.ast import AllOf, NotOf, PatchOperation, Place, RuleSource, RuleTest, ValueFrom
from daemon.rulebook.ruleset import RuleSet, compile_rules
from tests.rule_values import NOW, STEP, asks, error, facts, rule

LOOKUP = ValueFrom(kind="match", source="state", lookup="states")
PATCH = (PatchOperation(op="replace", path="/data/state", value_from=LOOKUP),)
BASE = rule(
    "a", asks("code", is_="X"), patch=PATCH, tables={"states": {"California": "CA", "Texas": "TX"}, "other": {}}
)


def with_rule(**changes: Any) -> RuleSource:
    return replace(BASE, rule=replace(BASE.rule, **changes))


def digest(*sources: RuleSource) -> str:
    return compile_rules(sources).digest


@pytest.mark.parametrize(
    "same",
    [
        replace(BASE, place=Place(file="renamed.yaml", line=99, column=1)),
        replace(BASE, when=AllOf(parts=(replace(asks("code", is_="X"), place=BASE.place),))),
        replace(BASE, tests=(RuleTest(expect="match", error={"code": "X"}),)),
        replace(BASE, tables={"other": {"changed": 1}, "states": {"Texas": "TX", "California": "CA"}}),
        with_rule(why="other words", owner="kim@example.com", place="renamed.yaml:99"),
    ],
    ids=["place", "place of a condition", "tests", "unused table and order of entries", "words for people"],
)
def test_what_decides_nothing_does_not_change_the_version(same: RuleSource) -> None:
    assert digest(same) == digest(BASE)


@pytest.mark.parametrize(
    "other",
    [
        with_rule(id="b"),
        with_rule(action=Retry(max_attempts=4, patched=True)),
        with_rule(action=Retry(after=timedelta(minutes=1), patched=True)),
        with_rule(mode=Mode.OBSERVE),
        with_rule(limit=Limit(per_hour=3)),
        with_rule(classify="data"),
        with_rule(tags=("t",)),
        with_rule(takes_assigned=True),
        replace(BASE, when=asks("code", is_="Y")),
        replace(BASE, when=asks("code", is_="X", ignore_case=True)),
        replace(BASE, when=asks("code", in_=("X",))),
        replace(BASE, when=NotOf(part=BASE.when)),
        replace(BASE, when=asks("http_status", is_=1)),
        replace(BASE, when=asks("http_status", is_=1.0)),
        replace(BASE, patch=(replace(PATCH[0], path="/data/other"),)),
        replace(BASE, tables={"states": {"California": "XX", "Texas": "TX"}}),
    ],
)
def test_whatever_decides_changes_the_version(other: RuleSource) -> None:
    assert digest(other) != digest(BASE)


def test_the_order_of_rules_decides_and_changes_the_version() -> None:
    assert digest(BASE, with_rule(id="b")) != digest(with_rule(id="b"), BASE)


def test_the_version_is_the_beginning_of_the_digest() -> None:
    ruleset = compile_rules([BASE])
    assert ruleset.version == f"rules@{ruleset.digest[:8]}"
    assert len(ruleset.digest) == 32
    assert ruleset.rules == (BASE.rule,)


def test_a_rule_that_cannot_be_compiled_is_named_with_its_place() -> None:
    with pytest.raises(RuleError, match=r'rules.yaml:3: rule "bad": condition on "message": missing \)'):
        compile_rules([BASE, rule("bad", asks("message", regex="(x"))])
    with pytest.raises(RuleError, match=r'rules.yaml:3: rule "bad": .*outside /data'):
        compile_rules([rule("bad", patch=(PatchOperation(op="remove", path="/files"),))])


def test_attempts_are_needed_only_where_a_rule_asks_for_them() -> None:
    assert compile_rules([BASE]).needs_attempts is False
    assert compile_rules([BASE, rule("b", NotOf(part=asks("attempts", gte=2)))]).needs_attempts is True


def test_an_error_is_to_be_seen_again_when_its_age_passes_the_next_bound() -> None:
    ruleset = compile_rules([rule("a", asks("age", gte=60)), rule("b", asks("age", lt=3600, gt=10, exists=True))])
    for age_s, flips_at in [
        (5, 10),
        (10, 10.000001),
        (10.000001, 60),
        (60, 60.000001),
        (61, 3600),
        (3600, 3600.000001),
    ]:
        record = error(age_s=age_s)
        assert ruleset.recheck_at(record, NOW) == NOW + timedelta(seconds=flips_at) - timedelta(seconds=age_s)
    assert ruleset.recheck_at(error(age_s=3600.000001), NOW) is None
    assert ruleset.recheck_at(error(age_s=None), NOW) is None
    assert ruleset.recheck_at(error(age_s=-60), NOW) == NOW + timedelta(seconds=70)


def test_without_a_condition_on_age_no_error_is_seen_again() -> None:
    assert compile_rules([BASE]).recheck_at(error(), NOW) is None


def test_an_age_past_the_calendar_never_comes() -> None:
    ruleset = compile_rules([rule("a", asks("age", gte=86_399_999_999_999))])
    assert ruleset.recheck_at(error(), NOW) is None


AGES = st.sampled_from([0, 1, 1.5, 2, 3])
OPERATORS = st.sampled_from(["gt", "gte", "lt", "lte", "is_"])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(OPERATORS, AGES), min_size=1, max_size=4), st.integers(0, 4_000_000), st.integers(0, 4_000_000)
)
def test_nothing_changes_before_the_moment_named(checks: list[tuple[str, float]], first_us: int, later_us: int) -> None:
    asked: list[dict[str, Any]] = [{operator: age} for operator, age in checks]
    ruleset = RuleSet([rule(f"r{number}", asks("age", **check)) for number, check in enumerate(asked)])
    born = datetime(2026, 1, 1, tzinfo=UTC)
    record = error()._replace(occurred_at=born)
    now = born + timedelta(microseconds=min(first_us, later_us))
    later = born + timedelta(microseconds=max(first_us, later_us))
    moment = ruleset.recheck_at(record, now)
    if moment is not None:
        assert moment > now
    if moment is None or later < moment:
        assert ruleset.match(STEP, record, facts(now=now)) == ruleset.match(STEP, record, facts(now=later))
