"""A case's whole history for people, and the envelopes that patches wrote."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, exists, or_, select

from daemon.core.cases import is_cut
from daemon.core.decisions import Outcome
from daemon.core.records import StepRef
from daemon.core.rows import CaseEvent
from daemon.store.columns import Words, clean
from daemon.store.control_tables import shared_keys
from daemon.store.judged import STEP
from daemon.store.sqlite import document, each
from daemon.store.steps import REF, find_step, ref_of
from daemon.store.tables import aliases, batch_items, batches, errors, foreign_attempts, patches, steps, verdicts
from daemon.store.transactions import Database, reads

_account = bindparam("account", type_=Words())
_of_account = or_(_account.is_(None), steps.c.account == _account)
_names = each("names")
_named = select(_names.c.value)
_known = aliases.alias("known")

SHORTENED = (
    select(batch_items.c.case_root).where(batch_items.c.case_root.startswith("c:")).distinct(),
    select(errors.c.case_key).where(errors.c.case_key.startswith("c:")).distinct(),
)
IS_SHARED = select(shared_keys.c.step_no).where(shared_keys.c.trace_key == bindparam("key", type_=Words())).limit(1)
ALIASES = (
    select(aliases.c.alias, aliases.c.case_root)
    .join_from(aliases, _known, and_(_known.c.step_no == aliases.c.step_no, _known.c.case_root == aliases.c.case_root))
    .where(or_(_known.c.alias.in_(_named), _known.c.case_root.in_(_named)))
)
ATTEMPTS = (
    select(
        *REF,
        batch_items.c.error_id,
        batch_items.c.outcome,
        batch_items.c.settled_at,
        batch_items.c.settled_by,
        batch_items.c.settled_why,
        batches.c.batch_no,
        batches.c.act,
        batches.c.rule_id,
        batches.c.state,
        batches.c.intended_at,
        batches.c.job_id,
        batches.c.reason,
        patches.c.before_digest,
        patches.c.after_digest,
    )
    .join_from(steps, batch_items, batch_items.c.step_no == steps.c.step_no)
    .join(batches, batches.c.batch_no == batch_items.c.batch_no)
    .outerjoin(
        patches, and_(patches.c.batch_no == batch_items.c.batch_no, patches.c.error_id == batch_items.c.error_id)
    )
    .where(_of_account, batch_items.c.case_root.in_(_named))
    .order_by(batches.c.batch_no, batch_items.c.position)
)
OTHERS = (
    select(*REF, foreign_attempts.c.error_id, foreign_attempts.c.seen_at)
    .join_from(steps, foreign_attempts, foreign_attempts.c.step_no == steps.c.step_no)
    .where(_of_account, foreign_attempts.c.case_root.in_(_named))
)
OPEN = (
    select(*REF, errors.c.error_id, errors.c.first_seen_at, verdicts.c.rule_id, verdicts.c.verb, verdicts.c.reason)
    .join_from(steps, errors, errors.c.step_no == steps.c.step_no)
    .join(verdicts, verdicts.c.verdict_no == errors.c.verdict_no)
    .where(_of_account, errors.c.case_key.in_(_named))
)
_keys = each("keys")
_rule = bindparam("rule", type_=Words())
_by_rule = exists().where(batches.c.batch_no == patches.c.batch_no, batches.c.rule_id == _rule).correlate(patches)
_written = and_(patches.c.after.is_not(None), or_(_rule.is_(None), _by_rule))
LAST_PATCHES = (
    select(patches.c.retry_key, patches.c.after)
    .where(patches.c.step_no == STEP, patches.c.retry_key.in_(select(_keys.c.value)), _written)
    .order_by(patches.c.batch_no)
)
_changed = and_(
    patches.c.before.is_not(None), patches.c.after.is_not(None), patches.c.before_digest != patches.c.after_digest
)
REPLACED = (
    select(patches.c.retry_key, patches.c.before, patches.c.after)
    .where(patches.c.step_no == STEP, patches.c.retry_key.in_(select(_keys.c.value)), _changed)
    .order_by(patches.c.batch_no)
)
REPLACED_OF_CASE = (
    select(patches.c.before, patches.c.after)
    .join_from(
        batch_items,
        patches,
        and_(patches.c.batch_no == batch_items.c.batch_no, patches.c.error_id == batch_items.c.error_id),
    )
    .where(batch_items.c.step_no == STEP, batch_items.c.case_root == bindparam("case", type_=Words()), _changed)
    .order_by(patches.c.batch_no)
)
PATCHES_OF_CASES = (
    select(batch_items.c.case_root, patches.c.after)
    .join_from(
        batch_items,
        patches,
        and_(patches.c.batch_no == batch_items.c.batch_no, patches.c.error_id == batch_items.c.error_id),
    )
    .where(batch_items.c.step_no == STEP, batch_items.c.case_root.in_(select(_keys.c.value)), _written)
    .order_by(patches.c.batch_no)
)


class HistoryRows(Database):
    """What happened to single records."""

    @reads
    def case_events(self, connection: Connection, account: str | None, trace_key: str) -> list[CaseEvent]:
        """Return what happened to a business record, in the order of time, up to its errors that are open now.

        *trace_key* may also be a whole case key, as `ErrorRow` shows it.
        """
        names = document(sorted(names_of(connection, trace_key)))
        events = _events(connection, {"account": account, "names": names})
        return sorted(events, key=lambda event: event.at)

    @reads
    def last_patches(
        self, connection: Connection, ref: StepRef, retry_keys: Sequence[str], *, rule_id: str | None = None
    ) -> dict[str, bytes]:
        """Return the envelope that the rule (None: any) last wrote, or is about to, for each retry data key it patched."""
        return _last(connection, LAST_PATCHES, ref, retry_keys, rule_id)

    @reads
    def last_patches_of_cases(
        self, connection: Connection, ref: StepRef, case_keys: Sequence[str], *, rule_id: str | None = None
    ) -> dict[str, bytes]:
        """Return the same for each case it patched, whatever the retry data key."""
        return _last(connection, PATCHES_OF_CASES, ref, case_keys, rule_id)

    @reads
    def last_replaced(self, connection: Connection, ref: StepRef, retry_key: str) -> tuple[bytes, bytes] | None:
        """Return the envelopes before and after the last patch that changed anything under the key, None for none.

        Whether it was really written, the journal does not say: the platform's own data does.
        """
        step_no = find_step(connection, ref)
        rows = connection.execute(REPLACED, {"step": step_no, "keys": document([clean(retry_key)])}).all()
        return (rows[-1].before, rows[-1].after) if rows else None

    @reads
    def replaced_of_case(self, connection: Connection, ref: StepRef, case_key: str) -> list[tuple[bytes, bytes]]:
        """Return the same for each patch that changed anything on the case and was not withdrawn, oldest first."""
        step_no = find_step(connection, ref)
        rows = connection.execute(REPLACED_OF_CASE, {"step": step_no, "case": clean(case_key)})
        return [(row.before, row.after) for row in rows]


def _last(
    connection: Connection, asked: Select[Any], ref: StepRef, keys: Sequence[str], rule_id: str | None
) -> dict[str, bytes]:
    step_no = find_step(connection, ref)
    if step_no is None:
        return {}
    rows = connection.execute(asked, {"step": step_no, "keys": document(keys), "rule": rule_id})
    written: dict[str, bytes] = {name: after for name, after in rows}  # noqa: C416 - the newest of each name stays
    return {key: written[clean(key)] for key in keys if clean(key) in written}


def names_of(connection: Connection, trace_key: str) -> set[str]:
    """Return every case key that the record may go by."""
    names = {trace_key, f"t:{trace_key}"}
    if is_cut(trace_key) or connection.execute(IS_SHARED, {"key": trace_key}).first() is not None:
        found = (name for query in SHORTENED for name in connection.execute(query).scalars())
        names |= {name for name in found if name.endswith(f":{trace_key}")}
    pairs = connection.execute(ALIASES, {"names": document(sorted(names))})
    return names.union(*pairs)


def _events(connection: Connection, which: dict[str, str | None]) -> Iterator[CaseEvent]:
    for row in connection.execute(ATTEMPTS, which):
        of: dict[str, Any] = {"step": ref_of(row), "error_id": row.error_id, "rule_id": row.rule_id}
        if row.before_digest:
            changed = f"{row.before_digest} → {row.after_digest}"
            yield CaseEvent(at=row.intended_at, what="patch", detail=changed, **of)
        said = [f"write {row.batch_no}", row.state, row.job_id and f"job {row.job_id}", row.reason]
        yield CaseEvent(at=row.intended_at, what=row.act, detail=", ".join(filter(None, said)), **of)
        if row.outcome:
            said_of_it = {"detail": row.settled_why, "by": row.settled_by}
            yield CaseEvent(at=row.settled_at, what="outcome", outcome=Outcome(row.outcome), **of, **said_of_it)
    for seen in connection.execute(OTHERS, which):
        yield CaseEvent(at=seen.seen_at, step=ref_of(seen), error_id=seen.error_id, what="retried elsewhere")
    for still in connection.execute(OPEN, which):
        yield CaseEvent(
            at=still.first_seen_at,
            step=ref_of(still),
            error_id=still.error_id,
            what="open",
            rule_id=still.rule_id,
            detail=f"{still.verb}, {still.reason}",
        )
