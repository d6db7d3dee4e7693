"""People are told of what happens, whatever becomes of channel and process; the work goes on as if nobody were told."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from daemon.app.build import Daemon
from daemon.app.configuration import Configuration
from daemon.app.service import Service, Signals
from daemon.core.exceptions import ConfigError, StoreError
from daemon.logs import Secrets, Threshold
from daemon.notify.channel import GIVE_UP, LONGEST_PAUSE, TRIES, Channel
from daemon.settings import Settings
from tests.contract.store_values import pragma
from tests.integration.inbox import Inbox, open_inbox
from tests.integration.shop import ACCOUNT, Shop
from tests.integration.small_shop import (
    BUSY,
    FLOW,
    HOPELESS,
    LOST,
    RETRIES,
    STEP,
    fail,
    one_pass,
    small_shop,
    until_unknown,
)

SECRET = "signed-with-this"
KEY = "path-key-4711"
EVENTS = ("breaker.opened", "limit.reached", "stage.failed", "outcome.unknown", "rules.refused", "account.refused")


@pytest.fixture
async def inbox() -> AsyncIterator[Inbox]:
    async with open_inbox() as opened:
        yield opened


def told_shop(
    tmp_path: Path,
    url: str,
    *,
    events: tuple[str, ...] = EVENTS,
    limits: dict[str, Any] | None = None,
    rules: str = RETRIES,
) -> AbstractAsyncContextManager[Shop]:
    """Open a shop with the channel ops, which may be a webhook."""
    settings: dict[str, Any] = {"url": url, "events": events}
    if url.startswith("webhook+"):
        (tmp_path / "ops.secret").write_text(f"{SECRET}\n")
        settings["secret_file"] = tmp_path / "ops.secret"
    return small_shop(tmp_path, rules, notify={"ops": settings}, limits=limits or {})


def webhook(inbox: Inbox) -> str:
    return f"webhook+{inbox.url}/hook/{KEY}"


def channel_of(daemon: Daemon) -> Channel:
    (channel,) = daemon.notifications.channels
    return channel


async def tell(shop: Shop, daemon: Daemon) -> bool:
    """Write down what was heard, and send what is to be told some seconds later."""
    await daemon.notifications.listener.write()
    shop.clock.pass_by(timedelta(seconds=5))
    return await channel_of(daemon).step()


async def over_limit(shop: Shop, daemon: Daemon) -> None:
    fail(shop, count=5)
    await daemon.accounts[ACCOUNT].cycle()


def receiver_of_the_manual() -> Callable[[bytes, str, str, bytes], bool]:
    """Return what docs/operations.md shows for those who get a webhook."""
    manual = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", manual, re.DOTALL) if "is_genuine" in block]
    names: dict[str, Any] = {}
    exec(code, names)
    shown: Callable[[bytes, str, str, bytes], bool] = names["is_genuine"]
    return shown


LIMIT = {"retries_per_hour": 2}
HOLDS = """
  - id: by-hand
    why: Somebody must shorten it.
    when: {code: EXCEEDED_MAX_FIELD_LENGTH}
    then: {hold: {queue: order-desk, title: Too long}}
  - id: none-left
    why: Somebody must order more.
    when: {code: USER_ERROR}
    then: {hold: {queue: stock, title: Out of stock}}
"""


async def test_a_webhook_gets_a_signed_document_with_all_that_is_to_be_known(tmp_path: Path, inbox: Inbox) -> None:
    async with told_shop(tmp_path, webhook(inbox), limits=LIMIT) as shop, shop.daemon() as daemon:
        await over_limit(shop, daemon)
        assert await tell(shop, daemon)
        now = shop.clock.now()

    (document,), (headers,), (body,) = inbox.documents, inbox.headers, inbox.bodies
    assert (document["event"], document["account"]) == ("limit.reached", ACCOUNT)
    assert document["title"] == "Flowmend: over a limit: rule again"
    assert "Rule again wants to retry 5 errors" in document["text"]
    assert "flowmend approve" in document["text"]
    assert document["facts"] == {
        key: value for key, value in shop.events("limit.reached")[0].items() if key not in ("ts", "level", "event")
    }
    assert [(each["event"], each["times"]) for each in document["notices"]] == [("limit.reached", 1)]
    timestamp, signature = headers["X-Flowmend-Timestamp"], headers["X-Flowmend-Signature"]
    assert int(timestamp) == int(now.timestamp())
    with time_machine.travel(now, tick=False):
        is_genuine = receiver_of_the_manual()
        assert is_genuine(SECRET.encode(), timestamp, signature, body)
        assert not is_genuine(b"another key", timestamp, signature, body)
        assert not is_genuine(SECRET.encode(), timestamp, signature, body + b" ")
        assert not is_genuine(SECRET.encode(), str(int(timestamp) + 1), signature, body)
    with time_machine.travel(now + timedelta(minutes=6), tick=False):
        assert not is_genuine(SECRET.encode(), timestamp, signature, body)


async def test_a_service_of_apprise_gets_title_and_text(tmp_path: Path, inbox: Inbox) -> None:
    url = inbox.url.replace("http://", "json://") + f"/{KEY}"
    async with told_shop(tmp_path, url, limits=LIMIT) as shop, shop.daemon() as daemon:
        await over_limit(shop, daemon)
        assert await tell(shop, daemon)

    (document,) = inbox.documents
    assert document["title"] == "Flowmend: over a limit: rule again"
    assert "What to do: flowmend approve" in document["message"]
    assert document["type"] == "warning"
    assert [line["events"] for line in shop.events("notify.sent")] == ["limit.reached"]


async def test_nothing_is_told_of_what_the_channel_is_not_for(tmp_path: Path, inbox: Inbox) -> None:
    events = ("account.refused",)
    async with told_shop(tmp_path, webhook(inbox), events=events, limits=LIMIT) as shop, shop.daemon() as daemon:
        await over_limit(shop, daemon)
        assert not await tell(shop, daemon)
    assert shop.events("limit.reached")
    assert inbox.bodies == []


async def test_records_of_one_run_that_fail_alike_are_one_incident_in_one_message(tmp_path: Path, inbox: Inbox) -> None:
    async with told_shop(tmp_path, webhook(inbox), events=("stage.failed",)) as shop, shop.daemon() as daemon:
        for _ in range(3):
            fail(shop, HOPELESS, count=4)
            await one_pass(daemon)
            await tell(shop, daemon)

    (document,) = inbox.documents
    assert len(shop.events("stage.failed")) == 1
    assert document["title"] == "Flowmend: retries of rule again do not help"
    assert document["facts"]["failed"] >= 4
    assert f"on step {FLOW} / {STEP} (" in document["text"]


async def test_an_unknown_outcome_is_told_with_the_commands_that_settle_it(tmp_path: Path, inbox: Inbox) -> None:
    async with told_shop(tmp_path, webhook(inbox)) as shop, shop.daemon() as daemon:
        shop.sandbox.faults = tuple(LOST)
        fail(shop)
        await until_unknown(shop, daemon)
        await tell(shop, daemon)

    (document,) = inbox.documents
    assert (document["event"], document["facts"]["unknown"]) == ("outcome.unknown", 1)
    assert "flowmend errors --unknown" in document["text"]
    assert f"step {FLOW} / {STEP} " in document["text"], "who is to look there knows it by its name"


async def test_a_rule_names_who_is_told_of_what_it_matches(tmp_path: Path, inbox: Inbox) -> None:
    rules = RETRIES.replace("then: {retry:", "then: {notify: [ops, nobody], retry:")
    async with told_shop(tmp_path, webhook(inbox), rules=rules) as shop, shop.daemon() as daemon:
        for count in (3, 2):
            fail(shop, count=count)
            await one_pass(daemon)
        await tell(shop, daemon)

    (document,) = inbox.documents
    assert (document["event"], document["facts"]["rule"]) == ("rule.matched", "again")
    assert document["notices"][0]["times"] == 2
    assert [line["channel"] for line in shop.events("notify.failed")] == ["nobody"]


async def connection_goes_offline(shop: Shop, daemon: Daemon) -> None:
    for connection_id in shop.sandbox.world.connections:
        shop.do(do="connection", connection=connection_id, offline=True)
    fail(shop)
    await daemon.accounts[ACCOUNT].cycle()


async def token_is_purged(shop: Shop, daemon: Daemon) -> None:
    shop.do(do="token", valid=False)
    runner = daemon.accounts[ACCOUNT]
    await Service(daemon=daemon, signals=Signals())._guard(runner, runner.cycle)


async def rules_are_broken(shop: Shop, daemon: Daemon) -> None:
    (shop.rules / "rules.yaml").write_text("version: 1\nrules: 7\n")
    await daemon.rules.load(shop.clock.now())


async def configuration_is_broken(_: Shop, daemon: Daemon) -> None:
    def read() -> Settings:
        raise ConfigError("config.toml:3:1: unknown key")

    reloaded = Configuration(
        daemon=daemon, settings=daemon.settings, read=read, threshold=Threshold(level="info"), secrets=Secrets()
    )
    await reloaded.reload()


TOLD = {
    "breaker.opened": (connection_goes_offline, "retries stopped: connection ", "flowmend errors --account acme"),
    "account.refused": (token_is_purged, "token refused: acme", "flowmend doctor --account acme"),
    "rules.refused": (rules_are_broken, "new rules refused", "flowmend check"),
    "config.refused": (configuration_is_broken, "configuration refused", "flowmend doctor"),
}


@pytest.mark.parametrize("event", TOLD)
async def test_what_an_operator_must_know_is_told_when_it_happens_with_the_command_that_helps(
    tmp_path: Path, inbox: Inbox, event: str
) -> None:
    happens, title, command = TOLD[event]
    async with told_shop(tmp_path, webhook(inbox), events=(event,)) as shop, shop.daemon() as daemon:
        await daemon.accounts[ACCOUNT].cycle()
        await tell(shop, daemon)
        assert inbox.documents == []
        await happens(shop, daemon)
        await tell(shop, daemon)

    (document,) = inbox.documents
    assert {each["event"] for each in document["notices"]} == {event}
    assert document["title"].startswith(f"Flowmend: {title}")
    assert command in document["text"]


async def test_refused_rules_are_told_even_where_the_log_is_for_errors_only(tmp_path: Path, inbox: Inbox) -> None:
    async with told_shop(tmp_path, webhook(inbox), events=("rules.fell_back",)) as shop:
        (shop.rules / "rules.yaml").write_text("version: 1\nrules: 7\n")
        async with shop.daemon() as daemon:
            await tell(shop, daemon)
    assert [each["event"] for each in inbox.documents] == ["rules.fell_back"]


FAILING: dict[str, Callable[[Inbox], None]] = {
    "refuses": lambda inbox: setattr(inbox, "status", 500),
    "hangs": lambda inbox: setattr(inbox, "hangs", True),
}


@pytest.mark.parametrize("kind", ["webhook", "apprise"])
@pytest.mark.parametrize("how", FAILING)
async def test_a_failing_channel_changes_nothing_of_the_work_and_is_said_once(
    tmp_path: Path, inbox: Inbox, how: str, kind: str
) -> None:
    FAILING[how](inbox)
    url = webhook(inbox) if kind == "webhook" else inbox.url.replace("http://", "json://") + f"/{KEY}"
    async with told_shop(tmp_path, url, limits=LIMIT) as shop, shop.daemon() as daemon:
        channel_of(daemon).sender.within_s = 0.05 if how == "hangs" else 5.0
        await over_limit(shop, daemon)
        for _ in range(4):
            assert not await tell(shop, daemon)
            shop.clock.pass_by(timedelta(minutes=6))
        figures = await one_pass(daemon)
        inbox.released.set()

        assert figures.failure is None
        (line,) = shop.events("notify.failed")
        assert (line["channel"], line["level"], line["waiting"]) == ("ops", "error", 1)
        assert not any(secret in shop.log.getvalue() for secret in (KEY, SECRET))


async def test_a_signed_document_follows_no_redirect(tmp_path: Path, inbox: Inbox) -> None:
    inbox.status = 307
    async with told_shop(tmp_path, webhook(inbox), limits=LIMIT) as shop, shop.daemon() as daemon:
        await over_limit(shop, daemon)
        assert not await tell(shop, daemon)
    assert inbox.bodies == []
    assert [line["reason"] for line in shop.events("notify.failed")] == ["the receiver answered HTTP 307"]


async def test_once_the_channel_takes_messages_again_it_gets_what_waited(tmp_path: Path, inbox: Inbox) -> None:
    inbox.status = 503
    async with told_shop(tmp_path, webhook(inbox), limits=LIMIT) as shop, shop.daemon() as daemon:
        await over_limit(shop, daemon)
        await tell(shop, daemon)
        inbox.status = 200
        assert not await channel_of(daemon).step(), "it is not tried again at once"
        shop.clock.pass_by(timedelta(seconds=5))
        assert await channel_of(daemon).step()
        assert channel_of(daemon).failing is False
    assert len(inbox.bodies) == 1


async def test_a_message_that_nobody_took_for_three_days_is_given_up_and_said(tmp_path: Path, inbox: Inbox) -> None:
    inbox.status = 500
    async with told_shop(tmp_path, webhook(inbox), limits=LIMIT) as shop, shop.daemon() as daemon:
        await over_limit(shop, daemon)
        await tell(shop, daemon)
        shop.clock.pass_by(GIVE_UP)
        for _ in range(TRIES - 1):
            assert await daemon.store.open_notices("ops")
            await tell(shop, daemon)
            shop.clock.pass_by(LONGEST_PAUSE)
        assert await daemon.store.open_notices("ops") == []
        assert [line["given_up"] for line in shop.events("notify.failed")] == [0, 1]


async def test_a_machine_that_wakes_after_days_tries_more_than_once(tmp_path: Path, inbox: Inbox) -> None:
    async with told_shop(tmp_path, webhook(inbox), limits=LIMIT) as shop:
        inbox.status = 500
        async with shop.daemon() as daemon:
            await over_limit(shop, daemon)
            await tell(shop, daemon)
        shop.clock.pass_by(GIVE_UP)
        async with shop.daemon() as daemon:
            await tell(shop, daemon)
            shop.clock.pass_by(LONGEST_PAUSE)
            inbox.status = 200
            assert await channel_of(daemon).step()


async def test_processes_that_each_try_once_give_a_message_up_too(tmp_path: Path, inbox: Inbox) -> None:
    async with told_shop(tmp_path, webhook(inbox), limits=LIMIT) as shop:
        inbox.status = 500
        async with shop.daemon() as daemon:
            await over_limit(shop, daemon)
            await tell(shop, daemon)
        for _ in range(8):
            shop.clock.pass_by(timedelta(days=1))
            async with shop.daemon() as daemon:
                await tell(shop, daemon)
                waiting = await daemon.store.open_notices("ops")
        assert waiting == []


async def test_a_full_outbox_is_told_after_a_restart(tmp_path: Path, inbox: Inbox) -> None:
    async with told_shop(tmp_path, webhook(inbox), limits=LIMIT) as shop:
        async with shop.daemon() as daemon:
            await over_limit(shop, daemon)
            await daemon.notifications.listener.write()
        shop.clock.pass_by(timedelta(minutes=1))
        async with shop.daemon() as daemon:
            assert await channel_of(daemon).step()
    assert [each["event"] for each in inbox.documents] == ["limit.reached"]


async def test_a_process_killed_between_sending_and_noting_it_tells_the_same_again_under_the_same_id(
    tmp_path: Path, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with told_shop(tmp_path, webhook(inbox), limits=LIMIT) as shop:
        async with shop.daemon() as daemon:

            async def killed(*_: object, **__: object) -> None:
                raise StoreError("the process is gone")

            await over_limit(shop, daemon)
            monkeypatch.setattr(daemon.store, "end_message", killed)
            with pytest.raises(StoreError):
                await tell(shop, daemon)
        async with shop.daemon() as daemon:
            await daemon.accounts[ACCOUNT].cycle()
            assert not await tell(shop, daemon), "another process may be sending it"
            shop.clock.pass_by(timedelta(minutes=1))
            assert await channel_of(daemon).step()

    first, second = inbox.bodies
    assert first == second
    assert len({each["id"] for each in inbox.documents}) == 1


async def test_two_processes_on_one_store_tell_a_message_once(tmp_path: Path, inbox: Inbox) -> None:
    async with (
        told_shop(tmp_path, webhook(inbox), limits=LIMIT) as shop,
        shop.daemon() as daemon,
        shop.daemon() as another,
    ):
        inbox.status = 503
        await over_limit(shop, daemon)
        await tell(shop, daemon)
        inbox.status = 200
        shop.clock.pass_by(timedelta(seconds=5))
        took = await asyncio.gather(channel_of(daemon).step(), channel_of(another).step())
    assert sorted(took) == [False, True]
    assert len(inbox.bodies) == 1


async def test_no_message_holds_what_errors_say_or_what_is_retried(tmp_path: Path, inbox: Inbox) -> None:
    events = (*EVENTS, "batch.sent", "outcome.settled", "cycle.finished", "step.read", "plan.made")
    async with told_shop(tmp_path, webhook(inbox), events=events) as shop, shop.daemon() as daemon:
        for family in (BUSY, HOPELESS):
            fail(shop, family, count=3, fields={"message": "cannot ship to Waldweg 7"})
            await one_pass(daemon)
            await tell(shop, daemon)
            shop.clock.pass_by(timedelta(minutes=5))
        step = shop.sandbox.world.find_step("Orders to NetSuite", "Create sales order")
        said = {str(entry.fields["message"]) for entry in step.open}

    sent = b"".join(inbox.bodies).decode()
    assert len(inbox.bodies) >= 2
    assert said
    assert not any(message in sent for message in said)
    assert not any(word in sent for word in ("Waldweg", SECRET, KEY, "sandbox-token"))


async def test_what_waits_for_people_is_told_once_a_day_while_it_waits(tmp_path: Path, inbox: Inbox) -> None:
    events = ("account.refused",)
    async with told_shop(tmp_path, webhook(inbox), limits=LIMIT, events=events) as shop, shop.daemon() as daemon:
        await daemon.digests.make()
        shop.clock.pass_by(timedelta(hours=25))
        await daemon.digests.make()
        assert not await tell(shop, daemon), "nothing waits"
        await over_limit(shop, daemon)
        for _ in range(3):
            shop.clock.pass_by(timedelta(hours=12))
            await daemon.accounts[ACCOUNT].cycle()
            await daemon.digests.make()
            await tell(shop, daemon)

    (document,) = inbox.documents
    assert document["event"] == "digest"
    assert "Plans to approve: 1.\nWhen:" in document["text"]
    assert "flowmend approve" in document["text"]


async def test_the_digest_has_each_queue_and_all_else_that_waits_with_the_command_for_it(
    tmp_path: Path, inbox: Inbox
) -> None:
    rules = RETRIES + HOLDS
    async with told_shop(tmp_path, webhook(inbox), rules=rules, events=("lock.lost",)) as shop, shop.daemon() as daemon:
        await daemon.digests.make()
        fail(shop, "field-too-long", count=2)
        fail(shop, "out-of-stock")
        shop.sandbox.faults = tuple(LOST)
        fail(shop)
        await until_unknown(shop, daemon)
        await connection_goes_offline(shop, daemon)
        await rules_are_broken(shop, daemon)
        (tmp_path / "PAUSE").touch()
        shop.clock.pass_by(timedelta(hours=25))
        await daemon.digests.make()
        await tell(shop, daemon)
        held = await daemon.store.held_counts(ACCOUNT)

    (document,) = inbox.documents
    queues = ", ".join(f"{queue} {count}" for queue, count in sorted(held.items()))
    assert {"order-desk": 2, "stock": 1}.items() <= held.items()
    assert document["facts"]["summary"] == (
        f"Held errors: {sum(held.values())} ({queues}). Unknown outcomes: 1. Steps where retries have stopped: 1. "
        "Pauses: 1. Refused changes of the rules: 1"
    )
    for command in ("hold list", "errors --unknown", "plan", "pause --list", "check"):
        assert f"flowmend {command}" in document["text"]


async def test_a_service_that_is_stopped_while_a_channel_hangs_ends_at_once_and_forgets_nothing(
    tmp_path: Path, inbox: Inbox
) -> None:
    inbox.hangs = True
    async with told_shop(tmp_path, webhook(inbox), events=("daemon.started",)) as shop:
        shop.clock.moment = datetime.now(UTC)  # the schedule goes by the time of day
        async with shop.daemon() as daemon:
            signals = Signals()
            service = asyncio.create_task(Service(daemon=daemon, signals=signals).run())
            signals.stop.set()  # it is told of its start when it ends, and would wait for the answer
            await service
            (waiting,) = await daemon.store.open_notices("ops")
            assert await pragma(daemon.store, "busy_timeout") == 100  # nor would it wait for another process
            assert inbox.asked.is_set()
            assert waiting.message_id
    assert shop.events("daemon.stopped")
    assert shop.events("daemon.cut_off") == []


async def test_a_lost_store_is_told_without_it(tmp_path: Path, inbox: Inbox) -> None:
    async with told_shop(tmp_path, webhook(inbox), events=("store.lost",)) as shop, shop.daemon() as daemon:
        shop.clock.moment = datetime.now(UTC)
        (tmp_path / "flowmend.db").rename(tmp_path / "moved.db")
        with pytest.raises(StoreError):
            await Service(daemon=daemon, signals=Signals()).run()
    (document,) = inbox.documents
    assert document["title"] == "Flowmend: the service ends: its store is lost"


async def test_people_are_told_that_the_store_cannot_be_written(tmp_path: Path, inbox: Inbox) -> None:
    async with told_shop(tmp_path, webhook(inbox), events=("cycle.failed",)) as shop, shop.daemon() as daemon:
        notifications = replace(daemon.notifications, look_s=0.0)
        await pragma(daemon.store, "query_only = 1")
        async with notifications.at_work():
            daemon.accounts[ACCOUNT].log.error("cycle.failed", reason="the disk is full")
            await inbox.asked.wait()
            await pragma(daemon.store, "query_only = 0")

    first, *rest = inbox.documents
    assert first["title"] == "Flowmend: a cycle failed: acme"
    assert len(rest) <= 1  # and once more out of the store


async def test_once_tells_before_it_ends(tmp_path: Path, inbox: Inbox) -> None:
    async with told_shop(tmp_path, webhook(inbox), limits=LIMIT) as shop:
        fail(shop, count=5)
        await shop.once()
    assert [each["event"] for each in inbox.documents] == ["limit.reached"]
