"""Two processes on one store: one works, the other waits, whatever happens to the first (P12)."""

import asyncio
import json
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import gethostname

import pytest

from daemon.app.lock import LIFE
from daemon.core.leases import Holder
from daemon.store.sql import open_store
from tests.acceptance.command import ServedSandbox, Service, flowmend, served_sandbox, write_config

SHIPPED = Path(__file__).parents[2] / "rules"
FLOW, STEP = "Orders to NetSuite", "Create sales order"


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[ServedSandbox]:
    """A shop with one flow and one step, and errors that the shipped rules retry."""
    with served_sandbox(tmp_path, "--world", "tiny", "--errors", "0", "--job-seconds", "0.2") as served:
        write_config(tmp_path, served.url, SHIPPED)
        fail(served, 3)
        yield served


def fail(sandbox: ServedSandbox, count: int) -> None:
    """Let records fail that a retry cures."""
    sandbox.act(do="add_errors", flow=FLOW, step=STEP, family="netsuite-concurrency", count=count, age_s=3600)


def retried(sandbox: ServedSandbox) -> list[str]:
    """Return the retry data keys of every retry call so far, in order."""
    calls = [json.loads(write["body"]) for write in sandbox.state["writes"] if write["endpoint"] == "POST retry"]
    return [key for call in calls for key in call["retryDataKeys"]]


def stop_between_transactions(service: Service, folder: Path) -> None:
    """Stop a process while it is not in the middle of writing: with the database locked nobody could do anything."""
    while True:
        service.process.send_signal(signal.SIGSTOP)
        os.waitpid(service.process.pid, os.WUNTRACED)
        with closing(sqlite3.connect(folder / "flowmend.db", isolation_level=None, timeout=0)) as database:
            try:
                database.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError:
                service.process.send_signal(signal.SIGCONT)


def make_the_lease_old(folder: Path) -> None:
    """Let the account's lease have run out, as it does by itself when its holder is stopped for long."""

    async def go() -> None:
        async with open_store(f"sqlite:///{folder}/flowmend.db") as store:
            lease = await store.lease("acme")
            assert lease is not None
            long_ago = datetime.now(UTC) - timedelta(hours=1)
            assert await store.renew_lease("acme", lease.token, long_ago, LIFE)

    asyncio.run(go())


def holder(folder: Path) -> Holder | None:
    """Return who holds the account by the store."""

    async def go() -> Holder | None:
        async with open_store(f"sqlite:///{folder}/flowmend.db") as store:
            lease = await store.lease("acme")
            return Holder.from_json(lease.holder) if lease else None

    return asyncio.run(go())


def test_a_second_process_waits_and_goes_on_when_the_first_has_ended(tmp_path: Path, sandbox: ServedSandbox) -> None:
    with Service(tmp_path) as first:
        first.wait_for("batch.sent")
        with Service(tmp_path) as second:
            refused = second.wait_for("lock.refused")
            assert f"flowmend run on host {gethostname()}, pid {first.process.pid}, since " in refused["reason"]
            told = flowmend("once", "--json", cwd=tmp_path)
            assert told.returncode == 3, told.stderr
            who = f"flowmend: {refused['reason']}. "
            assert (
                told.stderr
                == f"{who}Nothing was done. Stop that one first, or look with flowmend errors, case and hold list\n"
            )
            assert json.loads(told.stdout)["accounts"]["acme"]["requests"] == 0
            assert who in flowmend("plan", "--json", cwd=tmp_path).stderr
            assert flowmend("errors", "--json", cwd=tmp_path).returncode == 0

            assert first.stop()[0] == 0
            assert second.wait_for("lock.taken")["reason"] == "free"
            fail(sandbox, 2)
            second.wait_for("outcome.settled", confirmed=2)
            events = [line["event"] for line in second.events]
            assert (events.count("lock.refused"), events.count("cycle.failed")) == (1, 0)
            assert second.stop()[0] == 0
    assert holder(tmp_path) is None
    assert len(retried(sandbox)) == len(set(retried(sandbox))) == 5


def test_after_kill_9_the_next_start_takes_over_at_once(tmp_path: Path, sandbox: ServedSandbox) -> None:
    with Service(tmp_path) as first:
        first.wait_for("batch.sent")
        first.stop(signal.SIGKILL)
    killed = holder(tmp_path)
    assert killed is not None
    assert killed.pid == first.process.pid

    with Service(tmp_path) as second:
        taken = second.wait_for("lock.taken")
        assert (taken["reason"], taken["before"]) == ("ended", str(killed))
        second.wait_for("outcome.settled")
        assert second.stop()[0] == 0
        assert not [line for line in second.events if line["event"] == "lock.refused"]
    assert len(retried(sandbox)) == len(set(retried(sandbox)))


def test_a_stopped_process_is_waited_for_until_its_lease_has_run_out_and_then_it_can_do_nothing(
    tmp_path: Path, sandbox: ServedSandbox
) -> None:
    with Service(tmp_path) as first, ExitStack() as later:
        first.wait_for("batch.sent")
        second = later.enter_context(Service(tmp_path))
        second.wait_for("lock.refused")
        stop_between_transactions(first, tmp_path)
        assert flowmend("once", cwd=tmp_path).returncode == 3
        make_the_lease_old(tmp_path)
        assert second.wait_for("lock.taken")["reason"] == "silent"
        fail(sandbox, 2)

        first.forget()
        first.process.send_signal(signal.SIGCONT)
        lost = first.wait_for("lock.lost")
        assert f"pid {second.process.pid}, since" in lost["holder"]
        second.wait_for("outcome.settled", confirmed=2)
        second.forget()
        fail(sandbox, 2)
        second.wait_for("outcome.settled", confirmed=2)
        assert lost["holder"] in first.wait_for("lock.refused")["reason"]
        assert first.stop()[0] == 0
        assert not {line["event"] for line in first.events} & {
            "batch.sent",
            "batch.unknown",
            "outcome.settled",
            "cycle.failed",
        }
        assert second.stop()[0] == 0
    assert len(retried(sandbox)) == len(set(retried(sandbox))) == 7
