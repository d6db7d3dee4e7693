"""Steps by number, and the way from an address to its number and back."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, select
from sqlalchemy import update as update_table

from daemon.core.records import StepRef
from daemon.store.counted import errors_changed
from daemon.store.sqlite import insert
from daemon.store.tables import steps

AnyRow = Row[*tuple[Any, ...]]

ADDRESSED = (
    (steps.c.account == bindparam("account"))
    & (steps.c.flow_id == bindparam("flow_id"))
    & (steps.c.step_id == bindparam("step_id"))
)
FIND = select(steps.c.step_no).where(ADDRESSED)
STEP_NO = FIND.scalar_subquery()
"""The number of the step whose `address` is among the parameters; NULL where it is not known."""

UNNAMED = {"type": "", "name": "", "connection_id": "", "flow_name": "", "integration_id": "", "integration_name": ""}
MAKE = insert(steps).values(judged_with="", stored=0).on_conflict_do_nothing()
COUNT = (
    update_table(steps).where(steps.c.step_no == bindparam("which")).values(stored=steps.c.stored + bindparam("more"))
)


def address(ref: StepRef) -> dict[str, Any]:
    """Return *ref* as parameters."""
    return {"account": ref.account, "flow_id": ref.flow_id, "step_id": ref.step_id}


def find_step(connection: Connection, ref: StepRef) -> int | None:
    """Return the number of a step, None where the store has never heard of it."""
    return connection.execute(FIND, address(ref)).scalar()


def make_step(connection: Connection, ref: StepRef) -> int:
    """Return the number of a step; one never heard of gets its number now."""
    found = find_step(connection, ref)
    if found is None:
        connection.execute(MAKE, address(ref) | UNNAMED)
        found = connection.execute(FIND, address(ref)).scalar_one()
    return found


def count_stored(connection: Connection, step_no: int, more: int) -> None:
    """Keep count of a step's errors after *more* rows were added (negative: taken away)."""
    if more:
        errors_changed(connection)
        connection.execute(COUNT, {"which": step_no, "more": more})


def ref_of(row: AnyRow) -> StepRef:
    """Return the address in a row that has the columns of `REF`."""
    return StepRef(account=row.account, flow_id=row.flow_id, step_id=row.step_id)


def add_numbered(connection: Connection, table: Table, row: Mapping[str, Any]) -> int:
    """Insert one row into a table that numbers its rows, and return its number."""
    inserted = connection.execute(table.insert(), row).inserted_primary_key
    return int(inserted[0]) if inserted else 0


REF = (steps.c.account, steps.c.flow_id, steps.c.step_id)
"""The columns that `ref_of` reads."""
