"""Why there is no connection, in words for whoever has to mend it."""

import os
import ssl


def why_no_connection(failed: OSError) -> str:
    """Return the reason without the address: the system's own words, like "Connection refused", but for TLS.

    The numbers of TLS errors are no errno: that of an untrusted certificate would read "Operation not permitted".
    """
    if isinstance(failed, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted: {failed.verify_message}. Is a proxy in between? SSL_CERT_FILE names the file "
            "of the authorities to trust"
        )
    if isinstance(failed, ssl.SSLError):
        return f"no TLS there: {getattr(failed, 'reason', None) or 'the handshake failed'}"
    if failed.errno and failed.errno > 0:
        return os.strerror(failed.errno)
    return failed.strerror or type(failed).__name__
