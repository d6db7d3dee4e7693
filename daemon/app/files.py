"""Files that are written for people: whole or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from daemon.core.exceptions import ConfigError


@contextmanager
def fresh_file(place: Path, content: bytes, mode: int | None = None) -> Iterator[Path]:
    """Give a file beside *place* with *content*, on disk, that can take its place in one step; it is never left over.

    Its permissions are *mode*, before that the owner's alone, or as the system gives them to new files. Raises OSError.
    """
    fresh = place.with_name(f".{place.name}.{secrets.token_hex(4)}.new")
    try:
        with open(fresh, "xb", opener=partial(os.open, mode=0o666 if mode is None else 0o600)) as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if mode is not None:
            fresh.chmod(mode)
        yield fresh
    finally:
        fresh.unlink(missing_ok=True)


def write_file(file: Path, text: str) -> None:
    """Put *text* into *file* in one step, so that nobody ever reads half of it; line ends stay as they are.

    Raises:
        ConfigError: it cannot be written; what was there is as it was.
    """
    try:
        with fresh_file(file, text.encode("utf-8", "replace")) as fresh:
            fresh.replace(file)
    except OSError as failed:
        raise ConfigError(f"{file} cannot be written: {failed.strerror}. Nothing was changed") from failed
