"""The report as one page that needs nothing else: to be read, sent, or printed on A4."""

from importlib.metadata import version

from jinja2 import Environment, PackageLoader, StrictUndefined

from daemon.cli import report_words
from daemon.cli.render import clean, plural
from daemon.cli.report_figures import FIGURES
from daemon.cli.report_plots import came_and_went, came_of_retries
from daemon.core.report import Report

WORDS = (
    "count",
    "day",
    "incident",
    "lasted",
    "missing",
    "needs_people",
    "only_load",
    "percent",
    "place",
    "rate",
    "roughly",
    "rule_name",
    "trend",
)
"""The words that the page takes from `report_words`."""


def report_page(report: Report) -> str:
    """Return the page; all text from outside is escaped, and none is in a plot."""
    environment = Environment(
        loader=PackageLoader("daemon.cli"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    plots = [
        [
            draw(account.by_day, report.window, f"plot-{place}-{draw.__name__}")
            for draw in (came_and_went, came_of_retries)
        ]
        for place, account in enumerate(report.accounts)
    ]
    words = {name: getattr(report_words, name) for name in WORDS}
    return environment.get_template("report.html.j2").render(
        **words,
        clean=clean,
        plural=plural,
        definitions=report_words.DEFINITIONS,
        figures=FIGURES,
        report=report,
        window=report.window,
        plots=plots,
        version=version("flowmend"),
    )
