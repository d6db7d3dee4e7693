"""What docs/events.md says: for tests of what reads the log."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "events.md"
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \| [^|]+ \|([^|]*)\|$", re.MULTILINE)

ALWAYS = frozenset({"ts", "level", "event"})


def levels() -> dict[str, str]:
    """Return the level of each event."""
    return {event: level for event, level, _ in ROW.findall(PAGE.read_text(encoding="utf-8"))}


def facts() -> dict[str, frozenset[str]]:
    """Return the keys of each event's line."""
    found = ROW.findall(PAGE.read_text(encoding="utf-8"))
    return {event: ALWAYS | (set(re.findall(r"[a-z_]+", keys)) - {"or"}) for event, _, keys in found}
