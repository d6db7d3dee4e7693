"""What systemd is told, over a real datagram socket."""

import asyncio
import os
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from daemon.app.supervisor import Supervisor
from tests.notify_socket import notify_socket

WATCHDOG_S = 0.02


@pytest.mark.parametrize("abstract", [False, True], ids=["a path", "an abstract name"])
def test_states_are_told_at_either_kind_of_address(tmp_path: Path, abstract: bool) -> None:
    with notify_socket(tmp_path, abstract=abstract) as systemd:
        supervisor = Supervisor(address=systemd.address)
        supervisor.ready("at work")
        supervisor.stopping()

        assert systemd.waiting() == [
            {"READY": "1", "STATUS": "at work"},
            {"STOPPING": "1", "STATUS": "finishing what is in flight"},
        ]


def test_a_reload_names_its_moment_on_the_clock_that_systemd_uses(tmp_path: Path) -> None:
    with notify_socket(tmp_path) as systemd:
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        Supervisor(address=systemd.address).reloading()
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000

        (told,) = systemd.waiting()
        assert told["RELOADING"] == "1"
        assert before <= int(told["MONOTONIC_USEC"]) <= after


def test_a_status_is_told_once_on_one_line_and_cut(tmp_path: Path) -> None:
    with notify_socket(tmp_path) as systemd:
        supervisor = Supervisor(address=systemd.address)
        for text in ("one\nREADY=1\u2028two", "one READY=1 two", "x" * 1000, ""):
            supervisor.status(text)

        assert systemd.waiting() == [{"STATUS": "one READY=1 two"}, {"STATUS": "x" * 255 + "…"}]


@pytest.mark.parametrize(
    ("env", "address", "watchdog_s"),
    [
        pytest.param({}, "", 0.0, id="nobody"),
        pytest.param({"NOTIFY_SOCKET": "/run/s"}, "/run/s", 0.0, id="no watchdog"),
        pytest.param({"NOTIFY_SOCKET": "@s", "WATCHDOG_USEC": "60000000"}, "@s", 60.0, id="a watchdog"),
        pytest.param({"WATCHDOG_USEC": "5000000", "WATCHDOG_PID": str(os.getpid())}, "", 5.0, id="ours by its number"),
        pytest.param({"WATCHDOG_USEC": "5000000", "WATCHDOG_PID": "1"}, "", 0.0, id="another process's"),
        pytest.param({"WATCHDOG_USEC": "soon"}, "", 0.0, id="not a number"),
    ],
)
def test_the_environment_says_who_listens(env: dict[str, str], address: str, watchdog_s: float) -> None:
    supervisor = Supervisor.from_environment(env, Supervisor().log)

    assert (supervisor.address, supervisor.watchdog_s) == (address, watchdog_s)


async def test_without_a_supervisor_or_a_watchdog_nothing_is_sent_and_nothing_goes_on(tmp_path: Path) -> None:
    with notify_socket(tmp_path) as systemd, capture_logs() as logs:
        nobody = Supervisor(watchdog_s=WATCHDOG_S)
        nobody.ready("at work")
        await nobody.keep_alive()
        await Supervisor(address=systemd.address).keep_alive()

        assert (systemd.waiting(), logs) == ([], [])


async def test_the_watchdog_is_fed_twice_as_often_as_it_asks(tmp_path: Path) -> None:
    pauses: list[float] = []

    async def sleep(for_s: float) -> None:
        pauses.append(for_s)
        if len(pauses) == 3:
            raise asyncio.CancelledError

    with notify_socket(tmp_path) as systemd:
        with pytest.raises(asyncio.CancelledError):
            await Supervisor(address=systemd.address, watchdog_s=60.0, sleep=sleep).keep_alive()

        assert pauses == [30.0] * 3
        assert systemd.waiting() == [{"WATCHDOG": "1"}] * 3


async def test_the_watchdog_hears_nothing_while_the_event_loop_hangs(tmp_path: Path) -> None:
    with notify_socket(tmp_path) as systemd:
        alive = asyncio.create_task(Supervisor(address=systemd.address, watchdog_s=WATCHDOG_S).keep_alive())
        for _ in range(3):
            await systemd.wait_for("WATCHDOG")
        systemd.waiting()
        with pytest.raises(TimeoutError):
            systemd.next(within_s=10 * WATCHDOG_S)  # this waits without giving the loop a turn, as a hanging one does

        await systemd.wait_for("WATCHDOG")
        alive.cancel()


def test_a_supervisor_that_cannot_be_told_is_one_line_in_the_log_until_it_hears_again(tmp_path: Path) -> None:
    with capture_logs() as logs:
        supervisor = Supervisor(address=str(tmp_path / "notify"))
        supervisor.ready("at work")
        supervisor.status("waiting")
        with notify_socket(tmp_path) as systemd:
            supervisor.status("waiting")
            assert systemd.waiting() == [{"STATUS": "waiting"}]
        supervisor.stopping()

    assert [(line["event"], line["log_level"], line["said"]) for line in logs] == [
        ("supervisor.unheard", "warning", "READY=1"),
        ("supervisor.unheard", "warning", "STOPPING=1"),
    ]


def test_an_address_that_can_be_none_is_one_line_in_the_log() -> None:
    with capture_logs() as logs:
        Supervisor(address="/run/a\0b").ready()
        Supervisor(address="vsock:2:1234").ready()

    assert [line["event"] for line in logs] == ["supervisor.unheard"] * 2


def test_a_supervisor_that_does_not_read_holds_nothing_up_for_ever(tmp_path: Path) -> None:
    with notify_socket(tmp_path) as systemd, capture_logs() as logs:
        supervisor = Supervisor(address=systemd.address)
        while not logs:
            supervisor.ready()

        assert logs[0]["event"] == "supervisor.unheard"
        assert len(systemd.waiting()) > 0
