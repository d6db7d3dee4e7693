"""No record is retried more often than allowed, whatever it comes back as and whoever retries it, too (P2).

What the daemon believes does not count here: the sandbox knows who retried a record how often.
"""

import asyncio
import re
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from daemon.app.build import Daemon
from daemon.sandbox import Fault, Options
from daemon.sandbox.people import SOMEBODY
from daemon.sandbox.truth import Truth
from tests.integration.shop import ACCOUNT, Shop
from tests.integration.small_shop import BUSY, FLOW, HOPELESS, STEP, fail, one_pass, people, row_of, sent, small_shop

LONG = "k" * 200
RULES = """
version: 1
rules:
  - id: first
    why: One message.
    when: {code: INVALID_KEY_OR_REF}
    then: {retry: {max_attempts: 2, ramp: off}}
  - id: second
    why: Another message.
    when: {code: SSS_SEARCH_TIMEOUT}
    then: {retry: {max_attempts: 9, ramp: off}}
"""
FIRST, SECOND = "INVALID_KEY_OR_REF", "SSS_SEARCH_TIMEOUT"
CAP = 4
CAPS = {"max_attempts_per_case": CAP}


def fails_as(truth: Truth, code: str) -> None:
    """Let the record fail with this code from now on."""
    truth.face = replace(truth.face, code=code)


async def pass_by(shop: Shop, daemon: Daemon) -> None:
    """Let the daemon do what is due, and two hours pass."""
    await one_pass(daemon)
    shop.clock.pass_by(timedelta(hours=2))


def of_rules(shop: Shop) -> dict[str, int]:
    """Return how many retries went out under each rule, from the journal on disk."""
    with closing(sqlite3.connect(shop.folder / "flowmend.db")) as store:
        rows = store.execute("SELECT rule_id, sum(size) FROM batches WHERE act = 'retry' GROUP BY rule_id")
        return dict(rows.fetchall())


async def test_a_return_with_the_same_message_is_a_failed_attempt_and_one_with_another_is_judged_anew(
    tmp_path: Path,
) -> None:
    async with small_shop(tmp_path, RULES, actions={"max_attempts_per_case": 9}) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, HOPELESS, traceKey="order-7")
        for code in (SECOND, FIRST, SECOND, FIRST, FIRST, FIRST):
            fails_as(truth, code)
            await daemon.accounts[ACCOUNT].cycle()
            shop.clock.pass_by(timedelta(hours=2))
            await daemon.accounts[ACCOUNT].confirm()
        # as first, second, first, second, first: the rule of the first message has had its two attempts
        assert of_rules(shop) == {"first": 2, "second": 2}
        assert (await row_of(daemon, truth)).reason == "exhausted"


@pytest.mark.parametrize("trace_key", ["order-7", "", LONG], ids=["usable", "blank", "cut"])
async def test_messages_that_change_for_ever_end_at_the_cap(tmp_path: Path, trace_key: str) -> None:
    rules = RULES.replace("max_attempts: 2", "max_attempts: 9")
    async with small_shop(tmp_path, rules, actions=CAPS) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, HOPELESS, traceKey=trace_key)
        for turn in range(8):
            fails_as(truth, (SECOND, FIRST)[turn % 2])
            await daemon.accounts[ACCOUNT].cycle()
            shop.clock.pass_by(timedelta(hours=2))
            await daemon.accounts[ACCOUNT].confirm()
        assert truth.retries_accepted == CAP


@pytest.mark.parametrize("trace_key", ["order-7", "", LONG], ids=["usable", "blank", "cut"])
async def test_rules_that_are_renamed_in_between_give_no_case_more_than_the_cap(tmp_path: Path, trace_key: str) -> None:
    async with small_shop(tmp_path, RULES, actions=CAPS) as shop:
        (truth,) = fail(shop, HOPELESS, traceKey=trace_key)
        for turn in range(6):
            rename(shop, turn)
            async with shop.daemon() as daemon:
                for _ in range(2):
                    await pass_by(shop, daemon)
        assert truth.retries_accepted == CAP


def rename(shop: Shop, turn: int) -> None:
    """Give every rule another id."""
    file = shop.rules / "rules.yaml"
    file.write_text(re.sub(r"id: (first|second)\S*", rf"id: \1-{turn}", file.read_text()))


@pytest.mark.parametrize("trace_key", ["order-7", "", LONG], ids=["usable", "blank", "cut"])
async def test_a_record_that_comes_back_under_the_very_same_id_is_bounded_too(tmp_path: Path, trace_key: str) -> None:
    async with small_shop(tmp_path, RULES, actions=CAPS) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, HOPELESS, traceKey=trace_key)
        step = shop.sandbox.world.find_step(FLOW, STEP)
        for _ in range(6):
            step.next_error_id = int(truth.error_ids[0])
            await pass_by(shop, daemon)
        assert (set(truth.error_ids), truth.retries_accepted) == ({truth.error_ids[0]}, 2)


async def test_an_id_that_another_record_gets_brings_none_of_the_attempts_along(tmp_path: Path) -> None:
    async with small_shop(tmp_path, RULES) as shop, shop.daemon() as daemon:
        (before,) = fail(shop, HOPELESS, traceKey="order-7")
        for _ in range(3):
            await pass_by(shop, daemon)
        people(shop, "resolve", before)
        step = shop.sandbox.world.find_step(FLOW, STEP)
        step.next_error_id = int(before.error_ids[-1])
        (after,) = fail(shop, HOPELESS, traceKey="order-8")
        assert after.error_ids == before.error_ids[-1:]
        for _ in range(3):
            await pass_by(shop, daemon)
        assert (before.retries_accepted, after.retries_accepted) == (2, 2)


@pytest.mark.parametrize("trace_key", ["", LONG], ids=["blank", "cut"])
async def test_a_record_that_nothing_names_is_not_retried_before_its_data_can_be_read(
    tmp_path: Path, trace_key: str
) -> None:
    closed = [Fault(endpoint="GET data", kind="status:403", call=call) for call in (1, 2)]
    async with small_shop(tmp_path, RULES, faults=closed) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, HOPELESS, traceKey=trace_key)
        await pass_by(shop, daemon)
        row = await row_of(daemon, truth)
        assert (row.verb, row.reason, sent(shop, "POST retry")) == ("hold", "no-retry-data", 0)
        shop.clock.pass_by(timedelta(hours=7))  # the sweep judges everything again: twice closed, then open
        for _ in range(12):
            await pass_by(shop, daemon)
        assert truth.retries_accepted == 2
        assert nameless_retries(shop) == 0


def nameless_retries(shop: Shop) -> int:
    """Return how many retries went out for a case that is no more than an error's id, from the journal on disk."""
    with closing(sqlite3.connect(shop.folder / "flowmend.db")) as store:
        rows = store.execute(
            "SELECT i.case_key, i.error_id FROM batch_items i JOIN batches USING (batch_no) WHERE act = 'retry'"
        )
        return sum(key.startswith((f"e:{error_id}", f"c:{error_id}:")) for key, error_id in rows)


async def test_after_30_days_without_an_attempt_a_record_that_fails_anew_begins_afresh(tmp_path: Path) -> None:
    async with small_shop(tmp_path, RULES) as shop, shop.daemon() as daemon:
        (before,) = fail(shop, HOPELESS, traceKey="customer-7")
        for _ in range(3):
            await pass_by(shop, daemon)
        people(shop, "resolve", before)
        shop.clock.pass_by(timedelta(days=29))
        (soon,) = fail(shop, HOPELESS, traceKey="customer-7")
        await pass_by(shop, daemon)
        assert soon.retries_accepted == 0
        people(shop, "resolve", soon)
        shop.clock.pass_by(timedelta(days=1))
        (late,) = fail(shop, HOPELESS, traceKey="customer-7")
        for _ in range(4):
            await pass_by(shop, daemon)
        assert (before.retries_accepted, late.retries_accepted) == (2, 2)


@dataclass
class Story:
    """One record in a shop while things happen to it."""

    shop: Shop
    trace_key: str
    stack: AsyncExitStack
    daemon: Daemon
    truths: list[Truth] = field(default_factory=list)
    turns: int = 0

    async def fail(self) -> None:
        """Let a run fail with it (again); the platform resolves the error from before."""
        if self.trace_key == "order-7" or not self.truths:  # with any other key it would be another record
            self.truths += fail(self.shop, HOPELESS, traceKey=self.trace_key, age_s=0)

    async def we_retry(self) -> None:
        """Let the daemon do what is due, and see what came of it."""
        await self.daemon.accounts[ACCOUNT].cycle()
        self.shop.clock.pass_by(timedelta(minutes=1))
        await self.daemon.accounts[ACCOUNT].confirm()

    async def they_retry(self, by: str = SOMEBODY) -> None:
        """Let others retry what the daemon has seen, and the daemon see what came of it."""
        await self.daemon.accounts[ACCOUNT].cycle(act=False)
        for truth in self.truths:
            if truth.open_ids:
                people(self.shop, "retry", truth, by=by)
        self.shop.clock.pass_by(timedelta(minutes=1))
        await self.daemon.accounts[ACCOUNT].cycle(act=False)

    async def platform_retries(self) -> None:
        """Let the platform retry it by itself."""
        await self.they_retry("auto")

    async def resolve(self) -> None:
        """Let somebody resolve it."""
        people(self.shop, "resolve", *self.truths)
        await self.daemon.accounts[ACCOUNT].cycle(act=False)

    async def other_message(self) -> None:
        """Let it fail with another message from now on."""
        self.turns += 1
        for truth in self.truths:
            fails_as(truth, (FIRST, SECOND)[self.turns % 2])

    async def others_fail(self) -> None:
        """Let records fail and be cured that have nothing to do with it."""
        fail(self.shop, BUSY, count=2, age_s=0)

    async def restart(self) -> None:
        """Stop and start the daemon, with rules of other names."""
        self.turns += 1
        rename(self.shop, self.turns)
        await self.stack.aclose()
        self.daemon = await self.stack.enter_async_context(self.shop.daemon())

    async def hours_pass(self) -> None:
        """Let time pass."""
        self.shop.clock.pass_by(timedelta(hours=2))

    def check(self) -> None:
        """Hold the daemon's retries against what was retried before, by whomever."""
        retried_by = [by for truth in self.truths for by in truth.retried_by]  # in the order of time
        for before, by in enumerate(retried_by):
            assert by in (SOMEBODY, "auto") or before < CAP, retried_by
        assert nameless_retries(self.shop) == 0


Deed = Callable[[Story], Awaitable[None]]
DEEDS: list[Deed] = [
    Story.fail, Story.we_retry, Story.we_retry, Story.they_retry, Story.platform_retries, Story.resolve,
    Story.other_message, Story.others_fail, Story.restart, Story.hours_pass,
]  # fmt: skip


async def play(trace_key: str, retried_in: Any, leaves: Any, script: list[Deed]) -> None:
    options = Options(job_seconds=5.0, retried_in=retried_in, leaves=leaves)
    rules = RULES.replace("max_attempts: 2", "max_attempts: 9")
    with tempfile.TemporaryDirectory() as folder:
        async with small_shop(Path(folder), rules, options=options, actions=CAPS) as shop, AsyncExitStack() as stack:
            daemon = await stack.enter_async_context(shop.daemon())
            story = Story(shop=shop, trace_key=trace_key, stack=stack, daemon=daemon)
            await story.fail()
            for deed in script:
                await deed(story)
            for _ in range(CAP + 1):
                await story.hours_pass()
                await story.we_retry()
            story.check()


SOON_AFTER_ITS_RUN = [Story.platform_retries, *[Story.fail] * 8]
"""The retry's error named a run that had ended only seconds before, and was taken for one of that run's."""


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    trace_key=st.sampled_from(["order-7", "order-7", "", LONG]),
    retried_in=st.sampled_from(["retry_job", "blank", "first_run"]),
    leaves=st.sampled_from(["at_once", "when_run"]),
    script=st.lists(st.sampled_from(DEEDS), min_size=4, max_size=12),
)
@example(trace_key="order-7", retried_in="first_run", leaves="at_once", script=SOON_AFTER_ITS_RUN)
def test_whoever_retries_it_and_whatever_happens_a_record_is_retried_by_us_only_below_the_cap(
    trace_key: str, retried_in: str, leaves: str, script: list[Deed]
) -> None:
    asyncio.run(play(trace_key, retried_in, leaves, script))
