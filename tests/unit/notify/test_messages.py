import json
import string
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from daemon.core.notices import DIGEST, Noted
from daemon.notify.messages import SHOWN, TITLE, Message, compose
from daemon.notify.phrases import OF_EVENT, TEST
from daemon.settings.channels import Event

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVENTS_TABLE = (Path(__file__).parents[3] / "docs" / "events.md").read_text(encoding="utf-8")


def noted(event: str = "limit.reached", *, times: int = 1, **facts: Any) -> Noted:
    return Noted(
        event=event, scope="", facts={"level": "warning", **facts}, times=times,
        first_at=NOON - timedelta(hours=9), last_at=NOON - timedelta(minutes=20),
    )  # fmt: skip


def composed(*told: Noted) -> Message:
    return compose("m1", NOON, told, host="erp-1")


def facts_of(event: str) -> set[str]:
    """Return the facts of an event as docs/events.md lists them."""
    line = next(line for line in EVENTS_TABLE.splitlines() if line.startswith(f"| `{event}` |"))
    listed = line.rstrip(" |").rpartition("|")[2].replace("(or ", ", ").replace(")", "").replace(" or ", ", ")
    return {name.strip() for name in listed.split(",")}


def test_a_message_says_what_where_since_when_why_and_what_to_do() -> None:
    message = composed(
        noted(account="acme", rule="busy", action="retry", held=412, reason="1,200 of 1,000 an hour", times=12)
    )
    assert message.title == "Flowmend: over a limit: rule busy"
    assert message.text == (
        "Rule busy wants to retry 412 errors, and all of them are held: 1,200 of 1,000 an hour.\n"
        "When: 12 times from 2026-03-02 03:00 UTC to 2026-03-02 11:40 UTC\n"
        "Account: acme\n"
        "Why it matters: Either very much has failed at once, or the rule matches more than was meant.\n"
        "What to do: flowmend approve shows the plan that waits, flowmend approve PLAN sends it. It goes by itself when "
        "it is within the limit again.\n\n"
        "Flowmend on erp-1, message m1"
    )


def test_why_an_event_matters_is_said_once_in_a_message() -> None:
    told = [noted(rule="a"), noted(rule="b"), noted("account.refused", level="error", account="acme")]
    text = composed(*told).text
    assert text.count("Why it matters: Either very much") == 1
    assert (text.count("Why it matters:"), text.count("What to do:")) == (2, 3)


def test_the_gravest_comes_first_and_gives_title_and_level() -> None:
    message = composed(
        noted(rule="r"), noted("account.refused", level="error", account="acme", status=401, reason="no.")
    )
    assert message.title == "Flowmend: token refused: acme (and 1 more)"
    assert message.level == "error"
    assert [each["event"] for each in json.loads(message.document)["notices"]] == ["account.refused", "limit.reached"]


def test_a_long_story_is_cut_for_people_and_whole_for_programs() -> None:
    message = composed(*(noted(rule=f"rule-{number}") for number in range(SHOWN + 30)))
    assert message.text.count("What to do:") == SHOWN
    assert "… and 30 more; the log has all of them." in message.text
    assert len(json.loads(message.document)["notices"]) == SHOWN + 30
    assert len(composed(noted(rule="x" * 500)).title) <= TITLE + len("Flowmend: ")


def test_what_has_no_sentences_of_its_own_is_told_with_its_facts() -> None:
    message = composed(noted("plan.applied", account="acme", plan=7, by="ann", sent=3, ts="…"))
    assert message.title == "Flowmend: plan.applied acme"
    assert message.text.startswith("plan.applied: plan 7, by ann, sent 3\n")


@pytest.mark.parametrize(
    ("rules", "why"), [("rules@1", "The rules from before (rules@1"), ("", "No rule is in force")], ids=["some", "none"]
)
def test_refused_rules_are_told_with_what_is_in_force_instead(rules: str, why: str) -> None:
    message = composed(noted("rules.refused", rules=rules, since="", errors=1, first="a.yaml:1 no such field"))
    assert f"Why it matters: {why}" in message.text
    assert "Mistakes in the rule files: 1. The first: a.yaml:1 no such field" in message.text


def test_facts_are_values_whatever_is_in_them() -> None:
    hostile = "{account} {0} %s {reason!r}\nTitle: fake"
    message = composed(noted(rule=hostile, reason=None))
    assert "{account} {0} %s {reason!r} Title: fake" in message.title
    assert json.loads(message.document)["facts"]["rule"] == hostile


def test_the_same_notices_make_the_same_message() -> None:
    assert composed(noted(rule="a"), noted(rule="b")) == composed(noted(rule="a"), noted(rule="b"))


@pytest.mark.parametrize("event", sorted(set(OF_EVENT) - {DIGEST, TEST}))
def test_each_event_that_has_sentences_can_be_asked_for_and_has_the_facts_they_name(event: str) -> None:
    phrases = OF_EVENT[event]
    named = {
        name
        for text in (phrases.title, phrases.what, phrases.why, phrases.do)
        for _, name, _, _ in string.Formatter().parse(text)
        if name
    }
    assert event in get_args(Event)
    assert named <= facts_of(event) | {"failure"}
