"""What is asked of the journal to know what was sent lately."""

from datetime import timedelta

from sqlalchemy import Connection

from daemon.core.decisions import Outcome
from daemon.store.lately import NEWER, SINCE
from daemon.store.sql import SqlStore, open_store
from daemon.store.sqlite import raw
from tests.contract.store_values import LATER, NOON, STEP, intend

HOURS = timedelta(hours=1)


async def asked(store: SqlStore, *, hours: int = 0) -> list[str]:
    """Weigh what was sent, and return which statements read batches."""
    said: list[str] = []

    def trace(connection: Connection, *, on: bool) -> None:
        raw(connection).set_trace_callback(said.append if on else None)

    await store.transact(lambda inner: trace(inner, on=True), write=False, durable=False)
    await store.stages(STEP, "r1", NOON + hours * HOURS)
    await store.usage("acme", LATER + hours * HOURS)
    await store.transact(lambda inner: trace(inner, on=False), write=False, durable=False)
    since, newer = (str(statement).partition("WHERE")[2].split()[0] for statement in (SINCE, NEWER))
    assert (since, newer) == ("batches.intended_at", "batches.batch_no")
    return [each.partition("WHERE")[2].split()[0] for each in said if "json_group_array" in each]


async def test_only_what_is_new_is_read_and_only_where_something_was_written() -> None:
    async with open_store("sqlite://") as store:
        number = await intend(store, "e1")
        assert await asked(store) == ["batches.intended_at"]
        assert await asked(store) == []
        await store.settle(number, {"e1": Outcome.UNKNOWN}, LATER)
        assert await asked(store) == ["batches.batch_no"]
        assert await asked(store, hours=1) == []
        assert await asked(store, hours=24) == ["batches.intended_at"]
        await store.settle_unknown(number, "e1", Outcome.CONFIRMED, by="anna", why="", now=LATER)
        assert await asked(store, hours=24) == ["batches.intended_at"]
