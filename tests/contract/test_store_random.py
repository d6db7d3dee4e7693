"""Whatever happens in whatever order: both stores say the same, and attempts are the intents that were not given back."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from daemon.core.batches import Act, Batch, BatchItem
from daemon.core.cases import CaseHistory
from daemon.core.decisions import Outcome, Verb
from daemon.core.exceptions import StoreError
from daemon.core.judgements import Judged
from daemon.core.plans import PlanState
from daemon.core.reads import Read
from daemon.core.recordings import Fate, Recorded, Ruling, Said
from daemon.store.invariants import broken_invariants
from daemon.store.memory import MemoryStore
from daemon.store.sql import open_store
from daemon.store.sqlite import raw
from tests.contract.store_values import NOON, STEP, Clock, Store, group, held, item, judged, minutes, unmatched, waiting

R = TypeVar("R")

IDS = ("e1", "e2", "e3", "e4", "e5")
KEYS = ("t:a", "d:1", "d:2", "d:3")
JOBS = [f"j{number}" for number in range(60)]
RULES = ("r1", "r2")
MAKERS: tuple[Callable[..., Judged], ...] = (
    judged,
    lambda error_id, **fields: judged(error_id, verb=Verb.RESOLVE, **fields),
    held,
    lambda error_id, **fields: held(error_id, reason="unknown", **fields),
    waiting,
    unmatched,
)


@dataclass(slots=True)
class Twins:
    """A store in memory and one in SQLite, treated alike; *writes* and *reads* hold what each of them calls the same."""

    clock: Clock
    stores: tuple[Store, Store]
    writes: list[tuple[int, int]] = field(default_factory=list)
    attempts: list[dict[str, str]] = field(default_factory=list)
    reads: list[tuple[Read, Read]] = field(default_factory=list)

    def now(self) -> datetime:
        self.clock.time += timedelta(seconds=1)
        return self.clock.time

    async def both(self, ask: Callable[[Store, int], Awaitable[R]]) -> tuple[R, R] | None:
        """Do the same to both; None where both refuse."""
        answers: list[R] = []
        refusals: list[StoreError] = []
        for place, store in enumerate(self.stores):
            try:
                answers.append(await ask(store, place))
            except StoreError as refusal:
                refusals.append(refusal)
        assert len(refusals) in (0, 2), refusals
        return (answers[0], answers[1]) if answers else None

    async def alike(self, ask: Callable[[Store], Awaitable[R]]) -> R | None:
        """Do the same to both and return their one answer; None where both refuse."""
        answers = await self.both(lambda store, _: ask(store))
        if answers is None:
            return None
        assert answers[0] == answers[1]
        return answers[0]


Deed = Callable[[Twins], Awaitable[object]]

ids = st.lists(st.sampled_from(IDS), min_size=1, max_size=4, unique=True)
seldom = st.integers(0, 7).map(lambda number: not number)


@st.composite
def rows(draw: st.DrawFn) -> Judged:
    make: Callable[..., Judged] = draw(st.sampled_from(MAKERS))
    row = make(
        draw(st.sampled_from(IDS)),
        case_key=draw(st.sampled_from(KEYS)),
        fingerprint=draw(st.integers(-3, 3)),
        tag=draw(st.booleans()),
        assign=draw(st.booleans()),
    )
    occurred_at = draw(st.sampled_from([None, minutes(-3), minutes(-2), minutes(-1)]))
    return row._replace(occurred_at=occurred_at, rule_id=draw(st.sampled_from(RULES)) if row.rule_id else "")


pages = st.lists(rows(), max_size=5)
sayings_of_an_error = st.none() | st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.sampled_from([0, 0, 1]))


@st.composite
def read(draw: st.DrawFn) -> Deed:
    full, page, trusted, left_open = draw(st.booleans()), draw(pages), draw(st.booleans()), draw(seldom)
    seen = [*draw(ids), *(row.error_id for row in page)]
    sayings = draw(st.lists(sayings_of_an_error, min_size=len(page), max_size=len(page)))
    swept = draw(st.booleans())

    async def do(twins: Twins) -> None:
        begun = await twins.both(lambda store, _: store.begin_read(STEP, full=full))
        assert begun
        now = twins.clock.time
        recorded = [_recorded(row, *saying, now) for row, saying in zip(page, sayings, strict=True) if saying]
        if not left_open:
            twins.now()
        sights = await twins.both(lambda store, place: store.see(begun[place], seen))
        assert sights
        assert sights[0] == sights[1]
        new = await twins.both(lambda store, place: store.save_page(begun[place], page, recorded))
        assert new
        assert new[0] == new[1]
        if not left_open:
            gone = await twins.both(lambda store, place: store.end_read(begun[place], trusted=trusted))
            assert gone
            assert gone[0] == gone[1]
        swept_at = twins.now() if swept else None
        await twins.alike(
            lambda store: store.save_progress(STEP, mark=None, watermark_at=None, swept_at=swept_at, judged_with="x")
        )

    return do


def _recorded(row: Judged, said: str, reason: str, attempts: int, judged_at: datetime) -> Recorded:
    return Recorded(
        step=STEP,
        error_id=row.error_id,
        occurred_at=row.occurred_at,
        said=Said(message=said),
        ruling=Ruling(rule_id=row.rule_id, verb=row.verb, reason=reason),
        judged_at=judged_at,
        last_at=judged_at,
        case=CaseHistory(attempts=attempts),
    )


@st.composite
def intend(draw: st.DrawFn) -> Deed:
    named, act = draw(ids), draw(st.sampled_from([*[Act.RETRY] * 4, *Act]))
    alias, blind = draw(st.sampled_from(["", "", *KEYS])), draw(seldom)

    async def do(twins: Twins) -> None:
        """Write mostly to errors that are fit for it, now and then to any."""
        known = {row.error_id: row for row in await twins.stores[0].errors()}
        free = [each for each in named if each in known and not known[each].in_flight]
        items = tuple(_item(each, known[each].case_key if each in known else "t:a", alias) for each in free)
        if blind:
            items = tuple(_item(each, "t:a", alias) for each in named)
        batch = Batch(step=STEP, act=act, rule_id="r1", rules="rules@1", plan_id=len(twins.writes) % 3, items=items)
        now = twins.now()
        numbers = await twins.both(lambda store, _: store.intend(batch, now))
        if numbers:
            twins.writes.append(numbers)
            twins.attempts.append({each.error_id: each.case_key for each in items} if act is Act.RETRY else {})

    return do


def _item(error_id: str, key: str, alias: str) -> BatchItem:
    return item(error_id, case_key=key, alias=alias, after=b"after" if alias else b"")


@st.composite
def move(draw: st.DrawFn) -> Deed:
    step = draw(
        st.sampled_from(["accepted", "unknown", "refused", "not_sent", "withdraw", "note_missed", *["settle"] * 5])
    )
    choice, named, blind = draw(st.integers(0, 9)), draw(ids), draw(seldom)
    outcomes = draw(st.lists(st.sampled_from(Outcome), min_size=4, max_size=4))
    gone = draw(st.just([]) | ids)

    async def do(twins: Twins) -> None:
        """Move mostly a write that may still move, with its own errors; now and then any."""
        memory, now = twins.stores[0], twins.now()
        assert isinstance(memory, MemoryStore)
        moving = [n for n, (number, _) in enumerate(twins.writes) if memory.entries[number].ended_at is None]
        open_now = range(len(twins.writes)) if blind else moving
        if not open_now:
            return
        which = open_now[choice % len(open_now)]
        entry = memory.entries[twins.writes[which][0]]
        left = [each.item.error_id for each in entry.items.values() if each.outcome is None]
        given = dict(zip(named if blind else left, outcomes, strict=False))
        some = list(given)[:2]

        def ask(store: Store, place: int) -> Awaitable[None]:
            number = twins.writes[which][place]
            moves: dict[str, Callable[[], Awaitable[None]]] = {
                "accepted": lambda: store.accepted(number, f"j{which}", now),
                "unknown": lambda: store.unknown(number, "lost", now),
                "refused": lambda: store.refused(number, "no", now, minutes(15)),
                "not_sent": lambda: store.not_sent(number, "no", now, minutes(15)),
                "withdraw": lambda: store.withdraw(number, some, now, minutes(9)),
                "note_missed": lambda: store.note_missed(number, some),
                "settle": lambda: store.settle(number, given, now, gone=gone),
            }
            return moves[step]()

        if await twins.both(ask):
            refused = [error_id for error_id, outcome in given.items() if outcome is Outcome.REFUSED]
            back = {"withdraw": some, "refused": IDS, "not_sent": IDS, "settle": refused}.get(step, ())
            for error_id in back:
                twins.attempts[which].pop(error_id, None)

    return do


@st.composite
def person(draw: st.DrawFn) -> Deed:
    choice, error_id, outcome = (
        draw(st.integers(0, 9)),
        draw(st.sampled_from(IDS)),
        draw(st.sampled_from([Outcome.CONFIRMED, Outcome.REFUSED])),
    )

    async def do(twins: Twins) -> None:
        """Say what came of a write; mostly it is of one that nobody knows."""
        waiting = {(row.batch_id, row.error_id) for row in await twins.stores[0].unknown_items("acme")}
        some = sorted(waiting) or [(numbers[0], error_id) for numbers in twins.writes]
        if not some:
            return
        number, which = some[choice % len(some)]
        order = [numbers[0] for numbers in twins.writes].index(number)
        settled = await twins.both(
            lambda store, place: store.settle_unknown(
                twins.writes[order][place], which, outcome, by="anna", why="looked", now=twins.clock.time
            )
        )
        assert settled
        assert settled[0] == settled[1]
        if settled[0] and outcome is Outcome.REFUSED:
            twins.attempts[order].pop(which, None)

    return do


@st.composite
def anything_else(draw: st.DrawFn) -> Deed:
    named, page, key = draw(ids), draw(pages), draw(st.sampled_from(KEYS))
    act, before = draw(st.sampled_from([Act.TAG, Act.ASSIGN])), draw(st.sampled_from([NOON, minutes(60)]))
    deed: Deed = draw(
        st.sampled_from(
            [
                lambda twins: twins.alike(lambda store: store.rejudge(STEP, page)),
                lambda twins: twins.alike(lambda store: store.drop(STEP, named)),
                lambda twins: twins.alike(lambda store: store.unmark(STEP, named, act)),
                lambda twins: twins.alike(lambda store: store.note_others(STEP, dict.fromkeys(named, key), NOON)),
                lambda twins: twins.alike(lambda store: store.prune(before, NOON)),
                lambda twins: twins.alike(lambda store: store.note_fates(STEP, dict.fromkeys(named, Fate.LEFT))),
                lambda twins: twins.alike(
                    lambda store: store.forget_recordings(twins.clock.time - timedelta(minutes=1))
                ),
                lambda twins: twins.alike(lambda store: store.forget_recordings(NOON, open_too=True)),
            ]
        )
    )
    return deed


async def look(twins: Twins) -> None:
    """Compare all that the stores can say."""
    later = minutes(20)
    questions: list[Callable[[Store], Awaitable[Any]]] = [
        lambda store: store.errors(),
        lambda store: store.held(),
        lambda store: store.error_counts("acme"),
        lambda store: store.known(STEP, IDS),
        lambda store: store.due_groups("acme", later),
        lambda store: store.rechecks("acme", later),
        lambda store: store.open_counts("acme"),
        lambda store: store.open_count("acme"),
        lambda store: store.usage("acme", later),
        lambda store: store.stages(STEP, "r1", NOON),
        lambda store: store.retry_runs("acme", NOON, later),
        lambda store: store.unsettled_count("acme"),
        lambda store: store.named_by_data_under_way("acme"),
        lambda store: store.last_patches(STEP, [f"k-{each}" for each in IDS]),
        lambda store: store.claimed_jobs(STEP, JOBS),
        lambda store: _plan(store, later),
    ]
    for question in questions:
        await twins.alike(question)
    journals = await twins.both(lambda store, place: _journal(twins, store, place))
    assert journals
    assert journals[0] == journals[1]


async def count(twins: Twins) -> None:
    """Compare what the stores count with what was done."""
    progress, found = (
        await twins.alike(lambda store: store.progress(STEP)),
        await twins.alike(lambda store: store.errors()),
    )
    assert progress
    assert found is not None
    assert (progress.open + progress.in_flight, progress.in_flight) == (len(found), sum(row.in_flight for row in found))
    histories = await twins.alike(lambda store: store.case_histories(STEP, KEYS, NOON))
    await twins.alike(lambda store: store.open_again(STEP, KEYS))
    await twins.alike(lambda store: store.remembered(STEP, NOON - timedelta(days=1)))
    await twins.alike(lambda store: store.departed("acme"))
    assert histories
    ours = dict.fromkeys(KEYS, 0)
    for attempt in twins.attempts:
        for key in attempt.values():
            ours[histories[key][0]] += 1
    for root, history in histories.values():
        assert sum(history.by_rule.values()) == ours[root]


async def _journal(twins: Twins, store: Store, place: int) -> object:
    names = {numbers[place]: order for order, numbers in enumerate(twins.writes)}
    written = [replace(row, batch_id=names[row.batch_id]) for row in await store.writes()]
    entries = [replace(each, batch_id=names[each.batch_id]) for each in await store.unsettled("acme")]
    back = [await store.returned(STEP, KEYS, numbers[place]) for numbers in twins.writes[-3:]]
    asked = [await store.unknown_items("acme"), *[await store.unknown_of_case("acme", key) for key in KEYS]]
    unknown = [[replace(row, batch_id=names[row.batch_id]) for row in rows] for rows in asked]
    return written, entries, back, unknown, await store.unknown_count("acme")


async def _plan(store: Store, now: datetime) -> object:
    groups = [group(act, rule_id=each, send=3) for act in Act for each in RULES]
    plan = await store.make_plan("acme", "rules@1", groups, PlanState.MADE, now, now)
    return [await store.plan_items(plan.plan_id, each, None, 9) for each in groups]


async def play(script: list[Deed]) -> None:
    clock = Clock()
    async with open_store("sqlite://", now=clock) as sql:
        twins = Twins(clock=clock, stores=(MemoryStore(now=clock), sql))
        first = [judged(each, case_key=key) for each, key in zip(IDS, (*KEYS, "t:a"), strict=True)]
        await twins.alike(lambda store: store.rejudge(STEP, first))
        for deed in script:
            await deed(twins)
            await count(twins)
        await look(twins)
        now = twins.now()
        await twins.alike(lambda store: store.prune(now, now))
        await twins.alike(lambda store: store.forget_attempts(now))
        await twins.alike(lambda store: store.case_histories(STEP, KEYS, NOON))
        await twins.alike(lambda store: store.claimed_jobs(STEP, JOBS))
        await sql.transact(sound, write=False, durable=False)


def sound(connection: Connection) -> None:
    """See that what always holds does, whatever was done."""
    assert list(broken_invariants(raw(connection))) == []


deeds = st.one_of(read(), intend(), intend(), move(), move(), person(), anything_else())


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(script=st.lists(deeds, min_size=10, max_size=40))
def test_both_stores_say_the_same_whatever_happens(script: list[Deed]) -> None:
    asyncio.run(play(script))
