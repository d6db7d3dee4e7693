"""What people ask: which errors, why, what is held, what happened to a case, what was written."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, literal, select

from daemon.core.actions import EditField
from daemon.core.batches import Act, WriteState
from daemon.core.decisions import Outcome, Verb
from daemon.core.records import TRACE_KEY_CUT, StepRef
from daemon.core.rows import CaseEvent, ErrorRow, HeldRow, WriteRow
from daemon.store.cases import NAMES
from daemon.store.sqlite import document, each
from daemon.store.steps import REF, ref_of
from daemon.store.tables import batch_items, batches, errors, foreign_attempts, held, patches, steps, verdicts
from daemon.store.transactions import Database, reads

_shown = (
    select(
        *REF,
        errors.c.error_id,
        errors.c.case_key,
        errors.c.code,
        verdicts.c.verb,
        verdicts.c.rule_id,
        verdicts.c.reason,
        func.coalesce(held.c.detail, verdicts.c.detail).label("detail"),
        errors.c.occurred_at,
        errors.c.due_at,
        errors.c.batch_no.is_not(None).label("in_flight"),
        errors.c.first_seen_at,
    )
    .join_from(errors, verdicts, verdicts.c.verdict_no == errors.c.verdict_no)
    .join(steps, steps.c.step_no == errors.c.step_no)
    .outerjoin(held, and_(held.c.step_no == errors.c.step_no, held.c.error_id == errors.c.error_id))
)
COUNTS = (
    select(verdicts.c.verb, verdicts.c.rule_id, verdicts.c.reason, func.count().label("count"))
    .join_from(errors, verdicts, verdicts.c.verdict_no == errors.c.verdict_no)
    .join(steps, steps.c.step_no == errors.c.step_no)
    .where(steps.c.account == bindparam("account"))
    .group_by(verdicts.c.verb, verdicts.c.rule_id, verdicts.c.reason)
)
HELD = (
    select(held, *REF, errors.c.code, verdicts.c.rule_id, verdicts.c.reason)
    .join_from(held, errors, and_(errors.c.step_no == held.c.step_no, errors.c.error_id == held.c.error_id))
    .join(verdicts, verdicts.c.verdict_no == errors.c.verdict_no)
    .join(steps, steps.c.step_no == held.c.step_no)
    .order_by(held.c.held_at, held.c.step_no, held.c.error_id)
)
OUTCOMES = select(batch_items.c.batch_no, batch_items.c.outcome, func.count().label("count")).group_by(
    batch_items.c.batch_no, batch_items.c.outcome
)
