"""The real mtail over a log, with the program that is shipped."""

import json
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from daemon.web.measures import Measure
from tests.integration.scraping import Labels, Values, values_of
from tests.programs import program

PROGRAM = Path(__file__).parents[1] / "deploy" / "mtail" / "flowmend.mtail"

NEEDS_DEBUG = {"flowmend_api_requests_total", "flowmend_api_request_seconds"}
"""What the log tells at level debug only: a line for each request."""

NOT_IN_THE_LOG = {"flowmend_expiring_errors"}
"""What is counted only when somebody scrapes."""

IN_WHOLE_SECONDS = {"flowmend_poll_last_success_timestamp_seconds", "flowmend_rules_last_reload_timestamp_seconds"}
"""What mtail's clock gives."""


def mtail(folder: Path, lines: Iterable[str]) -> Values:
    """Let the real mtail read *lines*, once, and return what it exports."""
    log = folder / "flowmend.log"
    log.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    ended = subprocess.run(
        [program("mtail"), "-one_shot", "-one_shot_format=prometheus", "-emit_prog_label=false", "-logtostderr",
         "-progs", PROGRAM, "-logs", log],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert not re.findall(r"^[EWF]\d{4} .*|.*runtime error.*", ended.stderr, re.MULTILINE)
    return values_of(text_string_to_metric_families(ended.stdout))


def at_info(lines: Iterable[str]) -> list[str]:
    """Return the lines that are written at the default level."""
    return [line for line in lines if json.loads(line)["level"] != "debug"]


def of(measure: Measure, values: Values) -> dict[tuple[str, Labels], float]:
    """Return the samples of one metric, those of a histogram's parts included, without what is 0 (or not there at all).

    Where nothing has happened yet the log says nothing.
    """
    return {
        (name, frozenset((key, str(float(value)) if key == "le" else value) for key, value in each)): amount
        for name, series in values.items()
        if name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") == measure.name
        for each, amount in series.items()
        if amount
    }
