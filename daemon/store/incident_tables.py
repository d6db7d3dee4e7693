"""The table of incidents: when and where retries did not help, or could not. A few rows on a bad day, kept for good."""

from sqlalchemy import Column, Index, Integer, Table

from daemon.store.columns import Moment, moment, words
from daemon.store.tables import METADATA

incidents = Table(
    "incidents",
    METADATA,
    Column("incident_no", Integer, primary_key=True),
    words("account"),
    words("kind"),  # step, connection: a breaker; rule: a rule on a step
    words("target"),  # flow/step, or the connection's id
    words("rule_id"),  # "" for a breaker
    words("reason"),
    moment("began_at"),
    Column("ended_at", Moment),  # NULL: the breaker is not closed again; a rule's incident has no end
)
Index("incidents_by_time", incidents.c.account, incidents.c.began_at)
