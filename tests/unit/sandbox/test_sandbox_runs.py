"""Which run an error says that it came out of."""

from collections.abc import Awaitable, Callable

import pytest

from daemon.sandbox import Options
from tests.unit.sandbox.sandbox_client import Client

Serve = Callable[..., Awaitable[Client]]
WHERE = {"flow": "Orders to NetSuite", "step": "Create sales order"}


async def test_errors_that_occur_together_are_of_one_run_that_can_be_asked_for(tiny: Client) -> None:
    for age_s, count in ((300, 2), (60, 1)):
        await tiny.act(do="add_errors", family="ship-method", count=count, age_s=age_s, **WHERE)
    runs = [entry.fields["_flowJobId"] for entry in tiny.step().open][-3:]
    assert runs[0] == runs[1] != runs[2]
    run = (await tiny.get(f"/jobs/{runs[0]}")).json
    assert (run["type"], run["status"], run["triggeredBy"]) == ("flow", "completed", "auto")
    assert not list(tiny.sandbox.jobs.newest_first())


@pytest.mark.parametrize("retried_in", ["retry_job", "blank", "first_run"])
async def test_the_error_of_a_failed_retry_names_the_job_or_nothing_or_the_first_run(
    serve: Serve, retried_in: str
) -> None:
    client = await serve(Options(retried_in=retried_in))  # type: ignore[arg-type]
    added = await client.act(do="add_errors", family="ship-method", **WHERE)
    step = client.step()
    (before,) = [step.open.get(each) for each in added["errors"]]
    assert before is not None
    job = await client.act(do="retry", errors=added["errors"], **WHERE)
    client.sandbox.settle()
    (error_id,) = before.record.open_ids
    after = step.open.get(error_id)
    assert after is not None
    named = {"retry_job": job["job"], "blank": "", "first_run": before.fields["_flowJobId"]}
    assert (error_id != before.error_id, after.fields["_flowJobId"]) == (True, named[retried_in])
