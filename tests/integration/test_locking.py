"""One process at a time looks after an account; who lost it writes nothing and sends nothing when it wakes up (P12)."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from daemon.app.build import Daemon, open_daemon
from daemon.app.lock import LIFE
from daemon.app.once import run_once
from daemon.app.service import Service, Signals
from daemon.cli.exits import HELD, worst
from daemon.core.batches import WriteState
from daemon.core.exceptions import LockedError, LockLostError
from daemon.integrator.client import Client
from daemon.integrator.exchange import Transport
from daemon.integrator.pacing import Pacer
from daemon.integrator.protocol import Answer, Request
from daemon.logs import Secrets, configure_logs
from tests.integration.shop import ACCOUNT, Shop
from tests.integration.small_shop import (
    GET_CONNECTION,
    GET_ERRORS,
    GET_JOB,
    POST_RETRY,
    RETRIES,
    fail,
    one_pass,
    sent,
    small_shop,
)

T = TypeVar("T")

PATCHES = """
version: 1
rules:
  - id: note
    why: Somebody must have looked at it.
    when: {code: SSS_REQUEST_LIMIT_EXCEEDED}
    then:
      patch: [{op: add, path: /data/memo, value: looked at}]
      retry: {max_attempts: 3, ramp: off}
"""


class Stopped:
    """A transport that stops, as a process does, right before the *nth* request of an endpoint is sent."""

    def __init__(self, daemon: Daemon, endpoint: str, nth: int = 1) -> None:
        client = daemon.accounts[ACCOUNT].pass_.client
        assert isinstance(client, Client)
        self.inner: Transport = client.transport
        self.endpoint = endpoint
        self.left = nth
        self.reached, self.awake = asyncio.Event(), asyncio.Event()
        client.transport = self

    async def send(self, request: Request, headers: dict[str, str]) -> Answer:
        self.left -= request.endpoint == self.endpoint
        if not self.left and not self.reached.is_set():
            self.reached.set()
            await self.awake.wait()
        return await self.inner.send(request, headers)


class StoppedPacer(Pacer):
    """A pacer with which the daemon stops right after it has journalled a write, before it asks whether it may go."""

    def __init__(self, daemon: Daemon) -> None:
        super().__init__(requests_per_s=5000.0, random=lambda: 0.0)
        self.store = daemon.store
        self.reached, self.awake = asyncio.Event(), asyncio.Event()
        client = daemon.accounts[ACCOUNT].pass_.client
        assert isinstance(client, Client)
        client.pacer = self

    async def turn(self) -> None:
        await super().turn()
        if await self.store.writes() and not self.reached.is_set():
            self.reached.set()
            await self.awake.wait()


async def begin(work: Coroutine[Any, Any, T], stopped: Stopped | StoppedPacer) -> asyncio.Task[T]:
    """Let the daemon work until it is stopped."""
    task, reached = asyncio.create_task(work), asyncio.create_task(stopped.reached.wait())
    await asyncio.wait((task, reached), return_when=asyncio.FIRST_COMPLETED)
    reached.cancel()
    assert not task.done(), task.result()
    return task


async def known(daemon: Daemon) -> list[Any]:
    """Return what the store knows of the account."""
    store = daemon.store
    return [await store.errors(ACCOUNT), await store.writes(), await store.plans(ACCOUNT, 100)]


async def test_the_second_daemon_does_nothing_not_even_read_and_says_who_holds_the_account(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as first, shop.daemon() as second:
        fail(shop)
        await first.accounts[ACCOUNT].cycle()
        before, requests = await known(first), list(shop.requests())
        for _ in range(3):
            figures = await one_pass(second)

        assert isinstance(figures.failure, LockedError)
        assert "flowmend run on host" in str(figures.failure)
        assert (worst([figures]), figures.requests, +figures.tally.counts) == (HELD, 0, {})
        assert (await known(first), list(shop.requests())) == (before, requests)


async def test_the_service_says_once_who_holds_the_account_and_goes_on_asking(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as second:
        runner, service = second.accounts[ACCOUNT], Service(daemon=second, signals=Signals())
        for _ in range(2):
            async with shop.daemon() as first:
                await first.accounts[ACCOUNT].cycle()
                for _ in range(3):
                    await service._guard(runner, runner.cycle)
                    await service._guard(runner, runner.confirm)
            await service._guard(runner, runner.cycle)
            assert runner.lock.held
            await runner.lock.release()

        assert [line["account"] for line in shop.events("lock.refused")] == [ACCOUNT] * 2
        assert len(shop.events("cycle.finished")) == 4
        assert shop.events("cycle.failed") == []


async def test_a_clean_stop_frees_the_account_and_what_was_in_flight_is_settled_by_the_next(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as second:
        (truth,) = fail(shop)
        async with shop.daemon() as first:
            await first.accounts[ACCOUNT].cycle()
            with pytest.raises(LockedError):
                await second.accounts[ACCOUNT].cycle()
        figures = await one_pass(second)

        assert (figures.failure, figures.tally.counts["confirmed"], truth.runs) == (None, 1, 1)
        assert [line["reason"] for line in shop.events("lock.taken")] == ["free", "free"]


@pytest.mark.parametrize(
    ("endpoint", "nth"),
    [
        pytest.param(GET_ERRORS, 1, id="while it reads"),
        pytest.param(GET_CONNECTION, 1, id="before it makes a plan"),
        pytest.param(GET_ERRORS, 2, id="between plan and intent"),
    ],
)
async def test_one_that_wakes_up_after_its_lease_was_taken_writes_nothing_and_sends_nothing(
    tmp_path: Path, endpoint: str, nth: int
) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as first, shop.daemon() as second:
        truths = fail(shop, count=3)
        stopped = Stopped(first, endpoint, nth)
        asleep = await begin(first.accounts[ACCOUNT].cycle(), stopped)
        with pytest.raises(LockedError):
            await second.accounts[ACCOUNT].cycle()
        shop.clock.pass_by(LIFE)
        await second.accounts[ACCOUNT].cycle()
        assert [truth.retries_accepted for truth in truths] == [1, 1, 1]
        before, writes = await known(second), list(shop.sandbox.writes)

        stopped.awake.set()
        (end,) = await asyncio.gather(asleep, return_exceptions=True)
        assert first.accounts[ACCOUNT].lock.held is not isinstance(end, LockLostError)
        assert isinstance(end, LockLostError) or (isinstance(end, tuple) and end[1] is None)  # it had nothing to write
        with pytest.raises(LockedError):
            await first.accounts[ACCOUNT].confirm()
        assert (await known(second), list(shop.sandbox.writes)) == (before, writes)
        assert sent(shop, "POST retry") == 1
        assert len(shop.events("lock.lost")) == 1
        assert (await one_pass(second)).tally.counts["confirmed"] == 3


@pytest.mark.parametrize("rules", [RETRIES, PATCHES], ids=["a retry", "a patch before a retry"])
async def test_one_that_wakes_up_between_journal_and_request_sends_nothing_and_the_next_does_not_take_it_for_sent(
    tmp_path: Path, rules: str
) -> None:
    async with small_shop(tmp_path, rules) as shop, shop.daemon() as first, shop.daemon() as second:
        (truth,) = fail(shop)
        stopped = StoppedPacer(first)
        asleep = await begin(first.accounts[ACCOUNT].cycle(), stopped)
        shop.clock.pass_by(LIFE)
        await second.accounts[ACCOUNT].confirm()

        stopped.awake.set()
        with pytest.raises(LockLostError):
            await asleep
        assert shop.sandbox.writes == []
        assert len(shop.events("lock.lost")) == 1
        figures = await one_pass(second)
        assert (figures.failure, figures.tally.counts["confirmed"], truth.runs) == (None, 0, 0)
        assert await second.store.unknown_count(ACCOUNT) == 1


async def test_one_that_was_stopped_while_its_request_left_is_not_run_again_by_the_next(tmp_path: Path) -> None:
    """Nothing can call back a request; what was journalled before it keeps the next one from sending it again."""
    async with small_shop(tmp_path) as shop, shop.daemon() as first, shop.daemon() as second:
        (truth,) = fail(shop)
        stopped = Stopped(first, POST_RETRY)
        asleep = await begin(first.accounts[ACCOUNT].cycle(), stopped)
        shop.clock.pass_by(LIFE)
        await second.accounts[ACCOUNT].cycle()
        await second.accounts[ACCOUNT].confirm()
        assert sent(shop, "POST retry") == 0

        stopped.awake.set()
        with pytest.raises(LockLostError):
            await asleep
        assert (await second.store.writes())[0].state is WriteState.UNKNOWN
        await one_pass(second)
        assert (sent(shop, "POST retry"), truth.runs) == (1, 1)


async def test_one_that_was_stopped_while_it_confirmed_says_nothing_about_outcomes(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as first, shop.daemon() as second:
        fail(shop)
        await first.accounts[ACCOUNT].cycle()
        stopped = Stopped(first, GET_JOB)
        asleep = await begin(first.accounts[ACCOUNT].confirm(), stopped)
        shop.clock.pass_by(LIFE)
        with pytest.raises(LockLostError):
            await asyncio.gather(_then_wake(second, stopped), asleep)
        assert len(shop.events("outcome.settled")) == 1


async def _then_wake(second: Daemon, stopped: Stopped) -> None:
    await one_pass(second)
    stopped.awake.set()


async def test_one_that_lost_the_account_gets_it_back_when_the_other_has_ended(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as first:
        async with shop.daemon() as second:
            await first.accounts[ACCOUNT].cycle()
            shop.clock.pass_by(LIFE)
            await second.accounts[ACCOUNT].cycle()
            shop.clock.pass_by(timedelta(seconds=50))
            with pytest.raises(LockedError):
                await first.accounts[ACCOUNT].cycle()
        (truth,) = fail(shop)
        figures = await one_pass(first)
        assert (figures.failure, truth.runs) == (None, 1)


async def test_an_account_that_another_process_has_does_not_stop_the_others(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as first:
        await first.accounts[ACCOUNT].cycle()
        async with two_accounts(shop) as both:
            (truth,) = fail(shop)
            refused, done = await run_once(both, timedelta(minutes=30), lambda *_: None, adopt_backlog=True)

        assert isinstance(refused.failure, LockedError)
        assert (done.account, done.failure, truth.runs) == ("globex", None, 1)
        assert worst([refused, done]) == HELD


def two_accounts(shop: Shop) -> Any:
    """Open a daemon that looks after another account beside the shop's."""
    settings = shop.settings()
    accounts = settings.accounts | {"globex": settings.accounts[ACCOUNT]}
    secrets = Secrets()
    log = configure_logs(format="json", level="info", stream=shop.log, secrets=secrets, now=shop.clock.now)
    settings = settings.model_copy(update={"accounts": accounts})
    return open_daemon(settings, log=log, secrets=secrets, clock=shop.clock, command="once")
