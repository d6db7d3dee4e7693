"""docs/events.md and the code name the same events, at the same levels."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from daemon.core.decisions import Outcome
from daemon.core.tally import COUNTS
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


def is_bind(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "bind" and of_a_log(call.func)


def of_a_log(asked: ast.Attribute) -> bool:
    return ast.unparse(asked.value).endswith("log")


def log_calls() -> Iterator[tuple[str, str, ast.Call, ast.Module]]:
    """Yield every event that the code logs, by its literal name, with its level, the call and the module."""
    for file in (ROOT / "daemon").rglob("*.py"):
        module = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(module):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            if node.func.attr in LEVELS and of_a_log(node.func):
                first = node.args[0]
                assert isinstance(first, ast.Constant), f"{file}:{node.lineno}: an event name must be a literal"
                yield str(first.value), "error" if node.func.attr == "exception" else node.func.attr, node, module


def events_in_code() -> dict[str, str]:
    """Return the level of every event."""
    return {event: level for event, level, _, _ in log_calls()}


def facts_of(call: ast.Call, module: ast.Module) -> tuple[set[str], set[str]]:
    """Return the facts that a call names itself, and those that its logger or a mapping of its module may add to them."""
    named = {keyword.arg for keyword in call.keywords if keyword.arg}
    nodes = list(ast.walk(module))
    binds = [each for each in nodes if isinstance(each, ast.Call) and is_bind(each)]
    added = {"account"} | {keyword.arg for bind in binds for keyword in bind.keywords if keyword.arg}
    if "exc_info" in named:  # daemon/logs.py makes two facts of it
        named = named - {"exc_info"} | {"failure", "at"}
    if any(keyword.arg is None for keyword in call.keywords):
        added |= {each.value for each in nodes if isinstance(each, ast.Constant) and isinstance(each.value, str)}
        added |= {
            keyword.arg for each in nodes if isinstance(each, ast.Call) for keyword in each.keywords if keyword.arg
        }
        added |= {*COUNTS, *(outcome.value for outcome in Outcome), "failure", "at"}
    return named, added


def test_every_event_of_the_code_is_documented_and_the_other_way_round() -> None:
    documented = event_docs.levels()
    documented.pop("library.logged")  # its level is the library's

    assert documented == events_in_code()


def test_every_event_has_the_facts_that_are_documented_and_no_others() -> None:
    documented = event_docs.facts()
    seen: dict[str, set[str]] = {}
    for event, _, call, module in log_calls():
        named, added = facts_of(call, module)
        assert named <= documented[event], f"{event}: {named - documented[event]} are not in docs/events.md"
        seen.setdefault(event, set()).update(named | added)
    missing = {event: found for event in seen if (found := documented[event] - event_docs.ALWAYS - seen[event])}

    assert missing == {}, "docs/events.md promises what no line has"


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
