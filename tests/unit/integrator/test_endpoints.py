import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from daemon.core.exceptions import LimitExceededError, ProtocolError
from daemon.core.records import StepRef
from daemon.integrator import endpoints
from daemon.integrator.protocol import Request

REF = StepRef(account="acme", flow_id="f1", step_id="s1")
SINCE = datetime(2026, 3, 4, 12, 0, 0, 123456, tzinfo=UTC)
UNTIL = datetime(2026, 3, 4, 15, 0, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        (endpoints.token_info(), "GET /tokenInfo?"),
        (endpoints.integrations(), "GET /integrations?"),
        (endpoints.integration_errors("i1"), "GET /integrations/i1/errors?"),
        (endpoints.flows(), "GET /flows?"),
        (endpoints.flow("f1"), "GET /flows/f1?"),
        (endpoints.flow_errors("f1"), "GET /flows/f1/errors?"),
        (endpoints.errors(REF, since=None, until=None, source=""), "GET /flows/f1/s1/errors?"),
        (
            endpoints.errors(REF, since=SINCE, until=UNTIL, source="lookup"),
            "GET /flows/f1/s1/errors?occurredAt_gte=2026-03-04T12%3A00%3A00.123Z&occurredAt_lte=2026-03-04T13%3A00%3A00.000Z&source=lookup",
        ),
        (
            endpoints.resolved(REF, since=SINCE, until=None),
            "GET /flows/f1/s1/resolved?resolvedAt_gte=2026-03-04T12%3A00%3A00.123Z",
        ),
        (endpoints.retry_data(REF, "k1"), "GET /flows/f1/s1/k1/data?"),
        (endpoints.tags(), "GET /tags?"),
        (endpoints.job("j1"), "GET /jobs/j1?"),
        (endpoints.step("s1", "import"), "GET /imports/s1?"),
        (endpoints.step("s1", "export"), "GET /exports/s1?"),
        (endpoints.connection("c1"), "GET /connections/c1?"),
        (
            endpoints.retry_jobs(REF, "import", since=SINCE, until=None),
            "GET /jobs?type=retry&_flowId=f1&_importId=s1&createdAt_gte=2026-03-04T12%3A00%3A00.123Z",
        ),
        (
            endpoints.retry_jobs(REF, "export", since=None, until=UNTIL),
            "GET /jobs?type=retry&_flowId=f1&_exportId=s1&createdAt_lte=2026-03-04T13%3A00%3A00.000Z",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_question_has_its_line(request_: Request, line: str) -> None:
    assert f"{request_}?{request_.query}" == line
    assert not request_.is_write
    assert request_.body is None


@pytest.mark.parametrize(
    ("request_", "line", "body"),
    [
        pytest.param(
            endpoints.resolve(REF, ["e1", "e2"]), "PUT /flows/f1/s1/resolved", {"errors": ["e1", "e2"]}, id="resolve"
        ),
        pytest.param(endpoints.retry(REF, ["k1"]), "POST /flows/f1/s1/retry", {"retryDataKeys": ["k1"]}, id="retry"),
        pytest.param(
            endpoints.assign(REF, ["e1"], "a@example.com"),
            "PUT /flows/f1/s1/errors/assign",
            {"errorIds": ["e1"], "email": "a@example.com"},
            id="assign",
        ),
        pytest.param(
            endpoints.set_tags(REF, [("e1", "k1"), ("e2", "")], ["T1"]),
            "PUT /flows/f1/s1/tags",
            {"errors": [{"id": "e1", "rdk": "k1"}, {"id": "e2"}], "tagIds": ["T1"]},
            id="tags",
        ),
        pytest.param(
            endpoints.put_retry_data(REF, "k1", b'{"data":1.0}'), "PUT /flows/f1/s1/k1/data", {"data": 1.0}, id="data"
        ),
    ],
)
def test_four_write_bodies_four_shapes(request_: Request, line: str, body: dict[str, Any]) -> None:
    assert str(request_) == line
    assert request_.is_write
    assert json.loads(request_.body or b"") == body


def test_an_endpoint_is_named_without_any_id() -> None:
    assert endpoints.retry_data(REF, "k1").endpoint == "GET /flows/{flow}/{step}/{key}/data"


def test_an_id_cannot_become_another_path() -> None:
    assert endpoints.flow("../f/1?x#y%").path == "/flows/..%2Ff%2F1%3Fx%23y%25"


@pytest.mark.parametrize("flow_id", ["", " ", ".", ".."])
def test_an_id_that_is_no_segment_is_refused(flow_id: str) -> None:
    with pytest.raises(ProtocolError):
        endpoints.flow(flow_id)


@pytest.mark.parametrize(
    "ids",
    [
        pytest.param([], id="none"),
        pytest.param([str(number) for number in range(1001)], id="1,001"),
        pytest.param(["a", "b", "a"], id="one twice"),
        pytest.param(["a", ""], id="a blank one"),
    ],
)
def test_a_batch_is_1_to_1000_different_ids(ids: list[str]) -> None:
    for build in (endpoints.resolve, endpoints.retry):
        with pytest.raises(LimitExceededError, match="nothing was sent"):
            build(REF, ids)
    with pytest.raises(LimitExceededError):
        endpoints.assign(REF, ids, "a@example.com")
    with pytest.raises(LimitExceededError):
        endpoints.set_tags(REF, [(known, "") for known in ids], ["T1"])


def test_a_batch_of_1000_is_sent() -> None:
    assert (
        len(json.loads(endpoints.retry(REF, [str(number) for number in range(1000)]).body or b"")["retryDataKeys"])
        == 1000
    )
