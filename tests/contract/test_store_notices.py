from datetime import timedelta
from pathlib import Path
from typing import Any

from daemon.core.notices import Noted, Told
from daemon.store.sql import open_store
from tests.contract.store_values import NOON, Clock, Store, minutes

EVER = NOON - timedelta(days=1)


def noted(event: str = "limit.reached", scope: str = "acme", *, at: float = 0, **fields: Any) -> Noted:
    usual: dict[str, Any] = {"facts": {"held": 7}, "first_at": minutes(at), "last_at": minutes(at)}
    return Noted(event=event, scope=scope, **{**usual, **fields})


async def fixed(store: Store, message_id: str = "m1", channel: str = "ops", *, at: float = 10) -> bool:
    numbers = [each.number for each in await store.open_notices(channel)]
    return await store.fix_message(channel, message_id, numbers, minutes(at))


async def test_what_was_noted_is_told_with_all_about_it_oldest_first(store: Store) -> None:
    late = noted(scope="globex", at=5, facts={"held": 3, "ratio": 0.5, "name": "Zoë", "none": None})
    await store.note([("ops", late), ("ops", noted()), ("lead", noted("rules.refused"))])
    assert [each.noted for each in await store.open_notices("ops")] == [noted(), late]
    assert [each.channel for each in await store.open_notices("lead")] == ["lead"]
    assert await store.open_notices("nobody") == []


async def test_equal_events_grow_into_one_with_the_newest_facts(store: Store) -> None:
    await store.note([("ops", noted(times=2))])
    await store.note([("ops", noted(at=3, times=3, facts={"held": 9}))])
    (grown,) = await store.open_notices("ops")
    assert grown.noted == noted(times=5, last_at=minutes(3), facts={"held": 9})


async def test_what_a_message_holds_grows_no_more(store: Store) -> None:
    await store.note([("ops", noted())])
    assert await fixed(store)
    await store.note([("ops", noted(at=20))])
    first, second = await store.open_notices("ops")
    assert (first.message_id, first.next_at, first.fixed_at) == ("m1", minutes(10), minutes(10))
    assert (first.noted.times, second.noted.times, second.message_id) == (1, 1, "")


async def test_a_channel_has_one_message_at_a_time(store: Store) -> None:
    await store.note([("ops", noted()), ("lead", noted())])
    assert await fixed(store, "m1")
    assert await fixed(store, "m2", "lead")
    await store.note([("ops", noted(at=20))])
    assert not await fixed(store, "m3")
    await store.end_message("m1", minutes(21), sent=True)
    assert await fixed(store, "m3")
    assert not await store.fix_message("ops", "m4", [], minutes(30))


async def test_only_one_of_two_that_have_seen_a_message_may_send_it(store: Store) -> None:
    await store.note([("ops", noted())])
    await fixed(store)
    assert await store.put_off_message("m1", minutes(10), minutes(11))
    assert not await store.put_off_message("m1", minutes(10), minutes(11))
    assert [each.next_at for each in await store.open_notices("ops")] == [minutes(11)]
    await store.end_message("m1", minutes(11), sent=True)
    assert not await store.put_off_message("m1", minutes(11), minutes(12))


async def test_what_was_sent_was_told_and_what_was_given_up_was_not(store: Store) -> None:
    for message_id, sent in (("m1", True), ("m2", False)):
        await store.note([("ops", noted()), ("ops", noted("rules.refused", ""))])
        await fixed(store, message_id)
        await store.end_message(message_id, minutes(12), sent=sent)
    assert await store.open_notices("ops") == []
    told = [Told(event=event, scope=scope, message_id="m1", at=minutes(12))
            for event, scope in (("limit.reached", "acme"), ("rules.refused", ""))]  # fmt: skip
    assert sorted(await store.told_since("ops", EVER), key=lambda each: each.event) == told
    assert await store.told_since("ops", minutes(12)) == []
    assert await store.told_since("lead", EVER) == []


async def test_what_ended_long_ago_is_forgotten(store: Store) -> None:
    await store.note([("ops", noted())])
    await fixed(store)
    await store.end_message("m1", minutes(12), sent=True)
    await store.note([("ops", noted(at=20))])
    assert await store.forget_notices(minutes(12), ["ops"], abandoned=minutes(99)) == 0
    assert len(await store.told_since("ops", EVER)) == 1
    assert await store.forget_notices(minutes(13), ["ops"], abandoned=minutes(99)) == 1
    assert (len(await store.open_notices("ops")), await store.told_since("ops", EVER)) == (1, [])


async def test_what_waits_for_a_channel_that_is_not_known_here_is_forgotten_only_once_it_is_no_news(
    store: Store,
) -> None:
    await store.note([("ops", noted()), ("gone", noted()), ("gone", noted("rules.refused", at=20))])
    assert await store.forget_notices(EVER, ["ops"], abandoned=minutes(0)) == 0
    assert await store.forget_notices(EVER, ["ops"], abandoned=minutes(20)) == 1
    assert [each.noted.event for each in await store.open_notices("gone")] == ["rules.refused"]
    assert len(await store.open_notices("ops")) == 1


async def test_a_full_outbox_survives_a_restart(tmp_path: Path, clock: Clock) -> None:
    url = f"sqlite:///{tmp_path}/flowmend.db"
    async with open_store(url, now=clock) as store:
        await store.note([("ops", noted(scope=f"step {number}")) for number in range(500)])
        await store.fix_message("ops", "m1", [1, 2], minutes(1))
        before = await store.open_notices("ops")
    async with open_store(url, now=clock) as store:
        assert await store.open_notices("ops") == before
        assert len(before) == 500
