"""``flowmend run`` and the real mtail beside it: what they count is the same."""

import time
import urllib.request
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from daemon.web.measures import ALL
from tests.acceptance.command import Service, environment, served_sandbox, write_config
from tests.integration.scraping import Values, values_of
from tests.mtail import mtail, of

SHIPPED = Path(__file__).parents[2] / "rules"
COUNTED = [measure for measure in ALL if measure.kind in ("counter", "histogram")]


def counted(values: Values) -> dict[str, object]:
    """Return all that is counted; sums of seconds to the microsecond."""
    found = {measure.name: of(measure, values) for measure in COUNTED}
    return {name: {key: round(value, 6) for key, value in series.items()} for name, series in found.items()}


def scrape(port: int) -> Values:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        return values_of(text_string_to_metric_families(answer.read().decode()))


def test_mtail_counts_in_the_log_of_a_service_what_its_metrics_count(tmp_path: Path) -> None:
    with served_sandbox(tmp_path, "--errors", "60", "--job-seconds", "0.2") as sandbox:
        write_config(tmp_path, sandbox.url, SHIPPED)
        env = environment(FLOWMEND_LOG__LEVEL="debug", FLOWMEND_POLL__INTERVAL="1h", FLOWMEND_RULES__WATCH="false")
        with Service(tmp_path, env=env) as service:
            port = service.wait_for("server.started")["port"]
            service.wait_for(
                "cycle.finished"
            )  # the only one: what was sent is confirmed, then nothing happens any more
            service.wait_for("outcome.settled")
            deadline, same = time.monotonic() + 60.0, False
            while not same and time.monotonic() < deadline:
                service.look()
                scraped, told = scrape(port), mtail(tmp_path, service.lines)
                same = counted(scraped) == counted(told)
                if not same:
                    service.wait_for_more()

    assert counted(told) == counted(scraped)
    assert sum(scraped["flowmend_outcomes_total"].values()) > 5
    assert sum(scraped["flowmend_decisions_total"].values()) > 30
