"""The tables of the rule sets that were in force."""

from sqlalchemy import Column, Integer, LargeBinary, Table

from daemon.store.columns import moment, number, words
from daemon.store.tables import METADATA

rule_loads = Table(
    "rule_loads",
    METADATA,
    Column("load_no", Integer, primary_key=True),
    words("version"),
    moment("loaded_at"),
    sqlite_autoincrement=True,
)

rule_files = Table(
    "rule_files",
    METADATA,
    words("version", primary_key=True),
    number("position", primary_key=True),
    words("path"),
    Column("content", LargeBinary, nullable=False),
)
