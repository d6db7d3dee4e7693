"""What keeps writing in bounds: leases, pauses, breakers, shared trace keys, and who decided."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _text(*names: str) -> list[Any]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _number(*names: str, nullable: bool = False) -> list[Any]:
    return [sa.Column(name, sa.BigInteger(), nullable=nullable) for name in names]


def upgrade() -> None:
    op.create_table(
        "leases",
        *_text("account", "holder"),
        *_number("token", "renewed_at", "expires_at"),
        sa.PrimaryKeyConstraint("account"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "pauses",
        sa.Column("pause_no", sa.Integer(), nullable=False),
        *_text("account", "flow_id", "step_id", "reason", "paused_by"),
        *_number("since"),
        *_number("until", "ended_at", nullable=True),
        *_text("ended_by"),
        sa.PrimaryKeyConstraint("pause_no"),
        sqlite_autoincrement=True,
    )
    op.create_index("pauses_open", "pauses", ["pause_no"], sqlite_where=sa.text("ended_at IS NULL"))
    op.create_table(
        "breakers",
        *_text("account", "kind", "target", "state", "reason"),
        *_number("since"),
        *_number("probe_at", nullable=True),
        *_number("trips"),
        sa.PrimaryKeyConstraint("account", "kind", "target"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "shared_keys",
        sa.Column("step_no", sa.Integer(), nullable=False),
        *_text("trace_key"),
        *_number("seen_at"),
        sa.ForeignKeyConstraint(["step_no"], ["steps.step_no"]),
        sa.PrimaryKeyConstraint("step_no", "trace_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "gone_cases",
        sa.Column("step_no", sa.Integer(), nullable=False),
        *_text("case_key"),
        *_number("occurred_at"),
        sa.ForeignKeyConstraint(["step_no"], ["steps.step_no"]),
        sa.PrimaryKeyConstraint("step_no", "case_key"),
        sqlite_with_rowid=False,
    )
    for name in ("settled_by", "settled_why"):
        op.add_column("batch_items", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.create_index("batch_items_unsure", "batch_items", ["step_no"], sqlite_where=sa.text("outcome = 'unknown'"))
    op.add_column("plans", sa.Column("decided_by", sa.Text(), nullable=False, server_default=""))
    op.create_index("plans_by_expiry", "plans", ["account", "expires_at"])


def downgrade() -> None:
    op.drop_index("plans_by_expiry", "plans")
    with op.batch_alter_table("plans") as plans:
        plans.drop_column("decided_by")
    with op.batch_alter_table("batch_items") as batch_items:
        batch_items.drop_index("batch_items_unsure")
        batch_items.drop_column("settled_why")
        batch_items.drop_column("settled_by")
    for table in ("gone_cases", "shared_keys", "breakers", "pauses", "leases"):
        op.drop_table(table)
