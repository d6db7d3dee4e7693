"""The compiled matcher against the plain one, and what it keeps."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.core.actions import Leave, Rule
from daemon.core.decisions import Match
from daemon.core.records import ErrorRecord, Step, StepRef
from daemon.rulebook.ast import AllOf, AnyOf, Check, Condition, FieldCondition, NotOf, Place, RuleSource
from daemon.rulebook.matcher import NeedsData
from daemon.rulebook.ruleset import RuleSet, compile_rules
from daemon.rulebook.subject import MISSING, UNAVAILABLE, Facts
from tests.naive_matcher import UNKNOWN, NaiveMatcher

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)

FLOWS = ["f1", "f2", "Orders to NetSuite"]
CODES = ["", "DUP_RCRD", "INVALID_KEY_OR_REF", "timeout", "404", "straße"]
WORDS = ["Invalid", "invalid", "state", "reference key", "'CA'", "KEY", "\n", "é", "ß", "SS", "ſtate", "\x00", "\x1b[31m", "12", "x", "\ud800"]
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
    globs = check(["glob"], unbracketed | unbracketed.map(lambda text: text[:2] + "*") | st.sampled_from(["*", "?*", "[DI]*", "[!D]*", "*'??'*"]))
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
    fields(["code", "source", "classification", "trace_key", "tags", "assigned_to", "classified_by"], text_checks(CODES)),
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
    ref=st.builds(StepRef, account=st.sampled_from(["acme", "beta"]), flow_id=st.sampled_from(FLOWS), step_id=st.just("s1")),
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
    return [
        RuleSource(
            rule=Rule(id=f"r{number}", action=Leave()), when=when, place=Place(file="rules.yaml", line=number + 1, column=1)
        )
        for number, when in enumerate(conditions)
    ]


def answer(found: Match | NeedsData | None) -> object:
    if isinstance(found, Match):
        return found.rule.id, dict(found.groups)
    return list(found.rule_ids) if found else None


@settings(max_examples=6000, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    st.lists(CONDITIONS, min_size=1, max_size=12),
    st.lists(st.tuples(STEPS, RECORDS, st.sampled_from([0, 1, 2]), st.sampled_from([UNKNOWN, *DATA])), min_size=1, max_size=12),
    st.sampled_from([0, 2, 8192]),
)
def test_every_error_gets_the_winner_and_groups_of_the_plain_matcher(
    conditions: list[Condition], errors: list[tuple[Step, ErrorRecord, int, object]], messages_kept: int
) -> None:
    sources = rules(conditions)
    ruleset = RuleSet(sources, messages_kept=messages_kept)
    naive = NaiveMatcher(sources)
    for step, record, attempts, data in errors * 2:
        facts = Facts(now=NOW, attempts=attempts, data=MISSING if data is UNKNOWN else data)
        assert answer(ruleset.match(step, record, facts)) == naive.match(step, record, NOW, attempts, data)
