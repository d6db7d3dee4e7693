"""How errors left without us is found out once, by reading, and stops nothing."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from daemon.core.exceptions import AuthError, RefusedError, TemporaryError
from daemon.core.recordings import Departure, Fate
from daemon.core.records import Job, ResolvedRecord, Step, StepRef
from daemon.pipeline.departures import Departures, how_it_left
from daemon.pipeline.retry_jobs import RetryJobs
from tests.makers import NOW, ago, step

STEP = Step(ref=step(), type="import")
OTHER = Step(ref=step("s2"), type="import")
JO = "user-jo"


def entry(by: str, *, minutes: float = 10) -> ResolvedRecord:
    return ResolvedRecord(error_id="e1", resolved_at=ago(minutes=minutes), resolved_by=by)


def job(by: str = JO, *, ended: float | None = 9, failed: int = 0, passed: int = 1) -> Job:
    """Return a retry job of *by* from eleven minutes ago on."""
    return Job(
        job_id=f"job-{by}",
        type="retry",
        status="running" if ended is None else "completed",
        triggered_by=by,
        num_error=failed,
        num_success=passed,
        created_at=ago(minutes=11),
        ended_at=None if ended is None else ago(minutes=ended),
    )


LEFT = {
    "resolved by a person": (entry(JO), [], Fate.PERSON_RESOLVED),
    "resolved by a person while another retried": (entry(JO), [job("user-al")], Fate.PERSON_RESOLVED),
    "resolved long before the retry": (entry(JO, minutes=60), [job()], Fate.PERSON_RESOLVED),
    "resolved by a person whose retry of others failed": (entry(JO), [job(passed=0, failed=1)], Fate.PERSON_RESOLVED),
    "retried by a person": (entry(JO), [job()], Fate.PERSON_RETRIED),
    "retried by a person, the job still runs": (entry(JO), [job(ended=None)], Fate.PERSON_RETRIED),
    "by the platform": (entry("auto"), [job("auto")], Fate.PLATFORM),
    "retried by a person and came back": (None, [job(failed=1)], Fate.PERSON_RETRIED),
    "retried by the platform and came back": (None, [job("auto", failed=1)], Fate.PLATFORM),
    "perhaps still in a retry": (None, [job(ended=None)], None),
    "nobody knows": (None, [job()], Fate.LEFT),
    "nobody was there": (None, [], Fate.LEFT),
}


@pytest.mark.parametrize(("resolved", "jobs", "fate"), LEFT.values(), ids=LEFT.keys())
def test_how_an_error_left_is_told_by_the_resolved_list_and_the_jobs(
    resolved: ResolvedRecord | None, jobs: list[Job], fate: Fate | None
) -> None:
    assert how_it_left(resolved, jobs) is fate


@dataclass
class World:
    """A platform and a store in one: errors of two steps have left."""

    resolved_by: Mapping[str, str] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    refusals: dict[StepRef, Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    noted: dict[tuple[str, str], Fate] = field(default_factory=dict)

    async def departed(self, account: str) -> Sequence[Departure]:
        assert account == "acme"
        return [Departure(step=each.ref, error_ids=("e1", "e2"), since=ago(hours=1)) for each in (STEP, OTHER)]

    async def steps(self, account: str) -> Mapping[StepRef, Step]:
        assert account == "acme"
        return {STEP.ref: STEP, OTHER.ref: OTHER}

    async def note_fates(self, ref: StepRef, fates: Mapping[str, Fate]) -> None:
        self.noted |= {(ref.step_id, error_id): fate for error_id, fate in fates.items()}

    async def claimed_jobs(self, _ref: StepRef, job_ids: Collection[str]) -> set[str]:
        return {"job-ours"}.intersection(job_ids)

    async def resolved(
        self, ref: StepRef, *, since: datetime | None, until: datetime | None
    ) -> AsyncIterator[list[ResolvedRecord]]:
        assert since is not None
        assert since < ago(hours=1)
        assert until is None
        if ref in self.refusals:
            raise self.refusals[ref]
        self.asked.append(f"resolved {ref.step_id}")
        for error_id, by in {**self.resolved_by, "other": JO}.items():
            yield [ResolvedRecord(error_id=error_id, resolved_by=by, resolved_at=ago(minutes=10))]

    async def retry_jobs(self, step: Step, *, since: datetime) -> list[Job]:
        assert since < ago(hours=1)
        self.asked.append(f"jobs {step.ref.step_id}")
        return self.jobs


async def ask(world: World) -> list[Any]:
    with capture_logs() as logs:
        jobs = RetryJobs(client=world, claims=world, now=lambda: NOW)
        departures = Departures(client=world, retries=jobs, store=world, log=structlog.get_logger())
        await departures.ask("acme", NOW)
    return list(logs)


async def test_the_platforms_own_doing_needs_no_list_of_jobs() -> None:
    world = World(resolved_by={"e1": "auto", "e2": "auto"})
    await ask(world)
    assert world.asked == ["resolved s1", "resolved s2"]
    assert set(world.noted.values()) == {Fate.PLATFORM}


async def test_jobs_of_ours_and_of_before_explain_nothing() -> None:
    ours, long_ago = job("ours", failed=1), job(ended=600, failed=1)
    world = World(resolved_by={"e1": JO}, jobs=[ours, long_ago])
    await ask(world)
    assert world.noted["s1", "e1"] is Fate.PERSON_RESOLVED
    assert world.noted["s1", "e2"] is Fate.LEFT


async def test_what_may_still_be_in_a_retry_is_asked_about_later() -> None:
    world = World(resolved_by={"e1": JO}, jobs=[job("user-al", ended=None)])
    await ask(world)
    assert world.noted == {("s1", "e1"): Fate.PERSON_RESOLVED, ("s2", "e1"): Fate.PERSON_RESOLVED}


async def test_a_step_that_may_not_be_asked_is_not_asked_again_and_stops_no_other() -> None:
    world = World(resolved_by={"e1": JO, "e2": JO}, refusals={STEP.ref: RefusedError("no", status=403)})
    assert await ask(world) == []
    assert world.noted["s1", "e1"] is Fate.LEFT
    assert world.noted["s2", "e1"] is Fate.PERSON_RESOLVED


async def test_a_step_that_cannot_be_asked_now_is_asked_next_time_and_stops_no_other() -> None:
    world = World(resolved_by={"e1": JO, "e2": JO}, refusals={STEP.ref: TemporaryError("reset", wait_s=1.0)})
    (line,) = await ask(world)
    assert (line["event"], line["step_id"]) == ("departures.unread", "s1")
    assert set(world.noted) == {("s2", "e1"), ("s2", "e2")}


async def test_a_refused_token_stops_it() -> None:
    world = World(refusals={STEP.ref: AuthError("no", status=401)})
    with pytest.raises(AuthError):
        await ask(world)
    assert world.noted == {}
