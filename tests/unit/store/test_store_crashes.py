"""What an intent wrote is there after any crash (P11), and a transaction is whole whatever happens to its caller."""

import asyncio
import shutil
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from daemon.core.batches import WriteState
from daemon.core.decisions import Outcome
from daemon.core.exceptions import StoreError
from daemon.store.sql import SqlStore, open_store
from tests.contract.store_values import NOON, STEP, attempts, batch, intend, item, judged, minutes, pragma, save, stored

KILLED = """
import asyncio, os, signal, sys
from daemon.store.sql import open_store
from tests.contract.store_values import NOON, batch, item, judged, save

async def main():
    async with open_store(sys.argv[1]) as store:
        await save(store, *(judged(f"e{n}") for n in range(1, 101)))
        number = await store.intend(batch(*(item(f"e{n}", before=b"1", after=b"2") for n in range(1, 101))), NOON)
        print(number, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def copied(file: Path, number: int) -> str:
    """Copy the database with its log as they are on disk now, and return the copy's URL."""
    for path in file.parent.glob("store.db*"):
        if not path.name.endswith("-shm"):
            shutil.copy(path, path.with_name(path.name.replace("store", f"copy{number}")))
    return f"sqlite:///{file.parent}/copy{number}.db"


async def test_a_copy_of_the_files_taken_at_any_moment_after_an_intent_shows_it(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    async with open_store(f"sqlite:///{file}") as store:
        await save(store, *(judged(f"e{n}") for n in range(1, 200)))
        for number in range(1, 6):
            assert await store.intend(batch(f"e{number}"), NOON) == number
            async with open_store(await copied(file, number)) as copy:
                assert [entry.batch_id for entry in await copy.unsettled("acme")] == list(range(1, number + 1))
                assert (await copy.progress(STEP)).in_flight == number
                assert await attempts(copy) == 1
            await save(store, *(judged(f"e{n}", fingerprint=number) for n in range(100, 200)))


async def test_an_intent_survives_a_kill_right_after_it_returned(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    killed = subprocess.run(  # noqa: ASYNC221 nothing else runs meanwhile
        [sys.executable, "-c", KILLED, url], capture_output=True, check=False, cwd=Path(__file__).parents[3]
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    async with open_store(url) as store:
        (entry,) = await store.unsettled("acme")
        assert (entry.batch_id, entry.state, len(entry.batch)) == (int(killed.stdout), WriteState.INTENDED, 100)
        assert await store.last_patches(STEP, ["k-e100"]) == {"k-e100": b"2"}
        with pytest.raises(StoreError, match="already in flight"):
            await store.intend(batch("e1"), minutes(1))
        await store.settle(entry.batch_id, dict.fromkeys(entry.batch.error_ids, Outcome.CONFIRMED), minutes(1))
        assert await stored(store) == []


@pytest.mark.parametrize(
    ("write", "level"),
    [
        (lambda store: intend(store, "e1"), 2),
        (lambda store: store.set_meta("a", "b"), 2),
        (lambda store: save(store, judged("e1")), 1),
    ],
    ids=["intend", "note", "page"],
)
async def test_an_intent_is_synced_before_it_returns_and_a_page_is_not(
    write: Callable[[SqlStore], Awaitable[object]], level: int
) -> None:
    async with open_store("sqlite://") as store:
        await write(store)
        assert await pragma(store, "synchronous") == level


async def test_an_open_store_keeps_a_log_and_refuses_rows_that_refer_to_nothing(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path}/store.db") as store:
        assert [await pragma(store, setting) for setting in ("journal_mode", "foreign_keys")] == ["wal", 1]


async def test_a_write_whose_caller_is_cancelled_ends_by_itself_and_whole(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path}/store.db") as store:
        await save(store, judged("e1"), judged("e2"))
        task = asyncio.create_task(store.intend(batch("e1", item("e2", after=b"x")), NOON))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [len(entry.batch) for entry in await store.unsettled("acme")] == [2]
        await store.set_meta("note", "still here")
    async with open_store(f"sqlite:///{tmp_path}/store.db") as store:
        assert (await store.get_meta("note"), (await store.progress(STEP)).in_flight) == ("still here", 2)


async def test_closing_waits_for_a_write_whose_caller_was_cancelled(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    async with open_store(url) as store:
        task = asyncio.create_task(store.set_meta("note", "kept"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
    async with open_store(url) as store:
        assert await store.get_meta("note") == "kept"


async def test_closing_waits_for_writes_that_had_not_begun_when_their_callers_were_cancelled(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    names = [f"key{number}" for number in range(20)]
    async with open_store(url) as store:
        callers = [asyncio.create_task(store.set_meta(name, "kept")) for name in names]
        await asyncio.sleep(0)
        for caller in callers:
            caller.cancel()
    async with open_store(url) as store:
        assert [await store.get_meta(name) for name in names] == ["kept"] * len(names)


async def test_many_callers_at_once_get_one_transaction_after_the_other(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path}/store.db") as store:
        await save(store, *(judged(f"e{n}") for n in range(1, 21)))
        numbers = await asyncio.gather(*(store.intend(batch(f"e{n}"), NOON) for n in range(1, 21)))
        assert sorted(numbers) == list(range(1, 21))
        again = await asyncio.gather(*(_try(store, n) for n in range(1, 21)))
        assert again == [False] * 20


async def _try(store: SqlStore, number: int) -> bool:
    try:
        await store.intend(batch(f"e{number}"), NOON)
    except StoreError:
        return False
    return True
