"""Moments as integrator.io writes them: UTC, ISO 8601, milliseconds, ``Z``."""

from datetime import UTC, datetime


def stamp(moment: datetime) -> str:
    """Write *moment* as ``2021-06-15T21:21:30.538Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_stamp(text: str) -> datetime:
    """Read a moment; one without an offset is UTC.

    Raises:
        ValueError: *text* is not ISO 8601.
    """
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def whole_ms(moment: datetime) -> datetime:
    """Cut *moment* to milliseconds, so that what is listed and what is filtered by agree."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
