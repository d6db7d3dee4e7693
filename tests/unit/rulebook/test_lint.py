"""What is allowed and hardly meant is pointed out, and what is meant is left in peace."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.records import ErrorRecord
from daemon.rulebook.ast import AllOf, AnyOf, Check, Condition, FieldCondition, NotOf
from daemon.rulebook.contradictions import conflict
from daemon.rulebook.lint import lint
from daemon.rulebook.problems import Problem
from daemon.rulebook.reader import read_rules
from tests.naive_matcher import NaiveMatcher
from tests.rule_values import NOW, STEP, error, rule

RETRY, HOLD, RESOLVE, LEAVE = "{retry: {}}", "{hold: {queue: q}}", "{resolve: {because: b}}", "{leave: {}}"


def one(when: str, then: str = LEAVE, tests: str = "match: {code: A}", name: str = "only") -> str:
    inside = ", ".join(f"{{{test}}}" for test in tests.split("; ") if test)
    return f"  - {{id: {name}, why: W., when: {when}, then: {then}{f', tests: [{inside}]' if inside else ''}}}\n"


def warned(folder: Path, *rules: str, scope: str = "") -> list[Problem]:
    (folder / "a.yaml").write_text(f"version: 1\n{scope}rules:\n{''.join(rules)}", encoding="utf-8")
    found = read_rules([folder])
    assert found.problems == ()
    return list(lint(found))


def codes(folder: Path, *rules: str, scope: str = "") -> list[str]:
    return [problem.code for problem in warned(folder, *rules, scope=scope)]


# W033: conditions that no error can meet.


@pytest.mark.parametrize(
    "when",
    [
        pytest.param("{code: A, all: [{code: B}]}", id="two codes"),
        pytest.param("{code: [A, B], all: [{code: {starts_with: C}}]}", id="none of a list"),
        pytest.param("{code: A, not: {code: [A, B]}}", id="ruled out"),
        pytest.param("{code: [A, B], not: {any: [{code: A}, {code: B}]}}", id="ruled out one by one"),
        pytest.param("{message: {contains: xyz}, not: {message: {contains: y}}}", id="words ruled out"),
        pytest.param("{message: {is: hello, contains: b}}", id="in one matcher"),
        pytest.param("{message: {starts_with: a}, all: [{message: {starts_with: b}}]}", id="two beginnings"),
        pytest.param("{message: {ends_with: a}, all: [{message: {ends_with: [b, c]}}]}", id="two ends"),
        pytest.param("{code: A, message: {contains: x, exists: false}}", id="something in nothing"),
        pytest.param("{code: {exists: true}, all: [{code: {exists: false}}]}", id="there and not there"),
        pytest.param("{http_status: 4290}", id="no status"),
        pytest.param("{http_status: {gt: 500, lt: 501}}", id="nothing between"),
        pytest.param("{http_status: [500, 502], all: [{http_status: {lt: 500}}]}", id="none of the statuses"),
        pytest.param("{code: A, age: {gt: 10m, lt: 5m}}", id="older and younger"),
        pytest.param("{code: A, age: {gt: 10m, lte: 10m}}", id="older than its own age"),
        pytest.param("{code: A, attempts: {lt: 0}}", id="less than none"),
        pytest.param("{code: A, retryable: true, all: [{retryable: false}]}", id="true and false"),
        pytest.param("{code: A, step_type: import, all: [{step_type: export}]}", id="import and export"),
        pytest.param("{code: A, flow: Orders, all: [{flow: Invoices}]}", id="two flows"),
        pytest.param("{code: A, flow: Orders, all: [{flow: 'Invoices *'}]}", id="no such flow"),
        pytest.param("{code: A, any: [{all: [{code: B}]}, {all: [{code: C}]}]}", id="every branch"),
    ],
)
def test_a_rule_that_no_error_can_meet_is_pointed_out(tmp_path: Path, when: str) -> None:
    (problem,) = warned(tmp_path, one(when))
    assert problem.code == "W033"
    assert problem.message.startswith('rule "only" can never match: it asks that ')


@pytest.mark.parametrize(
    "when",
    [
        pytest.param("{code: [A, B], all: [{code: [B, C]}]}", id="one of both"),
        pytest.param("{code: A, not: {code: A, message: m}}", id="an exception"),
        pytest.param("{code: {is: a, ignore_case: true}, all: [{code: A}]}", id="another case"),
        pytest.param("{message: {starts_with: a}, all: [{message: {starts_with: ab}}]}", id="a longer beginning"),
        pytest.param("{message: {contains: x}, all: [{message: {contains: y}}]}", id="both words"),
        pytest.param("{tags: A, all: [{tags: B}]}", id="an error can have two tags"),
        pytest.param("{code: A, flow: Orders, all: [{flow: 5e9f0a1b2c3d4e5f60718293}]}", id="a name and an id"),
        pytest.param("{code: A, flow: 'Orders *', all: [{flow: '* to NetSuite'}]}", id="two wildcards"),
        pytest.param("{data: {'lines[].sku': A}, all: [{data: {'lines[].sku': B}}]}", id="two lines of an order"),
        pytest.param("{code: A, age: {gt: 10m, lt: 10m1s}}", id="within a second"),
        pytest.param("{http_status: {gte: 500, lte: 500}}", id="just one"),
        pytest.param("{http_status: {gte: -3}}", id="everything there is"),
        pytest.param("{code: A, attempts: {gt: 1.5, lt: 2.5}}", id="one between halves"),
        pytest.param("{code: A, age: {gte: 0s}}", id="any age"),
        pytest.param("{http_status: {gte: 500}, not: {http_status: 503}}", id="all but one"),
        pytest.param("{code: {exists: false}, message: m}", id="a message without a code"),
    ],
)
def test_conditions_that_some_error_meets_are_left_in_peace(tmp_path: Path, when: str) -> None:
    assert [code for code in codes(tmp_path, one(when)) if code == "W033"] == []


def test_a_branch_that_can_never_hold_is_pointed_out_without_the_rule(tmp_path: Path) -> None:
    (problem,) = warned(tmp_path, one("{code: A, any: [{message: m}, {code: B}]}"))
    assert problem.message.startswith('branch 2 of "any" can never hold in rule "only"')


def test_a_files_scope_is_part_of_what_a_rule_asks(tmp_path: Path) -> None:
    (problem,) = warned(tmp_path, one("{code: A, flow: Invoices}"), scope="scope: {flow: Orders}\n")
    assert problem.code == "W033"
    assert "move this rule to a file of its own" in problem.hint


FIELD_CHECKS = st.one_of(
    st.builds(
        Check,
        operator=st.sampled_from(["is", "in", "contains", "contains_all", "starts_with", "ends_with"]),
        operands=st.lists(st.sampled_from(["A", "B", "AB"]), min_size=1, max_size=2).map(tuple),
    ),
    st.builds(Check, operator=st.just("exists"), operands=st.booleans().map(lambda there: (there,))),
)
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    st.builds(
        FieldCondition,
        field=st.sampled_from(["code", "source"]),
        checks=st.lists(FIELD_CHECKS, min_size=1, max_size=2).map(tuple),
        ignore_case=st.booleans(),
    ),
    lambda inner: st.one_of(
        st.builds(AllOf, parts=st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(AnyOf, parts=st.lists(inner, min_size=1, max_size=2).map(tuple)),
        st.builds(NotOf, part=inner),
    ),
    max_leaves=5,
)
TEXTS = ["", "A", "B", "AB", "BA", "a", "ab", "ABA"]


@given(condition=CONDITIONS)
def test_what_is_said_to_match_nothing_matches_nothing(condition: Condition) -> None:
    if conflict(condition) is None:
        return
    matcher = NaiveMatcher([rule("only", condition)])
    for code in TEXTS:
        for source in TEXTS:
            record: ErrorRecord = error(code=code, source=source)
            assert matcher.match(STEP, record, NOW, 0, None) is None


# W034: two rules that want opposite things of one error.


def pair(first: str, first_then: str, second: str, second_then: str, *tests: str) -> tuple[str, str]:
    mine, theirs = tests or ("match: {code: T1, source: application}", "match: {code: T1, http_status: 500}")
    return one(first, first_then, mine, "first"), one(second, second_then, theirs, "second")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("{code: [T1, T2], source: application}", "{code: T1, http_status: 500}", id="a code"),
        pytest.param(
            "{http_status: 500, source: application}", "{http_status: [500, 502], step_type: import}", id="a status"
        ),
        pytest.param(
            "{message: {contains: exists}, source: application}",
            "{message: {contains: already exists}, step_type: import}",
            id="words in words",
        ),
        pytest.param("{code: T1, flow: Orders}", "{code: T1, step_type: import}", id="a flow and a direction"),
        pytest.param(
            "{code: T1, any: [{source: lookup}, {http_status: 500}]}", "{code: T1, step_type: export}", id="a branch"
        ),
        pytest.param(
            "{code: T1, not: {source: lookup}}", "{code: T1, http_status: {gte: 500}}", id="an exception of it"
        ),
        pytest.param("{code: T1, age: {lt: 1h}}", "{code: T1, attempts: {gte: 2}}", id="age and attempts"),
    ],
)
@pytest.mark.parametrize(("mine", "theirs"), [(RETRY, HOLD), (RESOLVE, LEAVE), (HOLD, RESOLVE), (RESOLVE, RETRY)])
def test_rules_that_want_opposite_things_of_one_error_are_pointed_out(
    tmp_path: Path, first: str, second: str, mine: str, theirs: str
) -> None:
    rules = pair(first, mine, second, theirs, "match: {code: other}", "match: {code: other}")
    found = [problem for problem in warned(tmp_path, *rules) if problem.code == "W034"]
    assert [problem.rule for problem in found] == ["second"]
    assert "put a test beside the rule that is meant: match: {" in found[0].hint


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("{code: T1, source: application}", "{code: T1}", id="an exception before the rest"),
        pytest.param("{code: T1, source: application}", "{code: T2, http_status: 500}", id="another code"),
        pytest.param("{code: T1, source: application}", "{code: T1, source: lookup}", id="another source"),
        pytest.param("{code: T1}", "{http_status: 500}", id="by chance only"),
        pytest.param(
            "{any: [{code: T1, source: lookup}, {source: application, classification: value}]}",
            "{any: [{code: T1, source: connection}, {step_type: export, http_status: 500}]}",
            id="by chance only, in another branch",
        ),
        pytest.param("{code: T1, message: {contains: a}}", "{code: T1, message: {contains: b}}", id="other words"),
        pytest.param("{code: T1, flow: Orders}", "{code: T1, flow: Invoices}", id="another flow"),
        pytest.param("{code: T1, not: {http_status: 500}}", "{code: T1, http_status: 500, source: x}", id="ruled out"),
    ],
)
def test_rules_that_share_no_error_are_left_in_peace(tmp_path: Path, first: str, second: str) -> None:
    rules = pair(first, RETRY, second, HOLD, "match: {code: other}", "match: {code: other}")
    assert "W034" not in codes(tmp_path, *rules)


@pytest.mark.parametrize(("mine", "theirs"), [(RETRY, RETRY), (HOLD, LEAVE), (HOLD, HOLD), (RESOLVE, RESOLVE)])
def test_rules_that_want_alike_may_share_errors(tmp_path: Path, mine: str, theirs: str) -> None:
    for evidence in ("code: T1", "message: {contains: already exists}"):
        first, second = f"{{{evidence}, source: application}}", f"{{{evidence}, http_status: 500}}"
        assert "W034" not in codes(tmp_path, *pair(first, mine, second, theirs))


@pytest.mark.parametrize(
    "tests",
    [
        ("match: {code: T1, source: application, http_status: 500}", "match: {code: T1, http_status: 500}"),
        ("match: {code: T1, source: application}", "no_match: {code: T1, source: application, http_status: 500}"),
    ],
    ids=["of the first", "of the second"],
)
def test_a_test_that_shows_which_rule_is_meant_settles_it(tmp_path: Path, tests: tuple[str, str]) -> None:
    first, second = "{code: T1, source: application}", "{code: T1, http_status: 500}"
    assert "W034" not in codes(tmp_path, *pair(first, RETRY, second, HOLD, *tests))


def test_the_proposed_test_settles_it(tmp_path: Path) -> None:
    first, second = "{code: T1, source: application, flow: Orders}", "{code: T1, http_status: 500}"
    (problem,) = warned(tmp_path, *pair(first, RETRY, second, HOLD))
    proposed = problem.hint.partition("meant: ")[2]
    assert codes(tmp_path, one(first, RETRY, proposed, "first"), one(second, HOLD, "match: {code: T1}", "second")) == []


# W035 to W038: what one rule leaves to be desired.


@pytest.mark.parametrize(
    "when",
    [
        "{source: application}",
        "{classification: duplicate, step_type: import}",
        "{http_status: 409, flow: Orders}",
        "{code: {exists: true}}",
        "{message: {contains: id}}",
        "{any: [{code: A}, {source: application}]}",
        "{source: application, not: {code: A}}",
    ],
)
@pytest.mark.parametrize("then", [RESOLVE, "{retry: {exhausted: resolve}}"], ids=["resolve", "exhausted"])
def test_a_rule_that_resolves_whatever_comes_is_pointed_out(tmp_path: Path, when: str, then: str) -> None:
    assert "W035" in codes(tmp_path, one(when, then))


@pytest.mark.parametrize(
    "when",
    [
        "{code: DUP}",
        "{source: application, message: {contains: already exists}, code: A}",
        "{any: [{code: A}, {trace_key: {starts_with: TEST-}}]}",
        "{data: {type: test}, source: application}",
    ],
)
def test_a_rule_that_resolves_what_is_proved_is_left_in_peace(tmp_path: Path, when: str) -> None:
    assert codes(tmp_path, one(when, RESOLVE)) == []


def test_only_what_resolves_must_prove_anything(tmp_path: Path) -> None:
    assert codes(tmp_path, one("{source: application}", RETRY)) == []


@pytest.mark.parametrize(
    "when",
    [
        "{message: {contains: DUP_RCRD}}",
        "{message: DUP_RCRD, source: application}",
        "{message: {regex: '\\bDUP_RCRD\\b'}}",
        "{message: {starts_with: 'DUP_RCRD:'}}",
    ],
)
def test_a_code_that_is_looked_for_in_the_message_is_pointed_out(tmp_path: Path, when: str) -> None:
    (problem,) = warned(tmp_path, one(when, tests="match: {message: m}"))
    assert (problem.code, problem.hint) == ("W036", "write code: DUP_RCRD")


def test_a_code_of_another_rule_is_known_as_one(tmp_path: Path) -> None:
    mine = one("{message: {contains: OUR_OWN_CODE}}", tests="match: {message: m}")
    assert codes(tmp_path, mine) == []
    assert codes(tmp_path, mine, one("{code: OUR_OWN_CODE}", name="other")) == ["W036"]


@pytest.mark.parametrize(
    ("when", "tests"),
    [
        pytest.param("{code: '422', message: {contains: DUP_RCRD}}", "match: {code: '422'}", id="beside a code"),
        pytest.param("{message: {contains: DUP_RCRD}}", "match: {code: A}; match: {code: B}", id="under other codes"),
        pytest.param("{message: {contains: connect ETIMEDOUT}}", "match: {message: m}", id="words around it"),
        pytest.param("{message: {contains: CUSTOM_FIELD_1}}", "match: {message: m}", id="a field's name"),
    ],
)
def test_a_message_that_must_be_looked_at_is_left_in_peace(tmp_path: Path, when: str, tests: str) -> None:
    assert codes(tmp_path, one(when, tests=tests)) == []


def test_a_code_that_all_samples_share_is_proposed(tmp_path: Path) -> None:
    when = "{message: {contains: already there}, flow: Orders}"
    (problem,) = warned(tmp_path, one(when, tests="match: {code: M1}; match: {code: M1}; no_match: {code: M2}"))
    assert (problem.code, problem.hint) == ("W036", "add code: M1")


@pytest.mark.parametrize(
    "tests",
    ["match: {code: M1}; match: {code: M2}", "match: {code: M1}; no_match: {code: M1}", "match: {message: m}"],
    ids=["two codes", "a code that others have too", "no code"],
)
def test_a_code_that_would_not_do_is_not_proposed(tmp_path: Path, tests: str) -> None:
    assert codes(tmp_path, one("{message: {contains: already there}}", tests=tests)) == []


@pytest.mark.parametrize("tests", ["", "no_match: {code: B}"], ids=["none", "only what it must not take"])
def test_a_rule_without_a_sample_is_pointed_out_with_one(tmp_path: Path, tests: str) -> None:
    (problem,) = warned(tmp_path, one("{code: A, message: {contains: order 5}}", tests=tests))
    assert problem.code == "W037"
    assert "match: {code: A, message: order 5}" in problem.hint


@pytest.mark.parametrize(
    ("when", "meant"),
    [
        ("{code: A, source: aplication}", "application"),
        ("{code: A, source: Pre-Map-Hook}", "pre_map_hook"),
        ("{code: A, classification: [duplicates]}", "duplicate"),
    ],
)
def test_a_slip_in_a_name_of_the_platform_is_pointed_out(tmp_path: Path, when: str, meant: str) -> None:
    (problem,) = warned(tmp_path, one(when))
    assert (problem.code, problem.hint) == ("W038", f'did you mean "{meant}"?')


@pytest.mark.parametrize("source", ["application", "post_save_page_hook", "billing"])
def test_a_name_that_may_well_be_right_is_left_in_peace(tmp_path: Path, source: str) -> None:
    assert codes(tmp_path, one(f"{{code: A, source: {source}}}")) == []


def test_files_with_errors_are_not_judged_any_further(tmp_path: Path) -> None:
    broken = "  - {id: a, when: {code: A, clas: b}, then: {leave: {}}}\n"
    text = f"version: 1\nrules:\n{broken}{one('{code: B}', tests='')}"
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    found = read_rules([tmp_path])
    assert len(found.sources) == 1
    assert lint(found) == ()
