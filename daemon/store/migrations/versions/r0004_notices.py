"""What people are to be told, until a channel has taken it; when retries did not help; what came of a batch; how an open
error is judged."""

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
    op.create_table(
        "codes",
        sa.Column("code_no", sa.Integer(), nullable=False),
        *_text("code"),
        sa.PrimaryKeyConstraint("code_no"),
        sa.UniqueConstraint("code"),
    )
    op.execute("INSERT INTO codes (code) SELECT DISTINCT code FROM errors")
    op.add_column("errors", sa.Column("code_no", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
    op.execute("UPDATE errors SET code_no = (SELECT code_no FROM codes WHERE codes.code = errors.code)")
    op.drop_column("errors", "code")
    op.add_column("missed", sa.Column("shown_at", sa.BigInteger(), nullable=True))
    for column in _number("said", "ruling", nullable=True):
        op.add_column("errors", column)
    for name in ("words", "case_known"):
        op.add_column("errors", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.add_column("errors", sa.Column("judged_ms", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
    for column in _number("told", "confirmed", "came_back", "unknown", "refused"):
        column.server_default = sa.DefaultClause("0")
        op.add_column("batches", column)
    op.add_column("batches", sa.Column("told_at", sa.BigInteger(), nullable=True))
    op.execute(OUTCOMES)
    op.create_index("batches_by_plan", "batches", ["plan_id", "step_no"])
    op.create_index("batches_told", "batches", ["step_no", "rule_id", "told_at"])
    op.create_index("batches_by_job", "batches", ["step_no", "job_id"], sqlite_where=sa.text("job_id != ''"))
    _move_recordings()


def _move_recordings() -> None:
    """Let the newest recording of an open error be part of its row, and all others its past."""
    op.rename_table("recordings", "before")
    op.create_table(
        "recordings",
        sa.Column("step_no", sa.Integer(), nullable=False),
        *_text("error_id"),
        *_number("judged_at", "lasted_ms", "said", "ruling"),
        *_text("words", "case_known"),
        *_number("trace"),
        *_number("occurred_at", nullable=True),
        sa.ForeignKeyConstraint(["step_no"], ["steps.step_no"]),
        sa.PrimaryKeyConstraint("step_no", "error_id", "judged_at"),
        sqlite_with_rowid=False,
    )
    for statement in (OPEN, PAST, RULINGS):
        op.execute(statement)
    op.drop_table("before")


OUTCOMES = """
    UPDATE batches SET (told, confirmed, came_back, unknown, refused, told_at) = (
        SELECT count(outcome), count(*) FILTER (WHERE outcome = 'confirmed'), count(*) FILTER (WHERE outcome = 'came_back'),
            count(*) FILTER (WHERE outcome = 'unknown'), count(*) FILTER (WHERE outcome = 'refused'),
            max(settled_at) FILTER (WHERE outcome <> 'refused')
        FROM batch_items i WHERE i.batch_no = batches.batch_no)"""

OPEN = """
    UPDATE errors SET (said, ruling, case_known, judged_ms) = (
        SELECT said, ruling, case_known, judged_at - first_seen_at FROM before
        WHERE before.step_no = errors.step_no AND before.error_id = errors.error_id
        ORDER BY judged_at + lasted_ms DESC LIMIT 1)
    WHERE EXISTS (SELECT 1 FROM before WHERE before.step_no = errors.step_no AND before.error_id = errors.error_id)"""

PAST = """
    INSERT OR REPLACE INTO recordings
        (step_no, error_id, judged_at, lasted_ms, said, words, ruling, case_known, trace, occurred_at)
    SELECT step_no, error_id, judged_at, lasted_ms, said, '', ruling, case_known, trace, occurred_at FROM before
    WHERE NOT EXISTS (
        SELECT 1 FROM errors
        WHERE errors.step_no = before.step_no AND errors.error_id = before.error_id
          AND (errors.said, errors.ruling, errors.case_known) = (before.said, before.ruling, before.case_known))
    ORDER BY step_no, error_id, judged_at, lasted_ms"""

RULINGS = """
    UPDATE recorded_texts SET text = json_remove(text, '$[0]') WHERE text_no IN (SELECT ruling FROM before)"""
"""Which rule set decided is not told any more: what another decided alike was a recording of its own."""


def downgrade() -> None:
    op.drop_table("recordings")
    op.create_table(
        "recordings",  # empty: what was judged is only there to try rules on
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
    op.add_column("errors", sa.Column("code", sa.Text(), nullable=False, server_default=""))
    op.execute("UPDATE errors SET code = (SELECT code FROM codes WHERE codes.code_no = errors.code_no)")
    op.drop_column("errors", "code_no")
    op.execute("DELETE FROM recorded_texts")
    op.drop_column("missed", "shown_at")
    for index in ("batches_by_job", "batches_told", "batches_by_plan"):
        op.drop_index(index, "batches")
    for name in ("told", "confirmed", "came_back", "unknown", "refused", "told_at"):
        op.drop_column("batches", name)
    for name in ("judged_ms", "case_known", "words", "ruling", "said"):
        op.drop_column("errors", name)
    op.drop_index("errors_by_batch", "errors")
    for table in ("codes", "incidents", "notices"):
        op.drop_table(table)
