"""Values for the store's tests: each function fills in everything that the test is not about."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from daemon.core.actions import Hold, Mode
from daemon.core.batches import Act, Batch, BatchItem
from daemon.core.decisions import Verb
from daemon.core.judgements import Judged
from daemon.core.plans import PlannedGroup
from daemon.core.records import StepRef
from daemon.store.memory import MemoryStore
from daemon.store.sql import SqlStore

Store = SqlStore | MemoryStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
STEP = StepRef(account="acme", flow_id="f1", step_id="s1")
OTHER_STEP = StepRef(account="acme", flow_id="f1", step_id="s2")
ELSEWHERE = StepRef(account="globex", flow_id="f1", step_id="s1")


@dataclass(slots=True)
class Clock:
    """The time, moved by hand."""

    time: datetime = field(default=NOON)

    def __call__(self) -> datetime:
        return self.time


async def pragma(store: SqlStore, setting: str) -> Any:
    """Ask for or change a setting of the store's own connection; return the answer, if there is one."""

    def ask(connection: Connection) -> Any:
        answer = connection.exec_driver_sql(f"PRAGMA {setting}")
        return answer.scalar() if answer.returns_rows else None

    return await store.transact(ask, write=False, durable=False)


def minutes(count: float) -> datetime:
    """Return the moment so many minutes after noon."""
    return NOON + timedelta(minutes=count)


def judged(error_id: str = "e1", **fields: Any) -> Judged:
    """Return an error of an hour ago that is due for a retry by rule r1."""
    usual: dict[str, Any] = {
        "error_id": error_id,
        "case_key": f"t:order-{error_id[1:]}",
        "occurred_at": NOON - timedelta(hours=1),
        "fingerprint": 7,
        "code": "INVALID_KEY",
        "verb": Verb.RETRY,
        "rule_id": "r1",
        "reason": "due",
        "detail": "it will pass",
        "due_at": NOON,
    }
    return Judged(**{**usual, **fields})


def unmatched(error_id: str = "e1", **fields: Any) -> Judged:
    """Return an error that no rule matched."""
    usual = {"verb": Verb.NONE, "rule_id": "", "reason": "unmatched", "detail": "", "due_at": None}
    return judged(error_id, **{**usual, **fields})


def waiting(error_id: str = "e1", **fields: Any) -> Judged:
    """Return an error that waits for the outcome of another attempt on its case."""
    return judged(error_id, **{"verb": Verb.LEAVE, "reason": "in-flight", "due_at": minutes(30), **fields})


def held(error_id: str = "e1", queue: str = "warehouse", **fields: Any) -> Judged:
    """Return an error that is held for people."""
    usual = {"verb": Verb.HOLD, "reason": "hold", "due_at": None, "hold": Hold(queue=queue, title="look")}
    return judged(error_id, **{**usual, **fields})


def item(error_id: str = "e1", **fields: Any) -> BatchItem:
    """Return the item of an error as `judged` makes it."""
    usual: dict[str, Any] = {"case_key": f"t:order-{error_id[1:]}", "retry_key": f"k-{error_id}"}
    return BatchItem(error_id=error_id, **{**usual, **fields})


def batch(*items: BatchItem | str, **fields: Any) -> Batch:
    """Return a retry of the items, or of the errors with these ids."""
    usual: dict[str, Any] = {"step": STEP, "act": Act.RETRY, "rule_id": "r1", "rules": "rules@1", "plan_id": 1}
    whole = tuple(one if isinstance(one, BatchItem) else item(one) for one in items)
    return Batch(items=whole, **{**usual, **fields})


def group(act: Act = Act.RETRY, **fields: Any) -> PlannedGroup:
    """Return a planned group of rule r1 on the first step that may send ten."""
    usual: dict[str, Any] = {
        "step": STEP, "rule_id": "r1", "act": act, "count": 10, "send": 10, "mode": Mode.ENFORCE
    }  # fmt: skip
    return PlannedGroup(**{**usual, **fields})


async def save(store: Store, *rows: Judged, step: StepRef = STEP, full: bool = False) -> int:
    """Save one page in a read of its own and return how many of its errors are new."""
    read = await store.begin_read(step, full=full)
    await store.see(read, [row.error_id for row in rows])
    new = await store.save_page(read, rows)
    await store.end_read(read, trusted=False)
    return new


async def intend(store: Store, *error_ids: str, act: Act = Act.RETRY, **fields: Any) -> int:
    """Save the errors where they are not known yet, and journal a write on them at noon."""
    step = fields.get("step", STEP)
    known = await store.known(step, error_ids)
    await save(store, *(judged(each) for each in error_ids if each not in known), step=step)
    return await store.intend(batch(*error_ids, act=act, **fields), NOON)


async def attempts(store: Store, key: str = "t:order-1", step: StepRef = STEP) -> int:
    """Return how many attempts a case has had."""
    histories = await store.case_histories(step, [key], NOON)
    return histories[key][1].attempts


async def stored(store: Store, step: StepRef = STEP) -> Sequence[str]:
    """Return the ids of the stored errors of a step."""
    rows = await store.errors(step.account, flow=step.flow_id, step=step.step_id, limit=10_000)
    return sorted(row.error_id for row in rows)
