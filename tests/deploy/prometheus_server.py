"""A real Prometheus on a port of its own, with a store of its own, that scrapes one address several times a second."""

import json
import re
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.programs import program

JOB, EVERY = "flowmend", "500ms"
Labels = frozenset[tuple[str, str]]
Series = dict[Labels, float]
"""Values by their labels, without the name, the job and the instance."""


@dataclass(frozen=True, slots=True)
class PrometheusServer:
    """A running Prometheus."""

    url: str

    def get(self, path: str, **parameters: str | float) -> Any:
        """Return the data of an answer of its API."""
        asked = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(asked, timeout=30) as answer:
            document = json.load(answer)
        assert document["status"] == "success"
        return document["data"]

    def query(self, expression: str, at: float) -> Series:
        """Return what an expression is worth at a moment (in Unix time)."""
        result = self.get("query", query=expression, time=at)["result"]
        return {_labels(each["metric"]): float(each["value"][1]) for each in result}


def _labels(metric: dict[str, str]) -> Labels:
    return frozenset((name, value) for name, value in metric.items() if name not in {"__name__", "job", "instance"})


@contextmanager
def prometheus_server(folder: Path, target: str, rules: Path) -> Iterator[PrometheusServer]:
    """Scrape *target*, a host with its port, and evaluate *rules* until the end of the block.

    The first scrape comes after five seconds: so long Prometheus waits for more targets, whatever it is told.
    """
    config = folder / "prometheus.json"  # JSON is YAML, too
    config.write_text(
        json.dumps(
            {
                "global": {"scrape_interval": EVERY, "evaluation_interval": EVERY},
                "rule_files": [str(rules)],
                "scrape_configs": [{"job_name": JOB, "static_configs": [{"targets": [target]}]}],
            }
        ),
        encoding="utf-8",
    )
    process = subprocess.Popen(
        [program("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
         "--web.listen-address=127.0.0.1:0"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        try:
            assert process.stderr is not None
            said = []
            for line in process.stderr:
                said.append(line)
                if found := re.search(r'msg="Listening on" address=(\S+)', line):
                    break
            else:
                raise AssertionError("".join(said))
            yield PrometheusServer(url=f"http://{found[1]}")
        finally:
            process.kill()
