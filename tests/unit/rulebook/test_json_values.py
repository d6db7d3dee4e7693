"""Where two JSON values differ."""

from decimal import Decimal
from typing import Any

import pytest

from daemon.rulebook.json_values import differences


@pytest.mark.parametrize(
    ("expected", "found", "told"),
    [
        ({"a": 1}, {"a": Decimal("1.0")}, []),
        ({"a": 1}, {"a": True}, [("/data/a", "1", "true")]),
        ({"a": {"b~/c": None}}, {"a": {"b~/c": "x"}}, [("/data/a/b~0~1c", "null", '"x"')]),
        ({"a": 1}, {"b": 1}, [("/data/a", "1", "nothing"), ("/data/b", "nothing", "1")]),
        ([1, 2], [1, 3, 4], [("/data/1", "2", "3"), ("/data/2", "nothing", "4")]),
        ([1], {"0": 1}, [("/data", "[1]", '{"0":1}')]),
        (Decimal("1.10"), Decimal("1.2"), [("/data", "1.10", "1.2")]),
    ],
)
def test_a_difference_is_told_at_its_innermost_place(
    expected: Any, found: Any, told: list[tuple[str, str, str]]
) -> None:
    assert [(each.path, each.expected, each.found) for each in differences("/data", expected, found)] == told
