"""The PAUSE file: while a file of this name stands beside the store, nothing is written to integrator.io (P16).

It needs neither a database that works nor a command: anybody who can make a file there can stop everything.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG

from sqlalchemy import make_url

from daemon.core.exceptions import StoreError
from daemon.core.pauses import EVERYTHING, Pause
from daemon.store import sqlite

NAME = "PAUSE"

READ_BYTES = 1024
REASON_CUT = 200
"""Characters of the first line that are kept as the reason."""

LAST_S = 32_503_680_000
"""The year 3000: whatever moment a file system claims, it can be shown."""


@dataclass(frozen=True, slots=True)
class PauseFile:
    """The file that pauses everything, whether it is there or not."""

    path: Path

    def look(self) -> Pause | None:
        """Return the pause that the file stands for, None where there is none.

        Whatever has the name counts, and so does a folder that cannot be looked into: in doubt nothing is written.
        """
        try:
            found = os.lstat(self.path)
        except FileNotFoundError:
            return None
        except OSError as error:
            reason = f"whether there is one cannot be seen ({error.strerror})"
            return Pause(number=0, scope=EVERYTHING, reason=reason, by=self._by, since=_moment(0))
        return Pause(
            number=0,
            scope=EVERYTHING,
            reason=self._first_line() if S_ISREG(found.st_mode) else "",
            by=self._by,
            since=_moment(found.st_mtime),
        )

    def make(self, reason: str) -> None:
        """Make the file, empty where not even its content can be written (a full disk); one that is there stays.

        Raises:
            StoreError: it cannot be made, so nothing is paused by it.
        """
        try:
            self.path.touch(mode=0o644, exist_ok=False)
        except FileExistsError:
            return
        except OSError as error:
            raise StoreError(f"the file {self.path} cannot be made either: {error.strerror}") from error
        with suppress(OSError):
            self.path.write_text(f"{reason}\n" if reason else "", encoding="utf-8")

    @property
    def _by(self) -> str:
        return f"the file {self.path}"

    def _first_line(self) -> str:
        try:
            with self.path.open("rb") as file:
                line = file.read(READ_BYTES).decode("utf-8", "replace").partition("\n")[0].strip()
        except OSError:
            return ""
        shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in line)
        return shown if len(shown) <= REASON_CUT else f"{shown[: REASON_CUT - 1]}…"


def beside(url: str) -> PauseFile | None:
    """Return the PAUSE file of the store at *url*, None where that lives in memory."""
    file = sqlite.place(make_url(url))
    return None if file is None else PauseFile(file.with_name(NAME))


def look_beside(url: str) -> Pause | None:
    """Return the pause that the PAUSE file of the store at *url* stands for, None where there is none."""
    file = beside(url)
    return None if file is None else file.look()


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(max(0, min(int(seconds), LAST_S)), UTC)
