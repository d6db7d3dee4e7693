import json
from datetime import UTC, datetime
from typing import Any

import pytest

from daemon.core.exceptions import ProtocolError
from daemon.core.records import ErrorRecord, ResolvedRecord
from daemon.integrator.wire import decode, errors_page, moment, resolved_page, text

DOCUMENTED = {
    "occurredAt": "2021-06-15T21:21:30.538Z",
    "source": "application",
    "code": "response_failure",
    "message": '"response failed using path: \\"ok\\""',
    "traceKey": "53968",
    "exportDataURI": "53968 Winifred Arathorn",
    "oIndex": "1",
    "retryDataKey": "33281fe",
    "errorId": "5646501091",
    "_flowJobId": "60ce77",
    "classification": "missing",
    "classifiedBy": "autopilot",
    "reqAndResKey": "5634326309435-9a2aeeaaec51494cb1ed2206f34116c8-200-POST",
}
RECORD = ErrorRecord(
    error_id="5646501091",
    occurred_at=datetime(2021, 6, 15, 21, 21, 30, 538000, tzinfo=UTC),
    source="application",
    code="response_failure",
    message='"response failed using path: \\"ok\\""',
    trace_key="53968",
    retry_key="33281fe",
    http_status=200,
    classification="missing",
    classified_by="autopilot",
    flow_job_id="60ce77",
)


def read(body: bytes) -> tuple[list[ErrorRecord], str]:
    """Return the errors of a page, and the next page's URL; their ids are told without reading more of them."""
    page, next_page = errors_page(body, "here")
    records = page.records()
    assert list(page.error_ids) == [found.error_id for found in records]
    return records, next_page


def record(**fields: Any) -> ErrorRecord:
    (only,), _ = read(json.dumps({"errors": [{"errorId": "e1", **fields}]}).encode())
    return only


def test_the_documented_error_is_read() -> None:
    body = json.dumps({"errors": [DOCUMENTED], "nextPageURL": "/v1/next"}).encode()
    assert read(body) == ([RECORD], "/v1/next")


def test_what_people_and_the_platform_did_with_an_error_is_read() -> None:
    found = record(
        tags=["F3ZBQ", {"tagId": "T2"}],
        assignedTo="a@example.com",
        retryAt="2026-03-04T12:00:00.000Z",
        purgeAt=1772625600000,
    )
    assert found.tags == ("F3ZBQ", "T2")
    assert found.assigned_to == "a@example.com"
    assert found.retry_at == found.purge_at == datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        pytest.param({"errorId": 5646501091}, "error_id", "5646501091", id="a number for an id"),
        pytest.param({"errorId": 12345678901234567890123}, "error_id", "12345678901234567890123", id="a large number"),
        pytest.param({"traceKey": 53968}, "trace_key", "53968", id="a number for a trace key"),
        pytest.param({"traceKey": "  "}, "trace_key", "", id="blanks"),
        pytest.param({"traceKey": " a "}, "trace_key", " a ", id="blanks around are kept"),
        pytest.param({"retryDataKey": None}, "retry_key", "", id="null for no retry"),
        pytest.param({"retryDataKey": ""}, "retry_key", "", id="blank for no retry"),
        pytest.param({"message": None}, "message", "", id="null message"),
        pytest.param({"message": 7.5}, "message", "7.5", id="a number for a message"),
        pytest.param({"message": {"a": [1]}}, "message", '{"a":[1]}', id="an object for a message"),
        pytest.param({"message": True}, "message", "true", id="true for a message"),
        pytest.param({"message": "x" * 5_000_000}, "message", "x" * 5_000_000, id="5 MB of message"),
        pytest.param({"message": "a\x00\x1b[31m<b>ü😀\n"}, "message", "a\x00\x1b[31m<b>ü😀\n", id="NUL, ANSI, Unicode"),
        pytest.param({"message": "cut \ud83d"}, "message", "cut �", id="half a character"),
        pytest.param({"classification": "brand_new"}, "classification", "brand_new", id="unknown classification"),
        pytest.param({"source": "brand_new"}, "source", "brand_new", id="unknown source"),
        pytest.param({"assignedTo": {"_id": "u1"}}, "assigned_to", '{"_id":"u1"}', id="assigned in another shape"),
        pytest.param({"tags": None}, "tags", (), id="null tags"),
        pytest.param({"tags": "T1"}, "tags", ("T1",), id="one tag"),
        pytest.param({"occurredAt": None}, "occurred_at", None, id="no moment"),
        pytest.param({"occurredAt": "yesterday"}, "occurred_at", None, id="no readable moment"),
        pytest.param({"reqAndResKey": "1-a-b-404-GET"}, "http_status", 404, id="dashes in the hash"),
        pytest.param({"reqAndResKey": "garbage"}, "http_status", None, id="no status"),
        pytest.param({"reqAndResKey": "1-h-0-GET"}, "http_status", None, id="no call was made"),
        pytest.param({"unknown": {"new": 1}}, "message", "", id="unknown field"),
    ],
)
def test_an_odd_field_is_read_for_what_it_says(fields: dict[str, Any], name: str, value: object) -> None:
    assert getattr(record(**fields), name) == value


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param("null", id="null"),
        pytest.param('"text"', id="a text"),
        pytest.param("[]", id="a list"),
        pytest.param("{}", id="no id"),
        pytest.param('{"errorId":""}', id="a blank id"),
        pytest.param('{"errorId":null}', id="a null id"),
    ],
)
def test_an_entry_without_identity_does_not_stop_the_page(odd: str) -> None:
    records, _ = read(f'{{"errors":[{odd},{{"errorId":"e1"}}]}}'.encode())
    assert [found.error_id for found in records] == ["e1"]


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(b'"\\ud83d"', id="half a character"),
        pytest.param(b'"\xff"', id="broken UTF-8"),
        pytest.param(b"1e999", id="a number out of all bounds"),
        pytest.param(b"9" * 5000, id="a number without end"),
    ],
)
def test_what_a_strict_reader_refuses_in_one_error_does_not_stop_the_page(odd: bytes) -> None:
    body = b'{"errors":[{"errorId":"e1","message":' + odd + b'},{"errorId":"e2"}],"nextPageURL":"/v1/x"}'
    records, next_page = read(body)
    assert [found.error_id for found in records] == ["e1", "e2"]
    assert next_page == "/v1/x"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"flowErrors":[{"_expOrImpId":"s1","numError":3}]}', id="the summary"),
        pytest.param(b"{}", id="no key"),
        pytest.param(b'{"errors":null}', id="null"),
        pytest.param(b'{"errors":{}}', id="an object"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"null", id="nothing"),
        pytest.param(b'{"errors":[', id="cut"),
        pytest.param(b"<html>", id="HTML"),
        pytest.param(b'{"errors":[],"nextPageURL":7}', id="a next page that is none"),
    ],
)
def test_what_is_not_a_page_is_never_an_empty_one(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        errors_page(body, "here")
    with pytest.raises(ProtocolError):
        resolved_page(body.replace(b"errors", b"resolved"), "here")


@pytest.mark.parametrize("next_page", ["null", '""', '" "'])
def test_the_last_page_names_no_next_one(next_page: str) -> None:
    assert read(f'{{"errors":[],"nextPageURL":{next_page}}}'.encode()) == ([], "")


def test_resolved_entries_say_who_and_when() -> None:
    body = json.dumps(
        {
            "resolved": [
                {"errorId": 1, "traceKey": "t", "resolvedAt": "2026-03-04T12:00:00Z", "resolvedBy": "auto"},
                {"errorId": "2"},
                {},
            ]
        }
    ).encode()
    first = ResolvedRecord(
        error_id="1", trace_key="t", resolved_at=datetime(2026, 3, 4, 12, tzinfo=UTC), resolved_by="auto"
    )
    assert resolved_page(body, "here") == ([first, ResolvedRecord(error_id="2")], "")


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("2026-03-04T12:00:00.000Z", datetime(2026, 3, 4, 12, tzinfo=UTC)),
        ("2026-03-04T12:00:00.123456789Z", datetime(2026, 3, 4, 12, 0, 0, 123456, tzinfo=UTC)),
        ("2026-03-04T14:00:00+02:00", datetime(2026, 3, 4, 12, tzinfo=UTC)),
        ("2026-03-04T12:00:00", datetime(2026, 3, 4, 12, tzinfo=UTC)),
        (1772625600000, datetime(2026, 3, 4, 12, tzinfo=UTC)),
        (1772625600000.5, datetime(2026, 3, 4, 12, 0, 0, 500, tzinfo=UTC)),
        ("1772625600000", datetime(2026, 3, 4, 12, tzinfo=UTC)),
        (10**400, None),
        (float("inf"), None),
        ("0001-01-01T00:00:00+14:00", None),
        ("", None),
        (None, None),
        ([], None),
        ({}, None),
    ],
    ids=str,
)
def test_a_moment_is_aware_utc_or_none(value: object, read: datetime | None) -> None:
    assert moment(value) == read


def test_a_moment_without_offset_is_utc() -> None:
    found = moment("2026-03-04T12:00:00")
    assert found is not None
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "read"),
    [("a", "a"), ("", ""), ("\n\t ", ""), (None, ""), (0, "0"), (False, "false"), ([1], "[1]")],
    ids=repr,
)
def test_text_is_what_a_person_would_read(value: object, read: str) -> None:
    assert text(value) == read


def test_what_is_not_json_says_where_and_how_it_begins() -> None:
    with pytest.raises(ProtocolError, match="GET /x: the answer is not JSON: <html>"):
        decode(b"<html>", "GET /x")


def test_a_byte_order_mark_is_no_obstacle() -> None:
    assert decode(b'\xef\xbb\xbf{"a":"b"}', "here") == {"a": "b"}
