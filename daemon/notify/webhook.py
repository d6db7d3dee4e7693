"""The webhook: a document over HTTP, with a signature by which the receiver knows that it is ours and is new."""

import hmac
from datetime import datetime
from hashlib import sha256
from importlib.metadata import version

from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout

from daemon.core.connecting import why_no_connection
from daemon.core.exceptions import NotifyError
from daemon.notify.address import Webhook


def signature(secret: bytes, timestamp: str, document: bytes) -> str:
    """Return the signature of a *document* that is sent at *timestamp*, in Unix seconds."""
    return "sha256=" + hmac.new(secret, timestamp.encode() + b"." + document, sha256).hexdigest()


async def post(webhook: Webhook, document: bytes, now: datetime, *, within_s: float) -> None:
    """Send *document* once; it has arrived when the receiver says 2xx.

    Raises:
        NotifyError: nobody knows whether it has arrived.
    """
    timestamp = str(int(now.timestamp()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"flowmend/{version('flowmend')}",
        "X-Flowmend-Timestamp": timestamp,
        "X-Flowmend-Signature": signature(webhook.secret, timestamp, document),
    }
    timeout = ClientTimeout(total=within_s)
    try:
        async with (
            ClientSession(timeout=timeout) as session,
            session.post(webhook.url, data=document, headers=headers, allow_redirects=False) as answer,
        ):
            status = answer.status
    except TimeoutError:
        raise NotifyError(f"the receiver did not answer within {within_s:g} s") from None
    except ClientConnectorError as failed:
        raise NotifyError(f"the receiver cannot be reached ({why_no_connection(failed.os_error)})") from None
    except (ClientError, OSError, ValueError) as failed:  # its text can hold the address
        raise NotifyError(f"the receiver cannot be reached ({type(failed).__name__})") from None
    if not 200 <= status < 300:
        raise NotifyError(f"the receiver answered HTTP {status}")
