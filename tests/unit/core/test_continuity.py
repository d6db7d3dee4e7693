"""Which retry jobs a store cannot account for."""

from datetime import datetime, timedelta

import pytest

from daemon.core.continuity import Gap, Outdated, unexplained
from daemon.core.records import Job
from tests.makers import NOW


def at(minutes: float) -> datetime:
    """Return the moment so many minutes after `NOW`."""
    return NOW + timedelta(minutes=minutes)


def job(job_id: str, created_at: datetime | None) -> Job:
    """Return a job."""
    return Job(job_id=job_id, created_at=created_at)


@pytest.mark.parametrize(
    ("jobs", "claimed", "jobless", "strange"),
    [
        pytest.param({}, "", [], "", id="no job"),
        pytest.param({"a": at(0)}, "a", [], "", id="the journal names it"),
        pytest.param({"a": at(0)}, "", [], "a", id="the journal knows nothing"),
        pytest.param({"a": at(1), "b": at(0)}, "", [], "ba", id="oldest first"),
        pytest.param({"a": at(1)}, "", [at(0)], "", id="a lost answer explains it"),
        pytest.param({"a": at(-2)}, "", [at(0)], "", id="the platform's clock is behind"),
        pytest.param({"a": at(-2.1)}, "", [at(0)], "a", id="it was there before that retry"),
        pytest.param({"a": at(8)}, "", [at(0)], "", id="a call that took as long as one may"),
        pytest.param({"a": at(8.1)}, "", [at(0)], "a", id="too late for that retry"),
        pytest.param({"a": at(0), "b": at(1)}, "", [at(0)], "b", id="one lost answer explains one job"),
        pytest.param({"a": at(0), "b": at(1)}, "", [at(0), at(0)], "", id="two explain two"),
        pytest.param({"a": at(0), "b": at(1)}, "a", [at(0)], "", id="a named one needs no explanation"),
        pytest.param({"a": None}, "", [], "a", id="it does not say when it was created"),
        pytest.param({"a": None, "b": None}, "", [at(0)], "b", id="several that do not"),
    ],
)
def test_a_job_is_strange_where_no_entry_of_the_journal_can_have_started_it(
    jobs: dict[str, datetime | None], claimed: str, jobless: list[datetime], strange: str
) -> None:
    found = unexplained([job(*each) for each in jobs.items()], claimed=set(claimed), jobless=jobless)
    assert "".join(each.job_id for each in found) == strange


@pytest.mark.parametrize(
    ("created_at", "held"),
    [(at(-2), True), (at(-2.1), False), (at(12), True), (at(12.1), False), (at(5), True), (None, True)],
)
def test_the_gap_holds_what_was_created_in_it_whatever_clock_is_off(created_at: datetime | None, *, held: bool) -> None:
    assert Gap(since=at(0), until=at(10)).holds(job("a", created_at)) is held


def test_an_outdated_store_says_what_was_found_and_what_follows() -> None:
    text = str(Outdated(account="acme", since=at(0), jobs=3, newest_job="j9", newest_at=at(1)))
    for told in ("acme: ", "2026-01-15 12:00:00", "3 retry jobs", "j9", "12:01:00", "old copy", "left to people"):
        assert told in text
