"""`/readyz` says in words what is not as it should be, and `/healthz` goes on answering."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.app.service import Service, Signals
from daemon.core.exceptions import LockedError
from daemon.core.pauses import EVERYTHING
from daemon.integrator.client import Client
from daemon.sandbox import Fault
from tests.integration.scraping import Served, served
from tests.integration.shop import ACCOUNT, Shop, open_shop
from tests.integration.small_shop import RETRIES, fail, sent, small_shop, unhurried

SINCE = "2026-03-02 09:00:00 UTC"


async def readyz(server: Served) -> tuple[int, list[str]]:
    status, text, _ = await server.get("/readyz")
    assert (await server.get("/healthz"))[:2] == (200, "ok\n")
    assert text.endswith("\n")
    return status, text.splitlines()


async def test_it_is_not_ready_before_the_first_cycle_has_ended_and_is_after_it(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon, served(daemon) as server:
        before = await readyz(server)
        await daemon.accounts[ACCOUNT].cycle()
        after = await readyz(server)

    said = (
        f"- acme: no cycle has ended well since the start at {SINCE}. Look at cycle.failed and step.failed in the log"
    )
    assert before == (503, ["not ready", said])
    assert after == (200, ["ready"])


@pytest.mark.parametrize(("minutes", "status"), [(3, 200), (4, 503)])
async def test_a_cycle_may_lie_three_intervals_back_and_no_longer(tmp_path: Path, minutes: int, status: int) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon, served(daemon) as server:
        await daemon.accounts[ACCOUNT].cycle()
        ended_at = shop.clock.now()
        shop.clock.pass_by(timedelta(minutes=minutes))
        found = await readyz(server)

    assert found[0] == status
    if status == 503:
        assert (
            f"the last cycle that ended well was at {ended_at:%Y-%m-%d %H:%M:%S} UTC; one is due every 1m"
            in found[1][1]
        )


@pytest.mark.parametrize(("minutes", "status"), [(30, 200), (31, 503)])
async def test_where_a_quiet_account_is_left_alone_for_longer_a_cycle_may_lie_longer_back(
    tmp_path: Path, minutes: int, status: int
) -> None:
    longer = {"quiet_interval": timedelta(minutes=10)}
    async with small_shop(tmp_path, poll=longer) as shop, shop.daemon() as daemon, served(daemon) as server:
        await daemon.accounts[ACCOUNT].cycle()
        shop.clock.pass_by(timedelta(minutes=minutes))
        found = await readyz(server)

    assert (found[0], "one is due every 10m" in found[1][-1]) == (status, status == 503)


async def test_a_quiet_account_is_asked_less_often_and_what_happens_is_noticed_then(tmp_path: Path) -> None:
    longer = {"quiet_interval": timedelta(minutes=10)}
    async with small_shop(tmp_path, poll=longer) as shop, shop.daemon() as daemon:
        service = Service(daemon=daemon, signals=Signals())
        await service._plan_jobs()
        job = next(each for each in service.schedule.scheduler.get_jobs() if each.id == f"cycle {ACCOUNT}")
        asked = []
        for minute in range(30):
            if minute == 15:
                fail(shop)
            before = len(shop.requests())
            await job.func()
            asked += [minute] if len(shop.requests()) > before else []
            shop.clock.pass_by(timedelta(minutes=1))

    assert asked[:5] == [0, 2, 6, 14, 24]
    assert asked[5:7] == [25, 26]
    assert sent(shop, "POST retry") == 1


async def test_what_a_pause_held_back_goes_at_the_next_interval_after_it(tmp_path: Path) -> None:
    longer = {"quiet_interval": timedelta(minutes=10)}
    async with small_shop(tmp_path, poll=longer) as shop, shop.daemon() as daemon:
        service = Service(daemon=daemon, signals=Signals())
        await service._plan_jobs()
        job = next(each for each in service.schedule.scheduler.get_jobs() if each.id == f"cycle {ACCOUNT}")
        fail(shop)
        await daemon.store.pause(EVERYTHING, "the ERP is down", "ann", shop.clock.now(), None)
        for _ in range(9):
            await job.func()
            shop.clock.pass_by(timedelta(minutes=1))
        before = sent(shop, "POST retry")
        await daemon.store.resume(EVERYTHING, "ann", shop.clock.now())
        await job.func()
        assert (before, sent(shop, "POST retry")) == (0, 1)


async def test_a_refused_token_is_a_note_while_the_last_cycle_is_fresh_and_the_reason_later(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon, served(daemon) as server:
        runner, service = daemon.accounts[ACCOUNT], Service(daemon=daemon, signals=Signals())
        await service._guard(runner, runner.cycle)
        client = runner.pass_.client
        assert isinstance(client, Client)
        client.token = "another"
        await service._guard(runner, runner.cycle)
        fresh = await readyz(server)
        shop.clock.pass_by(timedelta(minutes=4))
        late = await readyz(server)

    assert fresh[0] == 200
    assert fresh[1][1].startswith("note: acme: Its token was refused, or its store is about another account")
    assert late[0] == 503
    assert "Its token was refused" in late[1][1]
    assert "flowmend doctor" in late[1][1]


async def test_an_account_that_another_process_looks_after_is_not_ready_and_says_who(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as first, shop.daemon() as second, served(second) as server:
        await first.accounts[ACCOUNT].cycle()
        runner = second.accounts[ACCOUNT]
        with pytest.raises(LockedError) as locked:
            await runner.cycle()
        runner.refused_by(locked.value)
        status, lines = await readyz(server)

    assert status == 503
    assert "another process looks after this account: flowmend run on host" in lines[1]


async def test_refused_rules_are_a_note_that_names_the_rules_in_force_and_since_when(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon, served(daemon) as server:
        await daemon.accounts[ACCOUNT].cycle()
        (shop.rules / "rules.yaml").write_text("rules: [", encoding="utf-8")
        await daemon.rules.load(shop.clock.now())
        status, lines = await readyz(server)

    assert status == 200
    assert lines[1].startswith("note: rules refused (")
    assert f"the last good set, {daemon.rules.current.version} with 1 rule since {SINCE}, stays in force" in lines[1]


async def test_without_any_rules_it_is_not_ready(tmp_path: Path) -> None:
    async with small_shop(tmp_path, "rules: [") as shop, shop.daemon() as daemon, served(daemon) as server:
        await daemon.accounts[ACCOUNT].cycle()
        status, lines = await readyz(server)

    assert status == 503
    assert "no rule is in force, so errors are read and nothing is acted on" in lines[1]


async def test_a_pause_is_a_note(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon, served(daemon) as server:
        (tmp_path / "PAUSE").write_text("the ERP is down", encoding="utf-8")
        await daemon.accounts[ACCOUNT].cycle()
        await daemon.pauses.holding()
        status, lines = await readyz(server)

    assert status == 200
    assert "the ERP is down" in lines[1]


@pytest.mark.parametrize(
    ("lose", "said"),
    [
        (lambda shop: (shop.folder / "flowmend.db").rename(shop.folder / "away.db"), "- the store fails: "),
        (lambda _: None, "- the service is stopping"),
    ],
    ids=["store moved", "stopping"],
)
async def test_what_ends_the_service_is_said(tmp_path: Path, lose: Callable[[Shop], object], said: str) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        await daemon.accounts[ACCOUNT].cycle()
        async with served(daemon) as server:
            lose(shop)
            daemon.stopping.asked = "stopping" in said
            status, lines = await readyz(server)

    assert status == 503
    assert lines[1].startswith(said)


async def test_one_account_that_fails_is_named_and_a_token_is_in_no_answer(tmp_path: Path) -> None:
    faults = [Fault(endpoint="GET tokenInfo", kind="status:500", every=1)]
    opened = open_shop(tmp_path, world="tiny", errors=0, rules=RETRIES, faults=faults)
    async with opened as shop, shop.daemon() as daemon, served(daemon) as server:
        unhurried(daemon)
        runner = daemon.accounts[ACCOUNT]
        await Service(daemon=daemon, signals=Signals())._guard(runner, runner.cycle)
        answers = [await server.get(path) for path in ("/healthz", "/readyz", "/metrics")]

    assert [status for status, _, _ in answers] == [200, 503, 200]
    assert all("sandbox-token" not in text for _, text, _ in answers)
