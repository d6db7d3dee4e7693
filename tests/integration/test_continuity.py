"""A lost store and a store put back from a backup: nothing is sent blindly."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.cli.exits import HELD, worst
from daemon.core.actions import Mode
from daemon.core.decisions import Outcome
from daemon.core.exceptions import PlanError
from daemon.sandbox import Fault, Options
from daemon.sandbox.people import SOMEBODY
from tests.integration.shop import ACCOUNT, Shop
from tests.integration.small_shop import (
    BUSY,
    FLAKY,
    FLOW,
    HOPELESS,
    UNRECORDED,
    fail,
    one_pass,
    people,
    person,
    row_of,
    sent,
    small_shop,
)

WHEN_RUN = Options(job_seconds=5.0, leaves="when_run")
NEVER_ENDING = Options(job_seconds=None, leaves="when_run")


def back_up(shop: Shop) -> None:
    """Copy the store while nothing runs."""
    (shop.folder / "backup").mkdir()
    for file in shop.folder.glob("flowmend.db*"):
        shutil.copy(file, shop.folder / "backup")


def lose(shop: Shop) -> None:
    """Delete the store."""
    for file in shop.folder.glob("flowmend.db*"):
        file.unlink()


def put_back(shop: Shop) -> None:
    """Put the copy in the place of the store."""
    lose(shop)
    for file in (shop.folder / "backup").iterdir():
        shutil.copy(file, shop.folder)


def outdated(shop: Shop) -> Iterator[int]:
    """Return how many jobs each finding of an outdated store told of."""
    return (line["jobs"] for line in shop.events("store.outdated"))


async def test_with_a_store_put_back_from_a_backup_no_record_runs_twice_and_what_was_there_is_left_to_people(
    tmp_path: Path,
) -> None:
    async with small_shop(tmp_path, options=WHEN_RUN) as shop:
        await shop.once()
        truths = [*fail(shop, BUSY, count=2), *fail(shop, FLAKY), *fail(shop, HOPELESS)]
        async with shop.daemon() as daemon:  # collected and due, but nothing sent yet
            await daemon.accounts[ACCOUNT].cycle(act=False)
        back_up(shop)
        shop.clock.pass_by(timedelta(minutes=5))
        await shop.once()
        before = [truth.runs for truth in truths]
        assert before == [1, 1, 1, 1]

        put_back(shop)
        shop.clock.pass_by(timedelta(minutes=5))
        figures = await shop.once()
        assert figures.outdated is not None
        assert (figures.outdated.jobs, worst([figures])) == (1, HELD)
        assert "old copy" in str(figures.to_json()["outdated"])
        assert figures.tally.counts["retried"] == 0
        for _ in range(3):
            shop.clock.pass_by(timedelta(hours=3))
            again = await shop.once()
        assert [truth.runs for truth in truths] == before
        assert (again.outdated, again.tally.skipped["backlog"]) == (None, 2)
        assert list(outdated(shop)) == [1]


async def test_a_store_put_back_acts_on_what_occurs_from_then_on_and_on_the_rest_once_it_is_told_to(
    tmp_path: Path,
) -> None:
    async with small_shop(tmp_path) as shop:
        await shop.once()
        (old,) = fail(shop, FLAKY)
        back_up(shop)
        await shop.once()
        put_back(shop)
        shop.clock.pass_by(timedelta(hours=3))
        await shop.once()
        shop.clock.pass_by(timedelta(minutes=5))
        (new,) = fail(shop, BUSY, age_s=0)
        assert (await shop.once()).tally.counts["confirmed"] == 1
        assert [truth.runs for truth in (old, new)] == [1, 1]

        async with shop.daemon() as daemon:
            await daemon.accounts[ACCOUNT].once(timedelta(minutes=1), lambda *_: None, adopt_backlog=True)
        assert [truth.state for truth in (old, new)] == ["cured", "cured"]


@pytest.mark.parametrize("unknown", [False, True], ids=["in flight", "unknown"])
async def test_what_was_sent_when_the_backup_was_made_is_no_reason_to_send_it_more_often_than_allowed(
    tmp_path: Path, unknown: bool
) -> None:
    faults = [Fault(endpoint="POST retry", kind="before", call=1)] if unknown else ()
    async with small_shop(tmp_path, faults=faults) as shop:
        await shop.once()
        (truth,) = fail(shop, HOPELESS, traceKey="order-7")
        async with shop.daemon() as daemon:
            await daemon.accounts[ACCOUNT].cycle()
        if unknown:
            shop.clock.pass_by(timedelta(minutes=11))
            await shop.once()
        back_up(shop)
        if unknown:
            await person(shop, "order-7", Outcome.REFUSED)
        for _ in range(4):
            shop.clock.pass_by(timedelta(hours=2))
            await shop.once()
        assert truth.runs == 3

        put_back(shop)
        shop.clock.pass_by(timedelta(hours=2))
        async with shop.daemon() as daemon:  # which ends before anything of it is due
            await daemon.accounts[ACCOUNT].cycle()
        assert list(outdated(shop)) == [3 if unknown else 2]
        if unknown:
            await person(shop, "order-7", Outcome.REFUSED)
        for _ in range(4):
            shop.clock.pass_by(timedelta(hours=2))
            await shop.once()
        assert truth.runs == 3


async def test_while_a_job_that_a_put_back_store_knows_nothing_of_is_at_work_its_records_are_not_run_and_later_left(
    tmp_path: Path,
) -> None:
    async with small_shop(tmp_path, options=NEVER_ENDING) as shop:
        await shop.once()
        (truth,) = fail(shop, HOPELESS)
        back_up(shop)
        await shop.once(wait=timedelta(seconds=30))
        put_back(shop)
        shop.clock.pass_by(timedelta(minutes=1))
        async with shop.daemon() as daemon:
            first = await one_pass(daemon, wait=timedelta(seconds=30))
            shop.clock.pass_by(timedelta(minutes=30))
            (job,) = shop.sandbox.jobs.newest_first()
            shop.do(do="end_job", job=job.job_id, how="completed")
            await one_pass(daemon)
            shop.clock.pass_by(timedelta(hours=3))
            await one_pass(daemon)

            assert first.outdated is not None
            assert (truth.runs, sent(shop, "POST retry")) == (1, 1)
            assert (await row_of(daemon, truth)).reason == "backlog"
            assert list(outdated(shop)) == [1]


@pytest.mark.parametrize(
    ("by", "found"),
    [pytest.param("us", 1, id="the same user"), pytest.param(SOMEBODY, 0, id="a colleague"), ("auto", 0)],
)
async def test_only_jobs_of_the_own_user_from_while_nobody_looked_after_the_store_make_it_outdated(
    tmp_path: Path, by: str, found: int
) -> None:
    async with small_shop(tmp_path) as shop:
        (theirs,) = fail(shop, HOPELESS, fields={"assignedTo": "clerk@example.com"})
        await shop.once()
        async with shop.daemon() as daemon:
            runner = daemon.accounts[ACCOUNT]
            await runner.cycle()
            user = shop.sandbox.world.user_id if by == "us" else by
            shop.clock.pass_by(timedelta(minutes=10))
            people(shop, "retry", theirs, by=user)
            shop.clock.pass_by(timedelta(minutes=10))
            fail(shop)
            await runner.cycle()  # while it runs, a person's retry is no sign of anything
            assert list(outdated(shop)) == []
        shop.clock.pass_by(timedelta(minutes=10))
        people(shop, "retry", theirs, by=user)
        shop.clock.pass_by(timedelta(minutes=10))
        fail(shop)
        figures = await shop.once()

        assert list(outdated(shop)) == [found] * found
        assert (figures.tally.counts["retried"] == 0) == bool(found)


@pytest.mark.parametrize("kind", ["before", "after"])
async def test_a_death_while_a_retry_was_sent_does_not_make_its_own_store_look_outdated(
    tmp_path: Path, kind: str
) -> None:
    faults = [Fault(endpoint="POST retry", kind=kind, call=1)]
    async with small_shop(tmp_path, faults=faults) as shop:
        await shop.once()
        fail(shop)
        async with shop.daemon() as daemon:
            await daemon.accounts[ACCOUNT].cycle()
        shop.clock.pass_by(timedelta(minutes=5))
        fail(shop)
        await shop.once()
        assert list(outdated(shop)) == []


async def test_a_store_that_only_observed_or_just_began_is_never_outdated(tmp_path: Path) -> None:
    async with small_shop(tmp_path, recordings=UNRECORDED) as shop:
        (truth,) = fail(shop, HOPELESS)
        await shop.once(Mode.OBSERVE)
        shop.clock.pass_by(timedelta(minutes=10))
        people(shop, "retry", truth, by=shop.sandbox.world.user_id)
        shop.clock.pass_by(timedelta(minutes=10))
        fail(shop)
        before = sent(shop, "GET jobs")
        await shop.once(Mode.OBSERVE)
        assert sent(shop, "GET jobs") == before + 1, "once, for who retried the record that came back"

        await shop.once()
        assert list(outdated(shop)) == []


async def test_a_step_whose_jobs_cannot_be_listed_is_not_retried_and_asked_again_and_stops_no_other(
    tmp_path: Path,
) -> None:
    async with small_shop(tmp_path) as shop:
        await shop.once()
        (truth,) = fail(shop, FLAKY)
        shop.do(do="add_errors", flow=FLOW, step="Find customer", family=FLAKY, age_s=60)
        back_up(shop)
        await shop.once()
        put_back(shop)
        shop.clock.pass_by(timedelta(minutes=10))
        shop.sandbox.faults = (Fault(endpoint="GET jobs", kind="status:403", call=sent(shop, "GET jobs") + 1),)
        async with shop.daemon() as daemon:
            runner = daemon.accounts[ACCOUNT]
            tally, plan = await runner.cycle()
            assert (tally.steps_failed, plan) == (1, None)
            assert list(outdated(shop)) == [1], "the other step has told"
            await runner.cycle()
        assert (truth.runs, sent(shop, "POST retry")) == (1, 2)


async def test_a_step_that_could_not_be_asked_is_asked_by_the_next_process_for_the_whole_time(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop:
        await shop.once()
        (truth,) = fail(shop, FLAKY)
        back_up(shop)
        await shop.once()
        put_back(shop)
        shop.clock.pass_by(timedelta(minutes=10))
        shop.sandbox.faults = (Fault(endpoint="GET jobs", kind="status:403", every=1),)
        figures = await shop.once()
        assert (figures.tally.counts["retried"], figures.tally.skipped["unreachable"]) == (0, 1)

        shop.sandbox.faults = ()
        shop.clock.pass_by(timedelta(minutes=10))
        assert (await shop.once()).outdated is not None
        assert truth.runs == 1


async def test_a_plan_in_a_store_put_back_is_not_applied(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop:
        await shop.once()
        (truth,) = fail(shop, FLAKY)
        async with shop.daemon() as daemon:
            _, plan = await daemon.accounts[ACCOUNT].cycle(act=False)
        assert plan is not None
        back_up(shop)
        await shop.once()
        put_back(shop)
        shop.clock.pass_by(timedelta(minutes=5))
        async with shop.daemon() as daemon:
            with pytest.raises(PlanError, match="old copy"):
                await daemon.accounts[ACCOUNT].apply(plan.plan_id, "clerk", timedelta(minutes=1), lambda *_: None)
        assert truth.runs == 1


async def test_a_new_store_tells_once_how_many_errors_it_leaves_to_people_and_how_to_adopt_them(
    tmp_path: Path,
) -> None:
    async with small_shop(tmp_path, actions={"adopt_backlog": False}) as shop:
        fail(shop, count=3)
        async with shop.daemon() as daemon:
            figures = await one_pass(daemon)
            await daemon.accounts[ACCOUNT].cycle()
        (told,) = shop.events("backlog.left")

        assert (told["errors"], told["advice"]) == (3, "flowmend once --adopt-backlog")
        assert figures.tally.skipped["backlog"] == 3
        assert sent(shop, "POST retry") == 0


async def test_after_a_store_was_lost_no_attempt_is_repeated_before_the_backlog_is_adopted(
    tmp_path: Path,
) -> None:
    async with small_shop(tmp_path, actions={"adopt_backlog": False}) as shop:
        await shop.once()
        shop.clock.pass_by(timedelta(minutes=1))
        (truth,) = fail(shop, FLAKY, age_s=0)
        await shop.once()
        assert truth.runs == 1
        lose(shop)
        shop.clock.pass_by(timedelta(hours=3))
        figures = await shop.once()
        assert (truth.runs, figures.tally.skipped["backlog"], figures.outdated) == (1, 1, None)
