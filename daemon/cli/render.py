"""How things are shown on standard output: with rich on a terminal, plain lines when piped, or JSON."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from daemon.core import moments
from daemon.core.printing import printable

PIPED_WIDTH = 1000
NARROW = 100
"""Columns of a terminal."""


def console() -> Console:
    """Return the console on standard output; piped it is wide and without colours. Text is never taken for markup."""
    width = None if sys.stdout.isatty() else PIPED_WIDTH
    return Console(width=width, highlight=False, soft_wrap=False, markup=False, emoji=False)


def table(*names: str, right: tuple[str, ...] = (), title: str | None = None) -> Table:
    """Return an empty table with these columns, those in *right* for numbers, closer together where space is scarce."""
    gap = 2 if console().width >= NARROW else 1
    drawn = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        padding=(0, gap, 0, 0),
        header_style="dim underline",
    )
    for name in names:
        drawn.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return drawn


def say(text: str = "") -> None:
    """Print one line."""
    put(f"{text}\n")


def put(text: str) -> None:
    """Print *text* as it is."""
    sys.stdout.write(text)
    sys.stdout.flush()


@contextmanager
def progress_bar(what: str, *, hidden: bool) -> Iterator[Callable[[float], None]]:
    """Show on a terminal how much of *what* is done, a part of 1, until the end of the block."""
    from rich.progress import Progress

    err = Console(stderr=True)
    with Progress(console=err, transient=True, disable=hidden or not err.is_terminal) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda part: bar.update(task, completed=part)


def print_json(value: Any) -> None:
    """Print *value* as JSON and nothing else."""
    put(json_text(value))


def json_text(value: Any) -> str:
    """Return *value* as JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=_plain) + "\n"


def _plain(value: object) -> str:
    return stamp(value) if isinstance(value, datetime) else str(value)


def stamp(moment: datetime | None) -> str:
    """Return a moment as RFC 3339 UTC to the second, or "-"."""
    return "-" if moment is None else moments.stamp(moment)


def number(count: int) -> str:
    """Return a number as tables show it; nothing is a dot."""
    return f"{count:,}" if count else "·"


def plural(count: int, one: str) -> str:
    """Return a number with its word: 1 batch, 2 batches."""
    return f"{count:,} {one}" if count == 1 else f"{count:,} {one}{'es' if one.endswith('ch') else 's'}"


def clean(text: str, most: int = 120) -> str:
    """Return text from outside on one line, with what does not print escaped, and cut."""
    return printable(text, most)
