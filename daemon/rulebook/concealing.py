"""Hide in text for the log what names a person or opens a door, by how it looks (P10): it may come from anywhere.

Rules, replies and other programs' warnings quote what they were given. Values that we know to be secret are hidden by
value; this is for those that nobody told us of.
"""

from daemon.rulebook.patterns import Finder

HIDDEN = "[hidden]"
LOOKED_AT = 4_096
"""Characters of a text that are looked at; the others are cut off, far behind what a line of the log shows."""

_TELLING = Finder(
    r"([\p{L}\p{N}._%+'-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+)"
    r"|\b(eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*)"
    r"|(?i:\b(?:bearer|basic)\s+)([A-Za-z0-9._~+/=-]{16,})"
    r"|(?i:token|secret|passw(?:or)?d|signature|api[_-]?key)(?:=|\\*[\"']\s?[:=]\s?)\\*[\"']?([^\s\"'\\&,;]{4,})"
    r"|://[^\s/@:]*:([^\s/@]+)@"
)
"""Mail addresses, signed tokens, credentials in headers, values beside the names of secrets, passwords in addresses."""


def conceal(text: str) -> str:
    """Return *text*, at most its first `LOOKED_AT` characters, with what is telling replaced by `HIDDEN`."""
    text = text[:LOOKED_AT]
    raw = text.encode("utf-8", "replace")
    parts: list[bytes] = []
    done = 0
    for start, end in _TELLING.spans(raw):
        parts += (raw[done:start], HIDDEN.encode())
        done = end
    return b"".join((*parts, raw[done:])).decode() if parts else text
