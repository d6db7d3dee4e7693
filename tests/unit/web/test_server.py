"""The answers over HTTP, and what is said where nobody can listen."""

import errno
import io
import socket
from collections.abc import Callable

import pytest

from daemon.core.exceptions import ConfigError
from daemon.logs import Secrets, configure_logs
from daemon.web.reading import Readiness, Reading
from daemon.web.server import in_words, serve, why_not
from tests.integration.scraping import served_source
from tests.unit.web.test_exposition import reading


class Told:
    """A source that says what a test has told it."""

    def __init__(self, readiness: Readiness | None = None, failure: Exception | None = None) -> None:
        self.said = readiness or Readiness()
        self.failure = failure

    async def reading(self) -> Reading:
        if self.failure is not None:
            raise self.failure
        return reading()

    async def readiness(self) -> Readiness:
        return self.said


@pytest.mark.parametrize(
    ("readiness", "text"),
    [
        (Readiness(), "ready\n"),
        (Readiness(notes=["a", "b"]), "ready\nnote: a\nnote: b\n"),
        (Readiness(missing=["x"], notes=["a"]), "not ready\n- x\nnote: a\n"),
    ],
    ids=["all well", "notes", "not ready"],
)
def test_readiness_is_a_line_for_each_thing(readiness: Readiness, text: str) -> None:
    assert in_words(readiness) == text


async def test_only_looking_is_possible_and_nothing_else_is_there() -> None:
    async with served_source(Told()) as server:
        for path in ("/healthz", "/readyz", "/metrics"):
            async with server.session.head(server.url + path) as answer:
                assert (answer.status, await answer.read()) == (200, b"")
            for method in ("POST", "PUT", "DELETE"):
                async with server.session.request(method, server.url + path, data=b"x") as answer:
                    assert answer.status == 405
        for path in ("/", "/metrics/../x", "/healthz/x"):
            assert (await server.get(path))[0] == 404


async def test_answers_are_not_kept_by_caches_and_do_not_tell_of_libraries() -> None:
    async with served_source(Told()) as server:
        for path in ("/healthz", "/readyz", "/metrics"):
            _, _, headers = await server.get(path)
            assert (headers["Cache-Control"], headers["Server"]) == ("no-store", "flowmend")


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/", 404), ("POST", "/metrics", 405)])
async def test_what_is_refused_says_what_there_is_and_tells_of_no_library(method: str, path: str, status: int) -> None:
    async with served_source(Told()) as server, server.session.request(method, server.url + path) as answer:
        assert (answer.status, answer.headers["Server"]) == (status, "flowmend")
        assert "/healthz, /readyz and /metrics" in await answer.text()


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/html, nonsense;;q=x, ;=, version", "text/plain; version=0.0.4; charset=utf-8"),
        ("Application/OpenMetrics-Text; version=a.b", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        (
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
    ],
    ids=["nothing", "anything", "nonsense", "no version", "openmetrics", "prometheus"],
)
async def test_the_form_of_the_metrics_is_what_was_asked_for(accept: str, content_type: str) -> None:
    async with served_source(Told()) as server:
        status, text, headers = await server.get("/metrics", Accept=accept)

    assert status == 200
    assert headers["Content-Type"].startswith(content_type)
    assert text.endswith("# EOF\n") == content_type.startswith("application/")


async def test_a_bug_in_a_look_is_an_answer_of_500_and_the_next_look_is_answered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told = Told(failure=RuntimeError("a bug with sandbox-token"))
    async with served_source(told) as server:
        status, text, _ = await server.get("/metrics")
        assert (status, "sandbox-token" in text) == (500, False)
        assert (await server.get("/healthz"))[0] == 200
        told.failure = None
        assert (await server.get("/metrics"))[0] == 200
    assert [record.name for record in caplog.records] == ["aiohttp.server"]


def gai() -> OSError:
    return socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (
            lambda: OSError(errno.EADDRINUSE, "x"),
            ["another program listens there", "server.port", "FLOWMEND_SERVER__PORT"],
        ),
        (lambda: OSError(errno.EADDRNOTAVAIL, "x"), ["no such address", "server.host"]),
        (lambda: OSError(errno.EACCES, "x"), ["below 1024", "server.port"]),
        (gai, ["is not an address of this machine", "server.host"]),
        (lambda: OSError(errno.ENOBUFS, "x"), ["No buffer space available", "server.host", "server.port"]),
        (lambda: OSError("odd"), ["odd", "server.port"]),
    ],
    ids=["taken", "other address", "not allowed", "unknown name", "another reason", "no number"],
)
def test_why_nobody_can_listen_is_said_with_the_key(failure: Callable[[], OSError], said: list[str]) -> None:
    text = why_not("10.0.0.9", 80, failure())
    assert text.startswith("health and metrics cannot be served on 10.0.0.9, port 80: ")
    assert all(each in text for each in said)


async def test_a_taken_port_is_a_mistake_of_the_configuration_and_is_free_again_after_the_block() -> None:
    log = configure_logs(format="json", stream=io.StringIO(), secrets=Secrets())
    async with served_source(Told()) as server:
        port = int(server.url.rpartition(":")[2])
        with pytest.raises(ConfigError, match=f"port {port}: another program"):
            async with serve("127.0.0.1", port, Told(), log):
                pass
    async with serve("127.0.0.1", port, Told(), log):
        pass
