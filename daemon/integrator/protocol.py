"""Everything known about the conversation with integrator.io, as pure functions: no socket, no event loop, no clock.

A ``Request`` goes out, an ``Answer`` comes back; ``check`` says what a refusal means for the caller and
``retry_after_s`` how long to wait. (API document, chapters 1 to 3.)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import NoReturn, Self
from urllib.parse import urlsplit

import msgspec

from daemon.core.exceptions import (
    AuthError,
    ConfigError,
    ProtocolError,
    RateLimitedError,
    RefusedError,
    UnavailableError,
    UnknownResultError,
)
from daemon.core.records import StepRef

WAIT_S = 1.0
"""How long to wait where the platform does not say (also where it says 0, a date in the past or nonsense)."""

LONGEST_WAIT_S = 120.0
"""The longest wait that the platform may ask for in one go."""

_TEXT_CUT = 256
DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseUrl:
    """Where an account lives: ``https://api.integrator.io`` (*origin*) and ``/v1`` (*prefix*), without a last slash."""

    origin: str
    prefix: str
    address: tuple[str, str, int]

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read a configured base URL.

        Raises:
            ConfigError: it is not a plain http(s) URL without user, query and fragment.
        """
        try:
            parts = urlsplit(url)
            address = (parts.scheme, parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme, 0))
        except ValueError as unreadable:
            raise ConfigError(f"base_url is not a URL: {unreadable}") from None
        plain = url.isascii() and url.isprintable() and not {"@", "?", "#", " ", "\\"} & set(url)
        if not plain or parts.scheme not in DEFAULT_PORTS or not parts.hostname:
            raise ConfigError(
                "base_url must look like https://api.integrator.io/v1: http or https, a host, no user or password, "
                "no query and no fragment"
            )
        return cls(origin=f"{parts.scheme}://{parts.netloc}", prefix=parts.path.rstrip("/"), address=address)

    @property
    def plain(self) -> str:
        """Return the one way to write this address: host in lower case, no port where it is the usual one."""
        scheme, host, port = self.address
        return f"{scheme}://{host}{'' if port == DEFAULT_PORTS[scheme] else f':{port}'}{self.prefix}"

    def __str__(self) -> str:
        return f"{self.origin}{self.prefix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call: *path* below the base URL and *query* are quoted already; *endpoint* names it without any id.

    *step* is the step that it is about, where it is about one; every write is.
    """

    method: str
    path: str
    endpoint: str
    step: StepRef | None = None
    query: str = ""
    body: bytes | None = field(default=None, repr=False)

    @property
    def is_write(self) -> bool:
        """Tell whether sending this twice, or at all in observe mode, could do harm."""
        return self.method != "GET"

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back; the names in *headers* are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)

    @property
    def empty(self) -> bool:
        """Tell whether there is nothing to read, which is normal (API document, chapter 3)."""
        return self.status == HTTPStatus.NO_CONTENT or not self.body.strip()


def headers(request: Request, *, token: str, share_id: str, version: str) -> dict[str, str]:
    """Return the headers to send with *request*.

    Raises:
        ConfigError: the token or the share id cannot stand in a header; its value is not told.
    """
    for name, value in (("token", token), ("share_id", share_id)):
        if not (value.isascii() and value.isprintable()) or " " in value:
            raise ConfigError(f"the {name} has characters that cannot be sent: look for blanks and line breaks in it")
    if not token:
        raise ConfigError("the token is empty")
    sent = {"Authorization": f"Bearer {token}", "Accept": "application/json", "User-Agent": f"flowmend/{version}"}
    if share_id:
        sent["Integrator-AShareId"] = share_id
    if request.body is not None:
        sent["Content-Type"] = "application/json"
    return sent


def check(answer: Answer, request: Request, *, account: str, base_url: BaseUrl, now: datetime) -> None:
    """Return where *request* was accepted (2xx); raise what the caller may do next otherwise.

    Raises:
        RateLimitedError: 429.
        AuthError: 401 or 403.
        UnknownResultError: a write met a 3xx, 408 or 5xx: it may have happened all the same.
        UnavailableError: a read met a 408 or 5xx.
        ProtocolError: a read was sent elsewhere; the token does not follow.
        RefusedError: any other 4xx.
    """
    status = answer.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    code, message = refusal(answer.body)
    said = f"{account}: {request} was answered {status}" + (f": {message}" if message else "")
    wait_s = retry_after_s(answer.headers.get("retry-after", ""), now=now)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise RateLimitedError(said, wait_s=wait_s)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise AuthError(f"{said}. {_auth_advice(status, base_url)}", status=status, code=code)
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.REQUEST_TIMEOUT:
        raise RefusedError(said, status=status, code=code)
    if not request.is_write and status < HTTPStatus.BAD_REQUEST:
        raise ProtocolError(f"{said}, a redirect; it was not followed. Check base_url ({base_url})")
    lost(request, said, wait_s=wait_s)


def lost(request: Request, said: str, *, wait_s: float = WAIT_S) -> NoReturn:
    """Raise what follows from an answer that never came, or that says nothing about what was done.

    Raises:
        UnknownResultError: *request* is a write.
        UnavailableError: *request* is a read: nothing was done and nothing was learnt.
    """
    if request.is_write:
        raise UnknownResultError(f"{said}; whether it was done is not known")
    raise UnavailableError(said, wait_s=wait_s)


def _auth_advice(status: int, base_url: BaseUrl) -> str:
    if status == HTTPStatus.UNAUTHORIZED:
        return f"The token was refused; a 401 here often means the other region: base_url is {base_url}"
    return f"The token may not do this; error endpoints need a full-access token (base_url is {base_url})"


def refusal(body: bytes) -> tuple[str, str]:
    """Return the code and the message, safe to show, of a refusal in any of its envelopes; "" where there is none."""
    try:
        said = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return "", one_line(body[: 4 * _TEXT_CUT].decode("utf-8", "replace"))
    match said:
        case {"errors": [{"code": code, **rest}, *_]}:
            return one_line(str(code or "")), one_line(str(rest.get("message") or ""))
        case {"errors": [{"message": message}, *_]} | {"message": message} | str(message):
            return "", one_line(str(message or ""))
        case _:
            return "", one_line(str(said))


def one_line(text: str) -> str:
    """Return text from outside so that it can be shown: one line, control characters escaped, cut at 256."""
    cut = text.strip()[:_TEXT_CUT]
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in cut)


def retry_after_s(value: str, *, now: datetime) -> float:
    """Return how long to wait, more than 0 and at most ``LONGEST_WAIT_S``, for any text in a Retry-After header."""
    try:
        wait_s = float(value)
    except ValueError:
        wait_s = _seconds_until(value, now)
    return min(wait_s, LONGEST_WAIT_S) if wait_s > 0 else WAIT_S


def _seconds_until(date: str, now: datetime) -> float:
    try:
        then = parsedate_to_datetime(date)
        return ((then if then.tzinfo else then.replace(tzinfo=UTC)) - now).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
