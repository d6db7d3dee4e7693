"""Which errors came out of retries that were not ours, whatever the platform says of them (P2)."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from daemon.core.exceptions import AuthError, ProtocolError, RefusedError
from daemon.core.records import Job, Step, StepRef
from daemon.pipeline.others import LONGEST_JOB, OthersRetries
from daemon.pipeline.retry_jobs import RetryJobs
from tests.makers import NOW, ago, record, step

STEP = Step(ref=step(), type="import")


def job(job_id: str, *, began: float = 20, ended: float | None = 5, kind: str = "retry") -> Job:
    """Return a job that was at work from so many minutes ago to so many minutes ago."""
    return Job(
        job_id=job_id,
        type=kind,
        status="running" if ended is None else "completed",
        created_at=ago(minutes=began),
        ended_at=None if ended is None else ago(minutes=ended),
    )


THEIRS, OURS = job("theirs"), job("ours")
RUN = job("run", kind="flow")
LONG_AGO = job("long-ago", began=900, ended=899, kind="flow")


@dataclass
class Platform:
    """Jobs as the platform lists them, *runs* among those that can be asked for; and a journal that claims "ours"."""

    jobs: list[Job]
    refusal: Exception | None = None
    asked: list[str] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)

    async def retry_jobs(self, step: Step, *, since: datetime) -> list[Job]:
        self.asked.append(f"since {since}")
        if self.refusal:
            raise self.refusal
        assert step == STEP
        return [each for each in self.jobs if each.type == "retry" and (each.created_at or since) >= since]

    async def job(self, job_id: str) -> Job:
        self.asked.append(job_id)
        found = [each for each in self.jobs if each.job_id == job_id]
        if not found:
            raise RefusedError("gone", status=404)
        return found[0]

    async def claimed_jobs(self, ref: StepRef, job_ids: Collection[str]) -> set[str]:
        assert ref == STEP.ref
        self.looked_up += job_ids if len(job_ids) == 1 else ()
        return {"ours"}.intersection(job_ids)


def retries(platform: Platform) -> OthersRetries:
    """Return what a page asks."""
    jobs = RetryJobs(client=platform, claims=platform, now=lambda: NOW)
    return OthersRetries(step=STEP, since=ago(minutes=10), client=platform, retries=jobs, claims=platform)


@pytest.mark.parametrize(
    ("jobs", "run", "made"),
    [
        pytest.param([THEIRS], "theirs", True, id="it names their job"),
        pytest.param([THEIRS, OURS], "ours", False, id="it names ours"),
        pytest.param([job("theirs", began=900, ended=800)], "theirs", True, id="it names theirs, whenever that was"),
        pytest.param([], "", False, id="no job at all"),
        pytest.param([OURS], "", False, id="ours alone was at work"),
        pytest.param([THEIRS], "", True, id="names nothing, theirs was at work"),
        pytest.param([job("theirs", ended=None)], "", True, id="names nothing, theirs is at work"),
        pytest.param([job("theirs", ended=11)], "", True, id="right after theirs ended"),
        pytest.param([job("theirs", ended=11.1)], "", False, id="long after theirs ended"),
        pytest.param([job("theirs", began=9)], "", False, id="before theirs began"),
        pytest.param([THEIRS, RUN], "run", False, id="names a run that was at work, too"),
        pytest.param([THEIRS, LONG_AGO], "long-ago", True, id="names the run in which it failed at first"),
        pytest.param([THEIRS, job("run", ended=10.1, kind="flow")], "run", True, id="names a run that had just ended"),
        pytest.param([THEIRS], "run", True, id="its run is not there any more"),
        pytest.param([RUN], "run", False, id="a run, and no retry"),
    ],
)
async def test_an_error_came_out_of_others_retry(jobs: list[Job], run: str, made: bool) -> None:
    error = record(occurred_at=ago(minutes=10), flow_job_id=run)
    assert await retries(Platform(jobs)).made(error) is made


async def test_an_error_that_names_a_retry_job_too_old_to_be_listed_came_out_of_it() -> None:
    platform = Platform([THEIRS, job("old", began=9000, ended=None)])
    assert await retries(platform).made(record(occurred_at=ago(minutes=10), flow_job_id="old"))
    assert platform.asked[1:] == ["old"]


async def test_jobs_are_asked_for_once_and_runs_once_each_and_only_if_they_matter() -> None:
    platform = Platform([THEIRS, LONG_AGO])
    others = retries(platform)
    for run in ("long-ago", "theirs", "", "ours", "long-ago", "lost", "lost"):
        await others.made(record(occurred_at=ago(minutes=10), flow_job_id=run))
    await others.made(record(occurred_at=ago(minutes=1), flow_job_id="never asked for"))
    assert platform.asked == [f"since {ago(minutes=10) - LONGEST_JOB}", "long-ago", "lost"]
    assert platform.looked_up == ["theirs", "long-ago", "ours", "lost"]


@pytest.mark.parametrize("refusal", [RefusedError("no", status=403), ProtocolError("odd")], ids=["403", "odd"])
async def test_jobs_that_are_closed_to_us_tell_of_no_retry(refusal: Exception) -> None:
    assert not await retries(Platform([THEIRS], refusal)).made(record(occurred_at=ago(minutes=10)))


async def test_a_refused_token_stops_the_account() -> None:
    with pytest.raises(AuthError):
        await retries(Platform([THEIRS], AuthError("no", status=401))).made(record(occurred_at=ago(minutes=10)))
