import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daemon.core.exceptions import ProtocolError
from daemon.integrator.retry_data import read, rewrite

DIGITS = st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
JSON_TEXT = st.recursive(
    DIGITS | st.sampled_from(["true", "false", "null"]) | st.text().map(json.dumps),
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda parts: f"[{', '.join(parts)}]")
        | st.dictionaries(st.text(), inner, max_size=4).map(
            lambda parts: "{" + ",".join(f"{json.dumps(key)} : {value}" for key, value in parts.items()) + "}"
        )
    ),
    max_leaves=10,
).filter(lambda text: "\\ud" not in text)


def exact(text: str | bytes) -> Any:
    """Read JSON with another reader than the one under test, every number as a Decimal."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


@given(DIGITS)
@example("9007199254740993")
@example("123456789012345678901234567890")
@example("0.1000000000000000055511151231257827")
@example("1e400")
def test_a_number_survives_to_the_last_digit(number: str) -> None:
    envelope = f'{{"data":{{"price":{number}}},"stage":"x"}}'.encode()
    before = read("k1", envelope, "here")
    assert exact(rewrite(before, before.data, "here").envelope) == exact(envelope)


@given(JSON_TEXT, JSON_TEXT, JSON_TEXT)
def test_every_other_member_comes_back_byte_for_byte_in_its_place(first: str, data: str, last: str) -> None:
    envelope = f'{{ "first" : {first}, "data":{data} , "last": {last}}}'.encode()
    after = rewrite(read("k1", envelope, "here"), {"a": Decimal("1.50")}, "here")
    assert after.envelope == f'{{"first":{first},"data":{{"a":1.50}},"last":{last}}}'.encode()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param('{"a":[1,2.50,null,true,"x"]}', id="an object"),
        pytest.param('[{"a":1}]', id="an array"),
        pytest.param('"a,b\\nc"', id="a text"),
        pytest.param("null", id="null"),
        pytest.param('"\\u0000\\u001b[31m\\ud83d\\ude00 ü"', id="NUL, ANSI and Unicode"),
    ],
)
def test_data_of_any_kind_is_read_and_sent_back(data: str) -> None:
    before = read("k1", f'{{"data":{data}}}'.encode(), "here")
    assert before.data == json.loads(data, parse_float=Decimal)
    assert json.loads(rewrite(before, before.data, "here").envelope)["data"] == json.loads(data)


def test_an_integer_stays_an_integer_and_a_fraction_becomes_a_decimal() -> None:
    assert read("k1", b'{"data":[12345678901234567890123,1.10]}', "here").data == [
        12345678901234567890123,
        Decimal("1.10"),
    ]
    assert [type(number) for number in read("k1", b'{"data":[1,1.10]}', "here").data] == [int, Decimal]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "same",
    [
        pytest.param(b'{"stage":"x","data":{"b":[true,null,"1"],"a":100}}', id="another order"),
        pytest.param(b' { "data" : {"a":100,"b":[true,null,"1"]}, "stage":"x"}', id="other spaces"),
        pytest.param(b'{"data":{"a":100.00,"b":[true,null,"1"]},"stage":"x"}', id="other zeros"),
        pytest.param(b'{"data":{"a":1e2,"b":[true,null,"\\u0031"]},"stage":"x"}', id="other spelling"),
    ],
)
def test_the_digest_is_the_same_where_the_content_is(same: bytes) -> None:
    first = read("k1", b'{"data":{"a":100,"b":[true,null,"1"]},"stage":"x"}', "here")
    assert read("k2", same, "there").digest == first.digest


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(b'{"data":{"a":101,"b":[true,null,"1"]},"stage":"x"}', id="another number"),
        pytest.param(
            b'{"data":{"a":100.0000000000000000000000000000000001,"b":[true,null,"1"]},"stage":"x"}', id="digits"
        ),
        pytest.param(b'{"data":{"a":"100","b":[true,null,"1"]},"stage":"x"}', id="a text for a number"),
        pytest.param(b'{"data":{"a":100,"b":[1,null,"1"]},"stage":"x"}', id="a number for true"),
        pytest.param(b'{"data":{"a":100,"b":[null,true,"1"]},"stage":"x"}', id="another order in a list"),
        pytest.param(b'{"data":{"a":100,"b":[true,null,"1"]},"stage":"y"}', id="another member"),
    ],
)
def test_the_digest_is_another_where_the_content_is(other: bytes) -> None:
    first = read("k1", b'{"data":{"a":100,"b":[true,null,"1"]},"stage":"x"}', "here")
    assert read("k1", other, "here").digest != first.digest


@pytest.mark.parametrize("numbers", [("1e-9999999", "2e-9999999"), ("1e9999999", "2e9999999")])
def test_the_digest_tells_extreme_numbers_apart(numbers: tuple[str, str]) -> None:
    first, second = (read("k1", f'{{"data":{number}}}'.encode(), "here").digest for number in numbers)
    assert first != second


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b"Not found", id="no JSON"),
        pytest.param(b'{"data":"\\ud83d"}', id="half a character"),
        pytest.param(b'{"data":1e99999999999999999999}', id="a number out of all bounds"),
        pytest.param(b'{"data":' + b"9" * 5000 + b"}", id="a number without end"),
        pytest.param(b'{"data":' + b"[" * 5000 + b"]" * 5000 + b"}", id="too deep"),
        pytest.param(b'{"data":' + b"[" * 600 + b"]" * 600 + b"}", id="too deep to compare"),
    ],
)
def test_retry_data_that_cannot_be_read_without_loss_is_left_alone(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        read("k1", body, "here")


def test_an_envelope_without_data_is_not_given_any() -> None:
    before = read("k1", b'{"stage":"ftp"}', "here")
    assert before.data is None
    with pytest.raises(ProtocolError, match="no data"):
        rewrite(before, {}, "here")


def test_a_number_that_json_cannot_say_is_not_sent() -> None:
    with pytest.raises(ProtocolError):
        rewrite(read("k1", b'{"data":1}', "here"), {"a": Decimal("NaN")}, "here")


def test_neither_envelope_nor_data_is_shown() -> None:
    assert "secret" not in repr(read("k1", b'{"data":"secret"}', "here"))


def test_what_was_rewritten_is_what_would_be_read() -> None:
    after = rewrite(read("k1", b'{"stage": "x", "data": 1}', "here"), {"qty": Decimal("1.10")}, "here")
    assert after == read("k1", b'{"stage":"x","data":{"qty":1.10}}', "here")


def test_the_digest_of_the_data_is_of_nothing_else() -> None:
    first = read("k1", b'{"data":{"a":1},"stage":"x"}', "here")
    assert read("k1", b'{"data":{"a":1.0},"stage":"y"}', "here").data_digest == first.data_digest
    assert read("k1", b'{"data":{"a":2},"stage":"x"}', "here").data_digest != first.data_digest
