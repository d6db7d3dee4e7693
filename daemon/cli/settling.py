"""Settling what is unknown: a person has looked into the target and says what came of a retry (P1, P4)."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from daemon.cli.exits import PROBLEMS, UNUSABLE, complain
from daemon.cli.render import clean, plural, print_json, say, stamp
from daemon.cli.unknown_view import said_json, unknown_json
from daemon.core.decisions import Outcome
from daemon.core.rows import UnknownRow

LONGEST_KEY = 400
"""Characters of a case key that a suggested command shows: a trace key has up to 128, escaped perhaps more."""


class People(Protocol):
    """What settling asks of the store."""

    async def unknown_of_case(self, account: str | None, trace_key: str) -> list[UnknownRow]:
        """Return the retries of a record that are unknown, and those that people have settled."""

    async def settle_unknown(
        self, batch_id: int, error_id: str, outcome: Outcome, *, by: str, why: str, now: datetime
    ) -> bool:
        """Write down what a person says came of one retry; False where its outcome is not unknown (any more)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which record, where, and what the person *said* came of its retry; *why* is how they know."""

    trace_key: str
    account: str | None
    flow: str | None
    step: str | None
    outcome: Outcome
    said: str
    why: str

    def about(self, row: UnknownRow) -> bool:
        """Tell whether the row is where the question says."""
        return self.flow in (None, row.step.flow_id) and self.step in (None, row.step.step_id)


async def answer(question: Question, store: People, *, by: str, now: datetime, json: bool) -> int:
    """Settle what is asked for if that is plain, say what was done or why not, and return the exit code."""
    rows = await _rows(question, store)
    waiting = [row for row in rows if row.outcome is Outcome.UNKNOWN]
    if len({(row.step, row.case_key) for row in waiting}) > 1:
        return _refuse(_which(question, waiting), waiting, UNUSABLE, json=json)
    settled = [
        row
        for row in waiting
        if await store.settle_unknown(row.batch_id, row.error_id, question.outcome, by=by, why=question.why, now=now)
    ]
    if not settled:
        return _refuse(_nothing(question, await _rows(question, store)), (), PROBLEMS, json=json)
    if json:
        print_json(
            {"settled": [unknown_json(row) | said_json(question.outcome, by, question.why, now) for row in settled]}
        )
        return 0
    for row in settled:
        say(
            f"Error {clean(row.error_id)} of {clean(question.trace_key)}, write {row.batch_id}: {question.said}, said by {by}."
        )
    if question.outcome is Outcome.CONFIRMED:
        say("The record counts as fixed; errors of it from before now are held and never sent again.")
    else:
        say("The attempt is given back. If the record is still open, the next cycle may retry it as its rule says.")
    return 0


async def _rows(question: Question, store: People) -> list[UnknownRow]:
    found = await store.unknown_of_case(question.account, question.trace_key)
    return [row for row in found if question.about(row)]


def _refuse(text: str, waiting: Sequence[UnknownRow], code: int, *, json: bool) -> int:
    if json:
        print_json({"failure": text, "unknown": [unknown_json(row) for row in waiting]})
    else:
        complain(text)
    return code


def _which(question: Question, waiting: Sequence[UnknownRow]) -> str:
    """Return what to type for each of the places that the question could mean."""
    places = {(row.step, row.case_key) for row in waiting}
    commands = [
        f"  flowmend case {shlex.quote(clean(key, LONGEST_KEY))} --settle {question.said} "
        f"--account {step.account} --flow {step.flow_id} --step {step.step_id}"
        for step, key in sorted(places)
    ]
    head = (
        f"{clean(question.trace_key)} is unknown in {plural(len(places), 'place')}, and each must be looked at by itself; "
        "nothing was settled. Say which:"
    )
    return "\n".join([head, *commands])


def _nothing(question: Question, rows: Sequence[UnknownRow]) -> str:
    """Return why there was nothing to settle, and who was there before."""
    key = clean(question.trace_key)
    if not rows:
        return f"nothing of {key} is unknown, so there is nothing to settle; flowmend errors --unknown lists what is"
    last = rows[-1]
    outcome = "not sent" if last.outcome is Outcome.REFUSED else last.outcome.value
    why = f" ({clean(last.why)})" if last.why else ""
    return (
        f"nothing of {key} is unknown any more: {clean(last.settled_by)} settled write {last.batch_id} as {outcome} "
        f"at {stamp(last.settled_at)}{why}"
    )
