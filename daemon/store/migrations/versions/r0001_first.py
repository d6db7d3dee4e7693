"""The first schema."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _text(*names: str, nullable: bool = False) -> list[Any]:
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in names]


def _number(*names: str, nullable: bool = False) -> list[Any]:
    return [sa.Column(name, sa.BigInteger(), nullable=nullable) for name in names]


def _key(*names: str, nullable: bool = False) -> list[Any]:
    return [sa.Column(name, sa.Integer(), nullable=nullable) for name in names]


def _of(table: str, key: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([key], [f"{table}.{key}"])


def upgrade() -> None:
    op.create_table("catalogues", *_text("account"), *_number("read_at"), sa.PrimaryKeyConstraint("account"))
    op.create_table(
        "flow_marks",
        *_text("account", "flow_id"),
        *_number("num_error", nullable=True),
        *_number("last_error_at", nullable=True),
        sa.PrimaryKeyConstraint("account", "flow_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "flows",
        *_text("account", "flow_id", "name", "integration_id"),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        *_text("steps"),
        *_number("position"),
        sa.PrimaryKeyConstraint("account", "flow_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "integrations",
        *_text("account", "integration_id", "name"),
        *_number("position"),
        sa.PrimaryKeyConstraint("account", "integration_id"),
        sqlite_with_rowid=False,
    )
    op.create_table("meta", *_text("key", "value"), sa.PrimaryKeyConstraint("key"))
    op.create_table(
        "plans",
        *_key("plan_id"),
        *_text("account", "rules"),
        *_number("made_at", "expires_at"),
        *_text("state"),
        sa.PrimaryKeyConstraint("plan_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("plans_by_account", "plans", ["account", "plan_id"])
    op.create_table(
        "rule_files",
        *_text("version"),
        *_number("position"),
        *_text("path"),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("version", "position"),
    )
    op.create_table(
        "rule_loads",
        *_key("load_no"),
        *_text("version"),
        *_number("loaded_at"),
        sa.PrimaryKeyConstraint("load_no"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "steps",
        *_key("step_no"),
        *_text(
            "account",
            "flow_id",
            "step_id",
            "type",
            "name",
            "connection_id",
            "flow_name",
            "integration_id",
            "integration_name",
        ),
        *_number("num_error", nullable=True),
        *_number("last_error_at", nullable=True),
        *_number("watermark_at", nullable=True),
        *_number("swept_at", nullable=True),
        *_text("judged_with"),
        *_number("stored"),
        sa.PrimaryKeyConstraint("step_no"),
        sa.UniqueConstraint("account", "flow_id", "step_id"),
    )
    op.create_table(
        "verdicts",
        *_key("verdict_no"),
        *_text("verb", "rule_id", "reason", "detail"),
        sa.PrimaryKeyConstraint("verdict_no"),
        sa.UniqueConstraint("verb", "rule_id", "reason", "detail"),
    )
    op.create_table(
        "aliases",
        *_key("step_no"),
        *_text("alias", "case_root"),
        _of("steps", "step_no"),
        sa.PrimaryKeyConstraint("step_no", "alias"),
        sqlite_with_rowid=False,
    )
    op.create_index("aliases_by_case", "aliases", ["step_no", "case_root"])
    op.create_table(
        "batches",
        *_key("batch_no", "step_no"),
        *_text("act", "rule_id", "rules"),
        *_number("plan_id"),
        *_text("detail"),
        *_number("size"),
        *_text("state"),
        *_number("intended_at"),
        *_number("ended_at", nullable=True),
        *_text("job_id", "reason"),
        _of("steps", "step_no"),
        sa.PrimaryKeyConstraint("batch_no"),
        sqlite_autoincrement=True,
    )
    op.create_index("batches_by_step", "batches", ["step_no", "intended_at"])
    op.create_index("batches_open", "batches", ["batch_no"], sqlite_where=sa.text("ended_at IS NULL"))
    op.create_table(
        "foreign_attempts",
        *_key("step_no"),
        *_text("error_id", "case_root"),
        *_number("seen_at"),
        _of("steps", "step_no"),
        sa.PrimaryKeyConstraint("step_no", "error_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("foreign_attempts_by_case", "foreign_attempts", ["step_no", "case_root"])
    op.create_table(
        "plan_groups",
        *_key("plan_id"),
        *_number("group_no"),
        *_key("step_no"),
        *_text("rule_id", "act"),
        *_number("due", "send", "mode"),
        *_text("reason", "detail"),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.plan_id"], ondelete="CASCADE"),
        _of("steps", "step_no"),
        sa.PrimaryKeyConstraint("plan_id", "group_no"),
        sa.UniqueConstraint("plan_id", "step_no", "rule_id", "act"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "batch_items",
        *_key("batch_no"),
        *_text("error_id"),
        *_number("position"),
        *_key("step_no"),
        *_text("case_key", "case_root", "alias", "retry_key"),
        *_text("outcome", nullable=True),
        *_number("settled_at", nullable=True),
        sa.Column("missed", sa.Boolean(), nullable=False),
        _of("batches", "batch_no"),
        _of("steps", "step_no"),
        sa.PrimaryKeyConstraint("batch_no", "error_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("batch_items_by_case", "batch_items", ["step_no", "case_root"])
    op.create_table(
        "errors",
        *_key("step_no"),
        *_text("error_id", "case_key", "code"),
        *_number("occurred_at", nullable=True),
        *_number("fingerprint", "verdict_no", "wants", "tried", "seen_after"),
        *_number("due_at", nullable=True),
        *_number("first_seen_at"),
        *_key("batch_no", nullable=True),
        _of("batches", "batch_no"),
        _of("steps", "step_no"),
        sa.PrimaryKeyConstraint("step_no", "error_id"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "errors_due", "errors", ["step_no", "verdict_no", "due_at"], sqlite_where=sa.text("due_at IS NOT NULL")
    )
    op.create_index("errors_in_flight", "errors", ["step_no", "batch_no"], sqlite_where=sa.text("batch_no IS NOT NULL"))
    op.create_index("errors_tried", "errors", ["step_no", "case_key"], sqlite_where=sa.text("tried > 0"))
    op.create_index("errors_wanting", "errors", ["step_no", "wants"], sqlite_where=sa.text("wants > 0"))
    op.create_table(
        "patches",
        *_key("batch_no"),
        *_text("error_id"),
        *_key("step_no"),
        *_text("retry_key", "before_digest", "after_digest"),
        sa.Column("before", sa.LargeBinary(), nullable=True),
        sa.Column("after", sa.LargeBinary(), nullable=True),
        _of("batches", "batch_no"),
        _of("steps", "step_no"),
        sa.PrimaryKeyConstraint("batch_no", "error_id"),
    )
    op.create_index("patches_by_key", "patches", ["step_no", "retry_key"])
    op.create_table(
        "plan_items",
        *_key("plan_id"),
        *_number("group_no", "occurred_at"),
        *_text("error_id", "case_key"),
        *_number("fingerprint"),
        sa.ForeignKeyConstraint(
            ["plan_id", "group_no"], ["plan_groups.plan_id", "plan_groups.group_no"], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("plan_id", "group_no", "occurred_at", "error_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "held",
        *_key("step_no"),
        *_text("error_id", "queue", "title", "edit", "detail"),
        *_number("held_at"),
        sa.ForeignKeyConstraint(["step_no", "error_id"], ["errors.step_no", "errors.error_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("step_no", "error_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "missed",
        *_key("step_no"),
        *_text("error_id"),
        sa.ForeignKeyConstraint(["step_no", "error_id"], ["errors.step_no", "errors.error_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("step_no", "error_id"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    for table in (
        "missed",
        "held",
        "plan_items",
        "patches",
        "errors",
        "batch_items",
        "plan_groups",
        "foreign_attempts",
        "batches",
        "aliases",
        "verdicts",
        "steps",
        "rule_loads",
        "rule_files",
        "plans",
        "meta",
        "integrations",
        "flows",
        "flow_marks",
        "catalogues",
    ):
        op.drop_table(table)
