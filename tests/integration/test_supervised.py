"""The real service under a supervisor that listens on a real socket, as systemd does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.app.build import Daemon
from daemon.app.service import Service, Signals
from daemon.app.status import describe
from daemon.app.supervisor import Supervisor
from daemon.core.actions import Mode
from daemon.core.exceptions import AuthError, StoreError
from tests.fakes import FakeClock
from tests.integration.shop import ACCOUNT
from tests.integration.small_shop import FLAKY, GET_ERRORS, RETRIES, during, fail, small_shop
from tests.notify_socket import NotifySocket, notify_socket

WATCHDOG_S = 0.02


@asynccontextmanager
async def serving(daemon: Daemon, systemd: NotifySocket) -> AsyncIterator[Signals]:
    """Run the service of *daemon*; it has ended well when the block ends."""
    assert isinstance(daemon.clock, FakeClock)
    daemon.clock.moment = datetime.now(UTC)  # the schedule goes by the time of day
    signals = Signals()
    supervisor = Supervisor(log=daemon.log, address=systemd.address, watchdog_s=WATCHDOG_S)
    running = asyncio.create_task(Service(daemon=daemon, signals=signals, supervisor=supervisor).run())
    try:
        yield signals
    finally:
        signals.stop.set()
        asyncio.get_running_loop().add_reader(systemd.bound, systemd.waiting)  # a queue that is full holds it up
        await running
        asyncio.get_running_loop().remove_reader(systemd.bound)


def states(systemd: NotifySocket) -> list[str]:
    """Return the states told so far, in order, without signs of life."""
    systemd.waiting()
    return [name for told in systemd.heard for name in told if name in {"READY", "RELOADING", "STOPPING"}]


async def test_it_is_ready_when_the_first_cycle_can_start_and_not_before(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        with notify_socket(tmp_path) as systemd:
            async with serving(daemon, systemd):
                assert systemd.waiting() == []  # what was opened so far is not enough
                ready = await systemd.wait_for("READY")
                assert ready["STATUS"] == "the first cycle begins"
                assert len(shop.events("daemon.started")) == 1
                await systemd.wait_for("STATUS", "last cycle")
                assert len(shop.events("cycle.finished")) == 1

            assert states(systemd) == ["READY", "STOPPING"]


async def test_sighup_is_a_reload_that_ends_when_the_new_rules_are_in_force(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        with notify_socket(tmp_path) as systemd:
            async with serving(daemon, systemd) as signals:
                await systemd.wait_for("READY")
                rules, before = shop.rules / "rules.yaml", daemon.rules.current.version
                for text, outcome in (
                    (RETRIES.replace("again", "anew"), "rules.loaded"),
                    ("version: 2", "rules.refused"),
                ):
                    rules.write_text(text, encoding="utf-8")
                    signals.reload.set()
                    reloading = await systemd.wait_for("RELOADING")
                    assert int(reloading["MONOTONIC_USEC"]) > 0
                    await systemd.wait_for("READY")
                    assert shop.events(outcome)

                assert daemon.rules.current.version != before
                await systemd.wait_for("STATUS", f"rules refused, in force: {daemon.rules.current.version}")
            assert states(systemd) == ["READY", "RELOADING", "READY", "RELOADING", "READY", "STOPPING"]


async def test_the_watchdog_hears_nothing_while_the_service_hangs_and_again_when_it_goes_on(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        with notify_socket(tmp_path) as systemd:
            async with serving(daemon, systemd):
                await systemd.wait_for("STATUS", "last cycle")
                for _ in range(3):
                    await systemd.wait_for("WATCHDOG")
                systemd.waiting()
                with pytest.raises(TimeoutError):
                    systemd.next(within_s=10 * WATCHDOG_S)  # waits without giving the event loop a turn
                await systemd.wait_for("WATCHDOG")


async def test_signs_of_life_go_on_while_a_stop_waits_for_what_is_in_flight(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        fail(shop)
        answered = asyncio.Event()
        with notify_socket(tmp_path) as systemd:
            asked = asyncio.Event()

            async def hold_up() -> None:
                asked.set()
                await answered.wait()

            during(daemon, before={GET_ERRORS: hold_up})
            async with serving(daemon, systemd) as signals:
                await asked.wait()
                signals.stop.set()
                await systemd.wait_for("STOPPING")
                for _ in range(3):
                    await systemd.wait_for("WATCHDOG")
                answered.set()

            assert states(systemd)[-1] == "STOPPING"


async def test_the_status_says_what_it_does_and_what_waits(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        runner = daemon.accounts[ACCOUNT]
        assert await describe(daemon) == "enforce; acme: no cycle has ended well yet"

        fail(shop, FLAKY, count=3)
        fail(shop, "odd-partner")
        await runner.cycle()
        assert await describe(daemon) == "enforce; acme: 1 open, 1 unsettled, last cycle 09:00:00 UTC"


async def test_the_status_counts_what_waits_for_a_person(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon(Mode.APPROVE) as daemon:
        fail(shop, count=2)
        await daemon.accounts[ACCOUNT].cycle()

        assert await describe(daemon) == "approve; acme: 2 open, 1 to approve, last cycle 09:00:00 UTC"


async def test_the_status_begins_with_what_is_wrong(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        (tmp_path / "PAUSE").write_text("the ERP is down", encoding="utf-8")
        await daemon.pauses.holding()
        daemon.accounts[ACCOUNT].refuse(AuthError("no", status=401))

        assert await describe(daemon) == (
            "enforce; paused: everything; acme: refused, left alone until 09:05:00 UTC, the log says why"
        )
        shop.clock.pass_by(timedelta(minutes=5))
        assert "refused" not in await describe(daemon)


async def test_the_status_says_since_when_cycles_do_not_end_well(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        await daemon.accounts[ACCOUNT].cycle()
        shop.clock.pass_by(3 * daemon.settings.poll.interval)
        assert await describe(daemon) == "enforce; acme: 0 open, last cycle 09:00:00 UTC"
        shop.clock.pass_by(timedelta(seconds=1))

        assert await describe(daemon) == "enforce; acme: no cycle has ended well since 09:00:00 UTC, the log says why"


async def test_the_status_says_who_looks_after_the_account_instead(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as first, shop.daemon() as second:
        await first.accounts[ACCOUNT].cycle()
        runner = second.accounts[ACCOUNT]
        await Service(daemon=second, signals=Signals())._guard(runner, runner.cycle)

        assert "acme: another process looks after this account: flowmend run on" in await describe(second)


async def test_a_store_that_fails_is_told_and_does_not_end_the_service(tmp_path: Path) -> None:
    class Failing:
        async def unsettled_count(self, account: str) -> int:
            raise StoreError(f"{account}: disk I/O error")

    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        await daemon.accounts[ACCOUNT].cycle()
        daemon.accounts[ACCOUNT].counts = Failing()  # type: ignore[assignment]

        assert await describe(daemon) == "enforce; the store cannot be read, the log says why"
