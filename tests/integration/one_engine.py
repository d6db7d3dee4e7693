"""Worlds of generated rules, errors and histories, in which every way to judge an error can be tried."""

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from daemon.core.actions import Action, Backoff, Hold, Leave, Resolve, Retry, Rule
from daemon.core.batches import Act, Batch, BatchItem
from daemon.core.cases import case_key
from daemon.core.decisions import Outcome, Verb
from daemon.core.judgements import Judged
from daemon.core.records import (
    Connection,
    ErrorRecord,
    Flow,
    Integration,
    Job,
    Mark,
    ResolvedRecord,
    RetryData,
    Step,
    StepRef,
    TokenInfo,
)
from daemon.rulebook.ast import AllOf, AnyOf, Check, Condition, FieldCondition, NotOf, Place, RuleSource, RuleTest
from daemon.rulebook.testing import NOW
from daemon.store.memory import MemoryStore
from tests.fakes import FakePage

ACCOUNT = "acme"
STEPS = tuple(
    Step(
        ref=StepRef(account=ACCOUNT, flow_id="Orders", step_id=name),
        type="import",
        name=name,
        flow_name="Orders",
        integration_id="Shop",
        integration_name="Shop",
    )
    for name in ("Create order", "Find customer")
)
MESSAGES = (
    "Invalid state reference key 'California' for order 4711",
    "Invalid state reference key 'CA' for order 12",
    "Request limit exceeded, HTTP 429",
    'Order 10042 "SO-10042" already exists',
    "No customer jane.roe@example.com in ERP",
    "Timeout after 30 s",
    "",
)
CODES = ("DUP_RCRD", "INVALID_KEY_OR_REF", "timeout", "429")
DATA: tuple[object, ...] = ({"type": "invoice", "qty": 5}, {"type": "order", "qty": 2, "lines": ["A-1"]}, ["a"])


@dataclass
class World:
    """One rule set and some errors with what is known of their cases, all seen at `NOW`."""

    sources: tuple[RuleSource, ...]
    errors: list[tuple[Step, ErrorRecord]]
    histories: dict[str, dict[str, Any]]
    data: dict[str, object]

    def facts(self, record: ErrorRecord) -> tuple[dict[str, Any], int]:
        """Return the history of the error's case and its attempts."""
        history = self.histories[record.error_id]
        return history, sum(history["ours"].values()) + history["others"]


def make_world(seed: int, errors: int) -> World:
    """Return the world of that seed."""
    rng = random.Random(seed)
    sources = tuple(_source(rng, f"r{number}") for number in range(rng.randint(1, 6)))
    made = [_error(rng, f"e{seed:03}{number:02}") for number in range(errors)]
    histories = {record.error_id: _history(rng, record) for _, record in made}
    data = {record.retry_key: rng.choice(DATA) for _, record in made if record.retry_key}
    return World(sources=sources, errors=made, histories=histories, data=data)


def _error(rng: random.Random, error_id: str) -> tuple[Step, ErrorRecord]:
    blank = ("", "")
    record = ErrorRecord(
        error_id=error_id,
        occurred_at=NOW - timedelta(seconds=rng.choice((1, 60, 3600, 90_000, 700_000))),
        source=rng.choice(("application", "connection", "ftp_bridge")),
        code=rng.choice(CODES),
        message=rng.choice(MESSAGES),
        trace_key=f"SO-{error_id}",
        retry_key=rng.choice((f"k-{error_id}", f"k-{error_id}", "")),
        http_status=rng.choice((None, 404, 429)),
        classification=rng.choice(("value", "duplicate", *blank)),
        assigned_to=rng.choice(("jo@example.com", *blank, *blank)),
        tags=rng.choice(((), (), ("T1",), ("T1", "T2"))),
        retry_at=rng.choice((None, None, None, NOW + timedelta(minutes=5), NOW - timedelta(minutes=5))),
    )
    return rng.choice(STEPS), record


NO_HISTORY: dict[str, Any] = {
    "ours": {}, "others": 0, "last_at": None, "cured_at": None, "unsettled": False, "unknown": False
}  # fmt: skip


def _history(rng: random.Random, record: ErrorRecord) -> dict[str, Any]:
    """Return what befell the case before: nothing mostly, retries of ours and others', perhaps one without an outcome."""
    history = {**NO_HISTORY, "ours": {}}
    if not record.retry_key or rng.random() < 0.4:
        return history
    history["others"] = rng.choice((0, 0, 1, 3))
    for rule_id in rng.choices(("r0", "r1", "gone"), k=rng.choice((0, 1, 2))):
        history["ours"][rule_id] = history["ours"].get(rule_id, 0) + 1
    if history["ours"]:
        history["end"] = rng.choice((Outcome.CAME_BACK, Outcome.CAME_BACK, Outcome.CONFIRMED, Outcome.UNKNOWN, None))
    return history


def _source(rng: random.Random, rule_id: str) -> RuleSource:
    when = _condition(rng, 2)
    action = rng.choice(ACTIONS)
    rule = Rule(
        id=rule_id, action=action, why="w", assign=rng.choice(("", "jo@example.com")), takes_assigned=rng.random() < 0.2
    )
    return RuleSource(rule=rule, when=when, place=Place(file="r.yaml", line=1, column=1))


ACTIONS: tuple[Action, ...] = (
    Leave(),
    Hold(queue="q"),
    Resolve(because="b"),
    Retry(ramp=()),
    Retry(ramp=(), after=timedelta(hours=2), max_attempts=2, exhausted="leave"),
    Retry(ramp=(), after=timedelta(minutes=3), max_attempts=9, backoff=Backoff(factor=3, longest=timedelta(hours=3))),
    Retry(ramp=(), max_attempts=1, exhausted="resolve", max_age=timedelta(hours=1)),
)


def _condition(rng: random.Random, depth: int) -> Condition:
    kind = rng.random()
    if depth and kind < 0.25:
        return AllOf(parts=tuple(_condition(rng, depth - 1) for _ in range(2)))
    if depth and kind < 0.4:
        return AnyOf(parts=tuple(_condition(rng, depth - 1) for _ in range(2)))
    if depth and kind < 0.5:
        return NotOf(part=_condition(rng, depth - 1))
    leaf: Condition = rng.choice(LEAVES)
    return leaf


def _leaf(name: str, *checks: tuple[str, tuple[Any, ...]], expression: str = "", ignore_case: bool = False) -> Any:
    made = tuple(Check(operator=operator, operands=operands) for operator, operands in checks)  # type: ignore[arg-type]
    return FieldCondition(field=name, checks=made, expression=expression, ignore_case=ignore_case)  # type: ignore[arg-type]


LEAVES = (
    _leaf("code", ("in", ("DUP_RCRD", "timeout"))),
    _leaf("code", ("is", ("INVALID_KEY_OR_REF",))),
    _leaf("source", ("is", ("application",))),
    _leaf("message", ("contains", ("reference key",))),
    _leaf("message", ("contains", ("INVALID STATE",)), ignore_case=True),
    _leaf("message", ("regex", (r"key '(?P<state>[A-Za-z]+)'",))),
    _leaf("message", ("regex", (r"key 'CA'", r"(?i)timeout after \d+"))),
    _leaf("message", ("glob", ("Order*exists",)), ("exists", (True,))),
    _leaf("message", ("starts_with", ("Request limit",)), ("ends_with", ("HTTP 429",))),
    _leaf("message", ("contains_all", ("customer", "example.com"))),
    _leaf("trace_key", ("exists", (True,))),
    _leaf("trace_key", ("glob", ("*5",))),
    _leaf("http_status", ("gte", (429,))),
    _leaf("retryable", ("is", (True,))),
    _leaf("classification", ("exists", (False,))),
    _leaf("assigned_to", ("is", ("jo@example.com",))),
    _leaf("tags", ("is", ("T1",))),
    _leaf("age", ("lt", (3600,))),
    _leaf("age", ("gte", (90_000,))),
    _leaf("attempts", ("gte", (2,))),
    _leaf("step", ("glob", ("Find*",))),
    _leaf("flow", ("glob", ("Orders",))),
    _leaf("data", ("is", ("invoice",)), expression="type"),
    _leaf("data", ("gt", (3,)), expression="qty"),
)


@dataclass
class Platform:
    """The platform of a world: everything can be read, nothing written."""

    world: World
    requests: int = 0
    jobs: list[Job] = field(default_factory=list)

    async def token_info(self) -> TokenInfo:
        return TokenInfo(user_id="u1")

    async def may_write(self, _ref: StepRef, /) -> str:
        return ""

    async def integrations(self) -> list[Integration]:
        return [Integration(integration_id="Shop", name="Shop")]

    async def integration_errors(self, integration_id: str) -> dict[str, Mark]:
        return {"Orders": self._mark(None)} if integration_id == "Shop" else {}

    async def flows(self) -> list[Flow]:
        return [await self.flow("Orders")]

    async def flow(self, flow_id: str) -> Flow:
        steps = tuple((step.ref.step_id, step.type) for step in STEPS)
        return Flow(flow_id=flow_id, name="Orders", integration_id="Shop", steps=steps)

    async def flow_errors(self, _flow_id: str) -> dict[str, Mark]:
        return {step.ref.step_id: self._mark(step) for step in STEPS}

    def _mark(self, of: Step | None) -> Mark:
        mine = [record.occurred_at for step, record in self.world.errors if of in (None, step)]
        return Mark(num_error=len(mine), last_error_at=max(filter(None, mine), default=None))

    async def step_detail(self, step_id: str, _step_type: str) -> tuple[str, str]:
        return step_id, ""

    async def errors(self, ref: StepRef, *, since: datetime | None, until: datetime | None) -> AsyncIterator[FakePage]:
        yield FakePage(
            [
                record
                for step, record in self.world.errors
                if step.ref == ref
                and record.occurred_at is not None
                and (since is None or since <= record.occurred_at)
                and (until is None or record.occurred_at <= until)
            ]
        )

    async def resolved(
        self, _ref: StepRef, *, since: datetime | None, until: datetime | None
    ) -> AsyncIterator[list[ResolvedRecord]]:
        del since, until
        yield []

    async def retry_data(self, _ref: StepRef, retry_key: str) -> RetryData:
        return RetryData(retry_key=retry_key, envelope=b"{}", data=self.world.data[retry_key], data_digest=retry_key)

    async def retry_jobs(self, _step: Step, *, since: datetime) -> list[Job]:
        del since
        return self.jobs

    async def job(self, job_id: str) -> Job:
        return Job(job_id=job_id, status="completed")

    async def connection(self, connection_id: str) -> Connection:
        return Connection(connection_id=connection_id)


async def remember(store: MemoryStore, world: World) -> None:
    """Write the histories of the world into the store, as if this process had been there."""
    began = NOW - timedelta(hours=5)
    for step, record in world.errors:
        history, key = world.histories[record.error_id], case_key(record)
        if history["others"]:
            came = {f"{record.error_id}-other{number}": key for number in range(history["others"])}
            await store.note_others(step.ref, came, began)
            history["last_at"] = began
        tries = [rule_id for rule_id, count in history["ours"].items() for _ in range(count)]
        for number, rule_id in enumerate(tries):
            last = number == len(tries) - 1
            await _tried(store, step.ref, record, rule_id, number, history["end"] if last else Outcome.CAME_BACK)
        if tries:
            history["last_at"] = began + timedelta(hours=len(tries))
            history["unsettled"], history["unknown"] = history["end"] is None, history["end"] is Outcome.UNKNOWN
            history["cured_at"] = history["last_at"] if history["end"] is Outcome.CONFIRMED else None


async def _tried(
    store: MemoryStore, ref: StepRef, record: ErrorRecord, rule_id: str, number: int, end: Outcome | None
) -> None:
    at = NOW - timedelta(hours=5) + timedelta(hours=number + 1)
    error_id = f"{record.error_id}-before{number}"
    judged = Judged(
        error_id=error_id,
        case_key=case_key(record),
        occurred_at=at - timedelta(minutes=1),
        fingerprint=1,
        code="",
        verb=Verb.RETRY,
        rule_id=rule_id,
        reason="due",
        due_at=at,
    )
    await store.rejudge(ref, [judged])
    item = BatchItem(error_id=error_id, case_key=judged.case_key, retry_key=f"k-{error_id}")
    batch = Batch(step=ref, act=Act.RETRY, rule_id=rule_id, rules="rules@0", plan_id=0, items=(item,))
    batch_id = await store.intend(batch, at)
    await store.accepted(batch_id, f"job-{error_id}", at)
    if end is not None:
        await store.settle(batch_id, {error_id: end}, at, gone={error_id})


def as_test(step: Step, record: ErrorRecord, attempts: int, data: object, has_data: bool) -> RuleTest:
    """Return the error as a test beside a rule tells it."""
    told: dict[str, object] = {
        "account": step.ref.account,
        "integration": step.integration_id,
        "flow": step.ref.flow_id,
        "step": step.ref.step_id,
        "step_type": step.type,
        "age": (NOW - (record.occurred_at or NOW)).total_seconds(),
        "attempts": attempts,
        "retryable": record.retryable,
        "tags": record.tags,
    }
    words = ("source", "code", "message", "trace_key", "http_status", "classification", "assigned_to")
    told |= {name: getattr(record, name) for name in words if getattr(record, name) not in ("", None)}
    return RuleTest(expect="match", error=told, data=data, has_data=has_data)


def with_tests(sources: Sequence[RuleSource], tests: Sequence[RuleTest]) -> list[RuleSource]:
    """Return the rules with the tests beside the first."""
    return [replace(sources[0], tests=tuple(tests)), *sources[1:]]
