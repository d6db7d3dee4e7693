"""A captured test holds nothing personal, and the same rule still wins it."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from daemon.core.facts import Facts
from daemon.core.records import ErrorRecord
from daemon.rulebook.capturing import Captured, capture
from daemon.rulebook.disguise import Disguise
from daemon.rulebook.reader import read_rules
from daemon.rulebook.ruleset import RuleSet, compile_rules
from daemon.rulebook.sheet import Group, sheet_of
from daemon.rulebook.testing import run_tests
from daemon.rulebook.toml_writer import write_tests as toml_tests
from daemon.rulebook.yaml_writer import write_tests as yaml_tests
from tests.rule_values import NOW, STEP, error

RULES = """\
version: 1
tables:
  states: {Texas: TX}
rules:
  - id: other-flow
    why: Another flow.
    when: {flow: Returns, code: STATE}
    then: {leave: {}}
  - id: our-order
    why: One order of ours.
    when: {message: {contains: order 4711471}}
    then: {leave: {}}
  - id: state
    why: NetSuite wants the code.
    when: {code: STATE, message: {regex: "key '(?P<state>[^']+)'"}}
    then:
      patch: [{op: replace, path: /data/address/state, value_from: {match: state, lookup: states}}]
      retry: {}
  - id: late
    why: Too late.
    when: {code: LATE, age: {gt: 30m}, attempts: {gte: 1}, step: "Create*", assigned_to: {exists: true}}
    then: {leave: {}}
"""
DATA = {
    "order": 1234567,
    "customer": {"name": "Jane Miller", "email": "jane@shop.example", "phone": "(415) 555-1234"},
    "address": {"name": "Jane Miller", "street": "12 Hill Road", "city": "Austin", "state": "Texas", "zip": "73301"},
    "total": Decimal("1234567.50"),
    "lines": [{"sku": "A-100", "price": Decimal("19.90"), "paid": True, "note": None}],
}


@pytest.fixture
def rules(tmp_path: Path) -> RuleSet:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES, encoding="utf-8")
    return compile_rules(read_rules([path]).sources)


def captured(rules: RuleSet, record: ErrorRecord, data: object = DATA, **known: Any) -> Captured:
    return capture(STEP, record, Facts(**{"now": NOW, "data": data, "attempts": 0, **known}), rules)


MESSAGE = "Invalid state key 'Texas' for Jane Miller <JANE@shop.example>, (415) 555-1234, order 1234567"


def test_the_test_holds_what_the_rule_looks_at_and_nothing_personal(rules: RuleSet) -> None:
    done = captured(rules, error(MESSAGE, code="STATE", source="application", http_status=400, trace_key="SO-1234567"))
    assert (done.won, done.wins, done.lost) == ("state", "state", "")
    assert done.test == {
        "match": {
            "source": "application",
            "code": "STATE",
            "message": "Invalid state key 'Texas' for Person 1xxx <person1@example.com>, (202) 555-0100, order 1000001",
            "http_status": 400,
        },
        "data": {
            "order": 1000001,
            "customer": {"name": "Person 1xxx", "email": "person1@example.com", "phone": "(202) 555-0100"},
            "address": {
                "name": "Person 1xxx", "street": "Place 1xxxxx", "city": "Place 2", "state": "Texas", "zip": "10001",
            },
            "total": Decimal("1000000.01"),
            "lines": [{"sku": "A-100", "price": Decimal("19.90"), "paid": True, "note": None}],
        },
        "patched": {**done.test["data"], "address": {**done.test["data"]["address"], "state": "TX"}},
    }  # fmt: skip
    assert done.replaced == {"person": 1, "mail": 1, "phone": 1, "number": 2, "place": 2, "code": 1}


def test_what_a_rule_does_not_use_is_left_out_and_what_it_asks_for_is_in(rules: RuleSet) -> None:
    record = error("Late.", code="LATE", assigned_to="clerk@shop.example", classification="data", tags=("A",))
    done = captured(rules, record, attempts=2)
    assert done.wins == "late"
    assert done.test == {
        "match": {
            "step": "Create order", "code": "LATE", "message": "Late.", "classification": "data",
            "assigned_to": "person1@example.com", "age": "1h", "attempts": 2,
        }
    }  # fmt: skip


def test_an_error_that_no_rule_takes_makes_a_test_for_the_rule_to_come(rules: RuleSet) -> None:
    done = captured(rules, error("No such item 1234567", code="NEW", retry_key=""))
    assert (done.won, done.wins) == ("", "")
    assert done.test == {"match": {"code": "NEW", "message": "No such item 1000001", "retryable": False}}


def test_where_another_rule_would_stand_in_the_way_the_test_says_where_the_error_was(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(
        "version: 1\nrules:\n  - {id: a, when: {code: A, not: {flow: Orders*}}, then: {leave: {}}}\n"
        "  - {id: b, when: {code: A}, then: {leave: {}}}\n",
        encoding="utf-8",
    )
    done = captured(compile_rules(read_rules([path]).sources), error("x", code="A"))
    assert (done.won, done.wins) == ("b", "b")
    assert done.test["match"]["flow"] == "Orders to NetSuite"


def test_where_the_disguise_changes_the_decision_that_is_said(rules: RuleSet) -> None:
    done = captured(rules, error("Gone: order 4711471", code="GONE"))
    assert (done.won, done.wins) == ("our-order", "")
    assert done.lost == "message: contains \"order 4711471\"; found 'Gone: order 1000001'"


@pytest.mark.parametrize("toml", [False, True], ids=["yaml", "toml"])
def test_it_can_be_pasted_below_tests_and_passes(rules: RuleSet, tmp_path: Path, toml: bool) -> None:
    data = {**DATA, "lines": []}
    done = captured(rules, error(MESSAGE, code="STATE", source="application"), data)
    tests = sheet_of([done.test])
    assert isinstance(tests, Group)
    path = tmp_path / ("rules.toml" if toml else "rules.yaml")
    (tmp_path / "rules.yaml").unlink()
    if toml:
        text = (
            'version = 1\n[tables]\nstates = { Texas = "TX" }\n[[rules]]\nid = "state"\n[rules.when]\ncode = "STATE"\n'
            "message = { regex = \"key '(?P<state>[^']+)'\" }\n[rules.then]\nretry = {}\n[[rules.then.patch]]\n"
            'op = "replace"\npath = "/data/address/state"\nvalue_from = { match = "state", lookup = "states" }\n'
        )
        path.write_text(text + toml_tests(tests), encoding="utf-8")
    else:
        before, after = RULES.split("  - id: late")
        path.write_text(f"{before}    tests:\n{yaml_tests(tests)}  - id: late{after}", encoding="utf-8")
    found = read_rules([path])
    (result,) = run_tests(compile_rules(found.sources), found.sources)
    assert (result.rule_id, result.passed, result.detail) == ("state", True, "")


CASES = [
    ("mail to o'brien+x@mail.shop.example.", "mail to person1@example.com."),
    ("call +49 (0) 30 1234-5678 now", "call +11 (1) 20 2555-0100 now"),
    ("card 4111-1111-1111-1111", "card 1000-0000-0000-0001"),
    ("IBAN DE89 3704 0044 0532 0130 00", "IBAN DE10 0000 0000 0000 0000 01"),
    ("at 2026-03-02T09:00:00Z it was", "at 2026-03-02T09:00:00Z it was"),
    ("from 10.1.2.3 to 10.1.2.4", "from 192.0.2.1 to 192.0.2.2"),
    ("Authorization: Bearer abc.DEF-123", "Authorization: Bearer secret-1xxx"),
    ("api_key=abcd1234&x=1", "api_key=secret-1&x=1"),
    ("id 123e4567-e89b-12d3-a456-426614174000", "id 00000000-0000-4000-8000-000000000001"),
    ("customer Ann Lee of 5 Old Mill Lane", "customer Person 1 of Place 1xxxxxxxx"),
    ("SSS_REQUEST_LIMIT_EXCEEDED for A-1234567-b", "SSS_REQUEST_LIMIT_EXCEEDED for A-1000001-b"),
    ("2 of 5 lines, HTTP 429, 12345", "2 of 5 lines, HTTP 429, 12345"),
]


@pytest.mark.parametrize(("text", "becomes"), CASES, ids=[text for text, _ in CASES])
def test_running_text_loses_what_is_personal_and_keeps_its_form(text: str, becomes: str) -> None:
    assert Disguise([text], None, []).text(text) == becomes


def test_a_name_that_a_rule_asks_for_stays_but_a_number_never_does() -> None:
    disguise = Disguise(["x"], {"city": "Austin", "name": "4711471"}, ["in Austin", "4711471"])
    assert disguise.value({"city": "Austin", "name": "4711471"}) == {"city": "Austin", "name": "1000001"}


def test_what_stands_in_the_error_is_never_a_substitute() -> None:
    text = "person1@example.com, 1000001 and 1000002"
    assert Disguise([text], None, []).text(text) == "person2@example.com, 1000003 and 1000004"
    assert Disguise(["100.0001, 7654321"], None, []).text("7654321") == "1000002"


names = st.sampled_from(["Jane Miller", "J. O'Neil", "Zoë", "Åsa Öberg", "Ann", "Li"])
mails = st.from_regex(r"[a-z0-9._+-]{1,8}[a-z0-9]@[a-z0-9]{1,8}\.(com|example|co\.uk)", fullmatch=True)
numbers = st.from_regex(r"[0-9]{6,18}", fullmatch=True)
phones = st.from_regex(r"\+?[0-9]{1,3}[ -]\(?[0-9]{3}\)?[ -][0-9]{3}-?[0-9]{4}", fullmatch=True)
words = st.sampled_from(["order", "for", "not found:", "'", ",", "key", "(", ")", "\n", "é", ""])
values = st.one_of(mails, numbers, phones)
records = st.fixed_dictionaries(
    {},
    optional={
        "email": mails,
        "phone": phones | numbers,
        "id": numbers.map(int) | numbers,
        "zip": st.from_regex(r"[0-9]{5}", fullmatch=True),
        "firstName": names,
        "note": st.lists(values | words, max_size=3).map(" ".join),
        "lines": st.lists(
            st.fixed_dictionaries({"sku": numbers, "amount": st.decimals(0, 10**9, places=2)}), max_size=2
        ),
    },
)


def all_text(value: object) -> str:
    if isinstance(value, dict):
        return " ; ".join(all_text(part) for part in value.values())
    if isinstance(value, list):
        return " ; ".join(map(all_text, value))
    return str(value)


@settings(max_examples=100, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(st.lists(values | words | names, max_size=8), records)
def test_no_address_and_no_long_number_survives_and_the_same_value_has_one_substitute(
    parts: list[str], data: dict[str, Any]
) -> None:
    message = " ".join(parts)
    disguise = Disguise([message], data, [])
    shown, record = disguise.text(message), disguise.value(data)
    after = f"{shown} ; {all_text(record)}"
    before = f"{message} ; {all_text(data)}"
    runs = set(re.findall(r"[0-9]{6,}", before))
    assert not runs & set(re.findall(r"[0-9]{6,}", after))
    mailed = {mail.casefold() for mail in re.findall(r"[\w.+-]+@[\w.-]+\w", before)}
    assert not mailed & {mail.casefold() for mail in re.findall(r"[\w.+-]+@[\w.-]+\w", after)}
    for value in {part for part in parts if any(map(str.isdigit, part)) or "@" in part}:
        again = disguise.text(f"x: {value}").removeprefix("x: ")
        assert again != value
        assert disguise.text(f"{value};") == f"{again};"
    if "email" in data and isinstance(record, dict):
        assert disguise.text(f"<{data['email']}>") == f"<{record['email']}>"
    assert (disguise.text(message), disguise.value(data)) == (shown, record)
