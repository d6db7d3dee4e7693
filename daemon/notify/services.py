"""The services that Apprise knows: its one importer.

Apprise blocks, for as long as a service and its plugin like, so each message is sent in a thread of its own. No thread is
waited for when the process ends; a channel whose last message is still on its way gets no second thread.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread

from daemon.core.exceptions import NotifyError
from daemon.notify.address import Service
from daemon.notify.messages import Message

KINDS = {"error": "failure", "warning": "warning"}
"""Apprise's word for a level; "info" for all others."""


@dataclass(slots=True, kw_only=True)
class ServiceSender:
    """Send the messages of one channel, one at a time."""

    _thread: Thread | None = field(default=None, repr=False)

    async def send(self, service: Service, message: Message, *, within_s: float) -> None:
        """Send *message* once; it has arrived when the service took it.

        Raises:
            NotifyError: nobody knows whether it has arrived.
        """
        if self._thread is not None and self._thread.is_alive():
            raise NotifyError("the message before hangs: the service neither takes nor refuses it")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[str] = loop.create_future()

        def settle(why_not: str) -> None:
            if not done.done():
                done.set_result(why_not)

        def run() -> None:
            why_not = "Apprise failed"
            try:
                why_not = _send(service.url, message)
            finally:
                with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
                    loop.call_soon_threadsafe(settle, why_not)

        self._thread = Thread(target=run, name="notify", daemon=True)
        self._thread.start()
        try:
            async with asyncio.timeout(within_s):
                why_not = await done
        except TimeoutError:
            raise NotifyError(f"the service did not answer within {within_s:g} s") from None
        if why_not:
            raise NotifyError(why_not)


def _send(url: str, message: Message) -> str:
    """Send through Apprise and return why it did not arrive, "" where it did."""
    import apprise  # noqa: PLC0415 a third of a second and 20 MB that only a message is worth

    logging.getLogger(apprise.LOGGER_NAME).propagate = False  # it names addresses; what failed, the result says
    # without a limit of its own Apprise stays in this thread; else it leaves threads that hold up the end of the process
    asset = apprise.AppriseAsset(app_id="Flowmend", async_mode=False, service_timeout=0, storage_mode="memory")
    service = apprise.Apprise.instantiate(url, asset=asset)
    if service is None:
        return "Apprise does not know such an address: its documentation names the form for each service"
    result = apprise.Apprise(service, asset=asset).notify(
        body=message.text,
        title=message.title,
        notify_type=apprise.NotifyType(KINDS.get(message.level, "info")),
        body_format=apprise.NotifyFormat.TEXT,
    )
    if result:
        return ""
    said = [" ".join(entry.message.split()) for entry in result.logs()]
    return f"{service.service_name} did not take it. {said[-1] if said else ''}".rstrip()
