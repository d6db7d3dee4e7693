"""The compiled matcher against the plain one, and what it keeps."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.core.decisions import Match
from daemon.core.facts import MISSING, UNAVAILABLE, Facts, NeedsData
from daemon.core.records import ErrorRecord, Step, StepRef
from daemon.rulebook.ast import AllOf, AnyOf, Check, Condition, FieldCondition, NotOf, RuleSource
from daemon.rulebook.matcher import MESSAGE_KEPT_CHARS, MESSAGES_KEPT, Matcher
from daemon.rulebook.prefilter import Prefilter
from daemon.rulebook.program import Program
from daemon.rulebook.ruleset import RuleSet
from daemon.rulebook.subject import Text
from tests.naive_matcher import UNKNOWN, NaiveMatcher
from tests.rule_values import NOW, STEP, asks, error, facts, rule

FLOWS = ["f1", "f2", "Orders to NetSuite"]
CODES = ["", "DUP_RCRD", "INVALID_KEY_OR_REF", "timeout", "404", "straße"]
WORDS = [
    "Invalid",
    "invalid",
    "state",
    "reference key",
    "'CA'",
    "KEY",
    "\n",
    "é",
    "ß",
    "SS",
    "\u017ftate",
    "\x00",
    "\x1b[31m",
    "12",
    "x",
    "\ud800",
]
PATTERNS = [
    r"Invalid (?P<what>\w+) reference",
    r"(?i)invalid\s+state",
    r"(?P<what>state|key) '(?P<code>[A-Z]{2})'",
    r"^Invalid",
    r"(?:reference|state)[ ]key$",
    r"\d+|x{2,}",
    r"",
    r"(?s)Invalid.*state",
    r"[Ss]tate(?P<rest>.)?",
    "é+",
    "state",
    r"\x00",
]  # fmt: skip
DATA = [
    {"type": "invoice", "qty": 5, "lines": [{"sku": "A-1", "qty": 1}, {"sku": "B-2", "qty": Decimal("2.50")}]},
    {"type": "Order", "qty": Decimal("5.0"), "ok": True, "lines": []},
    ["a", 1],
    "text",
    None,
]
EXPRESSIONS = ["type", "qty", "lines[].sku", "lines[].qty", "ok", "[0]", "missing.deeper"]


def check(operators: list[str], operands: st.SearchStrategy[object], sizes: int = 2) -> st.SearchStrategy[Check]:
    return st.builds(
        Check,
        operator=st.sampled_from(operators),
        operands=st.lists(operands, min_size=1, max_size=sizes).map(tuple),
    )


def text_checks(values: list[str]) -> st.SearchStrategy[tuple[Check, ...]]:
    value = st.sampled_from([value for value in values if value and "\ud800" not in value])
    plain = check(
        ["is", "in", "contains", "contains_all", "starts_with", "ends_with", "gt", "gte", "lt", "lte"],
        value | value.map(lambda text: text[:2]) | st.just(5),
    )
    unbracketed = value.filter(lambda text: "[" not in text)
    globs = check(
        ["glob"],
        unbracketed
        | unbracketed.map(lambda text: text[:2] + "*")
        | st.sampled_from(["*", "?*", "[DI]*", "[!D]*", "*'??'*"]),
    )
    patterns = check(["regex"], st.sampled_from(PATTERNS))
    exists = st.builds(Check, operator=st.just("exists"), operands=st.sampled_from([(True,), (False,)]))
    return st.lists(plain | globs | patterns | exists, min_size=1, max_size=2).map(tuple)


def number_checks(values: list[object]) -> st.SearchStrategy[tuple[Check, ...]]:
    compared = check(["is", "in", "gt", "gte", "lt", "lte"], st.sampled_from(values))
    exists = st.builds(Check, operator=st.just("exists"), operands=st.sampled_from([(True,), (False,)]))
    return st.lists(compared | exists, min_size=1, max_size=2).map(tuple)


def fields(names: list[str], checks: st.SearchStrategy[tuple[Check, ...]]) -> st.SearchStrategy[Condition]:
    return st.builds(FieldCondition, field=st.sampled_from(names), checks=checks, ignore_case=st.booleans())


LEAVES = st.one_of(
    fields(["message"], text_checks(WORDS)),
    fields(["message"], text_checks(WORDS)),
    fields(
        ["code", "source", "classification", "trace_key", "tags", "assigned_to", "classified_by"], text_checks(CODES)
    ),
    fields(["flow", "step", "integration", "account", "step_type"], text_checks([*FLOWS, "import", "acme"])),
    fields(["http_status", "attempts"], number_checks([404, 500, 1, 2.0, 0.5])),
    fields(["age"], number_checks([0, 60, 3600, 3600.5, 86400])),
    fields(["retryable"], st.sampled_from([(Check(operator="is", operands=(value,)),) for value in (True, False)])),
    st.builds(
        FieldCondition,
        field=st.just("data"),
        checks=text_checks(["invoice", "Order", "A-1"]) | number_checks([5, 5.0, 2.5, 1, True]),
        ignore_case=st.booleans(),
        expression=st.sampled_from(EXPRESSIONS),
    ),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: AllOf(parts=tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: AnyOf(parts=tuple(parts))),
        inner.map(lambda part: NotOf(part=part)),
    ),
    max_leaves=5,
)
STEPS = st.builds(
    Step,
    ref=st.builds(
        StepRef, account=st.sampled_from(["acme", "beta"]), flow_id=st.sampled_from(FLOWS), step_id=st.just("s1")
    ),
    type=st.sampled_from(["import", "export"]),
    name=st.sampled_from(["", "Create order"]),
    flow_name=st.sampled_from(["", *FLOWS]),
    integration_id=st.sampled_from(["", "f1"]),
)
RECORDS = st.builds(
    ErrorRecord,
    error_id=st.just("e1"),
    occurred_at=st.sampled_from([None, *(NOW - timedelta(seconds=age) for age in (0, 60, 3600, 3600.5, 90_000, -5))]),
    source=st.sampled_from(CODES),
    code=st.sampled_from(CODES),
    message=st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join),
    trace_key=st.sampled_from(CODES),
    retry_key=st.sampled_from(["", "k"]),
    http_status=st.sampled_from([None, 404, 500]),
    classification=st.sampled_from(CODES),
    tags=st.lists(st.sampled_from(CODES), max_size=2).map(tuple),
)


def rules(conditions: list[Condition]) -> list[RuleSource]:
    return [rule(f"r{number}", when) for number, when in enumerate(conditions)]


def answer(found: Match | NeedsData | None) -> object:
    if isinstance(found, Match):
        return found.rule.id, dict(found.groups)
    return list(found.rule_ids) if found else None


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    st.lists(CONDITIONS, min_size=1, max_size=12),
    st.lists(
        st.tuples(STEPS, RECORDS, st.sampled_from([0, 1, 2]), st.sampled_from([UNKNOWN, *DATA])),
        min_size=8,
        max_size=12,
    ),
    st.sampled_from([0, 2, 8192]),
)
def test_every_error_gets_the_winner_and_groups_of_the_plain_matcher(
    conditions: list[Condition], errors: list[tuple[Step, ErrorRecord, int, object]], messages_kept: int
) -> None:
    for first in range(len(conditions)):  # each rule has its turn to be the first: 100,000 rules and errors in all
        sources = rules([*conditions[first:], *conditions[:first]])
        ruleset = RuleSet(sources, messages_kept=messages_kept)
        naive = NaiveMatcher(sources)
        for step, record, attempts, data in errors * 2:
            facts = Facts(now=NOW, attempts=attempts, data=MISSING if data is UNKNOWN else data)
            assert answer(ruleset.match(step, record, facts)) == naive.match(step, record, NOW, attempts, data)


INVOICE = asks("data", expression="type", is_="invoice")
SHORT = asks("message", contains="Not enough")


def winner(sources: list[RuleSource], record: ErrorRecord, **known: object) -> object:
    return answer(RuleSet(sources).match(STEP, record, facts(**known)))


def test_the_first_rule_that_holds_wins() -> None:
    sources = [rule("a", asks("code", is_="OTHER")), rule("b", SHORT), rule("c", SHORT), rule("d")]
    assert winner(sources, error("Not enough stock")) == ("b", {})
    assert winner(sources, error("Enough stock")) == ("d", {})
    assert winner(sources[:3], error("Enough stock")) is None
    assert winner([], error("Enough stock")) is None


def test_data_is_asked_for_only_where_everything_else_of_a_rule_holds_and_none_before_it_wins() -> None:
    sources = [
        rule("code", asks("code", is_="X"), INVOICE),
        rule("stock", SHORT, INVOICE),
        rule("any", SHORT),
        rule("late", INVOICE),
    ]
    assert winner(sources, error("Not enough stock")) == ["stock"]
    assert winner(sources, error("Not enough stock"), data={"type": "invoice"}) == ("stock", {})
    assert winner(sources, error("Not enough stock"), data={"type": "order"}) == ("any", {})
    assert winner(sources, error("Not enough stock"), data=UNAVAILABLE) == ("any", {})
    assert winner(sources, error("Not enough stock", retry_key="")) == ("any", {})
    assert winner(sources, error("Not enough stock", code="X")) == ["code", "stock"]
    assert winner(sources[2:], error("Not enough stock")) == ("any", {})


def test_what_was_kept_for_a_message_is_not_used_where_something_late_differs() -> None:
    ruleset = RuleSet(
        [
            rule("old", SHORT, asks("age", gte=7200)),
            rule("tried", SHORT, asks("attempts", gte=2)),
            rule("key", SHORT, asks("trace_key", is_="SO-1")),
            rule("else", SHORT),
        ]
    )
    for _ in range(2):
        assert answer(ruleset.match(STEP, error("Not enough"), facts())) == ("else", {})
        assert answer(ruleset.match(STEP, error("Not enough", age_s=7200), facts())) == ("old", {})
        assert answer(ruleset.match(STEP, error("Not enough"), facts(attempts=2))) == ("tried", {})
        assert answer(ruleset.match(STEP, error("Not enough", trace_key="SO-1"), facts())) == ("key", {})


@pytest.mark.parametrize("first", [0, 1])
def test_what_was_kept_for_one_step_is_not_used_for_another(first: int) -> None:
    either = AnyOf(parts=(asks("flow", glob="Orders*"), asks("message", contains="urgent"), asks("code", is_="X")))
    ruleset = RuleSet([rule("a", either)])
    other = replace(STEP, flow_name="Items")
    cases: list[tuple[Step, ErrorRecord, object]] = [
        (STEP, error("slow"), ("a", {})),
        (other, error("slow"), None),
        (other, error("urgent"), ("a", {})),
        (other, error("slow", code="X"), ("a", {})),
    ]
    for step, record, expected in cases[first:] + cases[:first] + cases:
        assert answer(ruleset.match(step, record, facts())) == expected


def kept_messages(ruleset: RuleSet) -> int:
    return ruleset._matcher._verdicts.kept


def test_a_message_of_5_mb_is_judged_by_its_beginning_and_not_kept() -> None:
    ruleset = RuleSet(
        [rule("a", asks("message", contains="needle")), rule("b", asks("message", regex="(?P<n>n..dle)"))]
    )
    assert answer(ruleset.match(STEP, error("needle" + "x" * 5_000_000), facts())) == ("a", {})
    assert answer(ruleset.match(STEP, error("noodle" + "x" * 5_000_000), facts())) == ("b", {"n": "noodle"})
    assert ruleset.match(STEP, error("x" * 5_000_000 + "needle"), facts()) is None
    assert kept_messages(ruleset) == 0


@pytest.mark.parametrize("message", ["", "\x00", "\x1b[2J", "\ud800", "\n" * 1000, "漢" * (MESSAGE_KEPT_CHARS + 1)])
def test_no_message_breaks_the_matcher(message: str) -> None:
    ruleset = RuleSet(
        [rule("a", asks("message", regex="^(?P<all>(?s:.*))$")), rule("b", asks("message", exists=False))]
    )
    assert ruleset.match(STEP, error(message), facts()) is not None


def test_what_is_kept_stays_within_bounds_whatever_comes() -> None:
    ruleset = RuleSet(
        [rule("a", asks("message", contains="x1")), rule("b", asks("code", is_="A"), asks("message", contains="y"))]
    )
    for number in range(3 * MESSAGES_KEPT):
        ruleset.match(STEP, error(f"x{number}", code=f"C{number % 700}"), facts())
    assert MESSAGES_KEPT // 2 <= kept_messages(ruleset) <= MESSAGES_KEPT


def test_a_message_that_lacks_the_words_of_every_rule_takes_no_place_from_those_that_must_be_verified() -> None:
    ruleset = RuleSet([rule("a", asks("message", regex="needle [0-9]+"))])
    assert ruleset.match(STEP, error("needless"), facts()) is None
    assert ruleset.match(STEP, error("needle"), facts()) is None
    assert kept_messages(ruleset) == 0
    assert answer(ruleset.match(STEP, error("a needle 1"), facts())) == ("a", {})
    assert kept_messages(ruleset) == 1


def test_a_scope_and_a_rule_that_name_the_same_field_must_both_hold() -> None:
    sources = [rule("a", asks("code", in_=("A", "B")), asks("code", in_=("B", "C")))]
    assert [winner(sources, error(code=code)) for code in "ABC"] == [None, ("a", {}), None]


def test_a_part_too_long_to_look_for_whole_is_verified_to_its_end() -> None:
    sources = [rule("a", asks("message", contains="x" * 64 + "end"))]
    assert winner(sources, error("x" * 64 + "end")) == ("a", {})
    assert winner(sources, error("x" * 64 + "other")) is None


def test_parts_too_short_to_look_for_are_verified() -> None:
    sources = [rule("a", asks("message", contains_all=("No", "inventory")))]
    assert winner(sources, error("No inventory")) == ("a", {})
    assert winner(sources, error("Some inventory")) is None


def test_every_one_of_many_parts_must_be_there() -> None:
    words = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf")
    sources = [rule("a", asks("message", contains_all=words))]
    assert winner(sources, error(" ".join(words))) == ("a", {})
    for missing in words:
        assert winner(sources, error(" ".join(word for word in words if word != missing))) is None


class _BlindPrefilter(Prefilter):
    """A scan that ran out of memory."""

    def hits(self, message: Text) -> tuple[int, ...] | None:  # noqa: ARG002 - as the real one
        return None


def test_where_the_scan_gives_up_every_rule_is_asked() -> None:
    blind = _BlindPrefilter()
    sources = [rule("a", asks("message", contains="needle")), rule("b", asks("message", regex="no+dle"))]
    programs = [Program(source.rule, source.when, blind) for source in sources]
    blind.build()
    matcher = Matcher(programs, blind)
    assert answer(matcher.match(STEP, error("a needle"), facts())) == ("a", {})
    assert answer(matcher.match(STEP, error("a noodle"), facts())) == ("b", {})
    assert matcher.match(STEP, error("nothing"), facts()) is None
