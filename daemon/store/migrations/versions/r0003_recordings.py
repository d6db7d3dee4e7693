"""What was judged, to judge it again with other rules."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _text(*names: str) -> list[Any]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _number(*names: str, nullable: bool = False) -> list[Any]:
    return [sa.Column(name, sa.BigInteger(), nullable=nullable) for name in names]


def upgrade() -> None:
    op.create_table(
        "recorded_texts",
        sa.Column("text_no", sa.Integer(), nullable=False),
        *_number("digest"),
        *_text("text"),
        sa.PrimaryKeyConstraint("text_no"),
        sa.UniqueConstraint("digest"),
    )
    op.create_table(
        "recordings",
        sa.Column("step_no", sa.Integer(), nullable=False),
        *_text("error_id"),
        *_number("said", "ruling"),
        *_text("case_known"),
        *_number("trace"),
        *_number("occurred_at", nullable=True),
        *_number("judged_at", "lasted_ms", "times"),
        sa.ForeignKeyConstraint(["step_no"], ["steps.step_no"]),
        sa.PrimaryKeyConstraint("step_no", "error_id", "said", "ruling", "case_known"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "departures",
        sa.Column("step_no", sa.Integer(), nullable=False),
        *_text("error_id"),
        *_number("left_at"),
        *_text("how"),
        sa.ForeignKeyConstraint(["step_no"], ["steps.step_no"]),
        sa.PrimaryKeyConstraint("step_no", "error_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("departures_not_asked", "departures", ["step_no"], sqlite_where=sa.text("how = ''"))


def downgrade() -> None:
    for table in ("departures", "recordings", "recorded_texts"):
        op.drop_table(table)
