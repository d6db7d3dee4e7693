"""``flowmend run`` over HTTP: what probes and scrapers meet."""

import socket
import urllib.error
import urllib.request
from pathlib import Path

from tests.acceptance.command import Service, flowmend, served_sandbox, write_config

SHIPPED = Path(__file__).parents[2] / "rules"


def get(url: str) -> tuple[int, str]:
    """Return the status and the text of an answer."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def test_a_service_is_alive_at_once_ready_after_a_cycle_and_scraped_at_any_time(tmp_path: Path) -> None:
    with served_sandbox(tmp_path, "--errors", "20") as sandbox:
        write_config(tmp_path, sandbox.url, SHIPPED)
        with Service(tmp_path) as service:
            port = service.wait_for("server.started", host="127.0.0.1")["port"]
            assert get(f"http://127.0.0.1:{port}/healthz") == (200, "ok\n")
            service.wait_for("cycle.finished")
            assert get(f"http://127.0.0.1:{port}/readyz") == (200, "ready\n")
            status, text = get(f"http://127.0.0.1:{port}/metrics")
            assert service.stop()[0] == 0

    assert status == 200
    assert 'flowmend_mode{mode="enforce"} 1.0\n' in text
    assert not [line for line in service.events if line["level"] == "error"]


def test_a_taken_port_is_said_with_the_key_and_nothing_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        write_config(tmp_path, "http://127.0.0.1:9/v1", SHIPPED)
        ended = flowmend("run", cwd=tmp_path, FLOWMEND_SERVER__PORT=str(port))

    assert ended.returncode == 2
    last = ended.stderr.splitlines()[-1]
    assert last.startswith(f"flowmend: health and metrics cannot be served on 127.0.0.1, port {port}: another program")
    assert "server.port" in last
    assert "Traceback" not in ended.stderr
    assert "daemon.started" not in ended.stderr
