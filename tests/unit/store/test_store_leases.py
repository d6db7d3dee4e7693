"""The fence lets only the newest lease through, and presence tells who lives: between processes, on one file (P12)."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.core.exceptions import LockLostError, StoreError
from daemon.store.fence import Fence
from daemon.store.presence import Presence, show_presence
from daemon.store.sql import SqlStore, open_store
from tests.contract.store_values import NOON, STEP, batch, intend, judged, save, stored

LIFE = timedelta(minutes=1)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.db"


async def taken(store: SqlStore, holder: str = "one") -> tuple[SqlStore, Fence]:
    """Take the lease and return the store behind its fence."""
    fence = Fence(account="acme")
    fence.token = (await store.take_lease("acme", holder, NOON, LIFE)).token
    return store.behind(fence), fence


WRITES: dict[str, Callable[[SqlStore], Awaitable[object]]] = {
    "a page of errors": lambda store: save(store, judged("e2")),
    "an intent": lambda store: store.intend(batch("e1"), NOON),
    "a note": lambda store: store.set_meta("note", "lost"),
    "what will be there soon": lambda store: store.note_others(STEP, {"e9": "t:9"}, NOON),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_who_lost_the_lease_writes_nothing_more_and_reads_all(
    url: str, write: Callable[[SqlStore], Awaitable[object]]
) -> None:
    async with open_store(url) as first, open_store(url) as second:
        ours, _ = await taken(first)
        await save(ours, judged("e1"))
        before = content(url)
        await second.take_lease("acme", "two", NOON + LIFE, LIFE)

        with pytest.raises(LockLostError, match="acme: this process does not hold the account"):
            await write(ours)
        assert await stored(ours) == ["e1"]
        assert content(url) == before


def content(url: str) -> list[str]:
    """Return everything in the database but the leases."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
        return [line for line in database.iterdump() if "leases" not in line]


async def test_a_write_that_was_waiting_for_its_turn_is_fenced_too(url: str) -> None:
    async with open_store(url) as first, open_store(url) as second:
        ours, _ = await taken(first)
        await intend(ours, "e1")
        async with first._lock:  # the process is stopped in the middle of something
            late = asyncio.create_task(ours.accepted(1, "job", NOON))
            await asyncio.sleep(0)
            await second.take_lease("acme", "two", NOON + LIFE, LIFE)
        with pytest.raises(LockLostError):
            await late
        assert [entry.batch_id for entry in await second.unsettled("acme")] == [1]
        assert (await second.writes())[0].state.value == "intended"


async def test_without_a_lease_nothing_is_written_and_a_lease_that_ran_out_is_good_until_it_is_taken(url: str) -> None:
    async with open_store(url) as store:
        ours, fence = await taken(store)
        await store.release_lease("acme", fence.token, NOON)
        await store.take_lease("acme", "one", NOON, timedelta(0))
        with pytest.raises(LockLostError):
            await save(ours, judged("e1"))
        fence.token = 2
        assert await save(ours, judged("e1")) == 1
        fence.token = 0
        with pytest.raises(LockLostError):
            await save(ours, judged("e2"))


async def test_what_people_and_other_accounts_write_is_not_fenced(url: str) -> None:
    async with open_store(url) as first, open_store(url) as second:
        await taken(first)
        await second.take_lease("acme", "two", NOON + LIFE, LIFE)
        other = Fence(account="globex", token=(await first.take_lease("globex", "one", NOON, LIFE)).token)
        await first.set_meta("said", "by a person")
        await first.behind(other).set_meta("done", "elsewhere")
        assert (await second.get_meta("said"), await second.get_meta("done")) == ("by a person", "elsewhere")


def test_who_shows_itself_is_there_until_it_ends(url: str) -> None:
    with show_presence(url, 1) as mine:
        assert mine.gone(2)
        with show_presence(url, 2):
            assert not mine.gone(2)
        assert mine.gone(2)


PRESENT = """
import sys, time
from daemon.store.presence import show_presence

with show_presence(sys.argv[1], 7):
    print("shown", flush=True)
    sys.stdin.read()
"""


def test_a_stopped_process_is_there_and_a_killed_one_is_gone(url: str) -> None:
    with (
        show_presence(url, 1) as mine,
        subprocess.Popen(
            [sys.executable, "-c", PRESENT, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        ) as other,
    ):
        assert other.stdout is not None
        assert other.stdout.readline() == b"shown\n"
        assert not mine.gone(7)
        other.send_signal(signal.SIGSTOP)
        assert not mine.gone(7)
        other.kill()
        other.wait()
        assert mine.gone(7)


@pytest.mark.parametrize("run", [-1, 1 << 62, 1 << 70])
def test_a_number_that_no_run_has_is_not_known_to_have_ended(url: str, run: int) -> None:
    with show_presence(url, 1) as mine:
        assert not mine.gone(run)


def test_a_store_in_memory_has_nobody_else_in_it(tmp_path: Path) -> None:
    with show_presence("sqlite://", 1) as mine:
        assert mine == Presence(None)
        assert not mine.gone(2)
    assert list(tmp_path.iterdir()) == []


def test_where_the_file_cannot_be_made_a_sentence_says_so(tmp_path: Path) -> None:
    (tmp_path / "store.db-alive").mkdir()
    with (
        pytest.raises(StoreError, match=r"store\.db-alive cannot be made or opened: Is a directory"),
        show_presence(f"sqlite:///{tmp_path}/store.db", 1),
    ):
        pass


def test_the_file_is_for_nobody_else(tmp_path: Path, url: str) -> None:
    with show_presence(url, 1):
        assert (tmp_path / "store.db-alive").stat().st_mode & 0o077 == 0
