"""Durations on the command line."""

from datetime import timedelta

import typer

from daemon.core.durations import parse_duration


def duration_option(option: str, text: str | None) -> timedelta | None:
    """Return the duration that *option* was given, or None where it was not."""
    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong), param_hint=option) from None
