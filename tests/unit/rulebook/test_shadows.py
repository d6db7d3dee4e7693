"""Rules that can never act are pointed out; rules that can are left in peace."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.actions import Leave, Retry
from daemon.core.records import ErrorRecord
from daemon.rulebook.ast import AllOf, AnyOf, Check, Condition, FieldCondition, NotOf
from daemon.rulebook.implication import implies
from daemon.rulebook.lint import lines_of
from daemon.rulebook.overlaps import Partners
from daemon.rulebook.reader import read_rules
from daemon.rulebook.shadows import Filed, shadowed
from daemon.rulebook.source_lines import SourceLines
from tests.naive_matcher import NaiveMatcher
from tests.rule_values import NOW, STEP, asks, error, rule

FILE = """version: 1
rules:
  - {{id: first, why: W., when: {first}, then: {{leave: {{}}}}}}
  - {{id: second, why: W., when: {second}, then: {{leave: {{}}}}}}
"""


def warned(folder: Path, first: str, second: str) -> list[str]:
    (folder / "a.yaml").write_text(FILE.format(first=first, second=second), encoding="utf-8")
    found = read_rules([folder])
    assert not found.has_errors
    return [problem.code for problem in shadowed(found.sources, lines_of(found))]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("{code: A}", "{code: A}", id="the same"),
        pytest.param("{code: [A, B]}", "{code: A}", id="one of a list"),
        pytest.param("{code: A}", "{code: A, source: application}", id="one more condition"),
        pytest.param("{message: {contains: [x, y]}}", "{message: {contains: x}}", id="fewer texts"),
        pytest.param("{message: {contains_all: [x]}}", "{message: {contains_all: [x, y]}}", id="more texts at once"),
        pytest.param("{code: {exists: true}}", "{code: A}", id="anything there"),
        pytest.param("{any: [{code: A}, {code: B}]}", "{code: B}", id="a branch"),
        pytest.param("{code: [A, B]}", "{any: [{code: A}, {code: B}]}", id="every branch"),
        pytest.param("{message: {contains: exists}}", "{message: {contains: already exists}}", id="words in words"),
        pytest.param("{message: {contains: x}}", "{message: {starts_with: xy}}", id="words at the beginning"),
        pytest.param("{message: {starts_with: x}}", "{message: {starts_with: [xy, xz]}}", id="longer beginnings"),
        pytest.param("{message: {ends_with: s}}", "{message: {is: exists}}", id="the whole text"),
        pytest.param("{code: {regex: '^A[0-9]$'}}", "{code: {is: A1, regex: '^A[0-9]$'}}", id="the same pattern"),
        pytest.param(
            "{http_status: {gte: 500}, code: A}", "{http_status: {in: [502, 503], gte: 500}, code: A}", id="over"
        ),
        pytest.param(
            "{message: {contains: X, ignore_case: true}}",
            "{message: {contains: axe, ignore_case: true}}",
            id="any case",
        ),
        pytest.param("{code: A, not: {source: x}}", "{code: A, not: {source: [x, y]}}", id="excludes less"),
    ],
)
def test_a_rule_that_can_never_act_is_pointed_out(tmp_path: Path, first: str, second: str) -> None:
    assert warned(tmp_path, first, second) == ["W031"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("{code: A}", "{code: [A, B]}", id="B is left"),
        pytest.param("{code: A, source: application}", "{code: A}", id="another source is left"),
        pytest.param("{code: A}", "{code: {is: A, ignore_case: true}}", id="a is left"),
        pytest.param("{message: {starts_with: x}}", "{message: {contains: x}}", id="elsewhere in the text"),
        pytest.param("{message: {contains: already exists}}", "{message: {contains: exists}}", id="fewer words"),
        pytest.param("{message: {contains: [x, y]}}", "{message: {contains: [x, z]}}", id="z is left"),
        pytest.param("{message: {contains: x}}", "{message: {regex: axe}}", id="not compared, not claimed"),
        pytest.param("{code: A}", "{not: {code: A}, source: x}", id="the contrary"),
        pytest.param("{any: [{code: A}, {source: x}]}", "{message: {contains: m}}", id="another field"),
        pytest.param("{code: {exists: true}}", "{code: {exists: false}, source: x}", id="missing is not there"),
    ],
)
def test_a_rule_that_can_act_is_left_in_peace(tmp_path: Path, first: str, second: str) -> None:
    assert warned(tmp_path, first, second) == []


TEXTS = ["", "A", "B", "AB", "BA", "ABA"]
CHECKS = st.one_of(
    st.builds(
        Check,
        operator=st.sampled_from(["is", "in", "contains", "contains_all", "starts_with", "ends_with", "glob", "regex"]),
        operands=st.lists(st.sampled_from(["A", "B", "AB"]), min_size=1, max_size=2).map(tuple),
    ),
    st.builds(Check, operator=st.just("exists"), operands=st.booleans().map(lambda there: (there,))),
)
LEAVES = st.builds(
    FieldCondition,
    field=st.sampled_from(["code", "source"]),
    checks=st.lists(CHECKS, min_size=1, max_size=2).map(tuple),
)
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(AllOf, parts=st.lists(inner, min_size=1, max_size=2).map(tuple)),
        st.builds(AnyOf, parts=st.lists(inner, min_size=1, max_size=2).map(tuple)),
        st.builds(NotOf, part=inner),
    ),
    max_leaves=4,
)


def matches(condition: Condition, record: ErrorRecord) -> bool:
    return NaiveMatcher([rule("only", condition)]).match(STEP, record, NOW, 0, None) is not None


@given(narrow=CONDITIONS, wide=CONDITIONS)
def test_what_is_said_to_be_wider_matches_whatever_the_narrow_one_does(narrow: Condition, wide: Condition) -> None:
    if not implies(narrow, wide):
        return
    for code in TEXTS:
        for source in TEXTS:
            record = error(code=code, source=source)
            if matches(narrow, record):
                assert matches(wide, record)


def test_a_rule_is_compared_with_all_that_may_be_wider_in_a_set_of_many() -> None:
    """The index must not lose what comparing every pair finds."""
    chances = random.Random(5)
    words = ["order", "order exists", "exists", "item", "it", "already exists"]
    sources = []
    for number in range(150):
        code = Check(operator=chances.choice(["is", "in"]), operands=(chances.choice("ABC"),))
        said = Check(operator=chances.choice(["is", "contains", "starts_with"]), operands=(chances.choice(words),))
        parts = [FieldCondition(field="code", checks=(code,)), FieldCondition(field="message", checks=(said,))]
        sources.append(rule(f"r{number}", AllOf(parts=tuple(chances.sample(parts, chances.choice([1, 2]))))))
    expected = {
        narrow.rule.id
        for position, narrow in enumerate(sources)
        if any(implies(narrow.when, wide.when) for wide in sources[:position])
    }
    assert {problem.rule for problem in shadowed(sources, SourceLines({}))} == expected
    assert 10 < len(expected) < 149


def test_of_thousands_of_rules_each_is_compared_with_a_few() -> None:
    chances = random.Random(7)
    words = ["order", "invoice", "customer", "missing", "locked", "period", "limit", "value", "field", "state"]
    sources = [
        rule(
            f"r{number}",
            asks("code", is_=f"CODE_{number % 300}"),
            asks("message", contains=" ".join(chances.choices(words, k=4))),
            action=chances.choice([Retry(), Leave()]),
        )
        for number in range(3_000)
    ]
    filed, partners = Filed(sources), Partners(sources)
    compared = sum(len(filed.perhaps_wider(source)) for source in sources)
    paired = sum(len(partners.of(position)) for position in range(len(sources)))
    assert compared < 5 * len(sources)
    assert paired < 10 * len(sources)
