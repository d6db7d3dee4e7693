"""docs/events.md and the code name the same events, at the same levels."""

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

from daemon.logs import SECRET_KEYS
from daemon.settings.channels import Event
from tests import event_docs

ROOT = Path(__file__).parents[2]
LEVELS = {"debug", "info", "warning", "error", "exception"}

PROMISED = (
    "daemon.started", "daemon.stopped", "config.loaded", "rules.loaded", "rules.refused", "account.probed",
    "account.refused", "cycle.finished", "step.read", "step.failed", "error.matched", "batch.sent", "batch.held",
    "batch.unknown", "outcome.settled", "limit.reached", "breaker.opened", "breaker.probed", "breaker.closed",
    "request.throttled", "writes.paused", "writes.resumed", "plan.made", "plan.applied", "store.migrated", "lock.refused",
    "notify.failed",
)  # fmt: skip
"""What operators may always build upon."""


def events_in_code() -> dict[str, str]:
    """Return the level of every event that the code logs, by its literal name."""
    found: dict[str, str] = {}
    for file in (ROOT / "daemon").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            first = node.args[0]
            receiver = ast.unparse(node.func.value)
            if node.func.attr in LEVELS and receiver.endswith("log"):
                assert isinstance(first, ast.Constant), f"{file}:{node.lineno}: an event name must be a literal"
                found[str(first.value)] = "error" if node.func.attr == "exception" else node.func.attr
    return found


def test_every_event_of_the_code_is_documented_and_the_other_way_round() -> None:
    documented = event_docs.levels()
    documented.pop("library.logged")  # its level is the library's

    assert documented == events_in_code()


def test_people_can_ask_to_be_told_of_every_event_that_is_not_a_detail() -> None:
    unfit = {"library.logged", "notify.failed", "notify.sent", "rules.problem", "server.started"}
    told = {name for name, level in events_in_code().items() if level != "debug"} - unfit

    assert told == set(get_args(Event)), "daemon/settings/channels.py has the list"


@pytest.mark.parametrize("event", PROMISED)
def test_the_events_that_are_promised_are_there_with_their_account(event: str) -> None:
    of_the_service = event.startswith(("daemon.", "config.", "rules.", "writes.", "store.", "notify."))
    assert ("account" in event_docs.facts()[event]) != of_the_service


def test_event_names_are_noun_and_participle() -> None:
    assert all(re.fullmatch(r"[a-z]+\.[a-z_]+", name) for name in events_in_code())


def test_no_fact_has_the_name_of_a_secret_and_so_would_be_hidden() -> None:
    named = re.findall(r"\w+", (ROOT / "docs" / "events.md").read_text(encoding="utf-8").partition("| event |")[2])
    in_code = {
        keyword.arg
        for file in (ROOT / "daemon").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in {*LEVELS, "bind"} and ast.unparse(node.func.value).endswith("log")
        for keyword in node.keywords
    }

    assert not in_code & SECRET_KEYS
    assert "lease" in in_code & set(named)
