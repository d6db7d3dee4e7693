"""What was sent lately is kept in mind by one store; it says what the journal says whatever has happened since."""

import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from daemon.core.batches import Act
from daemon.core.decisions import Outcome
from daemon.core.ramp import Stage
from daemon.store.memory import MemoryStore
from daemon.store.sql import open_store
from tests.contract.store_values import LATER, NOON, OTHER_STEP, STEP, Store, batch, intend, judged, minutes, save

DAY = timedelta(days=1)


@pytest.mark.parametrize("seed", range(5))
async def test_hours_and_days_end_to_the_millisecond_wherever_the_clock_stands(seed: int) -> None:
    rng = random.Random(seed)
    moments = [NOON + timedelta(milliseconds=rng.randrange(30 * 3_600_000)) for _ in range(40)]
    moments += [moment + span for moment in moments[:5] for span in (timedelta(hours=1), DAY, -DAY)]
    async with open_store("sqlite://") as sql:
        stores: tuple[Store, Store] = (MemoryStore(), sql)
        for number, at in enumerate(moments):
            act, rule = rng.choice([Act.RETRY, Act.RETRY, Act.RESOLVE, Act.TAG]), rng.choice(["r1", "r2"])
            step, told = rng.choice([STEP, OTHER_STEP]), rng.choice(["settled", "refused", "withdrawn", "open"])
            outcome, took = rng.choice(list(Outcome)), timedelta(minutes=rng.randrange(90))
            names = [f"e{number}-{place}" for place in range(3)]
            for store in stores:
                await save(store, *(judged(name, case_key=f"t:{name}") for name in names), step=step)
                items = batch(*names, step=step, act=act, rule_id=rule, plan_id=number // 2)
                batch_id = await store.intend(items, at)
                if told == "refused":
                    await store.refused(batch_id, "no", at + took, at)
                elif told == "withdrawn":
                    await store.withdraw(batch_id, names[:1], at, at)
                elif told == "settled" and act in (Act.RETRY, Act.RESOLVE):
                    await store.settle(batch_id, dict.fromkeys(names, outcome), at + took)
            for now in (at, *rng.sample(moments, 3)):
                assert await stores[0].usage("acme", now) == await stores[1].usage("acme", now)
                for where in (STEP, OTHER_STEP):
                    expected = await stores[0].stages(where, "r1", now)
                    assert await stores[1].stages(where, "r1", now) == expected


async def test_what_another_process_sends_and_settles_counts_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    async with open_store(url) as ours, open_store(url) as theirs:
        assert await ours.stages(STEP, "r1", NOON) == []
        number = await intend(theirs, "e1", "e2")
        assert [each.open for each in await ours.stages(STEP, "r1", NOON)] == [2]
        assert (await ours.usage("acme", LATER)).day == {("r1", Act.RETRY): 2}
        await theirs.settle(number, {"e1": Outcome.UNKNOWN, "e2": Outcome.CONFIRMED}, LATER)
        assert await ours.stages(STEP, "r1", NOON) == [told(confirmed=1, failed=1)]
        assert await theirs.settle_unknown(number, "e1", Outcome.CONFIRMED, by="anna", why="", now=LATER)
        assert await ours.stages(STEP, "r1", NOON) == [told(confirmed=2, failed=0)]


async def test_what_a_person_says_and_what_is_forgotten_counts_at_once(store: Store) -> None:
    number = await intend(store, "e1", "e2")
    await store.settle(number, {"e1": Outcome.UNKNOWN, "e2": Outcome.CONFIRMED}, LATER)
    assert await store.stages(STEP, "r1", NOON) == [told(confirmed=1, failed=1)]
    assert await store.settle_unknown(number, "e1", Outcome.CONFIRMED, by="anna", why="", now=LATER)
    assert await store.stages(STEP, "r1", NOON) == [told(confirmed=2, failed=0)]
    await store.forget_attempts(minutes(60))
    assert await store.stages(STEP, "r1", NOON) == []
    assert (await store.usage("acme", LATER)).day == {}


async def test_a_plan_that_was_told_of_long_ago_counts_whole_once_more_of_it_is(store: Store) -> None:
    first = await intend(store, "e1")
    await store.settle(first, {"e1": Outcome.CONFIRMED}, NOON)
    assert await store.stages(STEP, "r1", minutes(1)) == []
    second = await intend(store, "e2")
    await store.settle(second, {"e2": Outcome.CONFIRMED}, LATER)
    assert await store.stages(STEP, "r1", minutes(1)) == [told(confirmed=2, failed=0)]


def told(*, confirmed: int, failed: int, at: datetime = LATER) -> Stage:
    """Return the stage of two retries at noon."""
    return Stage(plan_id=1, sent_at=NOON, sent=2, confirmed=confirmed, failed=failed, open=0, settled_at=at)
