"""How the errors of one group become batches."""

import pytest

from daemon.core.actions import Mode
from daemon.core.applied import Applied
from daemon.core.batches import Act, BatchItem
from daemon.core.decisions import Decision, Match, Verb
from daemon.core.plans import Plan, PlannedGroup, PlanState
from daemon.core.records import Step
from daemon.core.tally import Tally
from daemon.pipeline.judge import Judgement
from daemon.pipeline.task import Task, by_tags
from tests.makers import NOW, record, rule, step


def task() -> Task:
    """Return a task that nothing of has been sent."""
    group = PlannedGroup(step=step(), rule_id="r1", act=Act.RETRY, count=1, send=1, mode=Mode.ENFORCE)
    plan = Plan(
        plan_id=1,
        account="acme",
        rules="rules@1",
        made_at=NOW,
        expires_at=NOW,
        state=PlanState.MADE,
        groups=(group,),
    )
    applied = Applied(group=group)
    return Task(plan=plan, applied=applied, step=Step(ref=step(), type="import"), rule=rule(), tally=Tally())


def tagged(error_id: str, *tags: str) -> Judgement:
    """Return a judgement about an error with *tags*."""
    return Judgement(
        record=record(error_id=error_id, tags=tags),
        match=Match(rule=rule()),
        decision=Decision(verb=Verb.LEAVE, reason="leave"),
        case_key="t:order-1",
    )


def test_errors_are_tagged_together_only_where_they_end_up_with_the_same_tags() -> None:
    run = [tagged("e1"), tagged("e2", "X"), tagged("e3", "B"), tagged("e4", "B", "X")]
    assert {tags: [each.record.error_id for each in same] for tags, same in by_tags(run, ("B", "A")).items()} == {
        ("A", "B"): ["e1", "e3"],
        ("A", "B", "X"): ["e2", "e4"],
    }


@pytest.mark.parametrize(
    ("first", "second", "allowed"),
    [
        pytest.param(("t:1", ""), ("t:2", ""), True, id="two cases"),
        pytest.param(("t:1", ""), ("t:1", ""), False, id="one case"),
        pytest.param(("d:old", "d:new"), ("d:new", "d:newer"), False, id="what the first becomes by its patch"),
        pytest.param(("d:new", ""), ("d:old", "d:new"), False, id="becomes the first by its patch"),
    ],
)
def test_of_one_case_only_one_error_is_sent(first: tuple[str, str], second: tuple[str, str], allowed: bool) -> None:
    on_its_way = task()
    items = [
        BatchItem(error_id=error_id, case_key=case_key, alias=alias)
        for error_id, (case_key, alias) in (("e1", first), ("e2", second))
    ]
    assert [on_its_way.first_of_its_case(item) for item in items] == [True, allowed]
    assert on_its_way.tally.dropped["in-flight"] == (not allowed)
