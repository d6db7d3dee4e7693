"""Explaining an open error says what a cycle does with it, and changes nothing."""

from pathlib import Path

import pytest

from daemon.app.explain import explain_open
from daemon.core.actions import Mode
from daemon.core.exceptions import ConfigError
from daemon.rulebook.capturing import capture
from tests.integration.small_shop import BUSY, HOPELESS, fail, one_pass, people, small_shop

RULES = """
version: 1
rules:
  - id: other
    why: Not this one.
    when: {code: SSS_REQUEST_LIMIT_EXCEEDED, source: shop}
    then: {leave: {}}
  - id: later
    why: In an hour.
    when: {code: SSS_REQUEST_LIMIT_EXCEEDED}
    then: {retry: {after: 1h, ramp: off}}
"""


async def test_an_open_error_is_explained_with_the_decision_of_the_cycle_and_nothing_is_written(tmp_path: Path) -> None:
    async with small_shop(tmp_path, RULES) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, BUSY, count=1)
        await one_pass(daemon)
        (error_id,) = truth.open_ids
        (row,) = await daemon.store.errors()
        before = len(shop.sandbox.seen)
        told = await explain_open(daemon, error_id, None)

        assert told.winner == "later"
        assert [each.source.rule.id for each in told.verdicts if each.near] == ["other"]
        assert told.judgement is not None
        decision = told.judgement.decision
        assert (decision.verb, decision.rule_id, decision.reason, decision.due_at) == (
            row.verb, row.rule_id, row.reason, row.due_at,
        )  # fmt: skip
        assert {seen.method for seen in shop.sandbox.seen[before:]} == {"GET"}
        assert await daemon.store.errors() == [row]


async def test_what_is_due_comes_with_what_the_guards_say(tmp_path: Path) -> None:
    rules = RULES.replace("after: 1h, ramp: off", "ramp: [2]")
    async with small_shop(tmp_path, rules) as shop:
        truths = fail(shop, BUSY, count=5)
        async with shop.daemon(Mode.APPROVE) as daemon:
            await one_pass(daemon)
            told = await explain_open(daemon, min(truths[0].open_ids), "acme")

    assert told.group is not None
    assert (told.group.count, told.group.send, told.group.reason) == (5, 2, "ramp")


async def test_an_error_that_is_not_open_any_more_or_not_known_is_said_so(tmp_path: Path) -> None:
    async with small_shop(tmp_path, RULES) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, HOPELESS, count=1)
        await one_pass(daemon)
        (error_id,) = truth.open_ids
        people(shop, "resolve", truth)

        with pytest.raises(ConfigError, match="is not open any more"):
            await explain_open(daemon, error_id, None)
        with pytest.raises(ConfigError, match="no open error 12 is known"):
            await explain_open(daemon, "12", None)


PATCHING = """
version: 1
rules:
  - id: capitals
    why: Capitals are wanted.
    when: {code: SSS_REQUEST_LIMIT_EXCEEDED}
    then:
      patch: [{op: add, path: /data/seen, value: true}]
      retry: {after: 1h}
"""


async def test_an_open_error_is_captured_with_its_record_and_nothing_is_written(tmp_path: Path) -> None:
    async with small_shop(tmp_path, PATCHING) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, BUSY, count=1)
        await one_pass(daemon)
        before = len(shop.sandbox.seen)
        told = await explain_open(daemon, min(truth.open_ids), None)
        captured = capture(told.step, told.record, told.facts, daemon.rules.current)

        assert {seen.method for seen in shop.sandbox.seen[before:]} == {"GET"}
    assert (captured.won, captured.wins) == ("capitals", "capitals")
    assert captured.test["match"]["code"] == "SSS_REQUEST_LIMIT_EXCEEDED"
    assert captured.test["patched"] == {**captured.test["data"], "seen": True}
    assert captured.test["data"].keys() == dict(told.facts.data).keys()  # type: ignore[call-overload]
