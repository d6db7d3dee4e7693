"""Three weeks of a small shop in which everything happens that a report tells of, up to a moment of choice."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from daemon.app.build import Daemon
from daemon.core.exceptions import UnknownResultError
from daemon.sandbox.truth import Truth
from tests.integration.shop import Shop
from tests.integration.small_shop import BUSY, FLAKY, HOPELESS, POST_RETRY, during, fail, one_pass, people, small_shop

RULES = """
version: 1
rules:
  - id: again
    why: Too many requests at once.
    when: {code: SSS_REQUEST_LIMIT_EXCEEDED}
    then: {retry: {max_attempts: 3, ramp: off}}
  - id: ship
    why: Somebody may have added it meanwhile.
    when: {code: INVALID_KEY_OR_REF}
    then: {retry: {max_attempts: 1, ramp: off}}
  - id: look
    why: Somebody must look at it.
    when: {code: RCRD_HAS_BEEN_CHANGED}
    then: {hold: {queue: warehouse, title: Look}}
  - id: close
    why: Nothing is to be done.
    when: {code: DUP_RCRD}
    then: {resolve: {because: it is there}}
"""
CHANGED, DUPLICATE = "netsuite-record-changed", "duplicate-order"
"""A family that the rules hold, and one that they resolve."""


@dataclass
class Weeks:
    """What happened, as the sandbox knows it: records by what was done about them."""

    folder: Path
    until: datetime
    confirmed: list[Truth]
    came_back: list[Truth]
    resolved_by_people: list[Truth]
    retried_by_people: list[Truth]
    by_platform: list[Truth]
    vanished: list[Truth]
    resolved: list[Truth]
    unknown: list[Truth]
    held: list[Truth]
    under_way: list[Truth]
    expiring: list[Truth]
    before: list[Truth]


async def live(folder: Path, until: datetime) -> Weeks:
    """Let three weeks go by until *until* and return what happened in them."""
    async with small_shop(folder, RULES) as shop, shop.daemon() as daemon:
        return await _live(shop, daemon, until)


async def _live(shop: Shop, daemon: Daemon, until: datetime) -> Weeks:
    def on_day(ago: float) -> None:
        shop.clock.moment = until - timedelta(days=ago)

    on_day(20)
    fail(shop, BUSY)
    await one_pass(daemon)
    on_day(10)
    before = fail(shop, BUSY, count=2)
    await one_pass(daemon)

    on_day(6)
    confirmed = fail(shop, BUSY, count=3, age_s=600)
    closed, tried, auto = (fail(shop, FLAKY, count=count) for count in (2, 1, 1))
    await one_pass(daemon)
    shop.clock.pass_by(timedelta(minutes=20))
    people(shop, "resolve", *closed)
    people(shop, "resolve", *auto, by="auto")
    people(shop, "retry", *tried)
    shop.clock.pass_by(timedelta(minutes=20))
    await one_pass(daemon)
    on_day(5)
    purged = fail(shop, FLAKY)
    resolved = fail(shop, DUPLICATE, count=2)
    await one_pass(daemon)
    people(shop, "vanish", *purged)
    shop.clock.pass_by(timedelta(hours=7))
    await one_pass(daemon)

    on_day(4)
    held = fail(shop, CHANGED, count=3)
    back = fail(shop, HOPELESS, count=40)
    await one_pass(daemon)
    on_day(3)
    confirmed += fail(shop, BUSY, age_s=600)
    await one_pass(daemon)

    on_day(2)
    unknown = fail(shop, BUSY)
    during(daemon, before={POST_RETRY: _lose})
    await one_pass(daemon)

    on_day(1)
    expiring = fail(shop, FLAKY, count=2, age_s=28 * 86_400)
    await one_pass(daemon)
    on_day(1 / 24)
    under_way = fail(shop, BUSY, count=2)
    await one_pass(daemon, wait=timedelta(0))
    shop.clock.moment = until
    return Weeks(
        folder=shop.folder,
        until=until,
        confirmed=confirmed,
        came_back=back,
        resolved_by_people=closed,
        retried_by_people=tried,
        by_platform=auto,
        vanished=purged,
        resolved=resolved,
        unknown=unknown,
        held=held,
        under_way=under_way,
        expiring=expiring,
        before=before,
    )


def _lose() -> None:
    raise UnknownResultError("the answer is lost")


def spend(folder: Path, until: datetime) -> Weeks:
    """Let three weeks go by, and write a configuration for the commands beside their store."""
    weeks = asyncio.run(live(folder, until))
    config = f'[accounts.acme]\n[rules]\npaths = ["rules"]\n[store]\nurl = "sqlite:///{folder}/flowmend.db"\n'
    (folder / "config.toml").write_text(config, encoding="utf-8")
    return weeks
