"""Housekeeping: what may still count stays, whatever the clock says; the rest goes."""

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from daemon.app.build import Daemon
from daemon.app.forgotten import still_kept
from daemon.app.housekeeping import alone, clear, clear_copy
from daemon.app.service import Service, Signals
from daemon.core.exceptions import LockedError
from daemon.core.retention import Retention, retention
from daemon.store.schema import HEAD
from tests.integration.shop import ACCOUNT, Shop
from tests.integration.small_shop import BUSY, HOPELESS, fail, one_pass, small_shop

OLDER = Path(__file__).parents[1] / "unit" / "store" / "left_by_0003.sql"


async def keep_house(shop: Shop, daemon: Daemon) -> int:
    """Clear the store and return how many attempts went."""
    return (await clear(daemon.store, daemon.settings, shop.clock.now())).attempts


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir() if not file.name.endswith(("-wal", "-shm"))}


async def sent_before(daemon: Daemon) -> int:
    return len(await daemon.store.writes(ACCOUNT))


async def test_attempts_that_can_count_no_more_go_when_it_is_time(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        fail(shop, BUSY, count=3)
        await one_pass(daemon)
        left = []
        for days in (31, 31, 29, 2):
            shop.clock.pass_by(timedelta(days=days))
            for _ in range(6):  # a stride each
                await keep_house(shop, daemon)
            left.append(await sent_before(daemon))
    assert left == [1, 1, 1, 0]


async def test_a_record_that_is_still_open_keeps_its_attempts(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, HOPELESS)
        for _ in range(6):
            await one_pass(daemon)
            shop.clock.pass_by(timedelta(hours=1))
        shop.clock.pass_by(timedelta(days=200))
        assert await keep_house(shop, daemon) == 0
        await one_pass(daemon)
    assert truth.runs == 3


async def test_a_clock_that_is_ahead_for_hours_makes_nothing_old_that_is_not(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        fail(shop, BUSY)
        await one_pass(daemon)
        await keep_house(shop, daemon)
        shop.clock.pass_by(timedelta(days=3650))
        assert [await keep_house(shop, daemon) for _ in range(12)] == [0] * 12
        assert await sent_before(daemon) == 1


def kept_for(now: datetime, days: int) -> Retention:
    return retention(now, **dict.fromkeys(("keep", "recordings", "retry_max_age"), timedelta(days=days)))


async def test_what_was_forgotten_is_not_known_because_more_is_kept_from_now_on(tmp_path: Path) -> None:
    async with small_shop(tmp_path, recordings={"keep": timedelta(days=2)}) as shop, shop.daemon() as daemon:
        now = shop.clock.now()
        assert await still_kept(daemon.store, kept_for(now, 200), now) == kept_for(now, 200)
        await keep_house(shop, daemon)
        kept = await still_kept(daemon.store, kept_for(now, 200), now)
        assert (kept.recordings, kept.attempts) == (now - timedelta(days=2), kept_for(now, 90).attempts)
        assert (await still_kept(daemon.store, kept_for(now, 1), now)).recordings == now - timedelta(days=1)


async def test_what_a_clock_that_was_ahead_forgot_is_known_again_from_when_it_was_put_right(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        shop.clock.pass_by(timedelta(days=3650))
        await keep_house(shop, daemon)
        shop.clock.pass_by(timedelta(days=-3650))
        now = shop.clock.now()
        await keep_house(shop, daemon)
        later = now + timedelta(days=1)
        assert [(await still_kept(daemon.store, kept_for(each, 30), each)).recordings for each in (now, later)] == [
            now,
            now,
        ]


async def test_a_pass_by_hand_clears_once_an_hour_at_most(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop:
        for minutes in (0, 15, 44, 1):
            shop.clock.pass_by(timedelta(minutes=minutes))
            await shop.once()
        assert len(shop.events("store.pruned")) == 2


async def test_what_would_go_is_told_by_a_copy_and_nothing_is_changed(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop:
        fail(shop, BUSY, count=3)
        await shop.once()
        shop.clock.pass_by(timedelta(days=6))
        settings, file = shop.settings(), tmp_path / "flowmend.db"
        settings = settings.model_copy(
            update={"recordings": settings.recordings.model_copy(update={"keep": timedelta(0)})}
        )
        before = names(tmp_path)
        told = [(await clear_copy(settings, file, shop.clock)).recordings for _ in range(2)]
        assert told == [3, 3]
        assert names(tmp_path) == before


async def test_nobody_else_looks_after_an_account_while_the_file_is_written_anew(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        await one_pass(daemon)
        with pytest.raises(LockedError, match="flowmend run on host"):
            async with alone(daemon.store, daemon.settings, shop.clock, daemon.log):
                pass
        await daemon.accounts[ACCOUNT].lock.release()
        async with alone(daemon.store, daemon.settings, shop.clock, daemon.log):
            with pytest.raises(LockedError, match="db prune --vacuum"):
                await daemon.accounts[ACCOUNT].lock.hold()
        await daemon.accounts[ACCOUNT].lock.hold()


async def test_the_service_has_a_time_for_each_of_its_jobs_and_clears_the_store_every_hour(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        service = Service(daemon=daemon, signals=Signals())
        await service._plan_jobs()
        jobs = {job.id: job for job in service.schedule.scheduler.get_jobs()}
        await jobs["housekeeping"].func()

    poll, confirm = daemon.settings.poll.interval, daemon.settings.actions.confirm_every
    assert {name: job.trigger.interval for name, job in jobs.items()} == {
        f"cycle {ACCOUNT}": poll,
        f"confirm {ACCOUNT}": confirm,
        "pauses": confirm,
        "housekeeping": timedelta(hours=1),
        "rules": timedelta(seconds=1),
        "rules compared": poll,
    }
    assert len(shop.events("store.pruned")) == 1


@pytest.mark.parametrize(
    ("cleared", "first"),
    [
        (None, 5),
        (timedelta(minutes=20), 40),
        (timedelta(minutes=58), 5),
        (timedelta(days=9), 5),
        (-timedelta(hours=3), 5),
    ],
    ids=["never", "lately", "almost an hour ago", "long ago", "by a clock that was ahead"],
)
async def test_a_service_that_is_often_started_anew_clears_the_store_all_the_same(
    tmp_path: Path, cleared: timedelta | None, first: int
) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        now = shop.clock.now()
        if cleared is not None:
            await clear(daemon.store, daemon.settings, now - cleared)
        service = Service(daemon=daemon, signals=Signals())
        await service._plan_jobs()
        job = service.schedule.scheduler.get_job("housekeeping")
        assert job.next_run_time == now + timedelta(minutes=first)


async def test_an_older_store_is_brought_forward_at_the_start_and_the_log_names_the_copy(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop:
        with closing(sqlite3.connect(shop.file)) as raw:
            raw.executescript(OLDER.read_text(encoding="utf-8"))
        for _ in range(2):
            async with shop.daemon():
                pass
        (event,) = shop.events("store.migrated")

    assert (event["level"], event["was"], event["schema"]) == ("info", "0003", HEAD)
    assert Path(event["copy"]).parent == tmp_path
    with closing(sqlite3.connect(event["copy"])) as copy:
        assert copy.execute("SELECT version_num FROM alembic_version").fetchone() == ("0003",)
