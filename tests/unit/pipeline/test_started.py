"""Which job is taken for the one that an entry of the journal started."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from daemon.core.batches import Act, Batch, BatchItem, WriteState, Written
from daemon.core.exceptions import AuthError, RefusedError
from daemon.core.records import Job, Step, StepRef
from daemon.pipeline.started import StartedJobs
from tests.makers import NOW, step

STEP = Step(ref=step(), type="import")


@dataclass
class Jobs:
    """An integrator.io that lists *listed*, and the journal's knowledge of jobs."""

    listed: list[Job] = field(default_factory=list)
    answer: Job | RefusedError = field(default_factory=lambda: Job(job_id="j1"))
    claimed: set[str] = field(default_factory=set)
    lost: list[datetime] = field(default_factory=lambda: [NOW])
    adopted: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def job(self, job_id: str) -> Job:
        assert job_id
        self.asked.append(job_id)
        if isinstance(self.answer, RefusedError):
            raise self.answer
        return self.answer

    async def retry_jobs(self, step: Step, *, since: datetime) -> list[Job]:
        assert step == STEP
        self.asked.append("list")
        return [job for job in self.listed if job.created_at is None or job.created_at >= since]

    async def accepted(self, batch_id: int, job_id: str, now: datetime) -> None:
        assert (batch_id, now) == (7, NOW)
        self.adopted.append(job_id)

    async def claimed_jobs(self, ref: StepRef, job_ids: Collection[str]) -> set[str]:
        assert ref == STEP.ref
        return self.claimed.intersection(job_ids)

    async def jobless(self, ref: StepRef, since: datetime) -> list[datetime]:
        assert ref == STEP.ref
        return [at for at in self.lost if at >= since]


def job(job_id: str, **fields: Any) -> Job:
    """Return a job of ours that ended after it had run two records, one of which failed."""
    usual = {"status": "completed", "num_success": 1, "num_error": 1, "triggered_by": "us", "created_at": NOW}
    return Job(job_id=job_id, **{**usual, **fields})


def lost(sent: int = 2) -> Written:
    """Return a retry whose answer was lost."""
    items = tuple(BatchItem(error_id=f"e{number}", case_key="t:1") for number in range(sent))
    batch = Batch(step=STEP.ref, act=Act.RETRY, rule_id="r", rules="rules@1", plan_id=1, items=items)
    return Written(batch_id=7, batch=batch, state=WriteState.UNKNOWN, intended_at=NOW, sent=sent)


@pytest.mark.parametrize(
    ("listed", "adopted"),
    [
        pytest.param([job("a")], ["a"], id="the only one, and it counted as many"),
        pytest.param([], [], id="none"),
        pytest.param([job("a", triggered_by="else")], [], id="somebody else's"),
        pytest.param([job("a", triggered_by="auto")], [], id="the platform's own"),
        pytest.param([job("a"), job("b", triggered_by="else")], ["a"], id="ours beside somebody else's"),
        pytest.param([job("a"), job("b")], [], id="two of ours"),
        pytest.param([job("a"), job("b", triggered_by="")], [], id="ours, and one that may be"),
        pytest.param([job("a"), job("claimed")], ["a"], id="the other belongs to another entry"),
        pytest.param([job("a", status="running")], [], id="not ended"),
        pytest.param([job("a", num_success=2)], [], id="it counted more"),
        pytest.param([job("a", num_success=0)], [], id="it counted less"),
        pytest.param([job("a", created_at=datetime.min.replace(tzinfo=NOW.tzinfo))], [], id="long before"),
        pytest.param([job("a", created_at=NOW + timedelta(minutes=9))], [], id="after any answer was given up"),
    ],
)
async def test_a_lost_retry_takes_the_one_job_that_can_only_be_its_own(listed: list[Job], adopted: list[str]) -> None:
    jobs = Jobs(listed=listed, claimed={"claimed"})
    started = StartedJobs(client=jobs, store=jobs, user_id="us")

    assert await started.adopt(STEP, lost(), NOW) == "".join(adopted)
    assert jobs.adopted == adopted


@pytest.mark.parametrize(
    ("minutes", "adopted"),
    [(0, []), (-1, []), (1, []), (-9, ["a"]), (9, ["a"])],
    ids=["at once", "before", "after", "long before", "long after"],
)
async def test_a_job_that_one_of_two_lost_retries_may_have_started_is_taken_for_neither(
    minutes: int, adopted: list[str]
) -> None:
    jobs = Jobs(listed=[job("a")], lost=[NOW, NOW + timedelta(minutes=minutes)])
    await StartedJobs(client=jobs, store=jobs, user_id="us").adopt(STEP, lost(), NOW)
    assert jobs.adopted == adopted


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        pytest.param(Job(job_id="j1"), True, id="the job"),
        pytest.param(Job(job_id="j2"), False, id="another job"),
        pytest.param(Job(job_id=""), False, id="no job"),
        pytest.param(RefusedError("gone", status=404), False, id="gone"),
        pytest.param(AuthError("not for you", status=403), False, id="not to be seen"),
    ],
)
async def test_an_answer_about_another_job_or_none_proves_nothing(answer: Job | RefusedError, *, found: bool) -> None:
    jobs = Jobs(answer=answer)
    job = await StartedJobs(client=jobs, store=jobs, user_id="us").job("j1")
    assert (job is not None) is found


async def test_a_refused_token_is_no_answer_about_a_job() -> None:
    jobs = Jobs(answer=AuthError("refused", status=401))
    with pytest.raises(AuthError):
        await StartedJobs(client=jobs, store=jobs, user_id="us").job("j1")


def named(job_id: str) -> Written:
    """Return a retry whose answer named its job, "" for none."""
    return replace(lost(), state=WriteState.ACCEPTED, job_id=job_id)


@pytest.mark.parametrize(
    ("job_ids", "listed", "asked", "found"),
    [
        pytest.param([], [], [], [], id="no entry"),
        pytest.param(["", ""], ["j1"], [], [], id="none named a job"),
        pytest.param(["j1"], ["j1"], ["j1"], ["j1"], id="one is asked for by itself"),
        pytest.param(["j2", "j3", ""], ["j2", "j3", "j4"], ["list"], ["j2", "j3"], id="several in one list"),
        pytest.param(["j1", "j2"], ["j2"], ["list", "j1"], ["j1", "j2"], id="one that the list does not show"),
        pytest.param(["j2", "j3"], ["j2"], ["list", "j3"], ["j2"], id="one that is not there"),
    ],
)
async def test_the_jobs_of_several_entries_are_read_with_one_request_where_the_list_has_them(
    job_ids: list[str], listed: list[str], asked: list[str], found: list[str]
) -> None:
    jobs = Jobs(listed=[job(each) for each in listed])
    known = await StartedJobs(client=jobs, store=jobs, user_id="us").known(STEP, [named(each) for each in job_ids])
    assert (jobs.asked, sorted(known)) == (asked, found)
    assert all(each.job_id == job_id for job_id, each in known.items())
