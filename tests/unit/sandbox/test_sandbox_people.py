from typing import Any

import pytest

from daemon.sandbox.people import SOMEBODY
from tests.unit.sandbox.sandbox_client import Client


def _on(client: Client, family: str) -> dict[str, Any]:
    entry = client.entry(family)
    return {"flow": entry.record.flow_id, "step": entry.record.step_id, "errors": [entry.error_id]}


@pytest.mark.parametrize(("by", "resolved_by"), [({}, SOMEBODY), ({"by": "auto"}, "auto")])
async def test_somebody_resolves_an_error(tiny: Client, by: dict[str, str], resolved_by: str) -> None:
    entry = tiny.entry("state-name")
    await tiny.act(do="resolve", **_on(tiny, "state-name"), **by)
    assert (entry.record.state, entry.record.resolved_by) == ("resolved", resolved_by)


async def test_somebody_retries_an_error_and_the_job_says_who(tiny: Client) -> None:
    done = await tiny.act(do="retry", **_on(tiny, "netsuite-concurrency"), by="auto")
    assert (await tiny.get(f"/jobs/{done['job']}")).json["triggeredBy"] == "auto"


async def test_an_error_is_assigned_changed_and_purged(tiny: Client) -> None:
    entry, on = tiny.entry("state-name"), _on(tiny, "state-name")
    await tiny.act(do="assign", **on, email="clerk@example.com")
    await tiny.act(do="change", **on, fields={"message": None, "retryAt": "2030-01-01T00:00:00.000Z"})
    listed = (await tiny.get(f"{tiny.path()}/errors")).json["errors"]
    error = next(each for each in listed if str(each["errorId"]) == entry.error_id)
    assert (error["assignedTo"], error["message"], error["retryAt"][:4]) == ("clerk@example.com", None, "2030")
    await tiny.act(do="vanish", **on)
    assert entry.record.state == "vanished"
    assert (await tiny.get(f"{tiny.path()}/resolved")).status == 204
    assert (await tiny.get(f"{tiny.path()}/{entry.retry_key}/data")).status == 404


async def test_editing_data_changes_one_place_and_no_other_digit(tiny: Client) -> None:
    entry = tiny.entry("state-name")
    path = f"{tiny.path()}/{entry.retry_key}/data"
    before = (await tiny.get(path)).text
    await tiny.act(do="edit_data", **_on(tiny, "state-name"), pointer="/data/sku", value="A-1")
    after = (await tiny.get(path)).text
    digits = before.partition('"total": ')[2].partition("}")[0]
    assert len(digits) > 17
    assert f'"total":{digits}' in after
    assert '"sku":"A-1"' in after


async def test_errors_of_a_family_are_added_late_and_with_any_field(tiny: Client) -> None:
    step = tiny.step()
    done = await tiny.act(
        do="add_errors",
        flow="Orders to NetSuite",
        step="Create sales order",
        family="duplicate-order",
        count=3,
        age_s=3600,
        traceKey="x" * 200,
        fields={"novelty": [1]},
    )
    assert len(done["records"]) == len(done["errors"]) == 3
    added = step.open.get(done["errors"][-1])
    assert added is not None
    assert added.fields["occurredAt"] == "2025-03-01T11:00:00.000Z"
    assert (added.fields["traceKey"], added.fields["novelty"]) == ("x" * 128, [1])
    assert len(step.open) == 9, "the platform resolved the two older ones of the same trace key"


@pytest.mark.parametrize(
    ("act", "says"),
    [
        pytest.param({"do": "dance"}, "one of: add_errors", id="unknown act"),
        pytest.param([], "JSON object", id="not an object"),
        pytest.param({"do": "resolve", "flow": "x", "step": "y", "errors": []}, "no step 'y'", id="unknown step"),
        pytest.param({"do": "flow", "flow": "x"}, "no flow 'x'", id="unknown flow"),
        pytest.param({"do": "end_job", "job": "x", "how": "failed"}, "no job 'x'", id="unknown job"),
        pytest.param(
            {"do": "add_errors", "flow": "Orders to NetSuite", "step": "Find customer", "family": "x"},
            "unknown family 'x'",
            id="unknown family",
        ),
        pytest.param(
            {"do": "resolve", "flow": "Orders to NetSuite", "step": "Find customer", "errors": ["7"]},
            "not open on this step: ['7']",
            id="error not open",
        ),
    ],
)
async def test_an_act_that_cannot_be_done_says_why(tiny: Client, act: Any, says: str) -> None:
    reply = await tiny.ask("POST", "/_sandbox/act", act)
    assert reply.status == 400
    assert says in reply.json["refused"]
