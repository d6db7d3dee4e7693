"""What nobody knows is settled by a person while the daemon runs, and counts for all that follows (P1, P2, P4)."""

from datetime import timedelta
from pathlib import Path

from daemon.core.decisions import Outcome
from daemon.sandbox import Options
from tests.integration.shop import ACCOUNT
from tests.integration.small_shop import (
    FLOW,
    HOPELESS,
    LOST,
    fail,
    one_pass,
    person,
    row_of,
    sent,
    small_shop,
    until_unknown,
)

NEVER_ENDS = Options(job_seconds=None)


async def test_a_retry_that_never_arrived_is_sent_again_only_after_a_person_has_said_so(tmp_path: Path) -> None:
    async with small_shop(tmp_path, faults=LOST) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, traceKey="order-7")
        await until_unknown(shop, daemon)
        shop.clock.pass_by(timedelta(days=2))  # no timer ever settles it
        await one_pass(daemon)
        row = await row_of(daemon, truth)
        assert (sent(shop, "POST retry"), truth.runs) == (1, 0)
        assert (row.verb, row.reason, await daemon.store.unknown_count()) == ("hold", "unknown", 1)
        assert shop.events("cycle.finished")[-1]["unknown_open"] == 1

        assert await person(shop, "order-7", Outcome.REFUSED) == 0
        counts = (await one_pass(daemon)).tally.counts
        assert (counts["retried"], counts["confirmed"], truth.runs) == (1, 1, 1)
        history = (await daemon.store.case_histories(row.step, ["t:order-7"], shop.clock.now()))["t:order-7"][1]
        assert history.attempts == 1
        assert shop.events("cycle.finished")[-1]["unknown_open"] == 0


async def test_a_retry_that_a_person_found_in_the_target_holds_its_error_for_good(tmp_path: Path) -> None:
    async with small_shop(tmp_path, faults=LOST) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, traceKey="order-7")
        await until_unknown(shop, daemon)
        assert await person(shop, "order-7", Outcome.CONFIRMED) == 0
        for _ in range(3):
            await one_pass(daemon)
            shop.clock.pass_by(timedelta(hours=7))
        row = await row_of(daemon, truth)
        assert (row.verb, row.reason) == ("hold", "superseded")
        assert sent(shop, "POST retry") == 1


async def test_a_record_that_fails_anew_after_it_was_found_in_the_target_is_retried(tmp_path: Path) -> None:
    async with small_shop(tmp_path, options=NEVER_ENDS) as shop, shop.daemon() as daemon:
        fail(shop, traceKey="order-7")
        await until_unknown(shop, daemon)
        assert await person(shop, "order-7", Outcome.CONFIRMED) == 0
        (job,) = shop.sandbox.jobs.newest_first()
        shop.do(do="end_job", job=job.job_id, how="completed")
        shop.clock.pass_by(timedelta(seconds=1))
        (again,) = fail(shop, traceKey="order-7", age_s=0)
        await daemon.accounts[ACCOUNT].cycle()
        assert again.retries_accepted == 1


async def test_what_a_person_gave_back_is_still_bounded(tmp_path: Path) -> None:
    async with small_shop(tmp_path, faults=LOST) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, HOPELESS, traceKey="order-7")
        await until_unknown(shop, daemon)
        await person(shop, "order-7", Outcome.REFUSED)
        for _ in range(6):
            await one_pass(daemon)
            shop.clock.pass_by(timedelta(hours=2))
        assert truth.retries_accepted == 3
        assert (await row_of(daemon, truth)).reason == "exhausted"


async def test_a_person_settles_while_the_daemon_settles_the_rest_of_the_same_write(tmp_path: Path) -> None:
    options = Options(job_seconds=None)
    async with small_shop(tmp_path, options=options) as shop, shop.daemon() as daemon:
        fail(shop, traceKey="order-7")
        fail(shop, traceKey="order-8")
        runner = daemon.accounts[ACCOUNT]
        await runner.cycle()
        (entry,) = await daemon.store.unsettled(ACCOUNT)
        lost, left = entry.batch.error_ids
        await daemon.store.settle(entry.batch_id, {lost: Outcome.UNKNOWN}, shop.clock.now())
        (row,) = await daemon.store.unknown_items(ACCOUNT)
        assert await person(shop, row.case_key, Outcome.REFUSED) == 0
        (job,) = shop.sandbox.jobs.newest_first()
        shop.do(do="end_job", job=job.job_id, how="completed")
        assert (await runner.confirm()).settled == 1
        (write,) = await daemon.store.writes(ACCOUNT)
        assert write.outcomes == {Outcome.CONFIRMED: 1, Outcome.REFUSED: 1}
        assert left != lost


async def test_a_job_that_never_ended_says_so_where_people_look(tmp_path: Path) -> None:
    async with small_shop(tmp_path, options=NEVER_ENDS) as shop, shop.daemon() as daemon:
        shop.do(do="flow", flow=FLOW, auto_resolve=False)
        fail(shop)
        await until_unknown(shop, daemon)
        (job,) = shop.sandbox.jobs.newest_first()
        (row,) = await daemon.store.unknown_items(ACCOUNT)
        assert (row.job_id, row.why) == (job.job_id, f"job {job.job_id} did not end, or is not there any more")
