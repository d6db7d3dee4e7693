"""The server's truth against the store's claims: what may never be, whatever went wrong."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from daemon.app.build import Daemon
from daemon.core.batches import Act
from daemon.core.decisions import Outcome
from daemon.core.records import StepRef
from daemon.core.rows import ErrorRow
from daemon.sandbox.truth import Truth
from daemon.store.tables import batch_items, batches, steps
from tests.integration.shop import ACCOUNT, Shop

SHOWN = frozenset({
    "unknown", "exhausted", "superseded", "data-changed", "no-retry-data", "not-retryable", "too-old",
})  # fmt: skip
"""Queues in which a record that could still be cured waits for people: not lost, since `flowmend hold list` shows it."""


ENDED = (
    select(steps.c.step_id, batches.c.act, batch_items.c.error_id, batch_items.c.outcome)
    .join_from(batch_items, batches, batches.c.batch_no == batch_items.c.batch_no)
    .join(steps, steps.c.step_no == batches.c.step_no)
    .where(batches.c.act.in_((Act.RETRY, Act.RESOLVE)))
)
"""What came of each error of each write; read as it is stored, since what people are shown is sorted by time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What the store says of one record.

    Its open errors, which of them are held and in which queue, the attempts on its case, and the retries and resolves of
    which it says that they helped, as (act, error id); *unknown*: or that nobody knows what came of one.
    """

    rows: Mapping[str, ErrorRow]
    held: Mapping[str, str]
    attempts: int
    confirmed: Sequence[tuple[str, str]]
    unknown: bool


async def claims_of(daemon: Daemon, truth: Truth) -> Claims:
    """Return what the store says of a record."""
    store, ref = daemon.store, StepRef(account=ACCOUNT, flow_id=truth.flow_id, step_id=truth.step_id)
    mine = set(truth.error_ids)
    rows = {row.error_id: row for row in await store.errors(ACCOUNT, step=truth.step_id) if row.error_id in mine}
    held = {row.error_id: row.queue for row in await store.held(ACCOUNT) if row.step == ref and row.error_id in mine}
    key = f"t:{truth.trace_key}"
    _, history = (await store.case_histories(ref, [key], daemon.clock.now()))[key]
    ended = await store.transact(lambda connection: connection.execute(ENDED).all(), write=False, durable=False)
    mine_ended = [row for row in ended if row.step_id == truth.step_id and row.error_id in mine]
    return Claims(
        rows=rows,
        held=held,
        attempts=sum(history.by_rule.values()),
        confirmed=[(row.act, row.error_id) for row in mine_ended if row.outcome == Outcome.CONFIRMED],
        unknown=any(row.outcome == Outcome.UNKNOWN for row in mine_ended),
    )


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
