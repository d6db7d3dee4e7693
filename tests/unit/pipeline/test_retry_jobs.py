"""The retry jobs of a step are read until they have ended, and what is told is what the whole list would tell (P1, P2)."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.records import Job, Step, StepRef
from daemon.pipeline.retry_jobs import KEPT, LISTED_LATE, RetryJobs
from tests.makers import NOW, ago, step

STEP = Step(ref=step(), type="import")
OTHER_STEP = Step(ref=step("s2"), type="import")
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Retried:
    """One job as it goes: by the platform's clock *created* and *ended*, and listed so long after it was created."""

    job_id: str
    created: datetime
    ended: datetime | None = None
    late: timedelta = timedelta(0)
    dated: bool = True

    def shown(self, now: datetime) -> Job:
        """Return it as the platform shows it."""
        ended = self.ended if self.ended is not None and self.ended <= now else None
        status, created = "completed" if ended else "running", self.created if self.dated else None
        return Job(job_id=self.job_id, status=status, created_at=created, ended_at=ended)


@dataclass(frozen=True, kw_only=True)
class SlowlyEnded(Retried):
    """One that is said to have ended a minute before it is said when."""

    def shown(self, now: datetime) -> Job:
        """Return it as the platform shows it."""
        job = Retried.shown(self, now)
        return replace(job, ended_at=job.ended_at if job.ended_at and job.ended_at <= now - MINUTE else None)


@dataclass
class Platform:
    """Jobs as the platform lists them at its own time, and a journal that claims some."""

    jobs: list[Retried]
    now: datetime = NOW
    claimed: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    asked: list[datetime] = field(default_factory=list)
    listed: int = 0

    async def retry_jobs(self, step: Step, *, since: datetime) -> list[Job]:
        self.asked.append(since)
        found = [job for job in self.whole(since) if job.job_id not in self.hidden] if step == STEP else []
        self.listed += len(found)
        return found

    async def claimed_jobs(self, ref: StepRef, job_ids: Collection[str]) -> set[str]:
        assert ref in {STEP.ref, OTHER_STEP.ref}
        return self.claimed.intersection(job_ids)

    def whole(self, since: datetime) -> list[Job]:
        """Return the whole list, newest first."""
        listed = [job for job in self.jobs if since <= job.created and job.created + job.late <= self.now]
        return [job.shown(self.now) for job in sorted(listed, key=lambda job: job.created, reverse=True)]


def at(minutes: float) -> datetime:
    """Return the moment so many minutes after now."""
    return NOW + timedelta(minutes=minutes)


def of(platform: Platform) -> RetryJobs:
    return RetryJobs(client=platform, claims=platform, now=lambda: platform.now)


async def test_only_what_may_have_changed_is_asked_for_again() -> None:
    platform = Platform([Retried(job_id=f"j{n}", created=ago(hours=n), ended=ago(hours=n)) for n in range(1, 9)])
    jobs = of(platform)
    first = await jobs.others(STEP, since=ago(days=1))
    assert await jobs.others(STEP, since=ago(hours=4)) == first[:4]
    assert platform.asked == [ago(days=1), ago(hours=1) - LISTED_LATE]
    assert platform.listed == 9


async def test_what_is_at_work_is_asked_for_until_it_has_ended() -> None:
    slow = Retried(job_id="slow", created=ago(hours=5), ended=at(1))
    platform = Platform([slow, Retried(job_id="quick", created=ago(minutes=1), ended=ago(minutes=1))])
    jobs = of(platform)
    assert [job.job_id for job in await jobs.at_work(STEP, since=ago(days=1))] == ["slow"]
    platform.now = at(2)
    assert await jobs.at_work(STEP, since=ago(days=1)) == []
    assert await jobs.at_work(STEP, since=ago(days=1)) == []
    assert platform.asked[1:] == [slow.created - LISTED_LATE, ago(minutes=1) - LISTED_LATE]
    assert [job.ended_at for job in await jobs.others(STEP, since=slow.created)] == [ago(minutes=1), slow.ended]


async def test_a_job_is_asked_for_until_it_says_when_it_ended() -> None:
    newer = Retried(job_id="newer", created=ago(minutes=1), ended=NOW)
    platform = Platform([SlowlyEnded(job_id="slow", created=ago(hours=5), ended=NOW), newer])
    jobs = of(platform)
    assert [job.ended_at for job in await jobs.others(STEP, since=ago(days=1))] == [NOW, None]
    platform.now = at(1)
    assert [job.ended_at for job in await jobs.others(STEP, since=ago(days=1))] == [NOW, NOW]


async def test_a_list_that_goes_further_back_is_read_as_a_whole() -> None:
    platform = Platform([Retried(job_id="old", created=ago(hours=30), ended=ago(hours=29))])
    jobs = of(platform)
    assert await jobs.others(STEP, since=ago(hours=24)) == []
    assert [job.job_id for job in await jobs.others(STEP, since=ago(hours=31))] == ["old"]
    assert platform.asked == [ago(hours=24), ago(hours=31)]


async def test_where_nothing_was_listed_all_is_asked_for_again_whatever_our_clock_says() -> None:
    platform = Platform([], now=ago(hours=3))
    jobs = of(platform)
    assert await jobs.at_work(STEP, since=ago(days=1)) == []
    platform.jobs.append(Retried(job_id="behind", created=ago(hours=3)))
    assert [job.job_id for job in await jobs.at_work(STEP, since=ago(days=1))] == ["behind"]
    assert await jobs.at_work(OTHER_STEP, since=ago(days=1)) == []


async def test_a_job_that_is_not_there_any_more_is_not_told_again() -> None:
    platform = Platform(
        [Retried(job_id="gone", created=ago(minutes=3)), Retried(job_id="kept", created=ago(minutes=5))]
    )
    jobs = of(platform)
    assert len(await jobs.at_work(STEP, since=ago(days=1))) == 2
    del platform.jobs[0]
    assert [job.job_id for job in await jobs.at_work(STEP, since=ago(days=1))] == ["kept"]


async def test_a_job_that_is_listed_later_than_a_newer_one_is_noticed() -> None:
    late = Retried(job_id="late", created=NOW - LISTED_LATE, late=LISTED_LATE + timedelta(minutes=1))
    platform = Platform([late, Retried(job_id="newer", created=NOW)])
    jobs = of(platform)
    assert [job.job_id for job in await jobs.at_work(STEP, since=ago(days=1))] == ["newer"]
    platform.now = at(1)
    assert {job.job_id for job in await jobs.at_work(STEP, since=ago(days=1))} == {"newer", "late"}


async def test_a_job_at_work_that_one_list_did_not_show_is_looked_for_again() -> None:
    slow = Retried(job_id="slow", created=ago(hours=5), ended=at(9))
    platform = Platform([slow, Retried(job_id="newer", created=ago(hours=1), ended=ago(hours=1))])
    jobs = of(platform)
    for hidden, told in ((set(), {"slow"}), ({"slow", "newer"}, set()), ({"slow"}, set()), (set(), {"slow"})):
        platform.hidden = hidden
        assert {job.job_id for job in await jobs.at_work(STEP, since=ago(days=1))} == told
    platform.now = at(10)
    assert await jobs.at_work(STEP, since=ago(days=1)) == []
    assert await jobs.at_work(STEP, since=ago(days=1)) == []
    assert platform.asked[-1] == ago(hours=1) - LISTED_LATE


async def test_a_job_that_has_ended_goes_on_counting_though_a_later_list_does_not_show_it() -> None:
    platform = Platform([Retried(job_id="ended", created=ago(minutes=1), ended=NOW)])
    jobs = of(platform)
    assert [job.job_id for job in await jobs.others(STEP, since=ago(days=1))] == ["ended"]
    platform.hidden, platform.now = {"ended"}, at(30)
    platform.jobs.append(Retried(job_id="newer", created=at(20), ended=at(21)))
    assert {job.job_id for job in await jobs.others(STEP, since=ago(days=1))} == {"ended", "newer"}


async def test_a_job_from_a_platforms_clock_that_was_ahead_hides_none_after_it() -> None:
    platform = Platform([Retried(job_id="ahead", created=at(60), ended=NOW, late=-timedelta(hours=1))])
    jobs = of(platform)
    assert len(await jobs.others(STEP, since=ago(days=1))) == 1
    platform.jobs.append(Retried(job_id="next", created=at(5)))
    platform.now = at(20)
    assert [job.job_id for job in await jobs.at_work(STEP, since=ago(days=1))] == ["next"]


async def test_a_clock_of_ours_that_is_ahead_hides_no_job() -> None:
    platform = Platform([Retried(job_id="first", created=ago(hours=1), ended=NOW)])
    jobs = RetryJobs(client=platform, claims=platform, now=lambda: at(180))
    assert await jobs.at_work(STEP, since=ago(days=1)) == []
    platform.jobs.append(Retried(job_id="next", created=NOW))
    assert [job.job_id for job in await jobs.at_work(STEP, since=ago(days=1))] == ["next"]


async def test_where_jobs_do_not_say_when_they_were_created_no_more_are_listed_than_are_asked_for() -> None:
    platform = Platform([Retried(job_id=f"j{day}", created=at(day * 24 * 60), dated=False) for day in range(9)])
    jobs = of(platform)
    for day in range(9):
        platform.now = at(day * 24 * 60 + 60)
        assert [job.job_id for job in await jobs.at_work(STEP, since=platform.now - DAY)] == [f"j{day}"]
    assert platform.listed == 9


async def test_after_weeks_in_which_nobody_asked_no_more_are_listed_than_are_asked_for() -> None:
    hourly = [Retried(job_id=f"j{n}", created=at(n * 60), ended=at(n * 60)) for n in range(30 * 24)]
    platform = Platform(hourly)
    jobs = of(platform)
    await jobs.others(STEP, since=ago(days=1))
    platform.now = at(30 * 24 * 60)
    assert len(await jobs.others(STEP, since=platform.now - DAY)) == 24
    assert platform.asked[-1] == platform.now - DAY


async def test_our_own_jobs_are_others_only_until_the_journal_knows_of_them() -> None:
    platform = Platform([Retried(job_id="ours", created=ago(hours=2), ended=ago(hours=1))])
    jobs = of(platform)
    assert len(await jobs.others(STEP, since=ago(days=1))) == 1
    platform.claimed.add("ours")
    assert await jobs.others(STEP, since=ago(days=1)) == []


async def test_our_own_jobs_are_at_work_too() -> None:
    jobs = of(Platform([Retried(job_id="ours", created=ago(hours=2))], claimed={"ours"}))
    assert len(await jobs.at_work(STEP, since=ago(days=1))) == 1
    assert await jobs.others(STEP, since=ago(days=1)) == []


async def test_what_nobody_will_ask_for_is_not_kept_in_mind() -> None:
    ended = [Retried(job_id=f"j{n}", created=ago(hours=n), ended=ago(hours=n)) for n in range(80)]
    jobs = of(Platform(ended, claimed={f"j{n}" for n in range(1, 40)}))
    await jobs.others(STEP, since=ago(days=5))
    kept = jobs.known[STEP.ref].jobs
    assert set(kept) == {"j0"} | {f"j{n}" for n in range(40, 49)}
    assert min(job.created_at for job in kept.values() if job.created_at) == NOW - KEPT


MINUTES = st.integers(0, 6 * 24 * 60)
NUMBERS = st.sets(st.integers(0, 12))
LATE = st.integers(0, int(LISTED_LATE.total_seconds() // 60))


@st.composite
def histories(draw: st.DrawFn) -> list[Retried]:
    """Jobs of six days, some of which end, some late to be listed."""
    jobs = []
    for number in range(draw(st.integers(0, 12))):
        created = at(draw(MINUTES))
        lasts = draw(st.none() | st.integers(0, 600))
        ended = None if lasts is None else created + timedelta(minutes=lasts)
        jobs.append(Retried(job_id=f"j{number}", created=created, ended=ended, late=timedelta(minutes=draw(LATE))))
    return jobs


@given(
    histories(),
    st.lists(st.tuples(MINUTES, st.integers(0, 3 * 24 * 60), NUMBERS, NUMBERS), max_size=12),
)
def test_what_is_told_is_what_the_whole_list_tells_also_after_lists_with_holes(
    jobs: list[Retried], looks: list[tuple[int, int, set[int], set[int]]]
) -> None:
    async def look_again_and_again() -> None:
        platform = Platform(jobs)
        read = of(platform)
        for minute, back, claimed, hidden in sorted(looks, key=lambda look: look[0]):
            known = {job_id for each in read.known.values() for job_id in each.jobs}
            platform.now, platform.hidden = at(minute), known & {f"j{number}" for number in hidden}
            await read.others(STEP, since=platform.now - DAY)
            platform.hidden.clear()
            platform.claimed |= {f"j{number}" for number in claimed}
            since = platform.now - timedelta(minutes=back)
            whole = {job.job_id: job for job in platform.whole(since)}
            told = {job.job_id: job for job in await read.others(STEP, since=since)}
            assert told == {job_id: job for job_id, job in whole.items() if job_id not in platform.claimed}
            at_work = {job.job_id for job in await read.at_work(STEP, since=since)}
            assert at_work == {job_id for job_id, job in whole.items() if not job.ended}

    asyncio.run(look_again_and_again())
