"""Where a channel leads: a service that Apprise knows, or a webhook of one's own."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from daemon.core.addresses import is_loopback
from daemon.core.exceptions import ConfigError

WEBHOOK = "webhook+"

SHORTEST_PIECE = 8
"""Characters from which on a piece of an address may be a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An http address that gets signed documents."""

    url: str = field(repr=False)
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """An Apprise URL."""

    url: str = field(repr=False)


Address = Webhook | Service


def parse_address(text: str, secret: str | None) -> Address:
    """Return the address that *text* holds, on one line; a webhook's documents are signed with *secret*.

    Raises:
        ConfigError: it cannot be one. What it says never repeats the address, which is a secret.
    """
    url = text.strip()
    if not url or len(url.split()) != 1 or not url.isprintable():
        raise ConfigError("the address must be one line with one URL, and nothing else")
    if not url.startswith(WEBHOOK):
        if "://" not in url:
            raise ConfigError("the address is no URL: it must begin like slack://, mailto:// or webhook+https://")
        if secret is not None:
            raise ConfigError("only a webhook (webhook+https://) is signed, so leave secret_file out")
        return Service(url=url)
    url = url.removeprefix(WEBHOOK)
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError("the address of the webhook must be like webhook+https://host/path")
    if parts.scheme == "http" and not is_loopback(url):
        raise ConfigError("the webhook is http, which anybody on the way could read and repeat: write webhook+https://")
    if not secret:
        raise ConfigError("a webhook needs secret_file, the file with the key that its receiver checks signatures with")
    return Webhook(url=url, secret=secret.encode())


def secrets_of(address: Address) -> Iterator[str]:
    """Yield what must not be seen of an address: the whole, its password, and pieces and values that look like keys.

    No more: hidden words are missing from the log and from what people are told, and a mail account may well be named
    like a flow, a rule, or flowmend.
    """
    yield address.url
    if isinstance(address, Webhook):
        yield address.secret.decode()
    rest = address.url.partition("://")[2]
    place, _, query = rest.partition("?")
    credentials, _, pieces = place.rpartition("@")
    user, _, password = credentials.partition(":")
    for secret in (password, *(value for name, value in parse_qsl(query) if _names_a_secret(name))):
        yield from {secret, unquote(secret)} - {""}
    values = (value for _, value in parse_qsl(query))
    for piece in (user, *values, *pieces.replace(":", "/").split("/")):
        if _looks_like_a_key(piece):
            yield from {piece, unquote(piece)}


def _names_a_secret(name: str) -> bool:
    return any(word in name.lower() for word in ("key", "pass", "pwd", "secret", "sig", "token"))


def _looks_like_a_key(piece: str) -> bool:
    """Tell whether it has digits, or capitals within; addresses of machines and mail have dots and are shown."""
    long = len(piece) >= SHORTEST_PIECE and "." not in piece
    return long and (any(sign.isdigit() for sign in piece) or piece[1:] != piece[1:].lower())
