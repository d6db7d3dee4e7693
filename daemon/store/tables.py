"""The tables. Every row of `errors` counts a million times, every other row counts little.

Errors and everything about them hang on ``step_no``, the number of a step within this store. What was decided about an
error is one of a few ``verdicts``, its code one of some hundred, so that a row needs a small number for each. Partial
indices hold the few rows that are due or in flight, not the backlog.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    literal_column,
    text,
)

from daemon.store.columns import Moment, Words, moment, number, step_number, words

METADATA = MetaData()

integrations = Table(
    "integrations",
    METADATA,
    words("account", primary_key=True),
    words("integration_id", primary_key=True),
    words("name"),
    number("position"),
    sqlite_with_rowid=False,
)

flows = Table(
    "flows",
    METADATA,
    words("account", primary_key=True),
    words("flow_id", primary_key=True),
    words("name"),
    words("integration_id"),
    Column("disabled", Boolean, nullable=False),
    words("steps"),  # JSON: [[id, type], …]
    number("position"),
    sqlite_with_rowid=False,
)

catalogues = Table("catalogues", METADATA, words("account", primary_key=True), moment("read_at"))

flow_marks = Table(
    "flow_marks",
    METADATA,
    words("account", primary_key=True),
    words("flow_id", primary_key=True),
    Column("num_error", BigInteger),  # NULL: the flow must be read again
    Column("last_error_at", Moment),
    sqlite_with_rowid=False,
)

steps = Table(
    "steps",
    METADATA,
    Column("step_no", Integer, primary_key=True),
    words("account"),
    words("flow_id"),
    words("step_id"),
    words("type"),  # "" for a step that was read or written to before it was described
    words("name"),
    words("connection_id"),
    words("flow_name"),
    words("integration_id"),
    words("integration_name"),
    Column("num_error", BigInteger),  # with last_error_at the mark; NULL is no mark
    Column("last_error_at", Moment),
    Column("watermark_at", Moment),
    Column("swept_at", Moment),
    words("judged_with"),
    number("stored"),  # how many rows of `errors` it has: counting a million each cycle would take too long
    UniqueConstraint("account", "flow_id", "step_id"),
)

verdicts = Table(
    "verdicts",
    METADATA,
    Column("verdict_no", Integer, primary_key=True),
    words("verb"),
    words("rule_id"),
    words("reason"),
    words("detail"),
    UniqueConstraint("verb", "rule_id", "reason", "detail"),
)

codes = Table("codes", METADATA, Column("code_no", Integer, primary_key=True), words("code"), UniqueConstraint("code"))

errors = Table(
    "errors",
    METADATA,
    step_number(primary_key=True),
    words("error_id", primary_key=True),
    words("case_key"),
    number("code_no", server_default=text("0")),
    Column("occurred_at", Moment),
    number("fingerprint"),
    number("verdict_no"),  # no foreign key, nor above: checking one from the verdict's side would read every error
    number("wants"),  # WANTS_TAG + WANTS_ASSIGN
    number("tried"),  # 1: its case had an attempt of ours when it was last judged
    number("seen_after"),  # the newest batch when it was first seen
    Column("due_at", Moment),  # NULL while in flight
    moment("first_seen_at"),
    Column("batch_no", Integer, ForeignKey("batches.batch_no")),  # the batch that it is in flight with
    # what is recorded of it while it is open (recording_tables.py); without *said* nothing is
    Column("said", BigInteger),
    words("words", server_default=""),
    Column("ruling", BigInteger),
    words("case_known", server_default=""),
    number("judged_ms", server_default=text("0")),  # since when it is judged so, counted from first_seen_at
    sqlite_with_rowid=False,
)
WANTS_TAG = 1
WANTS_ASSIGN = 2
WANTING = errors.c.wants > literal_column("0")
TRIED = errors.c.tried > literal_column("0")
"""Conditions of partial indices: written as literals, so that a query with the same words can use the index."""
Index("errors_due", errors.c.step_no, errors.c.verdict_no, errors.c.due_at, sqlite_where=errors.c.due_at.is_not(None))
Index("errors_by_batch", errors.c.batch_no, sqlite_where=errors.c.batch_no.is_not(None))  # what deleting a batch asks
Index("errors_in_flight", errors.c.step_no, errors.c.batch_no, sqlite_where=errors.c.batch_no.is_not(None))
Index("errors_tried", errors.c.step_no, errors.c.case_key, sqlite_where=TRIED)
Index("errors_wanting", errors.c.step_no, errors.c.wants, sqlite_where=WANTING)


def _of_an_error(*columns: Column[Any]) -> tuple[Any, ...]:
    """Return the columns of a table whose rows go when their error goes."""
    return (
        words("error_id", primary_key=True),
        *columns,
        ForeignKeyConstraint(["step_no", "error_id"], ["errors.step_no", "errors.error_id"], ondelete="CASCADE"),
    )


held = Table(
    "held",
    METADATA,
    Column("step_no", Integer, primary_key=True),
    *_of_an_error(words("queue"), words("title"), words("edit"), words("detail"), moment("held_at")),
    sqlite_with_rowid=False,
)

missed = Table(  # errors that one complete but unsteady full read did not show
    "missed",
    METADATA,
    Column("step_no", Integer, primary_key=True),
    *_of_an_error(Column("shown_at", Moment)),  # when a sweep before it did
    sqlite_with_rowid=False,
)

batches = Table(
    "batches",
    METADATA,
    Column("batch_no", Integer, primary_key=True),
    step_number(),
    words("act"),
    words("rule_id"),
    words("rules"),
    number("plan_id"),
    words("detail"),
    number("size"),
    words("state"),
    moment("intended_at"),
    Column("ended_at", Moment),  # since when nothing more is to be learnt of it
    words("job_id"),
    words("reason"),
    *(number(name, server_default="0") for name in ("told", "confirmed", "came_back", "unknown", "refused")),
    Column("told_at", Moment),  # the newest outcome, but for what was refused
    sqlite_autoincrement=True,
)
Index("batches_open", batches.c.batch_no, sqlite_where=batches.c.ended_at.is_(None))
Index("batches_by_step", batches.c.step_no, batches.c.intended_at)
Index("batches_by_plan", batches.c.plan_id, batches.c.step_no)
Index("batches_told", batches.c.step_no, batches.c.rule_id, batches.c.told_at)
NAMES_A_JOB = batches.c.job_id != literal_column("''")
Index("batches_by_job", batches.c.step_no, batches.c.job_id, sqlite_where=NAMES_A_JOB)

batch_items = Table(  # the attempts: `forgetting` says how long they are kept
    "batch_items",
    METADATA,
    Column("batch_no", Integer, ForeignKey("batches.batch_no"), primary_key=True),
    words("error_id", primary_key=True),
    number("position"),
    step_number(),
    words("case_key"),  # as it was given
    words("case_root"),  # the case that the attempt counts for
    words("alias"),
    words("retry_key"),
    Column("outcome", Words),
    Column("settled_at", Moment),
    words("settled_by", server_default=""),  # the person who said what came of it, "" for what reading showed
    words("settled_why", server_default=""),  # why nobody knows what came of it, or what the person gave as the reason
    Column("missed", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
UNSURE = batch_items.c.outcome == literal_column("'unknown'")
Index("batch_items_by_case", batch_items.c.step_no, batch_items.c.case_root)
Index("batch_items_unsure", batch_items.c.step_no, sqlite_where=UNSURE)

patches = Table(
    "patches",
    METADATA,
    Column("batch_no", Integer, ForeignKey("batches.batch_no"), primary_key=True),
    words("error_id", primary_key=True),
    step_number(),
    words("retry_key"),
    words("before_digest"),
    words("after_digest"),
    Column("before", LargeBinary),  # NULL once pruned
    Column("after", LargeBinary),
)
Index("patches_by_key", patches.c.step_no, patches.c.retry_key)

aliases = Table(
    "aliases",
    METADATA,
    step_number(primary_key=True),
    words("alias", primary_key=True),
    words("case_root"),
    sqlite_with_rowid=False,
)
Index("aliases_by_case", aliases.c.step_no, aliases.c.case_root)

foreign_attempts = Table(  # retries that others made
    "foreign_attempts",
    METADATA,
    step_number(primary_key=True),
    words("error_id", primary_key=True),  # each of them tells of one retry
    words("case_root"),
    moment("seen_at"),
    sqlite_with_rowid=False,
)
Index("foreign_attempts_by_case", foreign_attempts.c.step_no, foreign_attempts.c.case_root)

plans = Table(
    "plans",
    METADATA,
    Column("plan_id", Integer, primary_key=True),
    words("account"),
    words("rules"),
    moment("made_at"),
    moment("expires_at"),
    words("state"),
    words("decided_by", server_default=""),  # the person who approved or applied it
    sqlite_autoincrement=True,
)
Index("plans_by_account", plans.c.account, plans.c.plan_id)
Index("plans_by_expiry", plans.c.account, plans.c.expires_at)

plan_groups = Table(
    "plan_groups",
    METADATA,
    Column("plan_id", Integer, ForeignKey("plans.plan_id", ondelete="CASCADE"), primary_key=True),
    number("group_no", primary_key=True),
    step_number(),
    words("rule_id"),
    words("act"),
    number("due"),
    number("send"),
    number("mode"),
    words("reason"),
    words("detail"),
    UniqueConstraint("plan_id", "step_no", "rule_id", "act"),
    sqlite_with_rowid=False,
)

plan_items = Table(
    "plan_items",
    METADATA,
    Column("plan_id", Integer, primary_key=True),
    number("group_no", primary_key=True),
    moment("occurred_at", primary_key=True),
    words("error_id", primary_key=True),
    words("case_key"),
    number("fingerprint"),
    ForeignKeyConstraint(["plan_id", "group_no"], ["plan_groups.plan_id", "plan_groups.group_no"], ondelete="CASCADE"),
    sqlite_with_rowid=False,
)

meta = Table("meta", METADATA, words("key", primary_key=True), words("value"))
