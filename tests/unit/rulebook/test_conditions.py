"""Every operator on every kind of field, and how all, any and not judge what is not known yet."""

from decimal import Decimal
from typing import Any

import pytest

from daemon.core.exceptions import RuleError
from daemon.core.facts import MISSING, UNAVAILABLE
from daemon.core.records import ErrorRecord
from daemon.rulebook.ast import AllOf, AnyOf, Condition, NotOf
from daemon.rulebook.conditions import Judgement, compile_condition
from daemon.rulebook.subject import MESSAGE_CUT, Subject
from tests.rule_values import STEP, asks, error, facts

ORDER = {
    "type": "invoice",
    "qty": 5,
    "price": Decimal("19.90"),
    "paid": True,
    "note": None,
    "blank": "",
    "lines": [{"sku": "A-1", "qty": 1}, {"sku": "B-2", "qty": 3}],
}


def judge(condition: Condition, record: ErrorRecord, **known: Any) -> Judgement:
    return compile_condition(condition).judge(Subject(STEP, record, facts(**known)))


FULL = error(
    "Invalid state 'CA'",
    source="application",
    code="INVALID_KEY",
    trace_key="SO-1001",
    classification="value",
    classified_by="autopilot",
    assigned_to="kim@example.com",
    tags=("urgent", "EU"),
    http_status=404,
)
EMPTY = error("", age_s=None, retry_key="")

TEXT_OPERATORS: list[tuple[dict[str, Any], str, bool]] = [
    ({"is": "INVALID_KEY"}, "INVALID_KEY", True),
    ({"is": "INVALID_KEY"}, "INVALID_KEY_OR_REF", False),
    ({"is": "invalid_key"}, "INVALID_KEY", False),
    ({"is": "invalid_key", "ignore_case": True}, "INVALID_KEY", True),
    ({"is": "STRASSE", "ignore_case": True}, "straße", True),
    ({"in_": ("A", "B")}, "B", True),
    ({"in_": ("A", "B")}, "AB", False),
    ({"contains": ("x", "LID")}, "INVALID", True),
    ({"contains": "lid"}, "INVALID", False),
    ({"contains": "lid", "ignore_case": True}, "INVALID", True),
    ({"contains": 404}, "status 404", True),
    ({"contains_all": ("IN", "LID")}, "INVALID", True),
    ({"contains_all": ("IN", "OUT")}, "INVALID", False),
    ({"contains_all": ("in", "lid"), "ignore_case": True}, "INVALID", True),
    ({"starts_with": ("OUT", "IN")}, "INVALID", True),
    ({"starts_with": "VALID"}, "INVALID", False),
    ({"starts_with": "in", "ignore_case": True}, "INVALID", True),
    ({"ends_with": ("X", "LID")}, "INVALID", True),
    ({"ends_with": "INVA"}, "INVALID", False),
    ({"ends_with": "lid", "ignore_case": True}, "INVALID", True),
    ({"glob": "INV*"}, "INVALID", True),
    ({"glob": "INV"}, "INVALID", False),
    ({"glob": "inv*"}, "INVALID", False),
    ({"glob": "inv*", "ignore_case": True}, "INVALID", True),
    ({"glob": "*one*three"}, "one\ntwo\nthree", True),
    ({"regex": "VAL(ID|UE)"}, "INVALID", True),
    ({"regex": "^VAL"}, "INVALID", False),
    ({"regex": "val", "ignore_case": True}, "INVALID", True),
    ({"regex": ("x", "LID$")}, "INVALID", True),
    ({"gt": "2026-01-01"}, "2026-01-02", True),
    ({"lte": "2026-01-01"}, "2026-01-02", False),
    ({"exists": True}, "INVALID", True),
    ({"exists": False}, "INVALID", False),
    ({"starts_with": "IN", "ends_with": "LID"}, "INVALID", True),
    ({"starts_with": "IN", "ends_with": "X"}, "INVALID", False),
    ({"is": 404}, "404", False),
    ({"gt": 1}, "2", False),
]
TEXT_FIELDS = ["source", "code", "message", "trace_key", "classification", "classified_by", "assigned_to", "tags"]


@pytest.mark.parametrize("field", TEXT_FIELDS)
@pytest.mark.parametrize(("checks", "text", "holds"), TEXT_OPERATORS, ids=str)
def test_a_text_operator_means_the_same_on_every_text_field(
    field: str, checks: dict[str, Any], text: str, holds: bool
) -> None:
    value: Any = (text,) if field == "tags" else text
    assert judge(asks(field, **checks), error()._replace(**{field: value})) is holds


PLACES = [
    ("account", "acme", True),
    ("integration", "i1", True),
    ("integration", "Shop *", True),
    ("integration", "Shop [[]EU]", True),
    ("integration", "Shop [EU]", False),
    ("flow", "f1", True),
    ("flow", "Orders to NetSuite", True),
    ("flow", "orders*", False),
    ("flow", "F1", False),
    ("step", "s?", True),
    ("step", "Create order", True),
    ("step", "[a-r]1", False),
    ("step", "[!a-r]1", True),
    ("step_type", "import", True),
    ("step_type", "export", False),
]


@pytest.mark.parametrize(("field", "glob", "holds"), PLACES)
def test_a_place_is_found_by_id_name_or_glob(field: str, glob: str, holds: bool) -> None:
    assert judge(asks(field, glob=glob), FULL) is holds


def test_all_operators_must_fit_one_and_the_same_of_several_values() -> None:
    assert judge(asks("flow", starts_with="f", ends_with="NetSuite"), FULL) is False
    assert judge(asks("flow", starts_with="O", ends_with="NetSuite"), FULL) is True


NUMBERS: list[tuple[str, dict[str, Any], bool]] = [
    ("http_status", {"is": 404}, True),
    ("http_status", {"is": 404.0}, True),
    ("http_status", {"in_": (500, 502)}, False),
    ("http_status", {"gte": 400, "lt": 500}, True),
    ("http_status", {"gt": 404}, False),
    ("http_status", {"lte": 404}, True),
    ("http_status", {"is": "404"}, False),
    ("http_status", {"contains": "40"}, False),
    ("http_status", {"exists": True}, True),
    ("attempts", {"is": 2}, True),
    ("attempts", {"gt": 2}, False),
    ("attempts", {"exists": True}, True),
    ("age", {"gte": 3600}, True),
    ("age", {"gt": 3600}, False),
    ("age", {"gt": 3599.999999}, True),
    ("age", {"lt": 3600.5}, True),
    ("age", {"lte": 3599}, False),
    ("age", {"is": 3600}, True),
    ("age", {"exists": True}, True),
    ("retryable", {"is": True}, True),
    ("retryable", {"is": False}, False),
    ("retryable", {"is": 1}, False),
]


@pytest.mark.parametrize(("field", "checks", "holds"), NUMBERS, ids=str)
def test_numbers_ages_and_flags_are_compared_by_value_and_kind(field: str, checks: dict[str, Any], holds: bool) -> None:
    assert judge(asks(field, **checks), FULL, attempts=2) is holds


@pytest.mark.parametrize(
    "operator", ["is", "contains", "contains_all", "starts_with", "ends_with", "glob", "regex", "gt", "lte"]
)
@pytest.mark.parametrize("field", [*TEXT_FIELDS, "integration"])
def test_a_missing_field_fails_every_operator_but_exists_false(field: str, operator: str) -> None:
    nowhere = Subject(type(STEP)(ref=STEP.ref, type="import"), EMPTY, facts())
    checks: dict[str, Any] = {operator: "*" if operator == "glob" else ""}
    assert compile_condition(asks(field, **checks)).judge(nowhere) is False
    assert compile_condition(NotOf(part=asks(field, **checks))).judge(nowhere) is True
    assert compile_condition(asks(field, exists=False)).judge(nowhere) is True
    assert compile_condition(asks(field, exists=True)).judge(nowhere) is False


@pytest.mark.parametrize(("field", "bound"), [("http_status", 0), ("age", 0)])
def test_a_missing_number_fails_every_comparison(field: str, bound: int) -> None:
    assert judge(asks(field, gte=bound), EMPTY) is False
    assert judge(asks(field, lt=bound), EMPTY) is False
    assert judge(asks(field, exists=False), EMPTY) is True


DATA: list[tuple[str, dict[str, Any], bool]] = [
    ("type", {"is": "invoice"}, True),
    ("type", {"is": "Invoice", "ignore_case": True}, True),
    ("qty", {"is": 5}, True),
    ("qty", {"is": 5.0}, True),
    ("qty", {"is": "5"}, False),
    ("qty", {"contains": "5"}, False),
    ("price", {"is": 19.9}, True),
    ("price", {"gt": 19.89, "lt": 19.91}, True),
    ("paid", {"is": True}, True),
    ("paid", {"is": 1}, False),
    ("paid", {"gte": 0}, False),
    ("qty", {"is": True}, False),
    ("note", {"exists": False}, True),
    ("blank", {"is": ""}, True),
    ("blank", {"exists": True}, True),
    ("lines[].sku", {"is": "B-2"}, True),
    ("lines[].sku", {"contains": "-3"}, False),
    ("lines[].qty", {"gt": 1, "lt": 3}, False),
    ("lines[].qty", {"gt": 1, "lte": 3}, True),
    ("lines[?qty > `2`].sku", {"is": "B-2"}, True),
    ("lines[?qty > `9`].sku", {"exists": False}, True),
    ("length(lines)", {"is": 2}, True),
    ("sum(lines[].qty)", {"is": 4}, True),
    ("lines", {"is": "A-1"}, False),
    ("length(qty)", {"exists": True}, False),
    ("missing.deeper[0]", {"exists": False}, True),
    ("price == `19.9`", {"is": True}, True),
]


@pytest.mark.parametrize(("expression", "checks", "holds"), DATA, ids=str)
def test_retry_data_is_compared_as_json_and_any_element_of_a_list_may_fit(
    expression: str, checks: dict[str, Any], holds: bool
) -> None:
    assert judge(asks("data", expression=expression, **checks), FULL, data=ORDER) is holds


def test_a_condition_on_data_waits_for_data_and_fails_where_there_is_none() -> None:
    condition = asks("data", expression="type", is_="invoice")
    assert judge(condition, FULL, data=MISSING) is None
    assert judge(condition, FULL, data=UNAVAILABLE) is False
    assert judge(condition, EMPTY, data=ORDER) is False


YES, NO, WAITS = asks("code", exists=True), asks("code", exists=False), asks("data", expression="type", is_="invoice")


@pytest.mark.parametrize(
    ("condition", "judgement"),
    [
        (AllOf(parts=()), True),
        (AllOf(parts=(YES, NO)), False),
        (AllOf(parts=(YES, WAITS)), None),
        (AllOf(parts=(WAITS, NO)), False),
        (AnyOf(parts=()), False),
        (AnyOf(parts=(NO, YES)), True),
        (AnyOf(parts=(NO, WAITS)), None),
        (AnyOf(parts=(WAITS, YES)), True),
        (NotOf(part=YES), False),
        (NotOf(part=WAITS), None),
        (NotOf(part=AllOf(parts=(WAITS, NO))), True),
    ],
    ids=str,
)
def test_what_is_not_known_yet_decides_only_where_nothing_else_does(condition: Condition, judgement: Judgement) -> None:
    assert judge(condition, FULL) is judgement


def test_attempts_are_looked_up_only_where_everything_cheaper_holds() -> None:
    def unwanted() -> int:
        raise AssertionError

    condition = AllOf(parts=(asks("attempts", gte=1), asks("message", contains="no such words")))
    assert judge(condition, FULL, attempts=unwanted) is False


def test_only_the_first_64_ki_characters_of_a_message_are_looked_at() -> None:
    inside, outside = error("x" * (MESSAGE_CUT - 3) + "END"), error("x" * (MESSAGE_CUT - 2) + "END")
    for condition in (asks("message", contains="END"), asks("message", regex="END"), asks("message", ends_with="END")):
        assert judge(condition, inside) is True
        assert judge(condition, outside) is False


@pytest.mark.parametrize("part", ["\x00", "\x1b[31m", "漢字", "\U0001f4a5", "é", "\r\n", "<b>"])
def test_every_character_can_be_looked_for(part: str) -> None:
    record = error(f"before {part} after")
    assert judge(asks("message", contains=part), record) is True
    assert judge(asks("message", glob=f"*{part.replace('[', '[[]')}*"), record) is True
    assert judge(asks("message", regex="before (?s:.+) after"), record) is True


def test_half_a_surrogate_pair_in_a_message_breaks_nothing() -> None:
    record = error("before \ud83d after \ud83d\ude00")
    assert judge(asks("message", regex="before . after"), record) is True
    assert judge(asks("message", contains="\U0001f600"), record) is True


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        (asks("message", regex="(?=x)"), "invalid perl operator"),
        (asks("message", regex="a**"), "bad repetition"),
        (asks("message", regex="\ud800"), "surrogate"),
        (asks("code", glob="[z-a]"), "range"),
        (asks("age", gt="an hour"), "number of seconds"),
        (asks("age", gt=1e20), "age"),
        (asks("http_status", gt=float("nan")), "nan"),
        (asks("data", expression="a.[", is_=1), "jmespath"),
    ],
    ids=["look-ahead", "repetition", "surrogate", "glob", "age text", "age too large", "nan", "expression"],
)
def test_what_cannot_be_compiled_is_refused_with_the_reason(condition: Condition, reason: str) -> None:
    with pytest.raises(RuleError, match=f"(?i){reason}"):
        compile_condition(condition)


def groups(condition: Condition, record: ErrorRecord, **known: Any) -> dict[str, str]:
    return compile_condition(condition).groups(Subject(STEP, record, facts(**known)))


def test_named_groups_come_from_the_conditions_that_hold_and_the_first_wins() -> None:
    state = asks("message", regex=r"state '(?P<state>\w+)'(?P<rest>x)?")
    other = asks("message", regex=r"(?P<state>Invalid)")
    failing = AllOf(parts=(asks("message", regex="(?P<word>Inv)"), asks("code", is_="OTHER")))
    assert groups(AllOf(parts=(state, other)), FULL) == {"state": "CA"}
    assert groups(AnyOf(parts=(failing, other, state)), FULL) == {"state": "Invalid"}
    assert groups(NotOf(part=asks("message", regex="(?P<a>nothing)")), FULL) == {}
    assert groups(asks("data", expression="lines[].sku", regex="(?P<sku>[B-Z].*)"), FULL, data=ORDER) == {"sku": "B-2"}
