"""Explain: which rule takes an error and why the others do not, by the code that the service runs (P9)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


async def find_error(rows: Rows, error_id: str, account: str | None, step: str | None = None) -> ErrorRow:
    """Return the one stored error with this id; *step* is the id or name of its step, which tells it from others.

    Raises:
        ConfigError: there is none, or it is known in several places.
    """
    found = [(row, await _name(rows, row)) for row in await rows.errors(account, error_id=error_id)]
    fit = [(row, name) for row, name in found if step in (None, row.step.step_id, name)]
    if len(fit) == 1:
        return fit[0][0]
    places = "; ".join(
        f'"{name or row.step.step_id}" ({row.step.step_id}) of {row.step.account}' for row, name in found
    )
    if not found:
        raise ConfigError(
            f"no open error {error_id} is known: is the id whole, and has flowmend once read it? "
            "flowmend errors lists those that are. With --file, an error of integrator.io can be explained from a file"
        )
    if not fit:
        raise ConfigError(f"error {error_id} is not known on a step {step}, but on {places}")
    raise ConfigError(f"error {error_id} is known on several steps: choose one with --step: {places}")


async def _name(rows: Rows, row: ErrorRow) -> str:
    known = (await rows.steps(row.step.account)).get(row.step)
    return known.name if known else ""


async def explain_open(daemon: Daemon, error_id: str, account: str | None, step: str | None = None) -> Explained:
    """Read one open error again and say how every rule fares on it, and what a cycle would do with it.

    Raises:
        ConfigError: it is not known, or not open any more.
    """
    row = await find_error(daemon.store, error_id, account, step)
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
    )


def explain_text(text: bytes, rules: RuleSet, now: datetime, where: str) -> Explained:
    """Say how every rule fares on an error given as JSON, as integrator.io lists it.

    Beside its own fields it may say account, integration, flow, step, step_type, attempts and data (the retry data's).

    Raises:
        ConfigError: it is not one error as JSON.
    """
    told = told_error(text, where)
    subject = Subject(told.step, told.record, Facts(now=now, attempts=told.attempts, data=told.data))
    return Explained(step=told.step, record=told.record, verdicts=verdicts(rules.sources, subject))
