import pytest

from daemon.sandbox.exact import MISSING, Number, changes, put_at, read_exact, value_at, write_exact


@pytest.mark.parametrize("number", ["9007199254740993", "1.10", "0.1000000000000000055511151231257827", "-0", "1E400"])
def test_a_number_keeps_its_spelling(number: str) -> None:
    assert write_exact(read_exact(f'{{"a":[{number}]}}')) == f'{{"a":[{number}]}}'


def test_plain_values_and_exact_numbers_are_written_together() -> None:
    assert write_exact({"a": Number("1.0"), "b": ["ü", None, True, 2]}) == '{"a":1.0,"b":["\\u00fc",null,true,2]}'


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        pytest.param("/a/0/b", "x", id="through a list"),
        pytest.param("/c~1d/e~0f", "y", id="escaped"),
        pytest.param("/a/1", MISSING, id="past the end"),
        pytest.param("/a/b", MISSING, id="name into a list"),
        pytest.param("/a/0/b/c", MISSING, id="into a text"),
    ],
)
def test_a_pointer_leads_to_its_value(pointer: str, value: object) -> None:
    assert value_at({"a": [{"b": "x"}], "c/d": {"e~f": "y"}}, pointer) == value


def test_a_value_is_put_where_the_pointer_leads() -> None:
    document = {"a": [{"b": 1}, 2]}
    put_at(document, "/a/0/b", 3)
    put_at(document, "/a/1", 4)
    put_at(document, "/c", 5)
    assert document == {"a": [{"b": 3}, 4], "c": 5}


@pytest.mark.parametrize("pointer", ["", "/b/c", "/a/2", "/a/x"])
def test_a_value_without_a_place_is_refused(pointer: str) -> None:
    with pytest.raises(LookupError):
        put_at({"a": [1, 2]}, pointer, 0)


@pytest.mark.parametrize(
    ("before", "after", "places"),
    [
        pytest.param('{"a":1,"b":2}', '{"b":2,"a":1}', [], id="order does not count"),
        pytest.param('{"a":1.10}', '{"a":1.1}', ["/a"], id="a lost digit"),
        pytest.param('{"a":1}', '{"a":"1"}', ["/a"], id="a number made a text"),
        pytest.param('{"a":9007199254740993}', '{"a":9007199254740992}', ["/a"], id="a double"),
        pytest.param('{"a/b":{"c":1}}', '{"a/b":{}}', ["/a~1b/c"], id="gone"),
        pytest.param('{"a":[1,2]}', '{"a":[1,3]}', ["/a/1"], id="in a list"),
        pytest.param('{"a":[1]}', '{"a":[1,2]}', ["/a"], id="a longer list"),
        pytest.param('{"a":1}', '{"a":1,"b":null}', ["/b"], id="added"),
    ],
)
def test_every_difference_has_its_place(before: str, after: str, places: list[str]) -> None:
    assert list(changes(read_exact(before), read_exact(after))) == places
