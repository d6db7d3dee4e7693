"""A plan that waits is told in one line, however many rules it has."""

from datetime import UTC, datetime

import pytest

from daemon.cli.waiting_view import waiting_lines
from daemon.core.actions import Mode
from daemon.core.batches import Act
from daemon.core.plans import Plan, PlannedGroup, PlanState
from tests.makers import step

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("a", "1 error of a; flowmend approve 4 "),
        ("edcba", "5 errors of a, b, c, d, e; flowmend approve 4 "),
        ("fedcba", "6 errors of a, b, c, d and 2 more rules; flowmend approve 4 "),
    ],
    ids=["one rule", "as many as are named", "more"],
)
def test_the_rules_of_a_plan_are_named_while_they_are_few(rules: str, said: str) -> None:
    groups = tuple(
        PlannedGroup(step=step(), rule_id=each, act=Act.RETRY, count=1, send=1, mode=Mode.APPROVE) for each in rules
    )
    plan = Plan(
        plan_id=4, account="acme", rules="rules@1", made_at=NOW, expires_at=NOW, state=PlanState.WAITING, groups=groups
    )

    ((head, told),) = waiting_lines([plan])

    assert (head, told.startswith(said)) == ("plan 4 waits", True), told
