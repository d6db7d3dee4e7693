from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import pytest

from daemon.core.exceptions import StoreError
from daemon.core.notices import Noted
from daemon.notify.listening import Listener
from tests.fakes import FakeClock

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HELD = {"event": "limit.reached", "level": "warning", "account": "acme", "rule": "busy", "held": 5}


class Box:
    """An outbox that fails while it is *full*, after what happens *meanwhile*."""

    def __init__(self) -> None:
        self.full = False
        self.meanwhile: Callable[[], None] = lambda: None
        self.rows: list[tuple[str, Noted]] = []

    async def note(self, channels: Iterable[tuple[str, Noted]]) -> None:
        self.meanwhile()
        if self.full:
            raise StoreError("the disk is full")
        self.rows += channels


class Heard:
    def __init__(self, **channels: set[str]) -> None:
        self.box, self.clock, self.stirred = Box(), FakeClock(NOON), 0
        self.listener = Listener(
            channels=channels,
            named_by=lambda rule_id: ["lead"] if rule_id == "late" else [],
            outbox=self.box,
            now=self.clock.now,
            stirred=self.stir,
        )

    def stir(self) -> None:
        self.stirred += 1

    def hear(self, **facts: object) -> None:
        self.listener.hear(HELD | facts)
        self.clock.pass_by(timedelta(seconds=1))

    async def told(self) -> list[tuple[str, str, int]]:
        """Return what was written, as channel, scope and times."""
        await self.listener.write()
        return [(channel, noted.scope.replace("\n", " "), noted.times) for channel, noted in self.box.rows]


async def test_equal_events_are_counted_together_and_others_are_not() -> None:
    heard = Heard(ops={"limit.reached"})
    for facts in ({"held": 5}, {"held": 6}, {"rule": "other"}, {"account": "globex"}):
        heard.hear(**facts)
    assert await heard.told() == [
        ("ops", "account=acme rule=busy", 2),
        ("ops", "account=acme rule=other", 1),
        ("ops", "account=globex rule=busy", 1),
    ]
    newest = heard.box.rows[0][1]
    assert (newest.facts["held"], newest.first_at, newest.last_at) == (6, NOON, NOON + timedelta(seconds=1))
    assert heard.stirred == 4


async def test_each_channel_is_told_of_its_own_events() -> None:
    heard = Heard(ops={"limit.reached"}, lead={"rules.refused"})
    heard.hear()
    heard.hear(event="rules.refused", account=None, rule=None)
    assert await heard.told() == [("ops", "account=acme rule=busy", 1), ("lead", "", 1)]


async def test_a_rule_adds_channels_to_what_it_matches_and_to_nothing_else() -> None:
    heard = Heard(ops=set(), lead=set())
    heard.hear(rule="late")
    heard.hear(event="rule.matched", rule="late")
    heard.hear(event="rule.matched", rule="busy")
    assert await heard.told() == [("lead", "account=acme rule=late", 1)]
    assert "rule.matched" in heard.listener.events


async def test_what_is_heard_while_writing_fails_is_counted_with_what_could_not_be_written() -> None:
    heard = Heard(ops={"limit.reached"})
    heard.hear()
    heard.box.full, heard.box.meanwhile = True, heard.hear
    with pytest.raises(StoreError):
        await heard.listener.write()
    heard.box.full, heard.box.meanwhile = False, lambda: None
    assert await heard.told() == [("ops", "account=acme rule=busy", 2)]


async def test_what_could_not_be_written_is_kept_and_counted_on() -> None:
    heard = Heard(ops={"limit.reached"})
    heard.box.full = True
    for _ in range(3):
        heard.hear()
        with pytest.raises(StoreError):
            await heard.listener.write()
    assert [noted.times for noted in heard.listener.unwritten("ops")] == [3]
    assert heard.listener.unwritten("lead") == []
    heard.box.full = False
    assert await heard.told() == [("ops", "account=acme rule=busy", 3)]
    assert heard.box.rows[0][1].first_at == NOON
    assert heard.listener.heard == {}
