"""The second look, without a platform: which reason drops what (P3)."""

from datetime import timedelta
from typing import Any

import pytest
import structlog

from daemon.core.actions import Action, Hold, Leave, Resolve, Retry
from daemon.core.batches import Act
from daemon.core.decisions import Match
from daemon.core.plans import PlanItem
from daemon.core.records import ErrorRecord, Step
from daemon.pipeline.judge import Judge, Judgement
from daemon.pipeline.look import Looked, SecondLook, why_not
from daemon.pipeline.retry_jobs import RetryJobs
from daemon.store.memory import MemoryStore
from tests.fakes import FakeErrors, OneRule
from tests.makers import CAPS, NOW, ago, decided, record, rule, step

RULE = {"tags": ("F3ZBQ",), "assign": "sales@example.com"}


def planned(error: ErrorRecord) -> PlanItem:
    """Return *error* as a plan names it: the moment as a store keeps it."""
    assert error.occurred_at is not None
    at = error.occurred_at.replace(microsecond=error.occurred_at.microsecond // 1000 * 1000)
    return PlanItem(error_id=error.error_id, case_key="t:order-1", occurred_at=at, fingerprint=error.fingerprint())


def judged(action: Action, of_rule: dict[str, Any] | None = None, **of_record: Any) -> Judgement:
    """Return what is thought of one error now."""
    return Judgement(
        record=record(**of_record),
        match=Match(rule=rule(action=action, **(of_rule or {}))),
        decision=decided(action, of_rule=of_rule, **of_record),
        case_key="t:order-1",
    )


@pytest.mark.parametrize(
    ("judgement", "act", "reason"),
    [
        pytest.param(judged(Retry()), Act.RETRY, "", id="still to be retried"),
        pytest.param(judged(Resolve(because="x")), Act.RESOLVE, "", id="still to be resolved"),
        pytest.param(judged(Retry(), message="new"), Act.RETRY, "changed", id="says something else"),
        pytest.param(judged(Resolve(because="x")), Act.RETRY, "due", id="its rule does something else now"),
        pytest.param(judged(Retry(), assigned_to="a@example.com"), Act.RETRY, "assigned", id="a person has it"),
        pytest.param(judged(Retry(after=timedelta(hours=2))), Act.RETRY, "waiting", id="not due any more"),
        pytest.param(judged(Leave(), RULE), Act.TAG, "", id="still to be tagged"),
        pytest.param(judged(Leave(), RULE), Act.ASSIGN, "", id="still to be assigned"),
        pytest.param(judged(Hold(queue="q"), RULE, tags=("F3ZBQ", "X")), Act.TAG, "done", id="tagged meanwhile"),
        pytest.param(
            judged(Hold(queue="q"), RULE, assigned_to="a@example.com"), Act.ASSIGN, "done", id="given to somebody"
        ),
        pytest.param(
            judged(Retry(), RULE, assigned_to="a@example.com"), Act.TAG, "assigned", id="not ours to tag any more"
        ),
    ],
)
def test_an_error_is_acted_on_only_as_its_plan_says(judgement: Judgement, act: Act, reason: str) -> None:
    assert why_not(judgement, planned(record()), "r1", act, NOW) == reason


def test_an_error_that_another_rule_takes_by_now_is_dropped() -> None:
    assert why_not(judged(Retry()), planned(record()), "r2", Act.RETRY, NOW) == "another-rule"


async def look(*pages: list[ErrorRecord], at: list[ErrorRecord], stored: bool = True) -> Looked:
    """Look at the errors *at* through a list of *pages*."""
    client = FakeErrors(pages=list(pages))
    store = MemoryStore(now=lambda: NOW)
    if stored:
        kept = [judged(Retry()).to_keep()._replace(error_id=each.error_id) for each in at]
        await store.save_page(await store.begin_read(step(), full=False), kept)
    retries, log = RetryJobs(client=client, claims=store, now=lambda: NOW), structlog.get_logger()
    judge = Judge(rules=OneRule(rule()), caps=CAPS, client=client, store=store, retries=retries, log=log)
    step_of = Step(ref=step(), type="import")
    return await SecondLook(client=client, store=store, judge=judge).look(
        step_of, "r1", Act.RETRY, [planned(each) for each in at], NOW
    )


EARLY, LATE = record(error_id="e1", occurred_at=ago(hours=2)), record(error_id="e2", occurred_at=ago(hours=1))


async def test_what_is_open_but_not_in_the_store_is_left_to_the_next_cycle() -> None:
    looked = await look([EARLY], at=[EARLY], stored=False)
    assert (looked.fit, [each.record for each in looked.changed]) == ((), [EARLY])
    assert looked.reasons == {"e1": "in-flight"}


async def test_what_a_single_page_does_not_show_is_gone() -> None:
    looked = await look([LATE], at=[EARLY, LATE])
    assert (looked.gone, looked.reasons) == (("e1",), {"e1": "gone"})
    assert [each.record for each in looked.fit] == [LATE]


async def test_what_several_pages_do_not_show_may_have_moved_and_is_only_left_out() -> None:
    looked = await look([LATE], [], at=[EARLY, LATE])
    assert (looked.gone, looked.reasons) == ((), {"e1": "unseen"})
    assert [each.record for each in looked.fit] == [LATE]


async def test_a_moment_finer_than_a_millisecond_does_not_fall_out_of_its_window() -> None:
    fine = LATE._replace(occurred_at=ago(hours=1) + timedelta(microseconds=700))
    assert [each.record for each in (await look([fine], at=[fine])).fit] == [fine]
