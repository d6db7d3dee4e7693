"""Who holds an account's lease, and that two processes never both believe that they do (P12)."""

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from daemon.app.lock import BEAT_S, LIFE, AccountLock, heartbeat
from daemon.core.exceptions import LockedError, StoreError
from daemon.core.leases import Holder
from daemon.core.records import StepRef
from daemon.logs import Secrets, configure_logs
from daemon.store.fence import Fence
from daemon.store.memory import MemoryStore
from tests.fakes import FakeClock, FakeTime

STEP = StepRef(account="acme", flow_id="f1", step_id="s1")
SECOND = timedelta(seconds=1)


@dataclass
class Machine:
    """A machine with a clock for people, one that never jumps, and processes that share a store."""

    store: MemoryStore = field(default_factory=MemoryStore)
    wall: FakeClock = field(default_factory=FakeClock)
    steady: FakeTime = field(default_factory=FakeTime)
    ended: set[int] = field(default_factory=set)
    text: io.StringIO = field(default_factory=io.StringIO)

    def lock(self, run: int, *, host: str = "here", account: str = "acme", **fields: Any) -> AccountLock:
        """Return the lock of a process."""
        log = configure_logs(format="json", level="info", stream=self.text, secrets=Secrets(), now=self.wall.now)
        holder = Holder(run=run, host=host, pid=run, command="run", since="2026-03-02T09:00:00+00:00")
        known: dict[str, Any] = {"leases": self.store, "gone": self.ended.__contains__, "clock": self.wall}
        known |= {"log": log, "fence": Fence(account=account), "monotonic": self.steady.clock}
        return AccountLock(holder=holder, **{**known, **fields})

    def pass_by(self, time: timedelta) -> None:
        """Let time pass, on both clocks."""
        self.wall.pass_by(time)
        self.steady.now_s += time.total_seconds()

    @property
    def events(self) -> list[tuple[str, str]]:
        """Return the lines logged so far: event, and the reason or the holder."""
        lines = [json.loads(line) for line in self.text.getvalue().splitlines()]
        return [(line["event"], line.get("reason") or line["holder"]) for line in lines]


@pytest.fixture
def machine() -> Machine:
    return Machine()


async def may(lock: AccountLock) -> bool:
    """Tell whether the process may send something now."""
    return not await lock.may_write(STEP)


async def test_the_second_is_refused_with_who_holds_it(machine: Machine) -> None:
    first, second = machine.lock(1), machine.lock(2)
    await first.hold()
    for _ in range(3):
        with pytest.raises(LockedError) as refused:
            await second.hold()
        assert str(refused.value) == (
            "acme: another process looks after this account: "
            "flowmend run on host here, pid 1, since 2026-03-02T09:00:00+00:00"
        )
    assert machine.events == [("lock.taken", "free")]
    assert (await may(first), await may(second)) == (True, False)
    assert (first.fence.token, second.fence.token) == (1, 0)


@pytest.mark.parametrize(
    ("ended", "host", "after", "taken"),
    [
        (True, "here", SECOND, "ended"),
        (False, "here", SECOND, None),
        (True, "there", SECOND, None),
        (True, "there", LIFE, "silent"),
        (False, "here", LIFE, "silent"),
        (False, "here", LIFE - SECOND, None),
    ],
    ids=[
        "it has ended",
        "it lives",
        "on another host nobody can tell whether it has ended",
        "on another host until it has run out",
        "it is stopped and its lease has run out",
        "it is stopped and its lease has not run out",
    ],
)
async def test_a_lease_is_taken_over_when_its_holder_ended_on_this_host_or_when_it_ran_out(
    machine: Machine, ended: bool, host: str, after: timedelta, taken: str | None
) -> None:
    first, second = machine.lock(1), machine.lock(2, host=host)
    await first.hold()
    machine.pass_by(after)
    machine.ended |= {1} if ended else set()
    if taken is None:
        with pytest.raises(LockedError):
            await second.hold()
    else:
        await second.hold()
    assert second.held is (taken is not None)
    assert (machine.events[-1] == ("lock.taken", taken)) is second.held


async def test_what_another_version_wrote_about_itself_holds_until_it_has_run_out(machine: Machine) -> None:
    for words in (
        "{",
        "[]",
        '"x"',
        '{"run": 1}',
        json.dumps({"run": "1", "host": "here", "pid": 1, "command": "", "since": ""}),
    ):
        machine.ended |= {1}
        await machine.store.take_lease("acme", words, machine.wall.now(), LIFE)
        lock = machine.lock(2)
        with pytest.raises(LockedError, match="a process that does not say who it is"):
            await lock.hold()
        machine.pass_by(LIFE)
        await lock.hold()
        await lock.release()


async def test_released_it_is_free_at_once_and_the_one_that_released_it_sends_nothing_more(machine: Machine) -> None:
    first, second = machine.lock(1), machine.lock(2)
    await first.hold()
    await first.release()
    await second.hold()
    assert (await may(first), await may(second)) == (False, True)
    assert machine.events == [("lock.taken", "free"), ("lock.taken", "free")]


async def test_one_that_was_stopped_and_lost_it_says_so_sends_nothing_and_asks_again_like_any_other(
    machine: Machine,
) -> None:
    first, second = machine.lock(1), machine.lock(2)
    await first.hold()
    machine.pass_by(2 * LIFE)
    await second.hold()
    assert not await may(first)
    assert first.fence.token == 0
    with pytest.raises(LockedError):
        await first.hold()
    await second.release()
    await first.hold()
    assert first.fence.token == 3
    assert [event for event, _ in machine.events] == [
        "lock.taken",
        "lock.taken",
        "lock.lost",
        "lock.taken",
    ]


async def test_one_that_was_stopped_for_long_and_whose_lease_nobody_took_goes_on(machine: Machine) -> None:
    lock = machine.lock(1)
    await lock.hold()
    machine.pass_by(10 * LIFE)
    assert await may(lock)
    await lock.hold()
    assert machine.events == [("lock.taken", "free")]


class CountedStore(MemoryStore):
    """A store that counts how often a lease is renewed, and fails on demand."""

    def __init__(self) -> None:
        super().__init__()
        self.renewed = 0
        self.failure: StoreError | None = None

    async def renew_lease(self, account: str, token: int, now: Any, ttl: timedelta) -> bool:
        self.renewed += 1
        if self.failure:
            raise self.failure
        return await super().renew_lease(account, token, now, ttl)

    async def release_lease(self, account: str, token: int, now: Any) -> None:
        if self.failure:
            raise self.failure
        await super().release_lease(account, token, now)


@pytest.mark.parametrize(
    ("wall", "steady", "renewed"),
    [(39, 39, 0), (40, 39, 1), (39, 40, 1), (-3600, 39, 0), (-3600, 40, 1), (3600, 0, 1)],
    ids=[
        "most of its life is left",
        "little is left by the wall clock",
        "little is left by the other clock",
        "the wall clock was set back",
        "the wall clock was set back and little is left",
        "the wall clock jumped ahead",
    ],
)
async def test_with_little_left_on_either_clock_the_store_is_asked_before_anything_is_sent(
    wall: float, steady: float, renewed: int
) -> None:
    store = CountedStore()
    machine = Machine(store=store)
    lock = machine.lock(1)
    await lock.hold()
    machine.wall.pass_by(timedelta(seconds=wall))
    machine.steady.now_s += steady
    assert await may(lock)
    assert store.renewed == renewed


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)], ids=["ahead", "back"])
@pytest.mark.parametrize("stalled_s", [0, 45, 90])
async def test_a_wall_clock_that_jumps_never_lets_two_send(machine: Machine, jump: timedelta, stalled_s: int) -> None:
    first, second = machine.lock(1), machine.lock(2)
    await first.hold()
    machine.pass_by(timedelta(seconds=stalled_s))
    machine.wall.pass_by(jump)
    try:
        await second.hold()
    except LockedError:
        assert jump < timedelta(0)
    assert await may(first) is not second.held
    assert await may(second) is second.held


async def test_after_a_jump_ahead_a_heartbeat_that_comes_first_keeps_others_out(machine: Machine) -> None:
    first, second = machine.lock(1), machine.lock(2)
    await first.hold()
    machine.wall.pass_by(timedelta(hours=1))
    await first.keep()
    with pytest.raises(LockedError):
        await second.hold()
    assert await may(first)


class Beats:
    """Sleeping, one heartbeat at a time: *then* is done while the heart rests."""

    def __init__(self, machine: Machine, *then: Callable[[], Awaitable[object]]) -> None:
        self.machine = machine
        self.then = list(then)
        self.done = asyncio.Event()

    async def sleep(self, wait_s: float) -> None:
        assert wait_s == BEAT_S
        self.machine.pass_by(timedelta(seconds=wait_s))
        if not self.then:
            self.done.set()
            await asyncio.Event().wait()
        try:
            await self.then.pop(0)()
        except BaseException:
            self.done.set()  # the heart has stopped: nobody may wait for it
            raise


async def test_the_heartbeat_keeps_the_lease_for_as_long_as_the_process_lives_and_then_it_is_free(
    machine: Machine,
) -> None:
    first, second = machine.lock(1), machine.lock(2)

    async def try_it() -> None:
        with pytest.raises(LockedError):
            await second.hold()

    beats = Beats(machine, *[try_it] * 20)
    await first.hold()
    async with heartbeat([first], sleep=beats.sleep):
        await beats.done.wait()
        assert await may(first)
    await second.hold()


async def test_the_heartbeat_says_what_was_lost_leaves_the_rest_alone_and_takes_nothing(machine: Machine) -> None:
    lost, kept, never = machine.lock(1), machine.lock(1, account="globex"), machine.lock(1, account="initech")
    await lost.hold()
    await kept.hold()

    async def steal() -> None:
        machine.pass_by(LIFE)
        await machine.lock(2).hold()

    beats = Beats(machine, steal)
    async with heartbeat([lost, kept, never], sleep=beats.sleep):
        await beats.done.wait()
        assert (lost.held, kept.held, never.held) == (False, True, False)
    assert [event for event, _ in machine.events][-2:] == ["lock.taken", "lock.lost"]


async def test_a_store_that_fails_is_told_and_asked_again_and_without_it_nothing_is_sent() -> None:
    store = CountedStore()
    machine = Machine(store=store)
    lock = machine.lock(1)
    await lock.hold()

    async def fail() -> None:
        store.failure = StoreError("the disk is full")

    async def nothing() -> None:
        with pytest.raises(StoreError):
            await lock.may_write(STEP)

    async def mend() -> None:
        store.failure = None

    beats = Beats(machine, fail, nothing, mend)
    async with heartbeat([lock], sleep=beats.sleep):
        await beats.done.wait()
        assert await may(lock)
        await fail()
    assert machine.events == [("lock.taken", "free"), *[("lock.failed", "the disk is full")] * 3]
    assert not lock.held
