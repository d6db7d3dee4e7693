"""Integrations, flows and steps as the platform describes them, and as of when each flow has been read."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select

from daemon.core.catalogue import Catalogue
from daemon.core.records import Flow, Integration, Mark, Step, StepRef
from daemon.store import tables
from daemon.store.sqlite import insert
from daemon.store.steps import REF, AnyRow, address
from daemon.store.transactions import Database, reads, writes_soon

NAMES = ("type", "name", "connection_id", "flow_name", "integration_id", "integration_name")

_step = insert(tables.steps).values(judged_with="", stored=0)
SAVE_STEP = _step.on_conflict_do_update(
    index_elements=["account", "flow_id", "step_id"], set_={name: _step.excluded[name] for name in NAMES}
)
_flow = insert(tables.flows)
SAVE_FLOW = _flow.on_conflict_do_update(
    index_elements=["account", "flow_id"],
    set_={name: _flow.excluded[name] for name in ("name", "integration_id", "disabled", "steps")},
)
_mark = insert(tables.flow_marks)
SAVE_MARK = _mark.on_conflict_do_update(
    index_elements=["account", "flow_id"],
    set_={name: _mark.excluded[name] for name in ("num_error", "last_error_at")},
)
_catalogue = insert(tables.catalogues)
SAVE_READ_AT = _catalogue.on_conflict_do_update(
    index_elements=["account"], set_={"read_at": _catalogue.excluded.read_at}
)
STEPS = (
    select(*REF, *(tables.steps.c[name] for name in NAMES))
    .where(tables.steps.c.account == bindparam("account"), tables.steps.c.type != "")
    .order_by(*REF)
)


class CatalogueRows(Database):
    """What an account consists of."""

    @writes_soon
    def save_catalogue(
        self,
        connection: Connection,
        account: str,
        integrations: Sequence[Integration],
        flows: Sequence[Flow],
        at: datetime,
    ) -> None:
        """Replace the account's lists by what was read at *at*."""
        for table in (tables.integrations, tables.flows):
            connection.execute(delete(table).where(table.c.account == account))
        rows = [
            {"account": account, "integration_id": each.integration_id, "name": each.name, "position": position}
            for position, each in enumerate(integrations)
        ]
        if rows:
            connection.execute(insert(tables.integrations).on_conflict_do_nothing(), rows)
        if flows:
            connection.execute(SAVE_FLOW, [_flow_row(account, flow, n) for n, flow in enumerate(flows)])
        connection.execute(SAVE_READ_AT, {"account": account, "read_at": at})

    @writes_soon
    def save_flow(self, connection: Connection, account: str, flow: Flow) -> None:
        """Replace one flow by its fresh state; one not listed yet goes to the end."""
        last = select(func.count()).select_from(tables.flows).where(tables.flows.c.account == account)
        position = connection.execute(last).scalar_one()
        connection.execute(SAVE_FLOW, _flow_row(account, flow, position))

    @reads
    def catalogue(self, connection: Connection, account: str) -> Catalogue:
        """Return the account's integrations and flows."""
        listed = select(tables.integrations).where(tables.integrations.c.account == account)
        flow_rows = select(tables.flows).where(tables.flows.c.account == account)
        read_at = select(tables.catalogues.c.read_at).where(tables.catalogues.c.account == account)
        return Catalogue(
            integrations={
                row.integration_id: Integration(integration_id=row.integration_id, name=row.name)
                for row in connection.execute(listed.order_by(tables.integrations.c.position))
            },
            flows={
                row.flow_id: _flow_of(row) for row in connection.execute(flow_rows.order_by(tables.flows.c.position))
            },
            read_at=connection.execute(read_at).scalar(),
        )

    @reads
    def flow_marks(self, connection: Connection, account: str) -> dict[str, Mark | None]:
        """Return the mark as of which each flow has been read to the end; None where it must be read again."""
        rows = connection.execute(select(tables.flow_marks).where(tables.flow_marks.c.account == account)).all()
        return {row.flow_id: mark_of(row) for row in rows}

    @writes_soon
    def save_flow_mark(self, connection: Connection, account: str, flow_id: str, mark: Mark | None) -> None:
        """Remember that the flow has been read to the end as of *mark*, or (None) that it must be read again."""
        connection.execute(SAVE_MARK, {"account": account, "flow_id": flow_id} | mark_row(mark))

    @writes_soon
    def save_step(self, connection: Connection, step: Step) -> None:
        """Remember a step's names and connection."""
        connection.execute(SAVE_STEP, address(step.ref) | {name: getattr(step, name) for name in NAMES})

    @reads
    def steps(self, connection: Connection, account: str) -> dict[StepRef, Step]:
        """Return the steps that have been described."""
        rows = connection.execute(STEPS, {"account": account}).all()
        refs = [StepRef(account=account, flow_id=flow_id, step_id=step_id) for _, flow_id, step_id, *_ in rows]
        described = (
            Step(ref=ref, **dict(zip(NAMES, row[3:], strict=True))) for ref, row in zip(refs, rows, strict=True)
        )
        return dict(zip(refs, described, strict=True))


def mark_row(mark: Mark | None) -> dict[str, Any]:
    """Return a mark as parameters."""
    return {"num_error": mark and mark.num_error, "last_error_at": mark and mark.last_error_at}


def mark_of(row: AnyRow) -> Mark | None:
    """Return the mark in a row."""
    return None if row.num_error is None else Mark(num_error=row.num_error, last_error_at=row.last_error_at)


def _flow_row(account: str, flow: Flow, position: int) -> dict[str, Any]:
    return {
        "account": account,
        "flow_id": flow.flow_id,
        "name": flow.name,
        "integration_id": flow.integration_id,
        "disabled": flow.disabled,
        "steps": json.dumps(flow.steps),
        "position": position,
    }


def _flow_of(row: AnyRow) -> Flow:
    return Flow(
        flow_id=row.flow_id,
        name=row.name,
        integration_id=row.integration_id,
        disabled=row.disabled,
        steps=tuple((step_id, step_type) for step_id, step_type in json.loads(row.steps)),
    )
