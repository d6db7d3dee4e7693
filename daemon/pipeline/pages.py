"""Pages of open errors, as the client hands them over: ids first, the rest on demand."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

from daemon.core.records import ErrorRecord, StepRef


class ErrorsPage(Protocol):
    """One page of a list of open errors."""

    @property
    def error_ids(self) -> Sequence[str]:
        """Return the ids of its errors; one may be there twice."""

    def records(self) -> list[ErrorRecord]:
        """Return its errors."""


class ErrorLister(Protocol):
    """The client call that lists open errors."""

    def errors(self, ref: StepRef, *, since: datetime | None, until: datetime | None) -> AsyncIterator[ErrorsPage]:
        """Yield the open errors of a step, page by page; raises when the list is cut short."""
