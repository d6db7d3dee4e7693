"""A store that forgets when the process ends: for tests and demonstrations. It passes the contract tests of the real one."""

from collections.abc import Callable
from datetime import UTC, datetime

from daemon.store.memory_breakers import MemoryBreakers
from daemon.store.memory_errors import MemoryCatalogue, MemoryReading
from daemon.store.memory_forgetting import MemoryForgetting
from daemon.store.memory_leases import MemoryLeases
from daemon.store.memory_notices import MemoryNotices
from daemon.store.memory_pauses import MemoryPauses
from daemon.store.memory_reporting import MemoryReporting
from daemon.store.memory_unknown import MemoryUnknown
from daemon.store.schema import HEAD


def _utc_now() -> datetime:
    return datetime.now(UTC)


class MemoryStore(
    MemoryCatalogue,
    MemoryReading,
    MemoryForgetting,
    MemoryReporting,
    MemoryUnknown,
    MemoryLeases,
    MemoryPauses,
    MemoryBreakers,
    MemoryNotices,
):
    """The store in plain Python values; *now* dates when an error was first seen and held."""

    def __init__(self, *, now: Callable[[], datetime] = _utc_now) -> None:
        super().__init__(now=now)

    async def schema_version(self) -> str:
        """Return the version of the schema that a database would have."""
        return HEAD

    async def close(self) -> None:
        """Close nothing: there is nothing to close."""
