"""Sending one message, to wherever the channel leads now."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from daemon.core.exceptions import ConfigError, NotifyError
from daemon.notify.address import Address, Webhook
from daemon.notify.messages import Message
from daemon.notify.services import ServiceSender
from daemon.notify.webhook import post

WITHIN_S = 30.0
"""How long a channel may take for one message."""


@dataclass(slots=True, kw_only=True)
class Sender:
    """Send messages through one channel. *address* reads where it leads, anew each time, and raises ConfigError."""

    address: Callable[[], Address]
    now: Callable[[], datetime]
    within_s: float = WITHIN_S
    _services: ServiceSender = field(default_factory=ServiceSender)

    async def send(self, message: Message) -> None:
        """Send one message, once.

        Raises:
            NotifyError: nobody knows whether it has arrived.
        """
        try:
            address = self.address()
        except ConfigError as wrong:
            raise NotifyError(str(wrong)) from wrong
        if isinstance(address, Webhook):
            await post(address, message.document, self.now(), within_s=self.within_s)
        else:
            await self._services.send(address, message, within_s=self.within_s)
