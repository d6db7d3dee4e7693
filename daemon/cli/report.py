"""``flowmend report``: what was fixed, by whom, what came back, what is open, and which rules are only load."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.options import AccountName, Config, Json, known_account, known_store, read_settings

if TYPE_CHECKING:
    from daemon.core.report import Report


class Format(StrEnum):
    """The forms of a report."""

    TEXT = "text"
    HTML = "html"
    JSON = "json"
    CSV = "csv"


Days = Annotated[
    int, typer.Option("--days", metavar="N", min=1, max=90, help="How many days back; as many before are compared.")
]
Form = Annotated[
    Format,
    typer.Option(
        "--format",
        help="text to read here, html to print or to send (one file, nothing is loaded), json for programs, csv for spreadsheets.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write to this file, replacing it.", show_default=False),
]


def report(
    days: Days = 7,
    form: Form = Format.TEXT,
    output: Output = None,
    config: Config = None,
    account: AccountName = None,
    json: Json = False,
) -> None:
    """Tell what became of the errors of the past days: fixed by the robot, by people, come back, still open.

    Fixed means that reading has shown it, never that something was only sent. It is read from Flowmend's own store:
    nothing is asked of integrator.io, and the service may go on meanwhile. No message text and no retry data is shown.
    """
    import asyncio

    from daemon.app.clock import SystemClock
    from daemon.app.files import write_file
    from daemon.app.forgotten import still_kept
    from daemon.app.reporting import make_report
    from daemon.core.exceptions import ConfigError
    from daemon.core.report import Window
    from daemon.core.retention import retention
    from daemon.store.sql import open_store

    if json and form not in (Format.TEXT, Format.JSON):
        raise ConfigError(f"--json and --format {form.value} are two different forms; ask for one of them")
    settings = read_settings(config, offline=True)
    known = known_account(settings, account)
    accounts = [known] if known else list(settings.accounts)
    window = Window(until=SystemClock().now().replace(microsecond=0), days=days)
    recordings, oldest = settings.recordings.keep, settings.actions.retry_max_age
    kept = retention(window.until, keep=settings.store.keep, recordings=recordings, retry_max_age=oldest)

    async def go() -> "Report":
        async with open_store(known_store(settings)) as store:
            return await make_report(store, accounts, window, await still_kept(store, kept, window.until))

    made = asyncio.run(go())
    if form is Format.TEXT and not json and output is None:
        from daemon.cli.render import console
        from daemon.cli.report_view import draw_report

        draw_report(made, console())
        return
    text = _written(made, Format.JSON if json else form)
    if output is None:
        from daemon.cli.render import put

        put(text)
    else:
        write_file(output, text)


def _written(made: "Report", form: Format) -> str:
    """Return the report as the text of a file."""
    match form:
        case Format.JSON:
            from daemon.cli.render import json_text
            from daemon.cli.report_figures import report_json

            return json_text(report_json(made))
        case Format.CSV:
            from daemon.cli.report_figures import report_csv

            return report_csv(made)
        case Format.HTML:
            from daemon.cli.report_page import report_page

            return report_page(made)
        case Format.TEXT:
            from daemon.cli.report_view import report_text

            return report_text(made)
