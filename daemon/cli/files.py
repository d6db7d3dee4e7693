"""Files that a command writes for people: whole or not at all."""

import os
from pathlib import Path

from daemon.core.exceptions import ConfigError


def write_file(file: Path, text: str) -> None:
    """Put *text* into *file* in one step, so that nobody ever reads half of it; line ends stay as they are.

    Raises:
        ConfigError: it cannot be written; what was there is as it was.
    """
    fresh = file.with_name(f".{file.name}.{os.getpid()}.new")
    try:
        try:
            with fresh.open("x", encoding="utf-8", errors="replace", newline="") as stream:
                stream.write(text)
            fresh.replace(file)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as failed:
        raise ConfigError(f"{file} cannot be written: {failed.strerror}. Nothing was changed") from failed
