"""Decisions as values."""

from daemon.core.actions import Leave
from daemon.core.decisions import Decision, Outcome, Verb
from tests.makers import NOW, rule


def test_a_decision_names_its_rule_where_there_is_one() -> None:
    assert Decision(verb=Verb.LEAVE, reason="leave", rule=rule("known", Leave())).rule_id == "known"
    assert Decision(verb=Verb.NONE, reason="unmatched").rule_id == ""


def test_a_decision_to_be_looked_at_again_is_otherwise_the_same() -> None:
    before = Decision(verb=Verb.LEAVE, reason="leave", detail="known", rule=rule("known", Leave()))
    after = before.due_again(NOW)
    assert after.due_at == NOW
    assert after._replace(due_at=None) == before


def test_the_five_outcomes_are_those_that_reports_and_metrics_name() -> None:
    assert [outcome.value for outcome in Outcome] == ["confirmed", "came_back", "refused", "unknown", "vanished"]
