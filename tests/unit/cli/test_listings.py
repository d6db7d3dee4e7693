"""How stored errors are listed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from daemon.cli.listings import held_json, newest_first, show_errors, show_held
from daemon.core.decisions import Verb
from daemon.core.rows import ErrorRow, HeldRow
from tests.makers import step

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ROW = ErrorRow(
    step=step(), error_id="1", case_key="t:1", code="A", verb=Verb.RETRY, rule_id="r1", reason="due",
    detail="", occurred_at=NOW, due_at=NOW, in_flight=False, first_seen_at=NOW,
)  # fmt: skip


def test_who_is_to_look_at_a_held_error_is_told_which_record_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    row = HeldRow(
        step=step(), error_id="1", case_key="t:PO-7", code="A", queue="edi", title="t", edit=(), rule_id="r1",
        reason="hold", detail="", held_at=NOW,
    )  # fmt: skip
    show_held([row], {})

    assert "PO-7" in capsys.readouterr().out
    assert held_json(row)["case"] == "t:PO-7"


def test_errors_of_several_places_are_listed_together_newest_first() -> None:
    older, timeless = (replace(ROW, error_id=each) for each in ("older", "timeless"))
    older, timeless = replace(older, occurred_at=NOW - timedelta(hours=1)), replace(timeless, occurred_at=None)

    assert newest_first([timeless, older, ROW]) == [ROW, older, timeless]


@pytest.mark.parametrize(
    ("reason", "said"),
    [("due", "retry, due 2026-03-02T09:00:00Z"), ("waiting", "retry, waiting, due 2026-03-02T09:00:00Z")],
)
def test_what_is_due_is_said_once(reason: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    show_errors([replace(ROW, reason=reason)], {}, 50)

    assert capsys.readouterr().out.rstrip().endswith(f"r1    {said}")


@pytest.mark.parametrize(("rule", "asks"), [(None, False), ("netsuite-lokup", True)], ids=["no rule", "a rule"])
def test_an_empty_list_asks_about_the_rule_that_was_named(
    rule: str | None, asks: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    show_errors([], {}, 50, rule)

    told = capsys.readouterr().out
    assert ("is that the rule's id" in told) is asks
    assert "No open error is known that fits" in told
