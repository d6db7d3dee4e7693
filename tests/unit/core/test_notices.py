from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.notices import DIGEST, GATHER, HOUR, MOST, Noted, Notice, Pace, Told, next_message, wanted_by

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
PACE = Pace(min_interval=timedelta(minutes=5), repeat=timedelta(hours=4), per_hour=3)


def minutes(count: float) -> datetime:
    return NOW + timedelta(minutes=count)


def notice(event: str = "limit.reached", scope: str = "a", *, at: float = -1, number: int = 1) -> Notice:
    noted = Noted(event=event, scope=scope, first_at=minutes(at), last_at=minutes(at))
    return Notice(number=number, channel="ops", noted=noted)


def told(event: str = "limit.reached", scope: str = "a", *, at: float, message_id: str = "m") -> Told:
    return Told(event=event, scope=scope, message_id=message_id, at=minutes(at))


OPENED, CLOSED = "breaker.opened", "breaker.closed"
CASES: dict[str, tuple[Sequence[Notice], Sequence[Told], int]] = {
    "what is new is told": ([notice()], [], 1),
    "nothing is told of nothing": ([], [told(at=-1)], 0),
    "what has just happened waits for what belongs to it": ([notice(at=-0.05)], [], 0),
    "what was noted by a clock that was ahead does not wait": ([notice(at=60)], [], 1),
    "what happened together is told together": ([notice(), notice(scope="b", number=2, at=0)], [], 2),
    "kinds that are ready share a message": ([notice(), notice("rules.refused", number=2)], [], 2),
    "a kind rests after a message": ([notice(scope="b")], [told(at=-4)], 0),
    "another kind does not": ([notice("rules.refused")], [told(at=-4)], 1),
    "a kind has rested": ([notice(scope="b")], [told(at=-5)], 1),
    "the same is not told again so soon": ([notice()], [told(at=-60)], 0),
    "the same is told again later": ([notice()], [told(at=-240)], 1),
    "the same comes along with news of its kind": ([notice(), notice(scope="b", number=2)], [told(at=-60)], 2),
    "an hour has so many messages": ([notice()], [told("x.y", str(n), at=-50 + n, message_id=str(n)) for n in range(3)], 0),
    "a message with much in it is one": ([notice()], [told("x.y", str(n), at=-50) for n in range(9)], 1),
    "the hour has passed": ([notice()], [told("x.y", str(n), at=-60 - n, message_id=str(n)) for n in range(3)], 1),
    "what was told by a clock that was ahead holds nothing back": ([notice()], [told(at=600)], 1),
    "good news is told": ([notice(CLOSED)], [told(OPENED, at=-20)], 1),
    "good news is of one kind with the bad": ([notice(CLOSED)], [told(OPENED, at=-2)], 0),
    "what had ended is news": ([notice(OPENED)], [told(OPENED, at=-60), told(CLOSED, at=-40)], 1),
    "what ended and began in one message is news": ([notice(OPENED)], [told(OPENED, at=-40), told(CLOSED, at=-40)], 1),
    "good news does not go before the bad that followed": (
        [notice(CLOSED, number=1), notice(OPENED, number=2)], [told(OPENED, at=-60)], 2,
    ),
    "a digest is never a repetition": ([notice(DIGEST)], [told(DIGEST, at=-60)], 1),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_goes_into_the_next_message(case: str) -> None:
    waiting, past, count = CASES[case]
    assert len(next_message(waiting, past, PACE, NOW)) == count


def test_a_message_tells_what_happened_first_first() -> None:
    waiting = [notice(number=3, at=-2), notice("x.y", number=1, at=-2), notice("y.z", number=2, at=-9)]
    assert [each.number for each in next_message(waiting, [], PACE, NOW)] == [2, 1, 3]


def test_a_flood_is_told_in_messages_that_can_be_sent_and_nothing_of_it_is_left_out() -> None:
    waiting = [notice(scope=str(number), number=number, at=-2) for number in range(MOST + 7)]
    first = next_message(waiting, [], PACE, NOW)
    assert first == waiting[:MOST]
    past = [told(scope=each.noted.scope, at=-5) for each in first]
    assert next_message(waiting[MOST:], past, PACE, NOW) == waiting[MOST:]


def test_a_flood_costs_no_more_than_its_size() -> None:
    compared: list[str] = []

    class Scope(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            compared.append(self)
            return str.__eq__(self, other)

    waiting = [notice(scope=Scope(number), number=number) for number in range(300)]
    past = [told(scope=Scope(number), at=-60) for number in range(300)]
    assert next_message(waiting, past, PACE, NOW) == []
    assert len(compared) < 3000


def test_whoever_is_told_of_the_bad_is_told_of_its_end() -> None:
    assert wanted_by(["breaker.opened", "rules.refused"]) == {"breaker.opened", "breaker.closed", "rules.refused"}


EVENTS = st.sampled_from([OPENED, CLOSED, "limit.reached", "rules.refused", DIGEST])
HAPPENING = st.tuples(st.integers(0, 1800), EVENTS, st.sampled_from("abc"))
PACES = st.builds(
    Pace,
    min_interval=st.integers(0, 30).map(lambda n: timedelta(minutes=n)),
    repeat=st.integers(0, 300).map(lambda n: timedelta(minutes=n)),
    per_hour=st.integers(1, 5),
)


class Channel:
    """A channel as the outbox keeps it: equal events grow, a message ends what is in it."""

    def __init__(self, pace: Pace) -> None:
        self.pace, self.now = pace, NOW
        self.waiting: dict[tuple[str, str], Notice] = {}
        self.told: list[Told] = []
        self.messages: list[tuple[datetime, list[Notice]]] = []

    def hear(self, event: str, scope: str) -> None:
        before = self.waiting.get((event, scope))
        times, first_at = (before.noted.times, before.noted.first_at) if before else (0, self.now)
        noted = Noted(event=event, scope=scope, times=times + 1, first_at=first_at, last_at=self.now)
        self.waiting[event, scope] = Notice(number=len(self.waiting), channel="ops", noted=noted)

    def look(self) -> None:
        chosen = next_message(list(self.waiting.values()), self.told, self.pace, self.now)
        if chosen:
            message_id = str(len(self.messages))
            self.messages.append((self.now, chosen))
            for each in chosen:
                del self.waiting[each.noted.event, each.noted.scope]
                self.told.append(
                    Told(event=each.noted.event, scope=each.noted.scope, message_id=message_id, at=self.now)
                )


@given(st.lists(HAPPENING, max_size=60), PACES)
def test_never_more_than_the_limits_and_nothing_is_lost(happenings: list[tuple[int, str, str]], pace: Pace) -> None:
    channel = Channel(pace)
    for passed_s, event, scope in happenings:
        channel.now += timedelta(seconds=passed_s)
        channel.hear(event, scope)
        channel.look()
    for _ in range(2000):
        if not channel.waiting:
            break
        channel.now += max(GATHER, timedelta(minutes=1))
        channel.look()

    times = [at for at, _ in channel.messages]
    assert all(sum(at - HOUR < each <= at for each in times) <= pace.per_hour for at in times)
    for kind in {"breaker.opened", "limit.reached", "rules.refused", DIGEST}:
        kinds = {kind, "breaker.closed"} if kind == "breaker.opened" else {kind}
        told_at = [at for at, message in channel.messages if any(each.noted.event in kinds for each in message)]
        assert all(later - before >= pace.min_interval for before, later in pairwise(told_at))
    heard = Counter((event, scope) for _, event, scope in happenings)
    said: Counter[tuple[str, str]] = Counter()
    for _, message in channel.messages:
        for each in message:
            said[each.noted.event, each.noted.scope] += each.noted.times
    assert not channel.waiting
    assert said == heard
