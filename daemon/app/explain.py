"""Explain: which rule takes an error and why the others do not, by the code that the service runs (P9)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from daemon.app.build import Daemon
from daemon.app.error_files import told_error
from daemon.core.exceptions import ConfigError
from daemon.core.facts import UNAVAILABLE, Facts
from daemon.core.plans import PlannedGroup
from daemon.core.records import ErrorRecord, Step, StepRef
from daemon.core.rows import ErrorRow
from daemon.pipeline.judge import Judgement
from daemon.rulebook.explain import Verdict, verdicts
from daemon.rulebook.ruleset import RuleSet
from daemon.rulebook.subject import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One error under every rule. *judgement* and *group* (what is due with it) are None where no account was asked."""

    step: Step
    record: ErrorRecord
    verdicts: Sequence[Verdict]
    judgement: Judgement | None = None
    attempts: int = 0
    group: PlannedGroup | None = None
    facts: Facts = field(repr=False)

    @property
    def winner(self) -> str:
        """Return the id of the rule that takes the error, "" where none does."""
        return next((each.source.rule.id for each in self.verdicts if each.matches), "")


class Rows(Protocol):
    """What finding an error asks of the store."""

    async def errors(
        self, account: str | None = None, *, error_id: str | None = None, limit: int = 100
    ) -> Sequence[ErrorRow]:
        """Return stored errors with this id."""

    async def steps(self, account: str) -> Mapping[StepRef, Step]:
        """Return the steps met so far."""


async def find_error(
    rows: Rows, error_id: str, account: str | None, step: str | None = None, flow: str | None = None
) -> ErrorRow:
    """Return the one stored error with this id; *step* and *flow* are ids or names, which tell it from others.

    Raises:
        ConfigError: there is none, or it is known in several places.
    """
    found = [(row, await _step(rows, row)) for row in await rows.errors(account, error_id=error_id)]
    fit = [
        row
        for row, at in found
        if step in (None, at.ref.step_id, at.name) and flow in (None, at.ref.flow_id, at.flow_name)
    ]
    if len(fit) == 1:
        return fit[0]
    same_step = len({at.ref.step_id for _, at in found}) < len(found)
    places = "".join(
        f'\n   --step "{at.name or at.ref.step_id}"'
        + (f' --flow "{at.flow_name or at.ref.flow_id}"' if same_step else "")
        + f"   (of {at.ref.account}, {at.ref.step_id})"
        for _, at in found
    )
    if not found:
        raise ConfigError(
            f"no open error {error_id} is known: is the id whole, and has flowmend once read it? "
            "flowmend errors lists those that are. --file takes any other error, as JSON from a file"
        )
    if not fit:
        where = " of ".join(name for name in (step and f"step {step}", flow and f"flow {flow}") if name)
        raise ConfigError(f"error {error_id} is not known on a {where}, but there:{places}")
    raise ConfigError(f"error {error_id} is known on several steps: choose one.{places}")


async def _step(rows: Rows, row: ErrorRow) -> Step:
    """Return the step of an error with its names, as far as they are known."""
    return (await rows.steps(row.step.account)).get(row.step) or Step(ref=row.step, type="import")


async def explain_open(
    daemon: Daemon, error_id: str, account: str | None, step: str | None = None, flow: str | None = None
) -> Explained:
    """Read one open error again and say how every rule fares on it, and what a cycle would do with it.

    Raises:
        ConfigError: it is not known, or not open any more.
    """
    row = await find_error(daemon.store, error_id, account, step, flow)
    rules, now = daemon.rules.current, daemon.clock.now()
    where, judgement, group = await daemon.accounts[row.step.account].beside.explain(row)
    if judgement is None:
        raise ConfigError(f"error {error_id} is not open any more on {row.step.flow_id}/{row.step.step_id}")
    record = judgement.record
    _, case = (await daemon.store.case_histories(row.step, [judgement.case_key], now))[judgement.case_key]
    data = UNAVAILABLE if judgement.data is None else judgement.data.data
    facts = Facts(now=now, attempts=case.attempts, data=data)
    return Explained(
        step=where,
        record=record,
        verdicts=verdicts(rules.sources, Subject(where, record, facts)),
        judgement=judgement,
        attempts=case.attempts,
        group=group,
        facts=facts,
    )


def explain_text(text: bytes, rules: RuleSet, now: datetime, where: str) -> Explained:
    """Say how every rule fares on an error given as JSON, as integrator.io lists it.

    Beside its own fields it may say account, integration, flow, step, step_type, attempts and data (the retry data's).

    Raises:
        ConfigError: it is not one error as JSON.
    """
    told = told_error(text, where)
    facts = Facts(now=now, attempts=told.attempts, data=told.data)
    return Explained(
        step=told.step,
        record=told.record,
        verdicts=verdicts(rules.sources, Subject(told.step, told.record, facts)),
        attempts=told.attempts,
        facts=facts,
    )
