from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daemon.core.exceptions import (
    AuthError,
    ConfigError,
    FlowmendError,
    ProtocolError,
    RateLimitedError,
    RefusedError,
    UnavailableError,
    UnknownResultError,
)
from daemon.integrator.protocol import (
    LONGEST_WAIT_S,
    Answer,
    BaseUrl,
    Request,
    check,
    headers,
    one_line,
    refusal,
    retry_after_s,
)

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
BASE = BaseUrl.parse("https://api.integrator.io/v1")
READ = Request(method="GET", path="/flows/f1/s1/errors", endpoint="GET /flows/{flow}/{step}/errors")
WRITE = Request(method="POST", path="/flows/f1/s1/retry", endpoint="POST /flows/{flow}/{step}/retry", body=b"{}")


def judged(request: Request, status: int, body: bytes = b"", *, retry_after: str = "") -> FlowmendError:
    with pytest.raises(FlowmendError) as raised:
        check(
            Answer(status=status, headers={"retry-after": retry_after}, body=body),
            request,
            account="acme",
            base_url=BASE,
            now=NOW,
        )
    return raised.value


@pytest.mark.parametrize(
    ("request_", "status", "means"),
    [
        pytest.param(READ, 302, ProtocolError, id="a read that is sent elsewhere"),
        pytest.param(READ, 400, RefusedError, id="a read that is wrong"),
        pytest.param(READ, 401, AuthError, id="a read without rights"),
        pytest.param(READ, 403, AuthError, id="a read with too few rights"),
        pytest.param(READ, 404, RefusedError, id="a read of what is gone"),
        pytest.param(READ, 408, UnavailableError, id="a read that was too slow"),
        pytest.param(READ, 429, RateLimitedError, id="a read too many"),
        pytest.param(READ, 500, UnavailableError, id="a read that broke them"),
        pytest.param(READ, 503, UnavailableError, id="a read while they are down"),
        pytest.param(WRITE, 303, UnknownResultError, id="a write that is sent elsewhere"),
        pytest.param(WRITE, 401, AuthError, id="a write without rights"),
        pytest.param(WRITE, 408, UnknownResultError, id="a write that was too slow"),
        pytest.param(WRITE, 422, RefusedError, id="a write that is wrong"),
        pytest.param(WRITE, 429, RateLimitedError, id="a write too many: nothing was done"),
        pytest.param(WRITE, 500, UnknownResultError, id="a write that broke them"),
        pytest.param(WRITE, 502, UnknownResultError, id="a write lost behind a proxy"),
        pytest.param(WRITE, 504, UnknownResultError, id="a write that ran out of time behind a proxy"),
    ],
)
def test_the_exception_says_what_the_caller_may_do(request_: Request, status: int, means: type[FlowmendError]) -> None:
    assert type(judged(request_, status)) is means


@pytest.mark.parametrize("status", [200, 201, 202, 204])
@pytest.mark.parametrize("request_", [READ, WRITE], ids=["read", "write"])
def test_two_hundreds_pass(request_: Request, status: int) -> None:
    check(Answer(status=status), request_, account="acme", base_url=BASE, now=NOW)


def test_a_401_names_the_base_url_and_the_other_region() -> None:
    said = str(judged(READ, 401, b"Unauthorized"))
    assert "a 401 here often means the other region" in said
    assert "https://api.integrator.io/v1" in said
    assert "acme" in said


def test_a_read_that_failed_over_there_waits_as_long_as_they_ask() -> None:
    error = judged(READ, 503, retry_after="17")
    assert isinstance(error, UnavailableError)
    assert error.wait_s == 17


def test_a_refusal_keeps_the_stable_code() -> None:
    error = judged(WRITE, 422, b'{"errors":[{"code":"inactive_flow","message":"The flow is disabled.","field":"_id"}]}')
    assert isinstance(error, RefusedError)
    assert (error.status, error.code) == (422, "inactive_flow")
    assert "The flow is disabled." in str(error)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        pytest.param(b'{"errors":[{"code":"invalid_ref","message":"No."}]}', "invalid_ref", "No.", id="errors"),
        pytest.param(b'{"errors":[{"message":"No."}]}', "", "No.", id="errors without code"),
        pytest.param(b'{"errors":[{"code":null,"message":null}]}', "", "", id="errors of nulls"),
        pytest.param(b'{"message":"Unauthorized"}', "", "Unauthorized", id="message"),
        pytest.param(b'"Unauthorized"', "", "Unauthorized", id="JSON text"),
        pytest.param(b"Unauthorized", "", "Unauthorized", id="plain text"),
        pytest.param(b"<html>\n<b>502</b>", "", "<html>\\n<b>502</b>", id="HTML"),
        pytest.param(b"", "", "", id="nothing"),
        pytest.param(b"\xff\xfe", "", "��", id="no text at all"),
        pytest.param(b'{"errors":[]}', "", "{'errors': []}", id="no error in errors"),
        pytest.param(b'{"message":"\\u001b[31mred\\u0000"}', "", "\\x1b[31mred\\x00", id="control characters"),
        pytest.param(b'{"message":7}', "", "7", id="a number for a text"),
    ],
)
def test_a_refusal_is_read_in_every_envelope(body: bytes, code: str, message: str) -> None:
    assert refusal(body) == (code, message)


def test_text_from_outside_is_cut() -> None:
    assert len(one_line("x" * 5_000_000)) == 256


@pytest.mark.parametrize(
    ("value", "wait_s"),
    [
        pytest.param("7", 7, id="seconds"),
        pytest.param(" 7 ", 7, id="with blanks"),
        pytest.param("0.5", 0.5, id="less than a second"),
        pytest.param("", 1, id="absent"),
        pytest.param("0", 1, id="zero"),
        pytest.param("-5", 1, id="negative"),
        pytest.param("nan", 1, id="not a number"),
        pytest.param("soon", 1, id="nonsense"),
        pytest.param("5, 5", 1, id="twice"),
        pytest.param("99999999999", LONGEST_WAIT_S, id="huge"),
        pytest.param("inf", LONGEST_WAIT_S, id="infinite"),
        pytest.param("Wed, 04 Mar 2026 12:00:30 GMT", 30, id="a date"),
        pytest.param("Wed, 04 Mar 2026 12:00:30 -0000", 30, id="a date without zone"),
        pytest.param("Wed, 04 Mar 2026 11:00:00 GMT", 1, id="a date gone by"),
        pytest.param("Wed, 04 Mar 99999999999999999999 11:00:00 GMT", 1, id="a date out of all bounds"),
        pytest.param("Wed, 04 Mar 9999 11:00:00 GMT", LONGEST_WAIT_S, id="a date far off"),
    ],
)
def test_retry_after_is_obeyed_in_every_form(value: str, wait_s: float) -> None:
    error = judged(WRITE, 429, retry_after=value)
    assert isinstance(error, RateLimitedError)
    assert error.wait_s == wait_s


@given(
    st.text() | st.floats().map(str) | st.integers().map(str) | st.datetimes().map(lambda d: d.strftime("%a, %c GMT"))
)
@example("Wed, 00 Mar 0000 99:99:99 +9999999999")
def test_whatever_retry_after_says_the_wait_is_positive_and_bounded(value: str) -> None:
    assert 0 < retry_after_s(value, now=NOW) <= LONGEST_WAIT_S


def test_the_token_is_sent_as_bearer_with_who_we_are() -> None:
    assert headers(WRITE, token="tok", share_id="sh1", version="1.2") == {
        "Authorization": "Bearer tok",
        "Accept": "application/json",
        "Content-Type": "application/json",
        "Integrator-AShareId": "sh1",
        "User-Agent": "flowmend/1.2",
    }
    assert "Integrator-AShareId" not in headers(READ, token="tok", share_id="", version="1.2")


@pytest.mark.parametrize("token", ["se\ncret", "se cret", "se\x00cret", "sécret", ""])
def test_a_token_that_cannot_be_sent_is_refused_without_being_told(token: str) -> None:
    with pytest.raises(ConfigError) as raised:
        headers(READ, token=token, share_id="", version="1")
    assert "cret" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "origin", "prefix"),
    [
        ("https://api.integrator.io/v1", "https://api.integrator.io", "/v1"),
        ("https://api.eu.integrator.io/v1/", "https://api.eu.integrator.io", "/v1"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", ""),
    ],
)
def test_a_base_url_is_an_origin_and_a_prefix(url: str, origin: str, prefix: str) -> None:
    base = BaseUrl.parse(url)
    assert (base.origin, base.prefix, str(base)) == (origin, prefix, origin + prefix)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.integrator.io/v1",
        "ftp://api.integrator.io/v1",
        "https:///v1",
        "https://user:pass@api.integrator.io/v1",
        "https://api.integrator.io/v1?x=1",
        "https://api.integrator.io/v1#x",
        "https://api.integrator.io\\@evil.example/v1",
        "https://api.integrator.io:99999/v1",
        "https://[::1/v1",
        "https://api.integrator.io/v1\n",
    ],
)
def test_anything_but_a_plain_base_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        BaseUrl.parse(url)


@pytest.mark.parametrize(
    ("answer", "empty"),
    [
        ({"status": 204}, True),
        ({"status": 200}, True),
        ({"status": 200, "body": b" \n"}, True),
        ({"status": 200, "body": b"[]"}, False),
    ],
)
def test_an_answer_is_empty_without_a_body(answer: dict[str, Any], empty: bool) -> None:
    assert Answer(**answer).empty is empty
