"""What a patch changes, what it refuses, and that it leaves everything else alone."""

from copy import deepcopy
from decimal import Decimal
from typing import Any

import jsonpatch
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.actions import Leave, Rule
from daemon.core.decisions import Match
from daemon.core.exceptions import RuleError
from daemon.core.facts import Patched, PatchRefused
from daemon.rulebook.ast import PatchOperation, Scalar, Transform, ValueFrom
from daemon.rulebook.json_values import json_equal
from daemon.rulebook.patching import RECORD_FIELDS, Patch
from daemon.rulebook.ruleset import RuleSet
from tests.rule_values import error, rule

MATCH = Match(rule=Rule(id="a", action=Leave()), groups={"state": "California", "empty": "", "sku": "  old  sku "})
TABLES: dict[str, dict[str, object]] = {"states": {"California": "CA", "12": 0.5, "1.50": None}}


def order() -> dict[str, Any]:
    return {
        "id": 9_007_199_254_740_993,
        "price": Decimal("19.90"),
        "flag": True,
        "one": 1,
        "note": None,
        "state": "California",
        "address": {"state": "California", "a/b": 1, "m~n": 2},
        "lines": [{"sku": "A"}, {"sku": "B"}],
    }


def op(name: str, path: str, value: object = None, *, from_: str = "", take: ValueFrom | None = None) -> PatchOperation:
    return PatchOperation(op=name, path=path, value=value, from_path=from_, value_from=take)  # type: ignore[arg-type]


def take(kind: str, source: str, *transforms: Transform | tuple[Transform, Scalar], **more: Any) -> ValueFrom:
    steps = tuple((step, True) if isinstance(step, str) else step for step in transforms)
    return ValueFrom(kind=kind, source=source, transforms=steps, has_default="default" in more, **more)  # type: ignore[arg-type]


def apply(*operations: PatchOperation, data: object = None, **of_error: Any) -> Patched | PatchRefused:
    return Patch(operations, TABLES).apply(MATCH, error("No state", **of_error), order() if data is None else data)


def after(*operations: PatchOperation, data: object = None, **of_error: Any) -> Any:
    changed = apply(*operations, data=data, **of_error)
    assert isinstance(changed, Patched), changed
    return changed.data


def refusal(*operations: PatchOperation, data: object = None, **of_error: Any) -> str:
    refused = apply(*operations, data=data, **of_error)
    assert isinstance(refused, PatchRefused)
    assert "California" not in refused.detail
    return refused.reason


CHANGES: list[tuple[str, list[PatchOperation], dict[str, Any]]] = [
    ("replace", [op("replace", "/data/state", "CA")], {"state": "CA"}),
    ("add", [op("add", "/data/new", {"a": [1]})], {"new": {"a": [1]}}),
    ("add over", [op("add", "/data/state", 5)], {"state": 5}),
    ("append", [op("add", "/data/lines/-", {"sku": "C"})], {"lines": [{"sku": "A"}, {"sku": "B"}, {"sku": "C"}]}),
    ("insert", [op("add", "/data/lines/0", {})], {"lines": [{}, {"sku": "A"}, {"sku": "B"}]}),
    ("index", [op("replace", "/data/lines/1/sku", "C")], {"lines": [{"sku": "A"}, {"sku": "C"}]}),
    ("remove index", [op("remove", "/data/lines/0")], {"lines": [{"sku": "B"}]}),
    ("copy", [op("copy", "/data/copy", from_="/data/price")], {"copy": Decimal("19.90")}),
    ("escaped", [op("replace", "/data/address/a~1b", 7)], {"address": {"state": "California", "a/b": 7, "m~n": 2}}),
    ("tilde", [op("remove", "/data/address/m~0n")], {"address": {"state": "California", "a/b": 1}}),
    ("null", [op("replace", "/data/state", None)], {"state": None}),
    ("test holds", [op("test", "/data/state", "California"), op("replace", "/data/one", 2)], {"one": 2}),
    ("test number", [op("test", "/data/one", 1.0), op("test", "/data/price", 19.9), op("replace", "/data/one", 2)], {"one": 2}),
    ("test object", [op("test", "/data/lines", [{"sku": "A"}, {"sku": "B"}]), op("add", "/data/one", 2)], {"one": 2}),
    ("float", [op("replace", "/data/one", 0.1)], {"one": Decimal("0.1")}),
]  # fmt: skip


@pytest.mark.parametrize(("operations", "changed"), [case[1:] for case in CHANGES], ids=[case[0] for case in CHANGES])
def test_an_operation_changes_what_it_names_and_nothing_else(
    operations: list[PatchOperation], changed: dict[str, Any]
) -> None:
    assert json_equal(after(*operations), order() | changed)


def test_a_move_leaves_nothing_behind() -> None:
    expected = order() | {"moved": "California"}
    del expected["state"]
    assert json_equal(after(op("move", "/data/moved", from_="/data/state")), expected)


@pytest.mark.parametrize("data", [{"a": 1}, [1, 2], "text", 5, None, [], {}])
def test_data_of_any_kind_can_be_replaced_whole(data: object) -> None:
    assert after(op("replace", "/data", {"b": 2}), data=data if data is not None else {}) == {"b": 2}


def test_an_array_as_data_is_reached_by_index() -> None:
    assert after(op("replace", "/data/1/a", 5), data=[{"a": 1}, {"a": 2}]) == [{"a": 1}, {"a": 5}]


REFUSALS: list[tuple[str, list[PatchOperation], str]] = [
    ("missing member", [op("replace", "/data/nothing", 1)], "patch-path-missing"),
    ("missing parent", [op("add", "/data/nothing/below", 1)], "patch-path-missing"),
    ("remove missing", [op("remove", "/data/nothing")], "patch-path-missing"),
    ("remove -", [op("remove", "/data/lines/-")], "patch-path-missing"),
    ("replace -", [op("replace", "/data/lines/-", 1)], "patch-path-missing"),
    ("outside list", [op("add", "/data/lines/3", 1)], "patch-path-missing"),
    ("leading zero", [op("replace", "/data/lines/01", 1)], "patch-path-missing"),
    ("negative", [op("remove", "/data/lines/-1")], "patch-path-missing"),
    ("no index", [op("replace", "/data/lines/first", 1)], "patch-path-missing"),
    ("inside text", [op("add", "/data/state/0", 1)], "patch-path-missing"),
    ("inside number", [op("replace", "/data/one/a", 1)], "patch-path-missing"),
    ("inside null", [op("add", "/data/note/a", 1)], "patch-path-missing"),
    ("copy missing", [op("copy", "/data/new", from_="/data/nothing")], "patch-path-missing"),
    ("copy -", [op("copy", "/data/new", from_="/data/lines/-")], "patch-path-missing"),
    ("move missing", [op("move", "/data/new", from_="/data/nothing")], "patch-path-missing"),
    ("true is not 1", [op("test", "/data/flag", 1)], "patch-test-failed"),
    ("1 is not true", [op("test", "/data/one", True)], "patch-test-failed"),
    ("1 is not text", [op("test", "/data/one", "1")], "patch-test-failed"),
    ("test missing", [op("test", "/data/nothing", None)], "patch-test-failed"),
    ("test -", [op("test", "/data/lines/-", None)], "patch-test-failed"),
    ("test order", [op("test", "/data/lines", [{"sku": "B"}, {"sku": "A"}])], "patch-test-failed"),
    ("after changes", [op("replace", "/data/one", 2), op("test", "/data/one", 1)], "patch-test-failed"),
    ("no group", [op("replace", "/data/state", take=take("match", "nothing"))], "value-missing"),
    ("no data", [op("replace", "/data/state", take=take("data", "nothing[0]"))], "value-missing"),
    ("null data", [op("replace", "/data/state", take=take("data", "note"))], "value-missing"),
    ("failing data", [op("replace", "/data/state", take=take("data", "length(one)"))], "value-missing"),
    ("no field", [op("replace", "/data/state", take=take("field", "code"))], "value-missing"),
    ("no entry", [op("replace", "/data/state", take=take("match", "sku", lookup="states"))], "lookup-missing"),
    ("no text", [op("replace", "/data/state", take=take("data", "lines", lookup="states"))], "lookup-missing"),
    ("no number", [op("replace", "/data/state", take=take("match", "state", "number"))], "transform-failed"),
    ("no text to trim", [op("replace", "/data/state", take=take("data", "lines", "trim"))], "transform-failed"),
    ("true is no text", [op("replace", "/data/state", take=take("data", "flag", "upper"))], "transform-failed"),
]  # fmt: skip


@pytest.mark.parametrize(("operations", "reason"), [case[1:] for case in REFUSALS], ids=[case[0] for case in REFUSALS])
def test_a_patch_that_cannot_be_applied_whole_is_refused_and_changes_nothing(
    operations: list[PatchOperation], reason: str
) -> None:
    data = order()
    assert refusal(op("replace", "/data/one", 99), op("replace", "/data/one", 1), *operations, data=data) == reason
    assert json_equal(data, order())


VALUES: list[tuple[str, ValueFrom, object]] = [
    ("group", take("match", "state"), "California"),
    ("empty group", take("match", "empty"), ""),
    ("data", take("data", "address.state"), "California"),
    ("data list", take("data", "lines[].sku"), ["A", "B"]),
    ("data number", take("data", "price"), Decimal("19.90")),
    ("data sum", take("data", "sum([price, `0.10`])"), Decimal("20.00")),
    ("field", take("field", "code"), "INVALID"),
    ("number field", take("field", "http_status"), 404),
    ("flag field", take("field", "retryable"), True),
    ("lookup", take("match", "state", lookup="states"), "CA"),
    ("lookup of a number", take("data", "twelve", lookup="states"), Decimal("0.5")),
    ("lookup of null", take("data", "price150", lookup="states"), None),
    ("transform, then lookup", take("match", "state", ("prefix", ""), "trim", lookup="states"), "CA"),
    ("default for a group", take("match", "nothing", "upper", default="none"), "none"),
    ("default for an entry", take("match", "sku", lookup="states", default=0.5), Decimal("0.5")),
    ("null default", take("match", "nothing", default=None), None),
    ("trim", take("match", "sku", "trim"), "old  sku"),
    ("upper", take("match", "sku", "upper"), "  OLD  SKU "),
    ("lower", take("match", "state", "lower"), "california"),
    ("collapse", take("match", "sku", "collapse_spaces"), "old sku"),
    ("digits", take("data", "phone", "digits"), "4930123"),
    ("ascii", take("data", "name", "ascii"), "Jurgen Munoz fi"),
    ("truncate", take("match", "state", ("truncate", 3)), "Cal"),
    ("prefix and suffix", take("match", "state", ("prefix", "<"), ("suffix", ">")), "<California>"),
    ("number to text", take("data", "price", ("prefix", "")), "19.90"),
    ("whole number", take("data", "digits", "number"), 9_007_199_254_740_993_000_001),
    ("decimal", take("data", "price", ("suffix", "0"), "number"), Decimal("19.900")),
    ("in order", take("match", "sku", "trim", "upper", ("truncate", 3), ("suffix", "!")), "OLD!"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "value"), [case[1:] for case in VALUES], ids=[case[0] for case in VALUES])
def test_a_value_is_taken_transformed_and_looked_up(source: ValueFrom, value: object) -> None:
    extra = {
        "twelve": 12,
        "price150": Decimal("1.50"),
        "phone": "+49 (30) 123٣",
        "name": "Jürgen Muñoz\u200b ﬁ",
        "digits": "9007199254740993000001",
    }
    data = after(op("add", "/data/new", take=source), data=order() | extra, code="INVALID", http_status=404)
    assert json_equal(data["new"], value), data["new"]
    assert type(data["new"]) is type(value)


@pytest.mark.parametrize(
    "text", ["", " 1", "1,5", "0x10", "1e", "١٢", "nan", "Infinity", "1_000", "1.", "9" * 5000, "1e99999"]
)
def test_what_is_no_number_is_not_made_one(text: str) -> None:
    assert refusal(op("add", "/data/n", take=take("data", "t", "number")), data={"t": text}) == "transform-failed"


@pytest.mark.parametrize(
    ("text", "number"),
    [("12", 12), ("-3", -3), ("+4", 4), ("007", 7), ("1.50", Decimal("1.50")), ("1e3", Decimal("1E+3"))],
)
def test_a_number_in_text_becomes_that_number(text: str, number: object) -> None:
    made = after(op("add", "/data/n", take=take("data", "t", "number")), data={"t": text})["n"]
    assert (made, type(made), str(made)) == (number, type(number), str(number))


def test_every_value_is_read_from_the_data_as_it_was() -> None:
    swap = [
        op("replace", "/data/a", take=take("data", "b")),
        op("replace", "/data/b", take=take("data", "a")),
    ]
    assert after(*swap, data={"a": 1, "b": 2}) == {"a": 2, "b": 1}


def test_what_a_rule_puts_in_is_new_each_time() -> None:
    patch = Patch([op("add", "/data/tags", ["x"]), op("add", "/data/tags/-", "y")], {})
    for _ in range(2):
        changed = patch.apply(MATCH, error(), {})
        assert isinstance(changed, Patched)
        assert changed.data == {"tags": ["x", "y"]}


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        (op("replace", "/errors/0", 1), "outside /data"),
        (op("replace", "/database", 1), "outside /data"),
        (op("replace", "", 1), "outside /data"),
        (op("replace", "data", 1), "no JSON Pointer"),
        (op("replace", "/data/a~2", 1), "no JSON Pointer"),
        (op("copy", "/data/a", from_="/traceKey"), "outside /data"),
        (op("remove", "/data"), "no data"),
        (op("move", "/data/a", from_="/data"), "inside itself"),
        (op("move", "/data/a/b", from_="/data/a"), "inside itself"),
        (op("add", "/data/a", take=take("data", "a.[")), "jmespath"),
        (op("add", "/data/a", take=take("match", "a", lookup="nothing")), 'no table "nothing"'),
        (op("add", "/data/a", take=take("field", "flow")), "classification"),
    ],
)
def test_a_patch_that_can_never_be_right_is_refused_when_it_is_compiled(operation: PatchOperation, reason: str) -> None:
    with pytest.raises(RuleError, match=f"(?i){reason}"):
        Patch([operation], TABLES)


def test_values_can_be_taken_from_fields_that_errors_have() -> None:
    record = error("m", code="c", http_status=500)
    assert all(hasattr(record, name) for name in RECORD_FIELDS)


def test_the_rule_set_patches_with_the_rule_that_matched() -> None:
    ruleset = RuleSet([rule("a", patch=(op("replace", "/data/x", 2),)), rule("b")])
    first, second = (Match(rule=one) for one in ruleset.rules)
    assert ruleset.patch(first, error(), {"x": 1}) == Patched(data={"x": 2})
    assert ruleset.patch(second, error(), {"x": 1}) == Patched(data={"x": 1})


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
)
KEYS = st.sampled_from(["a", "b", "", "a/b", "m~n", "0", "-", "é"])
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
PATHS = st.lists(st.sampled_from(["a", "b", "", "a~1b", "m~0n", "0", "1", "-", "é"]), max_size=3).map(
    lambda parts: "".join(f"/{part}" for part in ["data", *parts])
)
OPERATIONS = st.one_of(
    st.builds(op, st.sampled_from(["add", "replace", "test"]), PATHS, JSON),
    st.builds(op, st.just("remove"), PATHS),
    st.builds(lambda name, path, from_: op(name, path, from_=from_), st.sampled_from(["move", "copy"]), PATHS, PATHS),
)


@settings(max_examples=400, deadline=None)
@given(JSON, st.lists(OPERATIONS, min_size=1, max_size=4))
def test_a_patch_gives_what_rfc_6902_says_or_nothing_and_never_touches_its_input(
    data: object, operations: list[PatchOperation]
) -> None:
    before = deepcopy(data)
    try:
        result = Patch(operations, {}).apply(MATCH, error(), data)
    except RuleError:
        return
    assert repr(data) == repr(before)
    document: Any = {"data": before}
    written = [{"op": one.op, "path": one.path, "from": one.from_path, "value": one.value} for one in operations]
    try:
        expected = jsonpatch.apply_patch(document, written)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException):
        assert isinstance(result, PatchRefused)
    else:
        assert isinstance(result, Patched)
        assert repr(result.data) == repr(expected["data"])


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(KEYS, JSON, max_size=4), JSON)
def test_parts_that_no_operation_names_come_back_the_same_to_the_last_digit(
    data: dict[str, object], value: object
) -> None:
    changed = after(op("add", "/data/new", value), data=data)
    assert repr({key: part for key, part in changed.items() if key != "new"}) == repr(data)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, Decimal("1.00"), True),
        (True, 1, False),
        (1, True, False),
        (False, None, False),
        (0, False, False),
        ("1", 1, False),
        ([1, [2]], [1, [2]], True),
        ([1], [1, 2], False),
        ([True], [1], False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": None}, {}, False),
        ([], {}, False),
        (None, None, True),
        (10**30, Decimal("1e30"), True),
    ],
)
def test_json_values_are_equal_by_kind_and_value(one: object, other: object, equal: bool) -> None:
    assert json_equal(one, other) is equal
    assert json_equal(other, one) is equal
