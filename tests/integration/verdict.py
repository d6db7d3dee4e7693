"""The server's truth against the store's claims: what may never be, whatever went wrong."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from daemon.app.build import Daemon
from daemon.core.batches import Act
from daemon.core.decisions import Outcome
from daemon.core.records import StepRef
from daemon.core.rows import CaseEvent, ErrorRow
from daemon.sandbox.truth import Truth
from tests.integration.shop import ACCOUNT, Shop

SHOWN = frozenset({"unknown", "exhausted", "superseded", "data-changed", "no-retry-data", "not-retryable"})
"""Queues in which a record that could still be cured waits for people: not lost, since `flowmend hold list` shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What the store says of one record: its open errors, which of them are held, and what happened to its case."""

    rows: Mapping[str, ErrorRow]
    held: Mapping[str, str]
    events: tuple[CaseEvent, ...]
    attempts: int

    @property
    def confirmed(self) -> list[tuple[str, str]]:
        """Return the retries and resolves of which the store says that they helped, as (act, error id)."""
        acts: dict[str, str] = {}
        found: list[tuple[str, str]] = []
        for each in self.events:
            if each.what in set(Act):
                acts[each.error_id] = each.what
            elif each.outcome is Outcome.CONFIRMED and acts[each.error_id] in (Act.RETRY, Act.RESOLVE):
                found.append((acts[each.error_id], each.error_id))
        return found

    @property
    def unknown(self) -> bool:
        """Tell whether the store says of a write on the record that nobody knows what came of it."""
        return any(each.outcome is Outcome.UNKNOWN for each in self.events)


async def claims_of(daemon: Daemon, truth: Truth) -> Claims:
    """Return what the store says of a record."""
    store, ref = daemon.store, StepRef(account=ACCOUNT, flow_id=truth.flow_id, step_id=truth.step_id)
    mine = set(truth.error_ids)
    rows = {row.error_id: row for row in await store.errors(ACCOUNT, step=truth.step_id) if row.error_id in mine}
    held = {row.error_id: row.queue for row in await store.held(ACCOUNT) if row.step == ref and row.error_id in mine}
    events = [
        each for each in await store.case_events(ACCOUNT, truth.trace_key) if each.step == ref and each.error_id in mine
    ]
    key = f"t:{truth.trace_key}"
    _, history = (await store.case_histories(ref, [key], daemon.clock.now()))[key]
    return Claims(rows=rows, held=held, events=tuple(events), attempts=sum(history.by_rule.values()))


def never_right(shop: Shop, truth: Truth, claims: Claims, *, most: int, raced: bool = False) -> Iterator[str]:
    """Yield what is wrong with a record at any moment; *most* are the retries its rule allows.

    *raced*: somebody else did something to it after our last look, a moment that nobody can shut out.
    """
    ours = truth.retried_by.count(shop.sandbox.options.user_id)
    name = f"{truth.family} {truth.record_id}"
    if ours > claims.attempts:
        yield f"{name}: {ours} retries were accepted for {claims.attempts} attempts"
    if ours > most:
        yield f"{name}: {ours} retries, {most} allowed"
    if truth.harmed and ours and not raced:
        yield f"{name}: {truth.copies} copies"
    if truth.stray_changes and not raced:
        yield f"{name}: changed at {truth.stray_changes}"
    for act, error_id in claims.confirmed:
        if error_id in truth.open_ids:
            yield f"{name}: {act} confirmed and open"
        elif not truth.copies and not truth.resolved_by:
            yield f"{name}: {act} confirmed and not cured ({truth.state})"


def wrong_in_the_end(truth: Truth, claims: Claims) -> Iterator[str]:
    """Yield what is wrong with a record that should have been dealt with by now."""
    name = f"{truth.family} {truth.record_id}"
    if set(claims.rows) != truth.open_ids:
        yield f"{name}: open are {sorted(truth.open_ids)}, the store has {sorted(claims.rows)}"
    if any(row.in_flight for row in claims.rows.values()):
        yield f"{name}: still in flight"
    if truth.state == "in_job" and not claims.unknown:
        yield f"{name}: in a job, and not shown as unknown"
    if truth.state != "open":
        return
    (row, *_) = claims.rows.values() or (None,)
    queues = {claims.held.get(error_id, "") for error_id in truth.open_ids}
    if not queues <= SHOWN and (row is None or row.reason not in ("hold", "assigned")):
        yield f"{name}: lost, as {row.reason if row else 'nothing'} ({row.detail if row else ''})"
