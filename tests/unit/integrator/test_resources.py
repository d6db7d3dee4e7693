from datetime import UTC, datetime
from typing import Any

import pytest

from daemon.core.exceptions import ProtocolError
from daemon.core.records import Connection, Flow, Job, Mark, TokenInfo
from daemon.integrator import resources


@pytest.mark.parametrize(
    ("answer", "steps"),
    [
        pytest.param(
            {
                "pageGenerators": [{"_exportId": "e1"}],
                "pageProcessors": [{"type": "export", "_exportId": "e2"}, {"type": "import", "_importId": "i1"}],
            },
            (("e1", "export"), ("e2", "export"), ("i1", "import")),
            id="generators and processors",
        ),
        pytest.param(
            {
                "pageGenerators": [{"_exportId": "e1"}],
                "routers": [
                    {"branches": [{"pageProcessors": [{"type": "import", "_importId": "i1"}]}, {"pageProcessors": []}]},
                    {"branches": [{"pageProcessors": [{"_importId": "i2"}, {"_exportId": "e2"}]}]},
                ],
            },
            (("e1", "export"), ("i1", "import"), ("i2", "import"), ("e2", "export")),
            id="branches",
        ),
        pytest.param({"_exportId": "e1", "_importId": "i1"}, (("e1", "export"), ("i1", "import")), id="an older flow"),
        pytest.param(
            {"pageGenerators": [{"_exportId": "e1"}, {"_exportId": "e1"}], "_exportId": "e1"},
            (("e1", "export"),),
            id="one step three times",
        ),
        pytest.param(
            {"pageGenerators": None, "pageProcessors": [None, {}, {"_importId": None}], "routers": [{"branches": 1}]},
            (),
            id="nothing where something was due",
        ),
    ],
)
def test_the_steps_of_a_flow_are_found_wherever_they_stand(
    answer: dict[str, Any], steps: tuple[tuple[str, str], ...]
) -> None:
    assert resources.flow({"_id": "f1", **answer}).steps == steps


def test_a_flow_says_what_it_is() -> None:
    answer = {"_id": "f1", "name": "Orders", "_integrationId": "n1", "disabled": True, "lastModified": "2026-03-04"}
    assert resources.flow(answer) == Flow(flow_id="f1", name="Orders", integration_id="n1", disabled=True)


@pytest.mark.parametrize(
    ("value", "disabled"), [(True, True), ("true", True), (False, False), ("false", False), (None, False)]
)
def test_a_flow_is_disabled_when_it_says_so(value: object, disabled: bool) -> None:
    assert resources.flow({"_id": "f1", "disabled": value}).disabled is disabled


def test_a_summary_says_how_many_and_since_when() -> None:
    entries = [
        {"_flowId": "f1", "numError": 5, "lastErrorAt": "2026-03-04T12:00:00.000Z"},
        {"_flowId": 2, "numError": "0"},
    ]
    assert resources.marks(entries, "_flowId", "here") == {
        "f1": Mark(num_error=5, last_error_at=datetime(2026, 3, 4, 12, tzinfo=UTC)),
        "2": Mark(num_error=0),
    }


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param(None, id="nothing"),
        pytest.param({"_flowId": "f1", "numError": 5}, id="no list"),
        pytest.param([None], id="null"),
        pytest.param([{"numError": 5}], id="no id"),
        pytest.param([{"_flowId": "f1"}], id="no count"),
        pytest.param([{"_flowId": "f1", "numError": "many"}], id="no number"),
        pytest.param([{"_flowId": "f1", "numError": -1}], id="less than none"),
    ],
)
def test_a_summary_of_another_shape_says_nothing(entries: object) -> None:
    with pytest.raises(ProtocolError, match="what is open is not known"):
        resources.marks(entries, "_flowId", "here")


def test_a_job_says_how_it_went() -> None:
    answer = {
        "_id": "j1",
        "type": "retry",
        "status": "completed",
        "numSuccess": 3,
        "numError": 1,
        "triggeredBy": "u1",
        "createdAt": "2026-03-04T12:00:00Z",
        "endedAt": "2026-03-04T12:01:00Z",
    }
    assert resources.job(answer) == Job(
        job_id="j1",
        type="retry",
        status="completed",
        num_success=3,
        num_error=1,
        triggered_by="u1",
        created_at=datetime(2026, 3, 4, 12, tzinfo=UTC),
        ended_at=datetime(2026, 3, 4, 12, 1, tzinfo=UTC),
    )


def test_a_connection_and_a_token_say_what_they_are() -> None:
    assert resources.connection({"_id": "c1", "name": "Slack", "offline": True}) == Connection(
        connection_id="c1", name="Slack", offline=True
    )
    assert resources.token_info({"_userId": "u1"}) == TokenInfo(user_id="u1")
    assert resources.token_info({"_userId": "u1", "scope": "*"}) == TokenInfo(user_id="u1", scope="*")


@pytest.mark.parametrize("key", ["tag", "name"])
def test_a_tag_goes_by_its_tag_id(key: str) -> None:
    assert resources.tag({"_id": "x", "tagId": "T1", key: "Urgent"}) == ("T1", "Urgent")
