"""Daemon, platform, people, clocks and faults in any order: what must hold after every step, and what in the end.

Hypothesis invents the order. `SETTINGS` make it quick; with ``FLOWMEND_LONG`` (``make test-long``) it takes thousands of
steps. Orders that once failed stand at the end of the file, step by step.
"""

import asyncio
import os
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from daemon.app.build import Daemon
from daemon.core.exceptions import FlowmendError
from daemon.sandbox import Fault, Options, Sandbox, make_world
from daemon.sandbox.truth import Truth
from tests.fakes import FakeClock
from tests.integration.mortal import Killed, Life, living, never
from tests.integration.shop import ACCOUNT, Shop
from tests.integration.small_shop import BUSY, FLAKY, FLOW, HOPELESS, STEP
from tests.integration.verdict import claims_of, never_right, wrong_in_the_end

LONG = "FLOWMEND_LONG" in os.environ
SETTINGS = settings(
    max_examples=400 if LONG else 20,
    stateful_step_count=60 if LONG else 25,
    deadline=None,
    derandomize=not LONG,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    print_blob=True,
)

STATES = """
tables:
  states: {California: CA, Texas: TX, Florida: FL, New York: NY, Illinois: IL, Ohio: OH, Georgia: GA, Michigan: MI,
           Washington: WA, Colorado: CO, Oregon: OR, New Jersey: NJ}
"""
BY_STATE = """
  - id: state
    why: NetSuite wants the code of the state.
    when: {code: INVALID_KEY_OR_REF, message: {regex: "Invalid state reference key '(?P<state>[^']+)'"}}
    then:
      patch: [{op: replace, path: /data/shippingAddress/state, value_from: {match: state, lookup: states}}]
      retry: {max_attempts: 2, ramp: off}
"""
TWICE = """
  - id: twice
    why: It is there already.
    when: {code: DUP_RCRD}
    then: {resolve: {because: it is there already}}
"""
AGAIN = """
  - id: again
    why: The record itself is fine.
    when: {code: [SSS_REQUEST_LIMIT_EXCEEDED, UNEXPECTED_ERROR, INVALID_KEY_OR_REF, CONNECTION_OFFLINE]}
"""
WHOLE = f"version: 1\n{STATES}rules:\n{BY_STATE}{TWICE}{AGAIN}    then: {{retry: {{max_attempts: 3, ramp: off}}}}\n"
RULE_SETS = (
    WHOLE,
    f"version: 1\n{STATES}rules:\n{BY_STATE}{AGAIN}    then: {{retry: {{after: 5m, max_attempts: 2}}, tag: [F3ZBQ]}}\n",
    f"version: 1\nrules:\n{AGAIN}    then: {{hold: {{queue: hold}}, assign: sales@example.com}}\n",
)
MOST = {BUSY: 3, FLAKY: 3, HOPELESS: 3, "state-name": 2}
"""The largest ``max_attempts`` of all rule sets, by family; whatever they say, a case gets no more than `MOST_PER_CASE`."""
MOST_PER_CASE = 4
FAMILIES = (*MOST, "duplicate-order", "odd-approval")
UNMATCHED = "odd-approval"

KINDS = (
    "before", "after", "half_body", "not_json", "wrong_types", "status:401", "status:403", "status:404", "status:422",
    "status:500", "late:502", "throttle:30", "throttle:junk", "meanwhile:resolve", "meanwhile:assign", "meanwhile:edit",
    "meanwhile:vanish", "meanwhile:auto_resolve", "meanwhile:disable", "meanwhile:offline", "meanwhile:revoke",
)  # fmt: skip
ASKED = (
    "GET integrations", "GET integration-errors", "GET flows", "GET flow", "GET flow-errors", "GET errors", "GET data",
    "GET jobs", "GET job", "GET connection", "GET resolved", "PUT data", "PUT resolved", "PUT assign", "PUT step-tags",
    "POST retry", "POST retry", "POST retry",
)  # fmt: skip
FATES = ("job:hangs", "job:fails", "job:halves", "job:vanishes")
SECONDS, HOURS = st.sampled_from([1, 20, 90]), st.sampled_from([0.1, 0.3, 1, 7, 26, 80])


class HostClock(FakeClock):
    """The clock of the daemon's host: *off* from the platform's."""

    def __init__(self, platform: FakeClock) -> None:
        super().__init__()
        self.platform = platform
        self.off = timedelta(0)

    def now(self) -> Any:
        return self.platform.now() + self.off

    def pass_by(self, time: timedelta) -> None:
        self.platform.pass_by(time)


class World(RuleBasedStateMachine):
    """One account, its platform and its people, and the daemons that look after it one after another."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.outer, self.inner = AsyncExitStack(), AsyncExitStack()
        self.changed = False
        self.life = Life()

    @initialize(
        leaves=st.sampled_from(["at_once", "when_run"]),
        rerun_used=st.booleans(),
        job_seconds=st.sampled_from([0.0, 5.0, 300.0]),
        gone_ids=st.sampled_from(["ignore", "refuse"]),
        error_page_size=st.sampled_from([2, 1000]),
        paging=st.sampled_from(["keyset", "offset"]),
    )
    def begin(self, **options: Any) -> None:
        self.platform = FakeClock()
        self.do(self._begin(Options(**options)))

    async def _begin(self, options: Options) -> None:
        folder = Path(self.outer.enter_context(tempfile.TemporaryDirectory()))
        (folder / "rules").mkdir()
        self.file = folder / "rules" / "rules.yaml"
        self.file.write_text(WHOLE, encoding="utf-8")
        world = make_world("tiny", seed=1, errors=0, now=self.platform.now())
        sandbox = Sandbox(world, clock=self.platform.now, options=options)
        url = await sandbox.start()
        self.outer.push_async_callback(sandbox.stop)
        self.clock = HostClock(self.platform)
        changes: dict[str, dict[str, Any]] = {
            "poll": {"concurrency": 1},
            "actions": {"confirm_timeout": timedelta(minutes=10), "max_attempts_per_case": MOST_PER_CASE},
        }
        self.shop = Shop(
            sandbox=sandbox, base_url=url, folder=folder, clock=self.clock, rules=self.file.parent, changes=changes
        )
        await self._start()

    async def _start(self) -> None:
        self.life = Life()
        self.daemon: Daemon = await self.inner.enter_async_context(living(self.shop, self.life))

    def do(self, work: Coroutine[Any, Any, Any]) -> None:
        self.loop.run(work)

    async def _work(self, *works: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Let the daemon work as the service does; where that kills it, start another."""
        for work in works:
            try:
                await work()
            except FlowmendError:
                pass  # tried again next time
            except Killed:
                break
        if self.life.dead:
            await self.inner.aclose()
            await self._start()
        self.changed = True

    # the daemon

    @rule()
    def cycle(self) -> None:
        self.do(self._work(self.daemon.accounts[ACCOUNT].cycle))

    @rule()
    def confirm(self) -> None:
        self.do(self._work(self.daemon.accounts[ACCOUNT].confirm))

    @rule(seconds=SECONDS)
    def work_a_while(self, seconds: float) -> None:
        runner = self.daemon.accounts[ACCOUNT]
        for _ in range(3):
            self.do(self._work(runner.cycle, runner.confirm, runner.confirm))
            self.platform.pass_by(timedelta(seconds=seconds))
            runner = self.daemon.accounts[ACCOUNT]

    @rule(family=st.sampled_from(FAMILIES), writes=st.integers(10, 40), after=st.booleans())
    def be_killed_while_there_is_something_to_do(self, family: str, writes: int, after: bool) -> None:
        self.errors_occur(family, 60, 2)
        self.be_killed_at_a_write(writes, after)

    @rule(writes=st.integers(1, 30), after=st.booleans())
    def be_killed_at_a_write(self, writes: int, after: bool) -> None:
        at = self.life.written + writes
        if after:
            self.life.after = lambda number: number == at
        else:
            self.life.before = lambda number: number == at
        runner = self.daemon.accounts[ACCOUNT]
        self.do(self._work(runner.cycle, runner.confirm))

    @rule(endpoint=st.sampled_from(ASKED), done=st.booleans())
    def be_killed_at_a_request(self, endpoint: str, done: bool) -> None:
        if not done:
            self.goes_wrong(endpoint, "before", 1, 1)
        self.life.at_answer = lambda seen: seen.endpoint == endpoint
        runner = self.daemon.accounts[ACCOUNT]
        self.do(self._work(runner.cycle, runner.confirm))
        self.life.at_answer = lambda _: False

    @rule()
    def restart(self) -> None:
        async def again() -> None:
            await self.inner.aclose()
            await self._start()

        self.do(again())

    @rule(which=st.sampled_from(RULE_SETS))
    def change_the_rules(self, which: str) -> None:
        self.file.write_text(which, encoding="utf-8")
        self.do(self._work(lambda: self.daemon.rules.load(self.clock.now())))

    # the platform and its people

    @rule(family=st.sampled_from(FAMILIES), age_s=st.sampled_from([0, 60, 3600]), count=st.integers(1, 2))
    def errors_occur(self, family: str, age_s: int, count: int) -> None:
        if len(self.shop.sandbox.world.truths) < 12:
            self.shop.do(do="add_errors", flow=FLOW, step=STEP, family=family, age_s=age_s, count=count)

    def open_errors(self) -> list[tuple[Truth, str]]:
        return [(truth, each) for truth in self.shop.truths() for each in sorted(truth.open_ids)]

    @precondition(lambda self: self.open_errors())
    @rule(
        do=st.sampled_from(["resolve", "retry", "assign", "take back", "tag", "edit_data", "vanish"]),
        by=st.sampled_from(["5f1d3c7e8a9b0c1d2e3f4a5b", "auto"]),
        place=st.integers(0, 20),
    )
    def somebody_acts(self, do: str, by: str, place: int) -> None:
        found = self.open_errors()
        _, error_id = found[place % len(found)]
        more: dict[str, dict[str, Any]] = {
            "assign": {"email": "clerk@example.com"},
            "take back": {"do": "assign", "email": ""},
            "tag": {"do": "change", "fields": {"tags": ["K9QTX"]}},
            "edit_data": {"pointer": "/data/editedBy", "value": "clerk"},
        }
        body = {"do": do, "by": by, **more.get(do, {})}
        self.shop.do(flow=FLOW, step=STEP, errors=[error_id], **body)

    @rule(
        endpoint=st.sampled_from(ASKED), kind=st.sampled_from(KINDS), later=st.integers(1, 3), calls=st.integers(1, 4)
    )
    def goes_wrong(self, endpoint: str, kind: str, later: int, calls: int) -> None:
        call = self.shop.sandbox.calls[endpoint] + later
        self.shop.sandbox.faults += (Fault(endpoint=endpoint, kind=kind, call=call, last=call + calls - 1),)

    @rule(endpoint=st.sampled_from(ASKED), kind=st.sampled_from(KINDS), family=st.sampled_from(FAMILIES))
    def goes_wrong_while_there_is_something_to_do(self, endpoint: str, kind: str, family: str) -> None:
        self.errors_occur(family, 60, 1)
        self.goes_wrong(endpoint, kind, 1, 4 if endpoint.startswith("GET") else 1)
        self.work_a_while(20)

    @rule(fate=st.sampled_from(FATES))
    def a_job_goes_wrong(self, fate: str) -> None:
        self.goes_wrong("POST retry", fate, 1, 1)

    @rule()
    def somebody_mends(self) -> None:
        world = self.shop.sandbox.world
        for flow in world.flows.values():
            flow.disabled = False
        for connection in world.connections.values():
            connection.offline = False
        world.token_valid = True

    # time

    @rule(seconds=SECONDS)
    def seconds_pass(self, seconds: float) -> None:
        self.platform.pass_by(timedelta(seconds=seconds))

    @rule(hours=HOURS)
    def hours_pass(self, hours: float) -> None:
        self.platform.pass_by(timedelta(hours=hours))

    @rule(hours=st.sampled_from([-5, -1, 1, 5]))
    def the_host_has_another_time(self, hours: int) -> None:
        self.clock.off += timedelta(hours=hours)

    # what must hold

    @invariant()
    def nothing_ran_twice_and_nothing_is_a_lie(self) -> None:
        if self.changed:
            self.changed = False
            self.do(self._check(in_the_end=False))

    async def _check(self, *, in_the_end: bool) -> None:
        wrong: list[str] = []
        for truth in self.shop.truths():
            claims = await claims_of(self.daemon, truth)
            most = min(MOST.get(truth.family, 0), MOST_PER_CASE)
            wrong += never_right(self.shop, truth, claims, most=most)
            wrong += untouched(self.shop, truth)
            wrong += wrong_in_the_end(truth, claims) if in_the_end and truth.family != UNMATCHED else ()
        assert not wrong, "\n".join(wrong)

    def teardown(self) -> None:
        try:
            if hasattr(self, "shop"):
                self.shop.sandbox.faults = ()
                self.life.before = self.life.after = self.life.at_answer = never
                self.somebody_mends()
                self.change_the_rules(WHOLE)
                for hours in (0.0, 0.1, 0.2, 0.3, 1, 7, 26, 0.1, 0.2, 26, 0.1, 0.2):
                    self.hours_pass(hours)
                    self.work_a_while(30)
                self.do(self._check(in_the_end=True))
        finally:
            self.do(self.inner.aclose())
            self.do(self.outer.aclose())
            self.loop.close()


def untouched(shop: Shop, truth: Truth) -> Iterator[str]:
    """Yield what was done to a record that no rule asks for."""
    if truth.patched and truth.family != "state-name":
        yield f"{truth.family} {truth.record_id}: patched"
    if truth.family == UNMATCHED and truth.resolved_by == shop.sandbox.options.user_id:
        yield f"{truth.family} {truth.record_id}: resolved"


TestWorld = World.TestCase
TestWorld.settings = SETTINGS
