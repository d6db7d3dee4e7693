"""How often the lists are read for a write that they say nothing about yet."""

from datetime import timedelta

import pytest

from daemon.pipeline.patience import LONGEST, Patience
from tests.makers import NOW

TEN = timedelta(seconds=10)


def waits(first: timedelta, count: int, deadline: timedelta = timedelta(days=1)) -> list[float]:
    """Return how many seconds lie between one look that settles nothing and the next."""
    patience, now = Patience(first=first), NOW
    found: list[float] = []
    for _ in range(count):
        patience.looked(1, now, deadline=NOW + deadline)
        later = patience.looks[1][1]
        found.append((later - now).total_seconds())
        now = later
    return found


def test_it_is_looked_at_at_once_again_and_then_ever_more_seldom_up_to_five_minutes() -> None:
    assert waits(TEN, 9) == [0, 10, 20, 40, 80, 160, 300, 300, 300]
    assert max(waits(TEN, 5000)) == LONGEST.total_seconds()


@pytest.mark.parametrize("deadline_s", [35, 100, 200])
def test_the_look_at_the_deadline_is_not_put_off(deadline_s: int) -> None:
    found = waits(TEN, 12, timedelta(seconds=deadline_s))
    assert deadline_s in [sum(found[:end]) for end in range(len(found))]


def test_what_was_never_looked_at_is_due_and_what_is_settled_is_forgotten() -> None:
    patience = Patience(first=TEN)
    for _ in range(3):
        patience.looked(1, NOW, deadline=NOW)
    assert [patience.is_due(each, NOW) for each in (1, 2)] == [False, True]
    patience.keep({2})
    assert patience.is_due(1, NOW)


def test_a_look_that_a_clock_put_off_while_it_was_ahead_is_due_by_the_right_one() -> None:
    patience = Patience(first=TEN)
    for _ in range(3):
        patience.looked(1, NOW + timedelta(hours=8), deadline=NOW + timedelta(hours=9))
    assert patience.is_due(1, NOW)
