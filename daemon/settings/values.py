"""Kinds of values that settings are made of: how each is read, and with which words it is refused."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, SecretStr, Strict, StringConstraints
from pydantic import WithJsonSchema as JsonSchema

from daemon.core.actions import Mode
from daemon.core.addresses import is_loopback
from daemon.core.durations import format_duration, parse_duration

MODES = {mode.name.lower(): mode for mode in Mode}

NAME_PATTERN = "^[a-z0-9]+(-[a-z0-9]+)*$"


def clean_token(text: str) -> str:
    """Return the token that a file or variable holds: *text* without the one line break at its end.

    Raises:
        ValueError: it cannot be a token; the text says why and never repeats it.
    """
    token = text.removesuffix("\n").removesuffix("\r")
    if not token:
        raise ValueError("the token is empty: write the token, and nothing else")
    if "\n" in token or "\r" in token:
        raise ValueError("the token has more than one line: nothing but the token may stand there")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("the token has blanks or characters that no token has: was something else pasted with it?")
    return token


def at_least(least: timedelta) -> AfterValidator:
    """Return what refuses durations shorter than *least*."""

    def check(duration: timedelta) -> timedelta:
        if duration < least:
            raise ValueError(f"must be at least {format_duration(least)}, not {format_duration(duration)}")
        return duration

    return AfterValidator(check)


def _mode(value: object) -> object:
    if isinstance(value, Mode):
        return value
    if isinstance(value, str) and value in MODES:
        return MODES[value]
    raise ValueError(f"must be one of {', '.join(MODES)}")


def _duration(value: object) -> object:
    return value if isinstance(value, timedelta) else parse_duration(value)


def _path(value: object) -> object:
    if value == "":
        raise ValueError("is empty: name a file or leave the key out")
    return Path(value) if isinstance(value, str) else value


def _secret(value: SecretStr) -> SecretStr:
    return SecretStr(clean_token(value.get_secret_value()))


APIS = {"integrator.io": "https://api.integrator.io/v1", "eu.integrator.io": "https://api.eu.integrator.io/v1"}
"""Where the API is of what people see in their browser's address line."""


def _api_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must begin with https:// and a host, such as https://api.integrator.io/v1")
    if parts.username is not None or parts.query or parts.fragment or not url.isprintable() or " " in url:
        raise ValueError("must be no more than scheme, host and path, such as https://api.integrator.io/v1")
    if parts.port == 0:
        raise ValueError("has port 0, on which nothing can listen")
    if parts.hostname in APIS:
        raise ValueError(f"is where people look at integrator.io: did you mean {APIS[parts.hostname]}?")
    if not parts.path.strip("/"):
        raise ValueError(f"lacks the path of the API: did you mean {parts.scheme}://{parts.netloc}/v1?")
    if parts.scheme == "http" and not is_loopback(url):
        raise ValueError("is http: the token would cross the network in clear text; write https")
    return url.rstrip("/")


def _store_url(url: str) -> str:
    """Return *url* as SQLAlchemy writes it: an absolute path of SQLite has four slashes before it."""
    scheme, _, rest = url.partition(":")
    if scheme == "postgresql" and rest.startswith("//") and urlsplit(url).hostname:
        return url
    if scheme != "sqlite" or not rest.startswith("///"):
        raise ValueError(
            "must be a file of SQLite, with three slashes before its absolute path, as in sqlite:///var/lib/flowmend/flowmend.db"
        )
    path = rest.removeprefix("///").removeprefix("/")
    if path in {"", ":memory:"}:
        raise ValueError("must name a file: what was sent must still be known after a restart")
    if path.startswith(("./", "../")):
        return url
    if "/" not in path:
        raise ValueError(f"names a file at the root of the disk: did you mean sqlite:///./{path}?")
    return f"sqlite:////{path}"


Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN, max_length=40)]
"""Of an account or a notification channel: it is a metric's label, part of a file's name and of variables' names."""

Names = Annotated[tuple[str, ...], Strict(strict=False)]

ModeName = Annotated[
    Mode,
    BeforeValidator(_mode),
    PlainSerializer(lambda mode: mode.name.lower()),
    JsonSchema({"type": "string", "enum": list(MODES)}),
]

Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(format_duration),
    JsonSchema({"type": "string", "pattern": "^([0-9]+(w|d|h|m|s|ms))+$", "examples": ["90s", "15m", "1h30m", "7d"]}),
]

PathText = Annotated[Path, BeforeValidator(_path)]

Paths = Annotated[tuple[PathText, ...], Strict(strict=False)]

Token = Annotated[SecretStr, AfterValidator(_secret)]

ApiUrl = Annotated[str, AfterValidator(_api_url)]

StoreUrl = Annotated[str, AfterValidator(_store_url)]
