"""Moments as they are written everywhere: RFC 3339 in UTC."""

from datetime import UTC, datetime


def stamp(moment: datetime, timespec: str = "seconds") -> str:
    """Return *moment* like ``2026-03-02T09:00:00Z``; with *timespec* ``milliseconds`` more exactly."""
    return moment.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")
