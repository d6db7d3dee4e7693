"""JMESPath on data whose numbers are exact."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.rulebook.selection import Selection, SelectionError, exact

DATA = {
    "a": Decimal("0.1"),
    "b": Decimal("0.2"),
    "n": [1, Decimal("2.5")],
    "s": "x",
    "t": ["1.10", "7", "y", "nan"],
    "z": True,
}


@pytest.mark.parametrize(
    ("expression", "selected"),
    [
        ("a", Decimal("0.1")),
        ("a == `0.1`", True),
        ("n[?@ > `2.4`]", [Decimal("2.5")]),
        ("sum([a, b])", Decimal("0.3")),
        ("avg(n)", Decimal("1.75")),
        ("avg(`[]`)", None),
        ("max(n)", Decimal("2.5")),
        ("sort(n)", [1, Decimal("2.5")]),
        ("max_by(@.n[].{v: @}, &v).v", Decimal("2.5")),
        ("abs(a)", Decimal("0.1")),
        ("ceil(a)", 1),
        ("type(a)", "number"),
        ("type(s)", "string"),
        ("to_string(b)", "0.2"),
        ("to_string(s)", "x"),
        ("to_number(t[0])", Decimal("1.10")),
        ("to_number(t[1])", Decimal(7)),
        ("to_number(t[2])", None),
        ("to_number(t[3])", None),
        ("to_number(a)", Decimal("0.1")),
        ("to_number(z)", None),
        ("length(a)", None),
        ("contains(s, `1`)", None),
        ("s < a", None),
        ("join(',', n)", None),
        ("n[::0]", None),
        ("missing.x[0]", None),
        ("unknown_function(a)", None),
    ],
)
def test_numbers_stay_exact_and_what_fails_selects_nothing(expression: str, selected: object) -> None:
    found = Selection(expression).of(DATA)
    assert found == selected
    assert type(found) is type(selected)


@pytest.mark.parametrize("expression", ["", "a.[", "a b", "`1", "length(", "a['x'"])
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(SelectionError):
        Selection(expression)


def test_every_float_becomes_the_decimal_that_is_written_alike() -> None:
    assert exact({"a": [0.1, 1, True, None, "x", (2.50,)]}) == {
        "a": [Decimal("0.1"), 1, True, None, "x", [Decimal("2.5")]]
    }


NUMBERS = st.integers() | st.decimals(allow_nan=False, allow_infinity=False, places=3)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "s"]), inner, max_size=3),
    max_leaves=8,
)
EXPRESSIONS = [
    "a", "a[0]", "a[].b", "a.*", "@", "sum(a)", "avg(a)", "sort(a)", "sort_by(a, &b)", "max_by(a, &b)", "min(a)", "keys(a)",
    "a[?b > `1.5`]", "a < b", "a == b", "contains(a, b)", "starts_with(a, b)", "join(s, a)", "length(a)", "reverse(a)", "to_number(a)",
    "to_string(a)", "floor(a)", "map(&b, a)", "merge(a, b)", "not_null(a, b)", "a[::2]", "{x: a, y: b}", "[a, b]", "!a", "a || b", "a && b",
]  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(EXPRESSIONS), JSON)
def test_no_expression_raises_on_any_data(expression: str, data: object) -> None:
    Selection(expression).of(data)
