"""The journal as acting sees it: what will be sent is written down first, and what is known afterwards (P11)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from daemon.core.batches import Batch


class Journal(Protocol):
    """The journal of writes; every call is durable when it returns."""

    async def intend(self, batch: Batch, now: datetime) -> int:
        """Write down what will be sent and return the entry's id."""

    async def withdraw(self, batch_id: int, error_ids: Sequence[str], now: datetime, retry_at: datetime) -> None:
        """Take errors out of an intended batch that will not be sent with it; their attempts are given back."""

    async def accepted(self, batch_id: int, job_id: str, now: datetime) -> None:
        """Note that the platform took the batch."""

    async def unknown(self, batch_id: int, reason: str, now: datetime) -> None:
        """Note that the batch was sent and its answer lost."""

    async def refused(self, batch_id: int, reason: str, now: datetime, retry_at: datetime) -> None:
        """Note that the platform refused the batch; its errors are due again at *retry_at*."""

    async def not_sent(self, batch_id: int, reason: str, now: datetime, retry_at: datetime) -> None:
        """Note that nothing of the batch left the process; its errors are due again at *retry_at*."""
