"""The stores that must pass the same tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.store.memory import MemoryStore
from daemon.store.sql import open_store
from tests.contract.store_values import Clock, Store
from tests.empty_store import make_empty_store


@pytest.fixture
def clock() -> Clock:
    """The time that the store dates new errors with."""
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    """An empty store of each kind."""
    if request.param == "memory":
        yield MemoryStore(now=clock)
        return
    file = tmp_path / "store" / "flowmend.db"
    make_empty_store(file)
    async with open_store(f"sqlite:///{file}", now=clock) as opened:
        yield opened
