import json
import logging
import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.typing import FilteringBoundLogger

from daemon.core.printing import CUT
from daemon.logs import Audience, Format, Level, Secrets, Threshold, configure_logs, route_libraries
from tests import event_docs

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)

HOSTILE = {
    "fake facts": "x level=error event=fake",
    "second line": '\n{"level":"error","event":"fake"}',
    "carriage return": "x\rts=1 level=error event=fake",
    "quotes": 'x" level=error event="fake',
    "backslash before a quote": 'x\\" level=error event=fake',
    "ANSI": "\x1b[2J\x1b[31mred",
    "C1": "x\x85y\x9b31m",
    "NUL": "x\x00y",
    "separators": "x\u2028y\u2029z",
    "bidi": "x\u202elanif\u2066y",
    "surrogate": "x\ud800y",
    "long": "y" * 5_000_000,
    "long and hostile": "\n" * 5000,
}


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


class Closed(StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


def logger(
    stream: StringIO,
    form: Format = "json",
    level: Level = "info",
    secrets: Secrets | None = None,
    now: Callable[[], datetime] = lambda: NOON,
    *,
    messages: bool = False,
) -> FilteringBoundLogger:
    secrets = secrets or Secrets()
    return configure_logs(format=form, level=level, stream=stream, secrets=secrets, messages=messages, now=now)


def read(form: str, line: str) -> dict[str, str]:
    """Read one line as a machine would; values as text."""
    if form == "json":
        return {key: value if isinstance(value, str) else json.dumps(value) for key, value in json.loads(line).items()}
    return dict(part.split("=", 1) for part in shlex.split(line))


@pytest.mark.parametrize("form", ["json", "logfmt"])
def test_a_line_has_moment_level_event_and_then_the_facts(form: Format) -> None:
    out = StringIO()
    logger(out, form).bind(account="acme").info("cycle.finished", took_s=1.5, open=0, whole=True)
    expected = {
        "ts": "2026-03-01T12:00:00.123Z",
        "level": "info",
        "event": "cycle.finished",
        "account": "acme",
        "took_s": "1.5",
        "open": "0",
        "whole": "true",
    }
    assert list(read(form, out.getvalue()).items()) == list(expected.items())


def test_moments_of_other_zones_are_written_in_utc() -> None:
    out = StringIO()
    logger(out, now=lambda: NOON.astimezone(timezone(timedelta(hours=5)))).info("daemon.started")
    assert json.loads(out.getvalue())["ts"] == "2026-03-01T12:00:00.123Z"


@pytest.mark.parametrize("form", ["json", "logfmt"])
def test_moments_among_the_facts_are_written_as_the_lines_own_is(form: Format) -> None:
    out = StringIO()
    logger(out, form).error("store.outdated", newest_at=NOON.astimezone(timezone(timedelta(hours=5))), since=None)
    assert read(form, out.getvalue())["newest_at"] == "2026-03-01T12:00:00Z"


@pytest.mark.parametrize("form", ["json", "logfmt", "console"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_text_from_outside_stays_one_fact_on_one_short_line(form: Format, text: str) -> None:
    out = StringIO()
    logger(out, form).warning("error.matched", text=text, listed=[text], tables={"k": text})
    written = out.getvalue()
    assert written.endswith("\n")
    assert written[:-1].isprintable()
    assert len(written) < 5 * CUT
    assert written.count("error.matched") == 1
    if form != "console":
        facts = read(form, written)
        assert list(facts) == ["ts", "level", "event", "text", "listed", "tables"]
        assert (facts["level"], facts["event"]) == ("warning", "error.matched")
        assert len(facts["text"]) <= CUT


def test_json_and_logfmt_say_the_same() -> None:
    said = []
    for form in ("json", "logfmt"):
        out = StringIO()
        logger(out, form).info(
            "batch.sent", step_id="5f0 a", errors=3, share=0.5, ids=["1", "2"], dry=False, note='"x"'
        )
        said.append(read(form, out.getvalue()))
    assert said[0] == said[1]


@pytest.mark.parametrize("form", ["json", "logfmt", "console"])
def test_secrets_are_hidden_wherever_they_turn_up(form: Format) -> None:
    out, secrets = StringIO(), Secrets()
    log = logger(out, form, secrets=secrets).bind(header="Bearer secretive-token")
    secrets.add("secretive-token")
    secrets.add("secretive-token-of-eu")
    raised = ValueError("bad header: secretive-token-of-eu")
    log.error(
        "x secretive-token", facts={"deep": ["secretive-token"]}, long="y" * 250 + "secretive-token", exc_info=raised
    )
    assert "secretive" not in out.getvalue()
    assert "-of-eu" not in out.getvalue()
    assert "Bearer [hidden]" in out.getvalue()


@pytest.mark.parametrize("key", ["token", "Authorization", "password"])
def test_facts_with_the_names_of_secrets_are_hidden_unseen(key: str) -> None:
    out = StringIO()
    logger(out).info("account.probed", **{key: "never-registered"})
    assert json.loads(out.getvalue())[key] == "[hidden]"


def test_a_secret_too_short_to_be_one_tears_no_holes() -> None:
    out, secrets = StringIO(), Secrets()
    for value in ("", "a", "batch"):
        secrets.add(value)
    logger(out, secrets=secrets).info("batch.sent")
    assert json.loads(out.getvalue())["event"] == "batch.sent"


TELLING = {
    "a mail address": ("no customer ann.lee+x@mail.example.com found", "ann.lee"),
    "a mail address with letters of other languages": ("für jürgen@bücher.example: nein", "jürgen"),
    "a mail address in JSON": ('{"email": "ann@example.com"}', "ann@"),
    "a mail address across lines": ("x\nann@example.com\ny", "ann@"),
    "a header": ("sent Authorization: Bearer abcdef0123456789abcdef", "abcdef"),
    "a signed token": ("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl back", "eyJ"),
    "a query": ("GET https://x.example.com/?a=1&access_token=abc123def&b=2", "abc123"),
    "a field": ('{"client_secret": "abc123def", "a": 1}', "abc123"),
    "a field in a string": ('{\\"password\\": \\"abc123def\\"}', "abc123"),
    "a password in an address": ("cannot open postgresql://flow:abc123@db.example.com/x", "abc123"),
}


@pytest.mark.parametrize("form", ["json", "logfmt", "console"])
@pytest.mark.parametrize(("text", "telling"), TELLING.values(), ids=TELLING.keys())
def test_mail_addresses_and_what_looks_like_a_secret_are_hidden_in_text_from_outside(
    form: Format, text: str, telling: str
) -> None:
    out = StringIO()
    logger(out, form).warning("batch.refused", reason=text, listed=[text], exc_info=ValueError(text))
    assert telling not in out.getvalue()
    assert out.getvalue().count("[hidden]") >= 3


@pytest.mark.parametrize(
    "text",
    [
        "rules@9c1d with 3 rules stays in force. Nothing is lost",
        "acme: GET /tokenInfo: the token was refused (401 Unauthorized)",
        "no connection to https://api.integrator.io (Connection refused)",
        "flowmend run on host mill, pid 12, since 2026-03-02T09:00:00+00:00",
        "Basic authentication is needed",
        "job 5f0a1b2c3d4e5f6071829304 completed_with_errors: 3 passed and 2 failed",
    ],
)
def test_what_people_need_to_read_is_left_as_it_is(text: str) -> None:
    out = StringIO()
    logger(out).warning("batch.refused", reason=text, by="ann@example.com")
    facts = json.loads(out.getvalue())
    assert (facts["reason"], facts["by"]) == (text, "ann@example.com")


@pytest.mark.parametrize("form", ["json", "logfmt", "console"])
def test_an_errors_own_text_is_left_out_unless_it_was_asked_for(form: Format) -> None:
    out = StringIO()
    logger(out, form).info("error.matched", rule="again", message="no customer 4711")
    assert "again" in out.getvalue()
    assert "message" not in out.getvalue()
    assert "4711" not in out.getvalue()


@pytest.mark.parametrize("form", ["json", "logfmt", "console"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_an_errors_own_text_that_was_asked_for_is_one_short_fact_without_secrets(form: Format, text: str) -> None:
    out, secrets = StringIO(), Secrets(values={"secretive-token"})
    log = logger(out, form, secrets=secrets, messages=True)
    log.info("error.matched", message=f"ann@example.com secretive-token {text}")
    written = out.getvalue()
    assert written.count("\n") == 1
    assert written[:-1].isprintable()
    assert len(written) < 2 * CUT
    assert "ann@" not in written
    assert "secretive" not in written
    if form != "console":
        facts = read(form, written)
        assert list(facts) == ["ts", "level", "event", "message"]
        assert (facts["level"], facts["event"]) == ("info", "error.matched")
        assert facts["message"].startswith("[hidden] [hidden] ")
        assert len(facts["message"]) <= CUT


@given(st.text(max_size=400))
def test_any_text_comes_out_of_json_and_logfmt_as_the_same_one_fact(text: str) -> None:
    read_back = []
    for form in ("json", "logfmt"):
        out = StringIO()
        logger(out, form).info("step.failed", reason=text, last=1)
        assert out.getvalue().count("\n") == 1
        facts = read(form, out.getvalue())
        assert list(facts) == ["ts", "level", "event", "reason", "last"]
        read_back.append(facts["reason"])
    assert read_back[0] == read_back[1]


def test_hostile_text_gives_a_terminal_no_order() -> None:
    terminal, plain = Terminal(), Terminal()
    for text in HOSTILE.values():
        logger(terminal, "console").info("step.failed", reason=text)
        logger(plain, "console").info("step.failed", reason="x")
    orders = [line.count("\x1b") for line in terminal.getvalue().splitlines()]
    assert orders == [line.count("\x1b") for line in plain.getvalue().splitlines()]
    assert len(orders) == len(HOSTILE)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_json_does_not_know_become_text(number: float) -> None:
    out = StringIO()
    logger(out).info("x.happened", share=number)
    assert json.loads(out.getvalue(), parse_constant=lambda _: pytest.fail("no JSON"))["share"] == str(number)


def test_secrets_are_not_in_their_own_repr() -> None:
    secrets = Secrets()
    secrets.add("secretive-token")
    assert "secretive" not in repr(secrets)


def test_a_traceback_becomes_two_facts_without_a_line_of_its_own() -> None:
    out = StringIO()

    def fail() -> None:
        raise ValueError("first\nsecond")

    try:
        fail()
    except ValueError:
        logger(out).error("cycle.failed", exc_info=True)
    facts = json.loads(out.getvalue())
    assert facts["failure"] == "ValueError: first\\nsecond"
    assert facts["at"].startswith("test_logs.py:")
    assert facts["at"].endswith(" fail")
    assert set(facts) == {"ts", "level", "event", "failure", "at"}


@pytest.mark.parametrize(
    ("level", "written"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_less_important_levels_are_left_out(level: Level, written: list[str]) -> None:
    out = StringIO()
    log = logger(out, level=level)
    for one in (log.debug, log.info, log.warning, log.error):
        one("x.happened")
    assert [json.loads(line)["level"] for line in out.getvalue().splitlines()] == written


def test_auto_is_for_people_on_a_terminal_and_json_elsewhere() -> None:
    terminal, pipe = Terminal(), StringIO()
    for stream in (terminal, pipe):
        logger(stream, "auto").info("daemon.started")
    assert json.loads(pipe.getvalue())["event"] == "daemon.started"
    assert "\x1b[" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")


def test_console_has_no_colours_where_nobody_looks() -> None:
    out = StringIO()
    logger(out, "console").info("daemon.started", mode="observe")
    assert "\x1b" not in out.getvalue()
    assert "mode='observe'" in out.getvalue()


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    logger(Closed()).info("batch.sent")
    closed = StringIO()
    log = logger(closed)
    closed.close()
    log.info("batch.sent")


def test_the_level_may_change_while_loggers_are_in_use() -> None:
    out, threshold = StringIO(), Threshold(level="info")
    log = configure_logs(format="json", level=threshold, stream=out, secrets=Secrets()).bind(account="acme")
    for level in ("info", "debug", "error"):
        threshold.level = level
        log.debug("request.sent", at=level)
        log.error("step.failed", at=level)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(line["level"], line["at"]) for line in lines] == [
        ("error", "info"), ("debug", "debug"), ("error", "debug"), ("error", "error"),
    ]  # fmt: skip


def test_a_logger_says_what_is_wanted_so_that_nobody_makes_up_what_nobody_reads() -> None:
    threshold = Threshold(level="info")
    log = configure_logs(format="json", level=threshold, stream=StringIO(), secrets=Secrets()).bind(account="acme")
    assert (log.is_enabled_for(logging.DEBUG), log.is_enabled_for(logging.INFO)) == (False, True)
    threshold.level = "debug"
    assert log.is_enabled_for(logging.DEBUG)
    threshold.level = "error"
    assert (log.is_enabled_for(logging.WARNING), log.is_enabled_for(logging.ERROR)) == (False, True)


class TestLibraries:
    @pytest.fixture
    def out(self) -> StringIO:
        return StringIO()

    @pytest.fixture
    def root(self, out: StringIO) -> logging.Logger:
        root = logging.Logger("root")  # noqa: LOG001 - one of its own, so that no other test notices
        root.addHandler(logging.StreamHandler(out))
        route_libraries(logger(out, level="debug"), root)
        return root

    @pytest.mark.parametrize(
        ("level", "expected"),
        [(logging.WARNING, "warning"), (logging.ERROR, "error"), (logging.CRITICAL, "error"), (35, "warning")],
    )
    def test_their_warnings_take_the_same_form(
        self, out: StringIO, root: logging.Logger, level: int, expected: str
    ) -> None:
        root.log(level, "connection %s\nlost", "x")
        (line,) = out.getvalue().splitlines()
        facts = json.loads(line)
        assert facts == {
            "ts": "2026-03-01T12:00:00.123Z",
            "level": expected,
            "event": "library.logged",
            "library": "root",
            "text": "connection x\\nlost",
        }

    def test_their_chatter_is_left_out(self, out: StringIO, root: logging.Logger) -> None:
        root.info("GET /healthz 200")
        assert out.getvalue() == ""

    def test_their_exceptions_become_facts(self, out: StringIO, root: logging.Logger) -> None:
        try:
            int("x")
        except ValueError:
            root.exception("request failed")
        facts = json.loads(out.getvalue())
        assert facts["failure"].startswith("ValueError: invalid literal")
        assert set(facts) == event_docs.facts()["library.logged"]

    def test_arguments_that_do_not_fit_lose_no_event(self, out: StringIO, root: logging.Logger) -> None:
        root.warning("%d of %d", "x")
        assert json.loads(out.getvalue())["text"] == "%d of %d"

    def test_without_a_logger_given_it_is_the_processes_own(self, out: StringIO) -> None:
        own = logging.getLogger()
        before = own.handlers[:], own.level
        try:
            route_libraries(logger(out))
            logging.getLogger("apscheduler.scheduler").warning("missed")
        finally:
            own.handlers[:], own.level = before
        assert json.loads(out.getvalue())["library"] == "apscheduler.scheduler"


class TestAudience:
    @staticmethod
    def heard(level: Level = "info", *, messages: bool = False) -> tuple[FilteringBoundLogger, list[dict[str, object]]]:
        found: list[dict[str, object]] = []
        audience = Audience(events=frozenset({"limit.reached"}), hear=lambda event: found.append(dict(event)))
        secrets = Secrets()
        secrets.add("hush-hush")
        log = configure_logs(
            format="json", level=level, stream=StringIO(), secrets=secrets, messages=messages, audience=audience,
            now=lambda: NOON,
        )  # fmt: skip
        return log, found

    def test_it_hears_what_it_wants_with_its_facts_and_nothing_else(self) -> None:
        log, found = self.heard()
        log.bind(account="acme").warning("limit.reached", held=7)
        log.error("rules.refused")
        assert found == [
            {
                "ts": "2026-03-01T12:00:00.123Z",
                "level": "warning",
                "event": "limit.reached",
                "account": "acme",
                "held": 7,
            }
        ]

    def test_it_hears_also_what_is_not_important_enough_to_be_written(self) -> None:
        log, found = self.heard("error")
        log.info("limit.reached")
        assert [each["level"] for each in found] == ["info"]

    @pytest.mark.parametrize("messages", [False, True])
    def test_it_hears_no_secrets_and_no_text_of_errors_whatever_is_logged(self, *, messages: bool) -> None:
        log, found = self.heard(messages=messages)
        log.info("limit.reached", message="cannot ship to Waldweg 7", reason="hush-hush for ann@example.com\n\x1b[2J")
        (told,) = found
        assert "message" not in told
        assert told["reason"] == "[hidden] for [hidden]\\n\\x1b[2J"
