"""The channels that the configuration names, and who hears what for them."""

import asyncio
import secrets as randomness
import socket
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import partial

from structlog.typing import FilteringBoundLogger

from daemon.app.notifying import Notifications
from daemon.app.rules import RulesInForce
from daemon.core.exceptions import NotifyError
from daemon.core.notices import Noted, Pace, wanted_by
from daemon.core.printing import printable
from daemon.logs import Audience, Secrets
from daemon.notify.address import Address, parse_address, secrets_of
from daemon.notify.channel import Channel
from daemon.notify.listening import Listener
from daemon.notify.messages import compose
from daemon.notify.phrases import TEST
from daemon.notify.sending import Sender
from daemon.pipeline.terms import Clock
from daemon.rulebook.concealing import conceal
from daemon.settings import Channel as ChannelSettings
from daemon.settings import Settings
from daemon.store.sql import SqlStore


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedChannels:
    """Which channels the rules in force name; that one is not among the *known* is said once in the log."""

    rules: RulesInForce
    known: Collection[str]
    log: FilteringBoundLogger
    missed: set[str] = field(default_factory=set)

    def __call__(self, rule_id: str) -> Sequence[str]:
        """Return the channels that a rule names."""
        named = next((rule.notify for rule in self.rules.current.rules if rule.id == rule_id), ())
        for channel in named:
            if channel not in self.known and channel not in self.missed:
                self.missed.add(channel)
                self.log.error(
                    "notify.failed", channel=channel, reason=f"rule {rule_id} names a channel that is not configured",
                    waiting=0, given_up=1, hint=f"write [notify.{channel}], or take it out of the rule",
                )  # fmt: skip
        return named


def listen(
    settings: Settings,
    store: SqlStore,
    rules: RulesInForce,
    *,
    audience: Audience,
    clock: Clock,
    log: FilteringBoundLogger,
    secrets: Secrets,
) -> Notifications:
    """Make the channels that *settings* name, and hear from now on what they are to be told."""
    channels = [
        Channel(
            name=name,
            sender=_sender(each, clock, secrets),
            outbox=store,
            now=clock.now,
            new_id=new_id,
            host=socket.gethostname(),
            log=log,
            pace=Pace(min_interval=each.min_interval, repeat=each.repeat, per_hour=each.max_per_hour),
        )
        for name, each in settings.notify.items()
    ]
    stirred = asyncio.Event()
    listener = Listener(
        channels={name: wanted_by(each.events) for name, each in settings.notify.items()},
        named_by=NamedChannels(rules=rules, known=settings.notify.keys(), log=log),
        outbox=store,
        now=clock.now,
        stirred=stirred.set,
    )
    audience.events = listener.events
    audience.hear = listener.hear
    return Notifications(channels=channels, listener=listener, stirred=stirred, log=log)


async def try_channels(settings: Settings, names: Sequence[str], *, clock: Clock, secrets: Secrets) -> dict[str, str]:
    """Send a test to the channels *names*, side by side, past all limits; return why those failed that did."""

    async def attempt(name: str) -> str:
        now = clock.now()
        test = Noted(event=TEST, scope="", facts={"channel": name}, first_at=now, last_at=now)
        try:
            message = compose(new_id(), now, [test], host=socket.gethostname())
            await _sender(settings.notify[name], clock, secrets).send(message)
        except NotifyError as failed:
            return printable(conceal(secrets.hide(str(failed))))
        return ""

    reasons = await asyncio.gather(*map(attempt, names))
    return {name: reason for name, reason in zip(names, reasons, strict=True) if reason}


def new_id() -> str:
    """Return the id of a new message."""
    return randomness.token_hex(8)


def _sender(settings: ChannelSettings, clock: Clock, secrets: Secrets) -> Sender:
    return Sender(address=partial(address_of, settings, secrets), now=clock.now)


def address_of(settings: ChannelSettings, secrets: Secrets) -> Address:
    """Read where a channel leads, and hide it in the log before it is used.

    Raises:
        ConfigError: it cannot be read, or can be no address.
    """
    url, secret = settings.read_url(), settings.read_secret()
    secrets.add(url.strip())
    address = parse_address(url, secret)
    for value in secrets_of(address):
        secrets.add(value)
    return address
