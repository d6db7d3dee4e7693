"""What an ordinary user may read, for tests that run as root."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

NOBODY = 65_534


@contextmanager
def without_roots_rights() -> Iterator[None]:
    """Be nobody for a while where the tests run as root, who may read everything."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(was)
