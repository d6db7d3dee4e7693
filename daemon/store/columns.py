"""How values lie in the database: moments as integer milliseconds, text without what a database cannot hold."""

from datetime import UTC, datetime, timedelta
from typing import Any, overload

from sqlalchemy import BigInteger, Column, Dialect, ForeignKey, Integer, Text, TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


@overload
def to_ms(moment: datetime) -> int: ...
@overload
def to_ms(moment: datetime | None) -> int | None: ...
def to_ms(moment: datetime | None) -> int | None:
    """Return the milliseconds since 1970 of an aware *moment*, rounded down; None stays None."""
    return None if moment is None else (moment - EPOCH) // MILLISECOND


def from_ms(ms: int) -> datetime:
    """Return the moment, aware and in UTC, *ms* milliseconds after 1970."""
    return EPOCH + ms * MILLISECOND


def clean(text: str) -> str:
    """Put a substitute for each NUL and each half of a surrogate pair, which no database takes as text."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\u2400")


class Moment(TypeDecorator[datetime]):
    """An aware moment in UTC, as milliseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - their signature
        """Turn a moment into milliseconds."""
        return to_ms(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - their signature
        """Turn milliseconds into a moment."""
        return None if value is None else from_ms(value)


class Words(TypeDecorator[str]):
    """Text from outside."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - their signature
        """Clean the text."""
        return None if value is None else clean(value)


def words(name: str, **options: Any) -> Column[str]:
    """Return a column of text that is always there."""
    return Column(name, Words, nullable=False, **options)


def number(name: str, **options: Any) -> Column[int]:
    """Return a column of whole numbers that are always there."""
    return Column(name, BigInteger, nullable=False, **options)


def moment(name: str, **options: Any) -> Column[Any]:
    """Return a column of moments that are always there."""
    return Column(name, Moment, nullable=False, **options)


def step_number(**options: Any) -> Column[int]:
    """Return the column that says to which step a row belongs."""
    return Column("step_no", Integer, ForeignKey("steps.step_no"), nullable=False, **options)
