"""The log: one line an event, facts beside it, nothing in it that was not meant to be there.

``json`` and ``logfmt`` carry the same keys: ``ts``, ``level``, ``event``, then the facts. Every text goes the same way,
because any of them may come from outside: secrets that we know and what looks like one, or like somebody's mail address,
are hidden, what does not print is escaped, the rest is cut (P10).
"""

import json
import logging
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import isfinite
from typing import Literal, TextIO

import structlog
from structlog.processors import NAME_TO_LEVEL
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from daemon.core.moments import stamp
from daemon.core.printing import printable
from daemon.rulebook.concealing import HIDDEN, conceal

Format = Literal["auto", "json", "logfmt", "console"]
Level = Literal["debug", "info", "warning", "error"]

SHORTEST_SECRET = 6
"""Hiding anything shorter would tear holes into innocent words."""

SECRET_KEYS = frozenset({"api_key", "authorization", "cookie", "password", "secret", "token"})

MESSAGE = "message"
"""The key of an error's own text. It may hold anything, also about people: it is written only where that was asked for."""

WHO = frozenset({"by"})
"""Keys that name who did something here, as they called themselves: that is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """The values that must not be seen, known by value: a token may turn up in any text."""

    values: set[str] = field(default_factory=set, repr=False)

    def add(self, value: str) -> None:
        """Hide *value* from now on."""
        if len(value) >= SHORTEST_SECRET:
            self.values.add(value)

    def hide(self, text: str) -> str:
        """Return *text* without the secrets in it; the longest goes first, as one may be a part of another."""
        for value in sorted(self.values, key=len, reverse=True):
            text = text.replace(value, HIDDEN)
        return text


@dataclass(slots=True, kw_only=True)
class Threshold:
    """The least important *level* that is written. It may be changed at any time, for all loggers at once."""

    level: Level = "info"

    def __call__(self, _logger: object, method: str, event: EventDict) -> EventDict:
        """Drop what is less important."""
        if NAME_TO_LEVEL[method] < NAME_TO_LEVEL[self.level]:
            raise structlog.DropEvent
        return event


def _nobody(_event: EventDict) -> None:
    """Hear nothing."""


@dataclass(slots=True, kw_only=True)
class Audience:
    """Who hears of *events* beside the log, without the errors' own text, whatever is logged: people are told of them."""

    events: frozenset[str] = frozenset()
    hear: Callable[[EventDict], None] = _nobody


def configure_logs(
    *,
    format: Format = "auto",  # noqa: A002 - the word of the configuration
    level: Level | Threshold = "info",
    stream: TextIO,
    secrets: Secrets,
    messages: bool = False,
    audience: Audience | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> FilteringBoundLogger:
    """Return the logger that all others are bound from; nothing global is touched.

    ``auto`` is for people on a terminal and JSON anywhere else, so also under systemd and Docker. Without *messages* the
    errors' own text (`MESSAGE`) is left out.
    """
    if format == "auto":
        format = "console" if stream.isatty() else "json"  # noqa: A001
    renderers: dict[str, Processor] = {
        "json": structlog.processors.JSONRenderer(ensure_ascii=False),
        "logfmt": _logfmt,
        "console": structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), timestamp_key="ts", repr_native_str=True, sort_keys=False
        ),
    }
    threshold = level if isinstance(level, Threshold) else Threshold(level=level)
    shape, discreet = _Shape(now=now), _Clean(secrets=secrets, left_out=frozenset({MESSAGE}))
    logger: FilteringBoundLogger = structlog.wrap_logger(
        _Lines(stream=stream),
        processors=[
            _Overheard(audience=audience or Audience(), shape=shape, clean=discreet),
            threshold,
            structlog.processors.add_log_level,
            shape,
            replace(discreet, left_out=frozenset()) if messages else discreet,
            renderers[format],
        ],
        wrapper_class=_logger_class(threshold),
        context_class=dict,
        cache_logger_on_first_use=True,
    )
    return logger


def _logger_class(threshold: Threshold) -> type[FilteringBoundLogger]:
    """Return loggers whose ``debug`` does nothing while nobody wants to see it, and that can be asked about it before."""
    every_level = structlog.make_filtering_bound_logger("debug")

    def debug(self: FilteringBoundLogger, event: str, **facts: object) -> object:
        return every_level.debug(self, event, **facts) if threshold.level == "debug" else None

    def is_enabled_for(_self: FilteringBoundLogger, level: int) -> bool:
        return level >= NAME_TO_LEVEL[threshold.level]

    return type("Logger", (every_level,), {"debug": debug, "is_enabled_for": is_enabled_for})


def route_libraries(log: FilteringBoundLogger, root: logging.Logger | None = None) -> None:
    """Send what libraries log through the standard library, from warnings up, into *log*, and nowhere else.

    For the composition root alone: *root* is the process's root logger unless another is given.
    """
    root = root or logging.getLogger()
    root.handlers = [_FromLibrary(log)]
    root.setLevel(logging.WARNING)


def _logfmt(_logger: object, _method: str, event: EventDict) -> str:
    """Render a cleaned event; a text with a sign that means something to some reader of logfmt is quoted as in JSON."""
    return " ".join(f"{key}={_quoted(value)}" for key, value in event.items())


def _quoted(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return json.dumps(value)
    return json.dumps(value, ensure_ascii=False) if any(sign in value for sign in " =\"'\\`") else value


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """Stamp the event, put the keys in their order and a traceback onto one line."""

    now: Callable[[], datetime]

    def __call__(self, _logger: object, _method: str, event: EventDict) -> EventDict:
        ts = stamp(self.now(), "milliseconds")
        raised = event.pop("exc_info", None)
        shaped: EventDict = {"ts": ts, "level": event.pop("level"), "event": event.pop("event"), **event}
        if raised is True:
            raised = sys.exc_info()[1]
        elif isinstance(raised, tuple):
            raised = raised[1]
        if isinstance(raised, BaseException):
            frames = traceback.extract_tb(raised.__traceback__)[-5:]
            shaped["failure"] = f"{type(raised).__name__}: {raised}"
            shaped["at"] = " > ".join(f"{one.filename.rpartition('/')[2]}:{one.lineno} {one.name}" for one in frames)
        return shaped


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clean:
    """Make every fact a number, a boolean, null or a text that is safe to print; moments are written as ``ts`` is."""

    secrets: Secrets
    left_out: frozenset[str]

    def __call__(self, _logger: object, _method: str, event: EventDict) -> EventDict:
        return {
            key: HIDDEN if key.lower() in SECRET_KEYS else self._clean(key, value)
            for key, value in event.items()
            if key not in self.left_out
        }

    def _clean(self, key: str, value: object) -> object:
        if value is None or isinstance(value, bool | int) or (isinstance(value, float) and isfinite(value)):
            return value
        if isinstance(value, datetime):
            return stamp(value)
        if isinstance(value, list | tuple | dict):
            value = json.dumps(value, default=str, ensure_ascii=False)
        text = self.secrets.hide(str(value))
        return printable(text if key in WHO else conceal(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Overheard:
    """Let others hear an event, whether or not it is written."""

    audience: Audience
    shape: _Shape
    clean: _Clean

    def __call__(self, _logger: object, method: str, event: EventDict) -> EventDict:
        if event["event"] in self.audience.events:
            self.audience.hear(self.clean(None, method, self.shape(None, method, {**event, "level": method})))
        return event


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lines:
    """Write lines to a stream at once. A log that cannot be written must not stop a batch half-way."""

    stream: TextIO

    def write(self, line: str) -> None:
        try:
            self.stream.write(f"{line}\n")
            self.stream.flush()
        except (OSError, ValueError):  # gone, or closed
            return

    debug = info = warning = error = critical = write


class _FromLibrary(logging.Handler):
    """Hand the records of other people's loggers to ours."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__(logging.WARNING)
        self.log = log

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except (TypeError, ValueError):  # the library's arguments do not fit its own text
            text = str(record.msg)
        level = min(record.levelno, logging.ERROR) // 10 * 10
        self.log.log(level, "library.logged", library=record.name, text=text, exc_info=record.exc_info)
