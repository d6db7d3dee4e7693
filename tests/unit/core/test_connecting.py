"""Why there is no connection, in words."""

import errno
import socket
import ssl

import pytest

from daemon.core.connecting import why_no_connection


def untrusted() -> ssl.SSLCertVerificationError:
    failed = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
    failed.verify_message = "self-signed certificate"
    return failed


@pytest.mark.parametrize(
    ("failed", "said"),
    [
        pytest.param(
            ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('10.0.0.1', 443)"),
            "Connection refused",
            id="the system's words, not the address",
        ),
        pytest.param(
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "Name or service not known", id="no name"
        ),
        pytest.param(untrusted(), "its certificate is not trusted: self-signed certificate", id="untrusted"),
        pytest.param(ssl.SSLError(1, "[SSL] failed"), "no TLS there: the handshake failed", id="no TLS"),
        pytest.param(OSError("Multiple exceptions"), "OSError", id="no number"),
    ],
)
def test_a_failed_connection_is_said_in_words(failed: OSError, said: str) -> None:
    assert why_no_connection(failed).startswith(said)
