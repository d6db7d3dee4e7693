"""The past under other rules: what was judged is judged again, and held against what came of it."""

import sqlite3
from collections import Counter
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.app.build import Daemon
from daemon.app.replay import Asked, Judge, past_errors
from daemon.app.replay_report import Replayed, replay
from daemon.app.rule_diff import RuleDiff, compare
from daemon.app.service import Service, Signals
from daemon.core.actions import Mode
from daemon.core.decisions import Verb
from daemon.core.policy import Caps
from daemon.core.recordings import Fate
from daemon.rulebook.reader import read_rules
from daemon.rulebook.ruleset import RuleSet, compile_rules
from tests.integration.shop import Shop, open_shop
from tests.integration.small_shop import (
    BUSY,
    FLAKY,
    FLOW,
    HOPELESS,
    RETRIES,
    STEP,
    UNRECORDED,
    fail,
    one_pass,
    people,
    sent,
    small_shop,
)

CAPS = Caps(mode=Mode.ENFORCE, max_attempts_per_case=5, retry_max_age=timedelta(days=7))
OBSERVED = RETRIES.replace("    when:", "    mode: observe\n    when:")
RESOLVES = """
version: 1
rules:
  - id: close
    why: Nothing to do.
    when: {code: INVALID_KEY_OR_REF, message: {contains: reference key}}
    then: {resolve: {because: nothing to do}}
  - id: again
    why: The record itself is fine.
    when: {code: [SSS_REQUEST_LIMIT_EXCEEDED, UNEXPECTED_ERROR]}
    then: {retry: {max_attempts: 3, ramp: off}}
"""
NONE = "version: 1\nrules:\n  - {id: none, why: x, when: {code: X}, then: {leave: {}}}\n"


def rules(folder: Path, text: str) -> RuleSet:
    file = folder / "other.yaml"
    file.write_text(text, encoding="utf-8")
    found = read_rules([file])
    assert not found.has_errors
    return compile_rules(found.sources)


def asked(shop: Shop, **which: Any) -> Asked:
    return Asked(since=shop.clock.now() - timedelta(days=14), now=shop.clock.now(), **which)


async def again(shop: Shop, daemon: Daemon, text: str, **which: Any) -> Replayed:
    """Judge the shop's past with the rules of *text*."""
    judge = Judge(rules(shop.folder, text), CAPS)
    return await replay(past_errors(daemon.store, asked(shop, **which)), judge, shop.clock.now())


async def difference(shop: Shop, daemon: Daemon, old: str, new: str) -> RuleDiff:
    """Compare two sets over the shop's past."""
    before, after = (Judge(rules(shop.folder, text), CAPS) for text in (old, new))
    return await compare(past_errors(daemon.store, asked(shop)), before, after, shop.clock.now())


async def test_the_rules_that_decided_decide_the_same_again_over_the_whole_shop(tmp_path: Path) -> None:
    async with open_shop(tmp_path, errors=400) as shop, shop.daemon(Mode.OBSERVE) as daemon:
        await one_pass(daemon)
        judge = Judge(daemon.rules.current, CAPS)
        found = await replay(past_errors(daemon.store, asked(shop)), judge, shop.clock.now())
        rows = await daemon.store.errors("acme", limit=10_000)

    assert found.errors == len(rows) == 400
    assert found.otherwise == 0
    assert sum(found.unsure.values()) <= 0.05 * found.errors, "recordings must say enough for nearly all"
    wanted = Counter((row.rule_id, row.verb) for row in rows)
    told = Counter({(rule_id, verb): n for rule_id, line in found.lines.items() for verb, n in line.verbs.items()})
    assert told <= wanted
    assert (wanted - told).total() == sum(found.unsure.values())


async def test_observing_records_without_the_values_and_another_set_is_told_apart(tmp_path: Path) -> None:
    async with small_shop(tmp_path, OBSERVED) as shop, shop.daemon(Mode.OBSERVE) as daemon:
        fail(shop, BUSY, count=2)
        hopeless = fail(shop, HOPELESS, count=3)
        await one_pass(daemon)
        found = await again(shop, daemon, RESOLVES)

        assert found.errors == 5
        assert found.lines["close"].verbs == {Verb.RESOLVE: 3}
        assert found.lines["close"].otherwise == {("again", Verb.RETRY): 3}
        assert found.lines["again"].otherwise == {}
        assert (await again(shop, daemon, NONE)).lines[""].otherwise == {("again", Verb.RETRY): 5}
        assert (await again(shop, daemon, NONE, flow="elsewhere")).errors == 0
        assert (await again(shop, daemon, NONE, flow="Orders to NetSuite", step="Create sales order")).errors == 5
        assert (await again(shop, daemon, NONE, account="globex")).errors == 0
    with closing(sqlite3.connect(tmp_path / "flowmend.db")) as raw:
        tables = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        held = [each for table in tables for row in raw.execute(f'SELECT * FROM "{table}"') for each in row]
    texts = " ".join(each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in held)
    assert "reference key" in texts
    open_now = shop.sandbox.world.find_step(FLOW, STEP).open
    entries = [open_now.get(error_id) for truth in hopeless for error_id in truth.open_ids]
    messages = [entry.fields["message"] for entry in entries if entry is not None]
    assert len(messages) == 3
    assert all(message.split("'")[1] not in texts for message in messages)


async def test_what_came_of_errors_is_told_and_a_resolve_of_what_people_worked_on_is_unsafe(tmp_path: Path) -> None:
    async with small_shop(tmp_path, NONE) as shop, shop.daemon() as daemon:
        tried, closed, left = (fail(shop, HOPELESS, count=count) for count in (2, 3, 1))
        await one_pass(daemon)
        shop.clock.pass_by(timedelta(minutes=20))
        people(shop, "resolve", *closed)
        people(shop, "retry", *tried)
        shop.clock.pass_by(timedelta(minutes=20))
        await one_pass(daemon)
        shop.clock.pass_by(timedelta(minutes=1))
        found = await difference(shop, daemon, NONE, RESOLVES)
        same = await difference(shop, daemon, RESOLVES, RESOLVES)
        renamed = await difference(shop, daemon, RESOLVES, RESOLVES.replace("id: close", "id: shut"))
        before = await difference(
            shop,
            daemon,
            RESOLVES.replace("id: close", "id: shut").replace(", message: {contains: reference key}", ""),
            RESOLVES,
        )

        ((way, taken),) = found.differences.items()
        assert way == ("close", Verb.RESOLVE, "", Verb.NONE)
        assert taken.fates == {Fate.PERSON_RETRIED: 2, Fate.PERSON_RESOLVED: 3, Fate.OPEN: 3}
        assert len(taken.examples[Fate.PERSON_RESOLVED]) == 3
        assert list(found.unsafe) == [way]
        assert (same.differences, same.unsafe, same.changes.none) == ({}, {}, True)
        assert (renamed.differences, renamed.changes.renamed) == ({}, {"close": "shut"})
        assert list(before.differences) == [("close", Verb.RESOLVE, "shut", Verb.RESOLVE)]
        assert before.unsafe == {}, "they were resolved before, too"
        assert left


async def test_what_cannot_be_told_counts_where_the_rule_in_doubt_has_changed(tmp_path: Path) -> None:
    doubtful = NONE.replace("code: X", "code: INVALID_KEY_OR_REF, data: {type: invoice}")
    async with small_shop(tmp_path, NONE) as shop, shop.daemon() as daemon:
        fail(shop, HOPELESS, count=2)
        await one_pass(daemon)
        same = await difference(shop, daemon, doubtful, doubtful.replace("why: x", "why: y"))
        changed = await difference(shop, daemon, doubtful, doubtful.replace("invoice", "order"))
        renamed = await difference(shop, daemon, doubtful, doubtful.replace("id: none", "id: books"))
        without = await difference(shop, daemon, doubtful, NONE.replace("code: X", "code: Y"))
    assert (same.unsure, renamed.unsure) == ({}, {})
    for found in (changed, without):
        ((doubt, difference_),) = found.unsure.items()
        assert (doubt, difference_.fates) == (("none", ("data",)), {Fate.OPEN: 2})


async def test_what_flowmend_did_is_told_and_what_nobody_worked_on_is_safe(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        fail(shop, BUSY, count=2)
        fail(shop, FLAKY, count=1)
        await one_pass(daemon)
        everything = RETRIES.replace("retry: {max_attempts: 3, ramp: off}", "resolve: {because: x}")
        found = await difference(shop, daemon, RETRIES, everything)

    ((way, taken),) = found.differences.items()
    assert way == ("again", Verb.RESOLVE, "again", Verb.RETRY)
    assert taken.fates == {Fate.CONFIRMED: 2, Fate.CAME_BACK: 1, Fate.OPEN: 1}
    assert found.unsafe == {}


async def test_age_alone_changes_a_decision_of_the_past_as_long_as_the_error_was_there(tmp_path: Path) -> None:
    late = NONE.replace(
        "when: {code: X}, then: {leave: {}}",
        "when: {code: INVALID_KEY_OR_REF, age: {gt: 2h}}, then: {hold: {queue: q}}",
    )
    async with small_shop(tmp_path, NONE) as shop, shop.daemon() as daemon:
        (gone,) = fail(shop, HOPELESS)
        fail(shop, HOPELESS)
        await one_pass(daemon)
        assert (await again(shop, daemon, late)).lines.keys() == {""}
        people(shop, "resolve", gone)
        shop.clock.pass_by(timedelta(minutes=20))
        await one_pass(daemon)
        shop.clock.pass_by(timedelta(hours=3))
        found = await again(shop, daemon, late)
    assert {rule_id: dict(line.verbs) for rule_id, line in found.lines.items()} == {
        "": {Verb.NONE: 1}, "none": {Verb.HOLD: 1}
    }  # fmt: skip


async def test_what_was_left_to_people_at_the_start_is_judged_like_the_rest(tmp_path: Path) -> None:
    async with small_shop(tmp_path, actions={"adopt_backlog": False}) as shop, shop.daemon() as daemon:
        fail(shop, BUSY, count=2, age_s=3600)
        await one_pass(daemon)
        found = await again(shop, daemon, RETRIES)
        other = await again(shop, daemon, RESOLVES.replace("id: again", "id: anew"))
    assert (found.backlog, found.otherwise) == (2, 0)
    assert found.lines["again"].verbs == {Verb.RETRY: 2}
    assert other.lines["anew"].otherwise == {("again", Verb.LEAVE): 2}


async def test_nothing_is_recorded_or_asked_where_it_is_switched_off(tmp_path: Path) -> None:
    async with small_shop(tmp_path, NONE, recordings=UNRECORDED) as shop, shop.daemon() as daemon:
        (gone,) = fail(shop, HOPELESS)
        await one_pass(daemon)
        people(shop, "resolve", gone)
        shop.clock.pass_by(timedelta(minutes=20))
        await one_pass(daemon)
        assert await daemon.store.recorded_steps(None, shop.clock.now() - timedelta(days=1)) == []
    assert sent(shop, "GET resolved") == 0


async def test_messages_are_kept_whole_where_it_is_asked_for_and_then_values_can_be_told(tmp_path: Path) -> None:
    value = NONE.replace("code: X", "message: {regex: \"reference key '[^']*[a-m]\"}")
    async with small_shop(tmp_path, NONE, recordings={"messages": True}) as shop, shop.daemon() as daemon:
        fail(shop, HOPELESS, count=4)
        await one_pass(daemon)
        assert (await again(shop, daemon, value)).unsure == {}
    (tmp_path / "hidden").mkdir()
    async with small_shop(tmp_path / "hidden", NONE) as shop, shop.daemon() as daemon:
        fail(shop, HOPELESS, count=4)
        await one_pass(daemon)
        assert (await again(shop, daemon, value)).unsure == {("none", ("message",)): 4}


async def test_recordings_are_forgotten_some_time_after_their_errors_have_left(tmp_path: Path) -> None:
    async with small_shop(tmp_path, NONE, recordings={"keep": timedelta(hours=2)}) as shop:
        (gone,) = fail(shop, HOPELESS)
        await shop.once()
        shop.clock.pass_by(timedelta(hours=3))
        await shop.once()
        people(shop, "resolve", gone)
        for hours, left in ((1, 1), (3, 0)):
            shop.clock.pass_by(timedelta(hours=hours))
            await shop.once()
            async with shop.daemon() as daemon:
                assert len(await daemon.store.recorded_steps(None, shop.clock.now() - timedelta(days=1))) == left


async def test_once_they_are_switched_off_those_of_open_errors_go_too(tmp_path: Path) -> None:
    async with small_shop(tmp_path, NONE) as shop:
        fail(shop, HOPELESS, count=2)
        await shop.once()
    async with small_shop(tmp_path, NONE, recordings=UNRECORDED) as shop, shop.daemon() as daemon:
        shop.clock.pass_by(timedelta(hours=2))
        await Service(daemon=daemon, signals=Signals())._keep_house()
        assert [event["recordings"] for event in shop.events("store.pruned")] == [2]
        assert await daemon.store.recorded_steps(None, shop.clock.now() - timedelta(days=1)) == []


async def test_the_service_forgets_them_when_it_keeps_house(tmp_path: Path) -> None:
    async with small_shop(tmp_path, NONE) as shop, shop.daemon() as daemon:
        gone = fail(shop, HOPELESS, count=2)
        fail(shop, HOPELESS)
        await one_pass(daemon)
        people(shop, "resolve", *gone)
        shop.clock.pass_by(timedelta(minutes=20))
        await one_pass(daemon)
        service = Service(daemon=daemon, signals=Signals())
        for days in (29, 2):
            shop.clock.pass_by(timedelta(days=days))
            await service._keep_house()
    assert [event["recordings"] for event in shop.events("store.pruned")] == [0, 2]


@pytest.mark.parametrize(("keep", "removed"), [(timedelta(days=30), 1), (timedelta(days=60), 0)])
async def test_plans_are_kept_as_long_as_the_configuration_says(tmp_path: Path, keep: timedelta, removed: int) -> None:
    async with small_shop(tmp_path, store={"keep": keep}) as shop, shop.daemon() as daemon:
        fail(shop)
        await one_pass(daemon)
        shop.clock.pass_by(timedelta(days=31))
        await Service(daemon=daemon, signals=Signals())._keep_house()
    (event,) = shop.events("store.pruned")
    assert event["removed"] == removed


async def test_how_an_error_left_is_asked_once(tmp_path: Path) -> None:
    async with small_shop(tmp_path, NONE) as shop, shop.daemon(Mode.OBSERVE) as daemon:
        (gone,) = fail(shop, HOPELESS)
        await one_pass(daemon)
        people(shop, "resolve", gone)
        for _ in range(3):
            shop.clock.pass_by(timedelta(minutes=20))
            await one_pass(daemon)
    assert sent(shop, "GET resolved") == 1
    assert {seen.method for seen in shop.sandbox.seen} == {"GET"}
