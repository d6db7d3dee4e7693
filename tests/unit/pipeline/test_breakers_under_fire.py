"""The guard with its breakers over a store in memory, while outcomes, connections and time do what they like (P15)."""

import asyncio
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.actions import Mode, Retry, Rule
from daemon.core.batches import Act, Batch, BatchItem
from daemon.core.breakers import BreakerState, Key, Kind
from daemon.core.decisions import Outcome
from daemon.core.guards import Limits
from daemon.core.plans import PlanState
from daemon.core.records import Connection, Flow, Job, Step, StepRef
from daemon.core.tally import Tally
from daemon.core.windows import Polling
from daemon.logs import Secrets, configure_logs
from daemon.pipeline.guard import Guard
from daemon.pipeline.retry_jobs import RetryJobs
from daemon.pipeline.terms import Terms
from daemon.store.memory import MemoryStore
from tests.contract.store_values import Clock, judged, save
from tests.fakes import OneRule
from tests.makers import step

CONNECTIONS = {"s1": "c1", "s2": "c1", "s3": "c2"}
STEPS = {step(name): Step(ref=step(name), type="import", connection_id=each) for name, each in CONNECTIONS.items()}
RULES = tuple(Rule(id=name, action=Retry(ramp=())) for name in ("a", "b"))
ERRORS = 12
"""How many errors of each rule every step has."""

TERMS = Terms(
    account="acme",
    mode=Mode.ENFORCE,
    polling=Polling(
        overlap=timedelta(minutes=15),
        settle=timedelta(0),
        lookback=timedelta(days=30),
        full_sweep=timedelta(hours=6),
    ),
    limits=lambda: Limits(retries_per_hour=10**6, resolves_per_hour=10**6, resolve_share_of_open=1.0),
    max_attempts_per_case=5,
    retry_max_age=timedelta(days=7),
    batch_size=100,
    concurrency=1,
    confirm_every=timedelta(seconds=10),
    confirm_timeout=timedelta(minutes=30),
)


@dataclass
class TwoRules(OneRule):
    """The rules that go without a ramp."""

    @property
    def rules(self) -> Sequence[Rule]:
        return RULES


@dataclass
class Platform:
    """A platform on which only connections go wrong."""

    offline: set[str] = field(default_factory=set)

    async def may_write(self, ref: StepRef) -> str:
        assert ref in STEPS
        return ""

    async def flow(self, flow_id: str) -> Flow:
        return Flow(flow_id=flow_id)

    async def retry_jobs(self, step: Step, *, since: datetime) -> list[Job]:
        assert step.ref in STEPS
        assert since.tzinfo is not None
        return []

    async def connection(self, connection_id: str) -> Connection:
        return Connection(connection_id=connection_id, offline=connection_id in self.offline)


@dataclass
class World:
    """Three steps behind two connections, with errors of two rules that may be tried again and again."""

    clock: Clock = field(default_factory=Clock)
    platform: Platform = field(default_factory=Platform)
    flying: dict[int, tuple[StepRef, list[str]]] = field(default_factory=dict)
    store: MemoryStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = MemoryStore(now=self.clock)

    async def begin(self) -> None:
        for ref, described in STEPS.items():
            await self.store.save_step(described)
            ids = [(f"{rule.id}{number}", rule.id) for rule in RULES for number in range(ERRORS)]
            await save(self.store, *(judged(each, rule_id=rule, case_key=f"t:{each}") for each, rule in ids), step=ref)

    async def weigh(self) -> None:
        """Send what the guard lets through, and check that it was right to."""
        now, before = self.clock(), self.in_flight()
        guard = Guard(
            terms=TERMS,
            rules=TwoRules(rule=RULES[0]),
            client=self.platform,
            retries=RetryJobs(client=self.platform, claims=self.store, now=self.clock),
            store=self.store,
            log=configure_logs(format="json", stream=io.StringIO(), secrets=Secrets()),
        )
        groups = [group for group in (await guard.weigh(Tally(), now)).groups if group.send]
        breakers = {each.key: each for each in await self.store.breakers("acme")}
        sent = Counter(key for group in groups for key in keys(group.step) for _ in range(group.send))
        for key, breaker in breakers.items():
            if breaker.state is BreakerState.OPEN:
                assert not sent[key], f"{key} is open"
            if breaker.state is BreakerState.HALF_OPEN:
                assert sent[key] <= (0 if before[key] else 1), f"{key} is half open"
        for key in sent:
            assert key[1] not in self.platform.offline
        plan = await self.store.make_plan("acme", "rules@1", groups, PlanState.MADE, now, now + timedelta(minutes=30))
        for group in groups:
            items = await self.store.plan_items(plan.plan_id, group, None, 100)
            await self.send(group.step, group.rule_id, plan.plan_id, [item.error_id for item in items])

    async def send(self, ref: StepRef, rule_id: str, plan_id: int, error_ids: list[str]) -> None:
        batch = Batch(
            step=ref,
            act=Act.RETRY,
            rule_id=rule_id,
            rules="rules@1",
            plan_id=plan_id,
            items=tuple(BatchItem(error_id=each, case_key=f"t:{each}", retry_key=each) for each in error_ids),
        )
        batch_id = await self.store.intend(batch, self.clock())
        await self.store.accepted(batch_id, f"job{batch_id}", self.clock())
        self.flying[batch_id] = (ref, error_ids)

    def in_flight(self) -> Counter[Key]:
        return Counter(key for ref, ids in self.flying.values() for key in keys(ref) for _ in ids)

    async def settle(self, which: int, outcome: Outcome) -> None:
        if self.flying:
            batch_id = sorted(self.flying)[which % len(self.flying)]
            _, error_ids = self.flying.pop(batch_id)
            await self.store.settle(batch_id, dict.fromkeys(error_ids, outcome), self.clock())


def keys(ref: StepRef) -> list[Key]:
    """Return the breakers on the way to a step."""
    return [(Kind.STEP, f"{ref.flow_id}/{ref.step_id}"), (Kind.CONNECTION, CONNECTIONS[ref.step_id])]


EVENTS = st.one_of(
    st.tuples(st.just("pass"), st.sampled_from([1, 4, 5, 30, 60, 200])),
    st.tuples(st.just("settle"), st.integers(0, 5), st.sampled_from(["came_back"] * 4 + ["confirmed", "vanished"])),
    st.tuples(st.just("connection"), st.sampled_from(["c1", "c2"])),
    st.tuples(st.just("weigh")),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(EVENTS, min_size=10, max_size=60))
def test_nothing_goes_while_open_and_never_more_than_one_while_half_open(events: list[tuple[object, ...]]) -> None:
    async def play() -> None:
        world = World()
        await world.begin()
        for event in events:
            match event:
                case ("pass", int(count)):
                    world.clock.time += timedelta(minutes=count)
                case ("settle", int(which), str(outcome)):
                    await world.settle(which, Outcome(outcome))
                case ("connection", str(name)):
                    world.platform.offline ^= {name}
                case _:
                    await world.weigh()

    asyncio.run(play())
