"""Every request of a small but complete run fails in every way, and the process is killed right after; then it goes on.

The run is recorded once. Then each of its requests goes wrong in each way, one at a time: the daemon (a) goes on, or (b)
dies without a word and a new one starts on the same store. In the end the server's truth is looked at.

To a dead process all answers are the same: only what was done at the other end counts. And a read that fails once is
simply read again by the client: here it fails until the client gives up.
"""

import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.app.build import Daemon
from daemon.sandbox import Fault, Options
from tests.empty_store import make_empty_store
from tests.integration.mortal import Life, living, turn
from tests.integration.shop import ACCOUNT, Shop
from tests.integration.small_shop import BUSY, FLAKY, FLOW, HOPELESS, STEP, fail, small_shop
from tests.integration.verdict import claims_of, never_right, wrong_in_the_end

RULES = """
version: 1
tables:
  states: {California: CA, Texas: TX, Florida: FL, New York: NY, Illinois: IL, Ohio: OH, Georgia: GA, Michigan: MI,
           Washington: WA, Colorado: CO, Oregon: OR, New Jersey: NJ}
rules:
  - id: state
    why: NetSuite wants the code of the state.
    when: {code: INVALID_KEY_OR_REF, message: {regex: "Invalid state reference key '(?P<state>[^']+)'"}}
    then:
      patch: [{op: replace, path: /data/shippingAddress/state, value_from: {match: state, lookup: states}}]
      retry: {max_attempts: 1, ramp: off}
  - id: twice
    why: It is there already.
    when: {code: DUP_RCRD}
    then: {resolve: {because: it is there already}}
  - id: reference
    why: Somebody must look.
    when: {code: EXCEEDED_MAX_FIELD_LENGTH}
    then: {hold: {queue: hold}, tag: [F3ZBQ], assign: sales@example.com}
  - id: again
    why: The record itself is fine.
    when: {code: [SSS_REQUEST_LIMIT_EXCEEDED, UNEXPECTED_ERROR, INVALID_KEY_OR_REF, CONNECTION_OFFLINE]}
    then: {retry: {after: 0s, max_attempts: 2, ramp: off}}
"""
MOST = {BUSY: 2, FLAKY: 2, HOPELESS: 2, "state-name": 1}
"""How often a record of the family may be retried; of all others, never."""
AGAIN = 2
"""How often a record may be retried once more that came back because its connection was offline."""

FAMILIES = (BUSY, FLAKY, HOPELESS, "state-name", "duplicate-order", "field-too-long")

EARLY = [timedelta(seconds=each) for each in (0, 60, 120, 300)]
LATE = [timedelta(minutes=each) for each in (10, 16, 16, 60, 60)]
AT_LAST = timedelta(hours=25)
"""How long to wait before each turn: what goes well is over early; pauses and time limits run out late; then a sweep."""

READ_FAILS = 4
"""How often the client tries a read."""

ANSWERS = ("not_json", "wrong_types", "status:401", "status:403", "status:404")
LOST = (
    "before",
    "status:503",
    "throttle:0",
    "throttle:none",
    "throttle:date",
    "throttle:past",
    "throttle:junk",
    "hang",
)
"""Faults that the client meets by reading again; all mean the same to the daemon once the client gives up."""

OTHERS = (
    "meanwhile:resolve", "meanwhile:retry", "meanwhile:assign", "meanwhile:edit", "meanwhile:vanish",
    "meanwhile:auto_resolve", "meanwhile:auto_retry", "meanwhile:disable", "meanwhile:offline", "meanwhile:revoke",
    "clock:3h", "clock:-3h",
)  # fmt: skip
OF_WRITES = (
    "before", "after", "half_body", "hang", "hang_after", "late:500", "late:504", "status:408", "status:422",
    "status:429", "status:500", "throttle:30",
)  # fmt: skip
JOBS = ("job:hangs", "job:fails", "job:halves", "job:vanishes")

ENDPOINTS = (
    "GET tokenInfo", "GET integrations", "GET flows", "GET integration-errors", "GET flow-errors", "GET export", "GET import",
    "GET errors", "GET flow", "GET connection", "GET jobs", "GET job", "GET data", "GET resolved",
    "PUT data", "POST retry", "PUT resolved", "PUT step-tags", "PUT assign",
)  # fmt: skip

LONG = "FLOWMEND_LONG" in os.environ
"""Whether every request fails in every way. Else that is so for the first of each write that changes a record or sends
it; the others take turns."""
HEAVY = ("PUT data", "POST retry", "PUT resolved")


def turn_of(endpoint: str, *, dies: bool) -> int:
    """Return which of the faults of an endpoint, one in how many, a call meets."""
    if dies:
        return 1 if endpoint != "GET errors" else 2
    return {"GET": 12, "PUT": 3, "POST": 6}[endpoint.partition(" ")[0]]


def parts_of(endpoint: str) -> int:
    """Return into how many tests the cases of an endpoint are divided, so that they can run side by side."""
    return 4 if endpoint == "POST retry" else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing that goes wrong in the run, and whether the daemon survives it."""

    endpoint: str
    call: int
    kind: str
    dies: bool = False

    def __str__(self) -> str:
        return f"{self.endpoint}:{self.call}:{self.kind}{' and kill -9' if self.dies else ''}"

    @property
    def races(self) -> bool:
        """Tell whether somebody is quicker than the last look at what we are about to write."""
        retried = self.kind.endswith("retry") and self.endpoint in ("GET data", "PUT data", "POST retry")
        return retried or (self.kind, self.endpoint) == ("meanwhile:edit", "PUT data")

    @property
    def fault(self) -> Fault:
        """Return the fault; a read that is to fail fails until the client gives up."""
        last = self.call + READ_FAILS - 1 if self.kind in LOST and self.endpoint.startswith("GET") else 0
        return Fault(endpoint=self.endpoint, kind=self.kind, call=self.call, last=last)


def cases_of(endpoint: str, calls: int, *, dies: bool) -> Iterator[Case]:
    """Yield what goes wrong at each call of an endpoint."""
    read, retry = endpoint.startswith("GET"), endpoint == "POST retry"
    for call in range(1, calls + 1):
        if dies:
            kinds = ("before",) if read else ("before", "after", *(JOBS if retry else ()))
        elif read:
            kinds = (*ANSWERS, LOST[call % len(LOST)], *OTHERS)
        else:
            kinds = (*ANSWERS, *OF_WRITES, *OTHERS, *(JOBS if retry else ()))
        every = 1 if LONG or (dies and not read) or (call == 1 and endpoint in HEAVY) else turn_of(endpoint, dies=dies)
        yield from (Case(endpoint=endpoint, call=call, kind=kind, dies=dies) for kind in kinds[call % every :: every])


@asynccontextmanager
async def shop_of(folder: Path, faults: Sequence[Fault] = ()) -> AsyncIterator[Shop]:
    """Open the shop of the run: six records on one step, one on another."""
    make_empty_store(folder / "flowmend.db")
    options, poll = Options(job_seconds=5.0), {"concurrency": 1}
    async with small_shop(folder, RULES, options=options, faults=faults, poll=poll) as shop:
        for family in FAMILIES:
            fail(shop, family)
        shop.do(do="add_errors", flow=FLOW, step="Find customer", family=BUSY, age_s=60)
        yield shop


async def until_quiet(shop: Shop, daemon: Daemon) -> None:
    """Run the daemon until nothing is under way or due, also a day later; people mend what is broken meanwhile."""
    await turns(shop, daemon, EARLY)
    mend(shop)
    await turns(shop, daemon, LATE)
    mend(shop)
    await turn(shop, daemon, AT_LAST)
    await turns(shop, daemon, EARLY)


async def turns(shop: Shop, daemon: Daemon, waits: Sequence[timedelta]) -> None:
    """Run the daemon once after each wait, as long as something is under way or due."""
    for wait in waits:
        if await quiet(daemon):
            return
        await turn(shop, daemon, wait)


async def quiet(daemon: Daemon) -> bool:
    """Tell whether nothing is under way or due."""
    rows = await daemon.store.errors(ACCOUNT)
    return bool(rows) and not await daemon.store.unsettled_count(ACCOUNT) and all(row.due_at is None for row in rows)


def mend(shop: Shop) -> None:
    """Undo what somebody did to the account as a whole."""
    world = shop.sandbox.world
    for flow in world.flows.values():
        flow.disabled = False
    for connection in world.connections.values():
        connection.offline = False
    world.token_valid = True


async def run(case: Case, folder: Path) -> list[str]:
    """Let one thing go wrong and return what is wrong in the end."""
    async with shop_of(folder, [case.fault]) as shop:
        if case.dies:
            life = Life(at_answer=lambda seen: bool(seen.fault))
            async with living(shop, life) as daemon:
                await until_quiet(shop, daemon)
            if not life.dead:
                return [f"{case}: it never happened"]
            shop.sandbox.faults = ()
        wrong: list[str] = []
        async with living(shop, Life(), patience_s=0.2 if case.kind.startswith("hang") else 0.0) as daemon:
            await until_quiet(shop, daemon)
            wrong = await judged(shop, daemon, case)
        if not any(seen.fault for seen in shop.sandbox.seen):
            wrong.append("it never happened")
        return [f"{case}: {each}" for each in wrong]


async def judged(shop: Shop, daemon: Daemon, case: Case | None = None) -> list[str]:
    """Return what is wrong with the records of the run, now that it is over."""
    wrong: list[str] = []
    for truth in shop.truths():
        claims = await claims_of(daemon, truth)
        most = MOST.get(truth.family, 0)
        if most and case is not None and case.kind == "meanwhile:offline":
            most += AGAIN
        wrong += never_right(shop, truth, claims, most=most, raced=case is not None and case.races)
        wrong += wrong_in_the_end(truth, claims)
    if await daemon.store.unsettled_count(ACCOUNT):
        wrong.append("a write has no outcome")
    return wrong


async def recorded(folder: Path) -> Counter[str]:
    """Return how often each endpoint is asked in a run in which nothing goes wrong, until there is nothing left to do."""
    async with shop_of(folder) as shop, living(shop, Life()) as daemon:
        await turns(shop, daemon, EARLY)
        assert await quiet(daemon)
        return shop.sandbox.calls


async def test_the_run_is_complete_and_ends_well(tmp_path: Path) -> None:
    async with shop_of(tmp_path / "run") as shop:
        async with living(shop, Life()) as daemon:
            await until_quiet(shop, daemon)
            assert await judged(shop, daemon) == []
        assert set(shop.sandbox.calls) == set(ENDPOINTS)
        found = {truth.family: (truth.state, truth.runs) for truth in shop.truths()}
        assert found == {
            BUSY: ("cured", 1),
            FLAKY: ("cured", 2),
            HOPELESS: ("open", 2),
            "state-name": ("cured", 1),
            "duplicate-order": ("resolved", 0),
            "field-too-long": ("open", 0),
        }
        step = shop.sandbox.world.find_step(FLOW, STEP)
        (held,) = [entry for entry in step.open if entry.record.family == "field-too-long"]
        assert (held.fields["tags"], held.fields["assignedTo"]) == (["F3ZBQ"], "sales@example.com")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_killed_before_or_after_any_durable_write_it_goes_on_as_if_nothing_had_been(
    tmp_path: Path, after: bool
) -> None:
    whole = Life()
    async with shop_of(tmp_path / "recorded") as shop, living(shop, whole) as daemon:
        await turns(shop, daemon, EARLY)
    wrong: list[str] = []
    for number in range(1, whole.written + 1) if LONG else whole.durable[after::2]:
        async with shop_of(tmp_path / str(number)) as shop:
            now = number.__eq__
            life = Life(after=now) if after else Life(before=now)
            async with living(shop, life) as daemon:
                await until_quiet(shop, daemon)
            async with living(shop, Life()) as daemon:
                await until_quiet(shop, daemon)
                wrong += [f"write {number}: {each}" for each in await judged(shop, daemon)]
            wrong += [] if life.dead else [f"write {number}: it never happened"]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("dies", [False, True], ids=["goes on", "killed"])
@pytest.mark.parametrize(("endpoint", "part"), [(each, part) for each in ENDPOINTS for part in range(parts_of(each))])
async def test_whatever_goes_wrong_nothing_runs_twice_is_lost_or_is_a_lie(
    tmp_path: Path, endpoint: str, part: int, dies: bool
) -> None:
    calls = await recorded(tmp_path / "recorded")
    wrong: list[str] = []
    cases = list(cases_of(endpoint, calls[endpoint], dies=dies))
    for number, case in enumerate(cases[part :: parts_of(endpoint)]):
        wrong += await run(case, tmp_path / str(number))
    assert not wrong, "\n".join(wrong)
