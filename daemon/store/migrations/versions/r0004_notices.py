"""What people are to be told, until a channel has taken it; when retries did not help; a batch goes without a look at every error."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _text(*names: str) -> list[Any]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _number(*names: str, nullable: bool = False) -> list[Any]:
    return [sa.Column(name, sa.BigInteger(), nullable=nullable) for name in names]


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column("notice_no", sa.Integer(), nullable=False),
        *_text("channel", "event", "scope", "facts"),
        *_number("times", "first_at", "last_at"),
        *_text("message_id"),
        *_number("next_at", "fixed_at", "ended_at", nullable=True),
        *_text("ended"),
        sa.PrimaryKeyConstraint("notice_no"),
        sqlite_autoincrement=True,
    )
    growing = sa.text("message_id = ''")
    op.create_index("notices_growing", "notices", ["channel", "event", "scope"], unique=True, sqlite_where=growing)
    op.create_index("notices_of_channel", "notices", ["channel", "ended_at"])
    op.create_index("errors_by_batch", "errors", ["batch_no"], sqlite_where=sa.text("batch_no IS NOT NULL"))
    op.create_table(
        "incidents",
        sa.Column("incident_no", sa.Integer(), nullable=False),
        *_text("account", "kind", "target", "rule_id", "reason"),
        *_number("began_at"),
        *_number("ended_at", nullable=True),
        sa.PrimaryKeyConstraint("incident_no"),
    )
    op.create_index("incidents_by_time", "incidents", ["account", "began_at"])


def downgrade() -> None:
    op.drop_index("errors_by_batch", "errors")
    for table in ("incidents", "notices"):
        op.drop_table(table)
