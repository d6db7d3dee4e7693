"""A quiet account is looked at less and less often, and at once when anything here asks for it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from daemon.app.rest import Rest
from daemon.core.batches import Act
from daemon.core.plans import DueGroup, Plan, PlanState
from daemon.core.reads import Recheck
from daemon.core.tally import Tally
from tests.fakes import FakeClock
from tests.makers import NOW, step

MINUTE = timedelta(minutes=1)

Found = TypeVar("Found")


@dataclass(slots=True)
class Store:
    """What waits, as it is set."""

    due: list[DueGroup] = field(default_factory=list)
    again: list[Recheck] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)
    unsettled: int = 0

    async def due_groups(self, account: str, now: datetime) -> list[DueGroup]:
        return self._of(account, now, self.due)

    async def rechecks(self, account: str, now: datetime) -> list[Recheck]:
        return self._of(account, now, self.again)

    async def open_plans(self, account: str, now: datetime) -> list[Plan]:
        return self._of(account, now, self.plans)

    async def unsettled_count(self, account: str) -> int:
        assert account == "acme"
        return self.unsettled

    def _of(self, account: str, now: datetime, found: list[Found]) -> list[Found]:
        assert (account, now.tzinfo) == ("acme", UTC)
        return found


@dataclass(slots=True)
class Account:
    """An account with a rest, and the minutes at which it was looked at."""

    rest: Rest
    store: Store
    clock: FakeClock
    version: str = "rules@1"
    minute: int = 0
    looked: list[int] = field(default_factory=list)

    async def go_on(self, until: int, tally: Tally | None = None) -> list[int]:
        """Let each minute until then come, and return those with a cycle; *tally* is what each cycle counts."""
        for minute in range(self.minute, until):
            if not await self.rest.goes_on():
                self.rest.end()
                self.looked.append(minute)
                await self.rest.after(tally or Tally())
            self.clock.pass_by(MINUTE)
        self.minute = until
        return self.looked


def account(longest: timedelta = 10 * MINUTE) -> Account:
    store, clock = Store(), FakeClock(NOW)
    rest = Rest(account="acme", interval=MINUTE, longest=longest, store=store, clock=clock, rules=lambda: found.version)
    found = Account(rest=rest, store=store, clock=clock)
    return found


async def test_each_quiet_cycle_puts_the_next_one_off_twice_as_long_and_never_longer_than_allowed() -> None:
    assert await account().go_on(35) == [0, 2, 6, 14, 24, 34]


async def test_without_a_longer_interval_there_is_a_cycle_at_each() -> None:
    assert await account(longest=MINUTE).go_on(5) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "tally",
    [
        Tally(steps_read=1),
        Tally(steps_failed=1),
        Tally(batches_sent=1),
        Tally(skipped=Counter({"limit": 1})),
        Tally(dropped=Counter({"paused": 1})),
        Tally(skipped=Counter({"observe": 3, "breaker": 1})),
    ],
    ids=["read", "failed", "sent", "over a limit", "paused", "breaker"],
)
async def test_an_account_in_which_something_happens_does_not_rest(tally: Tally) -> None:
    busy = account()
    await busy.go_on(7)
    assert await busy.go_on(20, tally) == [0, 2, 6, *range(14, 20)]
    assert await busy.go_on(30) == [0, 2, 6, *range(14, 21), 22, 26]


async def test_what_is_only_observed_keeps_nobody_from_resting() -> None:
    observed = Tally(skipped=Counter({"observe": 3, "excluded": 1}))
    quiet = account()
    quiet.store.due = [DueGroup(step=step(), rule_id="r", act=Act.RETRY, count=3)]
    assert await quiet.go_on(7, observed) == [0, 2, 6]


async def test_an_account_with_writes_under_way_does_not_rest() -> None:
    waiting = account()
    waiting.store.unsettled = 1
    assert await waiting.go_on(3) == [0, 1, 2]


def something_due(found: Account) -> None:
    found.store.due = [DueGroup(step=step(), rule_id="r", act=Act.RETRY, count=1)]


def due_again(found: Account) -> None:
    found.store.again = [Recheck(step=step(), since=NOW, until=NOW, count=1)]


def approved(found: Account) -> None:
    made = Plan(
        plan_id=1, account="acme", rules="rules@1", made_at=NOW, expires_at=NOW, state=PlanState.MADE, groups=()
    )
    found.store.plans = [made, replace(made, plan_id=2, state=PlanState.APPROVED)]


def other_rules(found: Account) -> None:
    found.version = "rules@2"


def clock_put_back(found: Account) -> None:
    found.clock.pass_by(timedelta(hours=-9))


@pytest.mark.parametrize("happens", [something_due, due_again, approved, other_rules, clock_put_back])
async def test_what_asks_for_a_look_ends_the_rest_at_the_next_interval(happens: Callable[[Account], None]) -> None:
    resting = account()
    await resting.go_on(17)
    happens(resting)
    assert await resting.go_on(18) == [0, 2, 6, 14, 17]
