"""Whatever happens in whatever order: both stores say the same, and attempts are the intents that were not given back."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from daemon.core.batches import Act, Batch, BatchItem
from daemon.core.decisions import Outcome, Verb
from daemon.core.exceptions import StoreError
from daemon.core.judgements import Judged
from daemon.core.plans import PlanState
from daemon.core.reads import Read
from daemon.store.memory import MemoryStore
from daemon.store.sql import open_store
from tests.contract.store_values import NOON, STEP, Clock, Store, group, held, item, judged, minutes, unmatched, waiting

R = TypeVar("R")

IDS = ("e1", "e2", "e3", "e4", "e5")
KEYS = ("t:a", "d:1", "d:2", "d:3")
RULES = ("r1", "r2")

ids = st.lists(st.sampled_from(IDS), min_size=1, max_size=4, unique=True)
keys = st.sampled_from(KEYS)
makers: dict[str, Callable[..., Judged]] = {
    "retry": judged,
    "resolve": lambda error_id, **fields: judged(error_id, verb=Verb.RESOLVE, **fields),
    "held": held,
    "unknown": lambda error_id, **fields: held(error_id, reason="unknown", **fields),
    "waiting": waiting,
    "unmatched": unmatched,
}


@st.composite
def some_judged(draw: st.DrawFn) -> Judged:
    row = makers[draw(st.sampled_from(sorted(makers)))](
        draw(st.sampled_from(IDS)),
        case_key=draw(keys),
        fingerprint=draw(st.integers(-3, 3)),
        tag=draw(st.booleans()),
        assign=draw(st.booleans()),
    )
    occurred_at = draw(st.sampled_from([None, minutes(-3), minutes(-2), minutes(-1)]))
    rule_id = draw(st.sampled_from(RULES)) if row.rule_id else ""
    return replace(row, occurred_at=occurred_at, rule_id=rule_id)


fates = st.sampled_from(
    [
        ["accepted", "settle"],
        ["settle"],
        ["unknown", "settle"],
        ["unknown", "accepted", "settle"],
        ["accepted", "note_missed"],
        ["withdraw", "settle"],
        ["withdraw", "accepted"],
        ["refused"],
        ["not_sent"],
        ["settle", "settle"],
    ]
)
outcomes = st.lists(st.sampled_from(Outcome), min_size=4, max_size=4)
pages = st.lists(some_judged(), max_size=5)


@dataclass(slots=True)
class Attempt:
    """One intended retry, as the test counts it."""

    keys: dict[str, str] = field(default_factory=dict)


class TwoStores(RuleBasedStateMachine):
    """A store in memory and one in SQLite, treated alike."""

    @initialize()
    def open(self) -> None:
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.clock = Clock()
        self.stores: list[Store] = [
            MemoryStore(now=self.clock),
            self.runner.run(self.stack.enter_async_context(open_store("sqlite://", now=self.clock))),
        ]
        self.writes: list[tuple[int, ...]] = []
        self.sent: list[Attempt] = []
        self.reads: list[tuple[Read, ...]] = []
        first = [judged(each, case_key=key) for each, key in zip(IDS, (*KEYS, "t:a"), strict=True)]
        self.alike(lambda store: store.rejudge(STEP, first))

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.runner.run(self.stack.aclose())
            self.runner.close()

    def both(self, ask: Callable[[Store, int], Awaitable[R]]) -> list[R] | None:
        """Do the same to both; None where both refuse."""
        answers: list[R] = []
        refusals: list[StoreError] = []
        for place, store in enumerate(self.stores):
            try:
                answers.append(self.runner.run(_await(ask(store, place))))
            except StoreError as refusal:
                refusals.append(refusal)
        assert not answers or not refusals, refusals
        return answers or None

    def alike(self, ask: Callable[[Store], Awaitable[Any]]) -> Any:
        """Ask both and return their one answer."""
        answers = self.both(lambda store, _: ask(store))
        assert answers is None or answers[0] == answers[1]
        return answers and answers[0]

    @property
    def now(self) -> datetime:
        self.clock.time += timedelta(seconds=1)
        return self.clock.time

    @rule(full=st.booleans())
    def begin(self, full: bool) -> None:
        begun = self.both(lambda store, _: store.begin_read(STEP, full=full))
        assert begun
        self.reads.append(tuple(begun))

    @precondition(lambda self: self.reads)
    @rule(number=st.integers(0, 3), seen=ids, rows=pages)
    def page(self, number: int, seen: list[str], rows: list[Judged]) -> None:
        read, now = self.reads[-1 - number % len(self.reads)], self.now
        saved = self.both(lambda store, place: store.save_page(read[place], seen, rows))
        assert saved
        assert saved[0] == saved[1]
        assert now

    @precondition(lambda self: self.reads)
    @rule(number=st.integers(0, 3), trusted=st.booleans())
    def end(self, number: int, trusted: bool) -> None:
        read = self.reads[-1 - number % len(self.reads)]
        gone = self.both(lambda store, place: store.end_read(read[place], trusted=trusted))
        assert gone is None or gone[0] == gone[1]

    @rule(rows=pages)
    def rejudge(self, rows: list[Judged]) -> None:
        self.alike(lambda store: store.rejudge(STEP, rows))

    @rule(named=ids)
    def drop(self, named: list[str]) -> None:
        self.alike(lambda store: store.drop(STEP, named))

    @rule(named=ids, act=st.sampled_from([Act.TAG, Act.ASSIGN]))
    def unmark(self, named: list[str], act: Act) -> None:
        self.alike(lambda store: store.unmark(STEP, named, act))

    @rule(named=ids, key=keys)
    def note_others(self, named: list[str], key: str) -> None:
        now = self.now
        self.alike(lambda store: store.note_others(STEP, dict.fromkeys(named, key), now))

    @rule(
        named=ids,
        act=st.sampled_from([Act.RETRY] * 4 + list(Act)),
        alias=st.sampled_from(["", *KEYS]),
        fit=st.integers(0, 5),
        own=st.integers(0, 3),
    )
    def intend(self, named: list[str], act: Act, alias: str, fit: int, own: int) -> None:
        """Intend a write: mostly on errors that are fit for one, now and then on any."""
        rows = self.alike(lambda store: store.errors())
        free = [row.error_id for row in rows if not row.in_flight]
        named = [each for each in named if each in free] or free[:1] if fit else named
        known = {row.error_id: row.case_key for row in rows}
        items = tuple(self._item(each, known, alias, own=bool(own)) for each in named)
        batch = Batch(step=STEP, act=act, rule_id="r1", rules="rules@1", plan_id=len(self.writes) % 3, items=items)
        now = self.now
        numbers = self.both(lambda store, _: store.intend(batch, now))
        if numbers:
            self.writes.append(tuple(numbers))
            kept = {each.error_id: each.case_key for each in items} if act is Act.RETRY else {}
            self.sent.append(Attempt(keys=kept))

    def _item(self, error_id: str, rows: dict[str, str], alias: str, *, own: bool) -> BatchItem:
        key = rows.get(error_id, "t:a") if own else f"t:{error_id}"
        return item(error_id, case_key=key, alias=alias, after=b"after" if alias else b"")

    @precondition(lambda self: self.writes)
    @rule(
        number=st.integers(0, 9),
        fate=fates,
        named=ids,
        outcomes=outcomes,
        gone=st.just([]) | ids,
        fit=st.integers(0, 5),
    )
    def move(
        self, number: int, fate: list[str], named: list[str], outcomes: list[Outcome], gone: list[str], fit: int
    ) -> None:
        """Move a write along: mostly one that may still move, and its own errors; now and then any."""
        memory = self.stores[0]
        assert isinstance(memory, MemoryStore)
        open_now = [each.written.batch_id for each in memory.entries.values() if each.ended_at is None]
        waits = [place for place, numbers in enumerate(self.writes) if numbers[0] in open_now]
        number = waits[number % len(waits)] if fit and waits else number % len(self.writes)
        for step in fate:
            items = memory.entries[self.writes[number][0]].items.values()
            left = [each.item.error_id for each in items if each.undecided]
            given = dict(zip(left if fit else named, outcomes, strict=False))
            self._move(number, step, given, gone)

    def _move(self, number: int, step: str, given: dict[str, Outcome], gone: list[str]) -> None:
        now, some = self.now, list(given)[:2]

        def ask(store: Store, place: int) -> Awaitable[None]:
            which = self.writes[number][place]
            return {
                "accepted": lambda: store.accepted(which, f"j{number}", now),
                "unknown": lambda: store.unknown(which, "lost", now),
                "refused": lambda: store.refused(which, "no", now, minutes(15)),
                "not_sent": lambda: store.not_sent(which, "no", now, minutes(15)),
                "withdraw": lambda: store.withdraw(which, some, now, minutes(9)),
                "note_missed": lambda: store.note_missed(which, some),
                "settle": lambda: store.settle(which, given, now, gone=gone),
            }[step]()

        if self.both(ask):
            given_back = {
                "refused": list(self.sent[number].keys),
                "not_sent": list(self.sent[number].keys),
                "withdraw": some,
            }
            for error_id in given_back.get(step, ()):
                self.sent[number].keys.pop(error_id, None)

    @rule(before=st.sampled_from([NOON, minutes(60)]))
    def prune(self, before: datetime) -> None:
        self.alike(lambda store: store.prune(before))

    @invariant()
    def both_say_the_same(self) -> None:
        if not hasattr(self, "stores"):
            return
        later = minutes(20)
        for ask in (
            lambda store: store.errors(),
            lambda store: store.held(),
            lambda store: store.error_counts("acme"),
            lambda store: store.progress(STEP),
            lambda store: store.known(STEP, IDS),
            lambda store: store.due_groups("acme", later),
            lambda store: store.rechecks("acme", later),
            lambda store: store.open_counts("acme"),
            lambda store: store.usage("acme", later),
            lambda store: store.stages(STEP, "r1", NOON),
            lambda store: store.unsettled_count("acme"),
            lambda store: store.last_patches(STEP, [f"k-{each}" for each in IDS]),
            lambda store: store.claimed_jobs(STEP),
            lambda store: self._plan(store, later),
        ):
            self.alike(ask)
        listed = self.both(lambda store, place: self._journal(store, place))
        assert listed
        assert listed[0] == listed[1]

    @invariant()
    def attempts_are_the_intents_that_were_not_given_back(self) -> None:
        if not hasattr(self, "stores"):
            return
        every = [*KEYS, *(f"t:{each}" for each in IDS)]
        histories = self.alike(lambda store: store.case_histories(STEP, every))
        ours: dict[str, int] = dict.fromkeys(every, 0)
        for attempt in self.sent:
            for key in attempt.keys.values():
                ours[histories[key][0]] += 1
        for root, history in histories.values():
            assert sum(history.by_rule.values()) == ours[root]
            assert history.attempts >= ours[root]

    @invariant()
    def the_count_of_a_step_is_the_number_of_its_rows(self) -> None:
        if hasattr(self, "stores"):
            progress = self.alike(lambda store: store.progress(STEP))
            rows = self.alike(lambda store: store.errors())
            assert progress.open + progress.in_flight == len(rows)
            assert progress.in_flight == sum(row.in_flight for row in rows)

    async def _journal(self, store: Store, place: int) -> object:
        names = {numbers[place]: order for order, numbers in enumerate(self.writes)}
        rows = [replace(row, batch_id=names[row.batch_id]) for row in await store.writes()]
        entries = [replace(each, batch_id=names[each.batch_id]) for each in await store.unsettled("acme")]
        back = [await store.returned(STEP, KEYS, numbers[place]) for numbers in self.writes]
        return rows, entries, back

    async def _plan(self, store: Store, now: datetime) -> object:
        groups = [group(act, rule_id=each, send=3) for act in Act for each in RULES]
        plan = await store.make_plan("acme", "rules@1", groups, PlanState.MADE, now, now)
        return [await store.plan_items(plan.plan_id, each, None, 9) for each in groups]


async def _await(answer: Awaitable[R]) -> R:
    return await answer


TwoStores.TestCase.settings = settings(
    max_examples=20,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
TestTwoStores = TwoStores.TestCase
