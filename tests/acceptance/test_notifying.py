"""The installed command tells people, and ends in time whatever its channels do."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.acceptance.command import Service, flowmend, served_sandbox, started, write_config
from tests.integration.small_shop import RETRIES

CHANNEL = '[notify.ops]\nurl_file = "ops.apprise"\nevents = ["daemon.started", "daemon.stopped"]\n'


class Receiver(ThreadingHTTPServer):
    """Takes every document, or, while it *hangs*, lets whoever sends one wait."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Receiving)
        self.documents: list[dict[str, Any]] = []
        self.hangs = False
        self.asked = threading.Event()
        self.released = threading.Event()


class _Receiving(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.set()
        if self.server.hangs:
            self.server.released.wait(60)
            return
        self.server.documents.append(json.loads(body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - their signature
        """Say nothing."""


@contextmanager
def receiver(folder: Path) -> Iterator[Receiver]:
    """Listen until the block ends; the channel's file leads there, through Apprise."""
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        (folder / "ops.apprise").write_text(f"json://127.0.0.1:{server.server_port}/key-4711?rto=60\n")
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()


def test_a_channel_can_be_tried_and_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(CHANNEL)
    with receiver(tmp_path) as inbox:
        tried = started("notify", "test", cwd=tmp_path)
        assert (tried.returncode, tried.stdout, tried.stderr) == (0, "ops: sent. Has it arrived?\n", "")
        assert [each["title"] for each in inbox.documents] == ["Flowmend: a test of channel ops"]
    failed = flowmend("notify", "test", "ops", "--json", cwd=tmp_path)
    assert failed.returncode == 4
    assert json.loads(failed.stdout)[0]["sent"] is False
    assert failed.stderr == (
        "flowmend: ops: not sent. JSON did not take it. A Connection error occurred sending JSON notification to 127.0.0.1.\n"
    )
    unknown = flowmend("notify", "test", "obs", cwd=tmp_path)
    assert (unknown.returncode, "there are: ops" in unknown.stderr) == (2, True)


def test_a_service_whose_channel_hangs_goes_on_and_ends_in_time(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RETRIES)
    with served_sandbox(tmp_path, "--world", "tiny") as sandbox, receiver(tmp_path) as inbox:
        write_config(tmp_path, sandbox.url, tmp_path / "rules.yaml", more=CHANNEL)
        inbox.hangs = True
        with Service(tmp_path) as service:
            assert inbox.asked.wait(30)
            service.forget()
            service.wait_for("cycle.finished")
            code, took_s = service.stop()

    assert (code, took_s < 20) == (0, True)
    assert not [line for line in service.events if line["level"] != "info"]
