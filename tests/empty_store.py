"""An empty store of the present schema, as a first start leaves it: migrated once, then copied for each test."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from daemon.store.sql import open_store


def make_empty_store(file: Path) -> None:
    """Leave an empty store at *file*, and make its folder where it is not there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_bytes(_after_a_first_start())


@cache
def _after_a_first_start() -> bytes:
    with TemporaryDirectory() as folder, ThreadPoolExecutor(max_workers=1) as elsewhere:  # here a loop may be running
        file = Path(folder) / "flowmend.db"
        elsewhere.submit(asyncio.run, _start(file)).result()
        return file.read_bytes()


async def _start(file: Path) -> None:
    async with open_store(f"sqlite:///{file}"):
        pass
