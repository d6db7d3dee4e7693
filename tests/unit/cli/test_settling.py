"""What a person is told who settles what is unknown."""

import json
from typing import Any

import pytest

from daemon.cli.settling import Question, answer
from daemon.core.decisions import Outcome
from daemon.core.rows import UnknownRow
from daemon.store.memory import MemoryStore
from tests.contract.store_values import LATER, NOON, OTHER_STEP, STEP, batch, item, judged, minutes, save

CONFIRMED = {"outcome": Outcome.CONFIRMED, "said": "confirmed"}
NOT_SENT = {"outcome": Outcome.REFUSED, "said": "not-sent"}


async def lost(store: MemoryStore, error_id: str = "e1", *, key: str = "t:order-1", **fields: Any) -> None:
    """Let nobody know what came of a retry."""
    await save(store, judged(error_id, case_key=key), step=fields.get("step", STEP))
    number = await store.intend(batch(item(error_id, case_key=key), **fields), NOON)
    await store.settle(number, {error_id: Outcome.UNKNOWN}, LATER)


async def say(
    store: MemoryStore, said: dict[str, Any], *, by: str = "anna", as_json: bool = False, **where: str
) -> int:
    """Let a person settle order-1, or what *where* names."""
    usual: dict[str, Any] = {"trace_key": "order-1", "account": None, "flow": None, "step": None, "why": ""}
    return await answer(Question(**usual | said | where), store, by=by, now=minutes(9), json=as_json)


@pytest.mark.parametrize(
    ("said", "then"),
    [
        pytest.param(CONFIRMED, "The record counts as fixed", id="confirmed"),
        pytest.param(NOT_SENT, "The attempt is given back", id="not sent"),
    ],
)
async def test_what_was_settled_is_said_with_what_follows(
    capsys: pytest.CaptureFixture[str], said: dict[str, Any], then: str
) -> None:
    store = MemoryStore()
    await lost(store)
    assert await say(store, said) == 0
    told = capsys.readouterr()
    assert f"Error e1 of order-1, write 1: {said['said']}, said by anna." in told.out
    assert then in told.out
    assert told.err == ""


async def test_the_second_of_two_people_is_told_who_was_first_and_what_they_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = MemoryStore()
    await lost(store)
    await say(store, NOT_SENT, by="bert", why="not in NetSuite")
    assert await say(store, CONFIRMED) == 1
    assert "bert settled write 1 as not sent at 2026-03-01T12:09:00Z (not in NetSuite)" in capsys.readouterr().err


class Racing(MemoryStore):
    """A store in which somebody else settles everything right after it was asked."""

    async def unknown_of_case(self, account: str | None, trace_key: str) -> list[UnknownRow]:
        """Return what is unknown, and let it be settled before the answer can be used."""
        rows = await super().unknown_of_case(account, trace_key)
        for row in rows:
            await self.settle_unknown(row.batch_id, row.error_id, Outcome.CONFIRMED, by="bert", why="", now=minutes(8))
        return rows


async def test_a_person_who_is_overtaken_settles_nothing_and_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    store = Racing()
    await lost(store)
    assert await say(store, NOT_SENT) == 1
    told = capsys.readouterr()
    assert "bert settled write 1 as confirmed at 2026-03-01T12:08:00Z" in told.err
    assert told.out == ""


async def test_where_nothing_is_unknown_nothing_is_settled(capsys: pytest.CaptureFixture[str]) -> None:
    store = MemoryStore()
    await lost(store, "e2", key="t:order-2")
    assert await say(store, CONFIRMED) == 1
    assert "nothing of order-1 is unknown, so there is nothing to settle" in capsys.readouterr().err
    assert await store.unknown_count() == 1


async def test_a_key_unknown_in_several_places_is_settled_in_none_before_one_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = MemoryStore()
    await lost(store)
    await lost(store, step=OTHER_STEP)
    assert await say(store, CONFIRMED) == 2
    told = capsys.readouterr().err
    assert "order-1 is unknown in 2 places" in told
    assert "flowmend case t:order-1 --settle confirmed --account acme --flow f1 --step s2" in told
    assert await store.unknown_count() == 2
    assert await say(store, CONFIRMED, step="s2") == 0
    assert [row.step for row in await store.unknown_items()] == [STEP]


async def test_a_trace_key_of_several_cases_asks_for_the_case(capsys: pytest.CaptureFixture[str]) -> None:
    store = MemoryStore()
    key = "k" * 128
    for error_id, digest in (("e1", "d1"), ("e2", "d2")):
        await lost(store, error_id, key=f"c:{digest}:{key}")
    assert await say(store, NOT_SENT, trace_key=key) == 2
    assert f"flowmend case c:d2:{key} --settle not-sent --account acme" in capsys.readouterr().err
    assert await say(store, NOT_SENT, trace_key=f"c:d2:{key}") == 0
    assert [row.error_id for row in await store.unknown_items()] == ["e1"]


async def test_machines_get_what_was_settled_and_what_was_not(capsys: pytest.CaptureFixture[str]) -> None:
    store = MemoryStore()
    await lost(store)
    assert await say(store, CONFIRMED, why="seen", as_json=True) == 0
    (settled,) = json.loads(capsys.readouterr().out)["settled"]
    assert (settled["errorId"], settled["outcome"], settled["settled_by"], settled["reason"]) == (
        "e1", "confirmed", "anna", "seen"
    )  # fmt: skip
    assert await say(store, CONFIRMED, as_json=True) == 1
    told = json.loads(capsys.readouterr().out)
    assert ("anna settled write 1" in told["failure"], told["unknown"]) == (True, [])
