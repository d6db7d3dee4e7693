"""What a real Prometheus stored of a run is what the sandbox knows to be true, and promtool finds nothing to say."""

import math
import subprocess
from collections.abc import Iterator

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from daemon.web.measures import ALL
from tests.deploy.dashboard import PANELS, expressions, title
from tests.deploy.scraped_run import PLAIN, ScrapedRun, scraped_run
from tests.integration.scraping import OPENMETRICS
from tests.programs import program


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScrapedRun]:
    """Return a run that a real Prometheus looked on, which takes some seconds."""
    with scraped_run(tmp_path_factory.mktemp("prometheus")) as run:
        yield run


def test_promtool_has_nothing_to_say_about_the_metrics_of_a_run(scraped: ScrapedRun) -> None:
    command = [program("promtool"), "check", "metrics"]
    ended = subprocess.run(command, input=scraped.texts[PLAIN], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_both_forms_of_a_scrape_can_be_read_and_say_the_same(scraped: ScrapedRun) -> None:
    plain, open_ = (
        {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }
        for families in (read_text(scraped.texts[PLAIN]), read_openmetrics(scraped.texts[OPENMETRICS]))  # type: ignore[no-untyped-call]
    )
    assert plain == open_
    assert {name for name, *_ in plain} >= {each.name for each in ALL if each.kind != "histogram"}


def test_what_prometheus_stored_is_what_the_sandbox_knows(scraped: ScrapedRun) -> None:
    truth, query = scraped.truth, scraped.query

    def total(expression: str) -> float:
        (value,) = query(f"sum({expression})").values()
        return value

    def by(*names: str) -> dict[tuple[str, ...], float]:
        *labels, metric = names
        found = query(f"sum by ({', '.join(labels)}) ({metric}) > 0")
        return {tuple(dict(key)[name] for name in labels): value for key, value in found.items()}

    assert by("flow", "step", "flowmend_open_errors") == truth.open
    assert by("queue", "flowmend_held_errors") == truth.held
    assert total("flowmend_errors_seen_total") == truth.seen
    assert total('flowmend_outcomes_total{outcome="confirmed"}') == truth.confirmed
    assert total('flowmend_outcomes_total{outcome="came_back"}') == truth.came_back
    assert total("flowmend_unknown_outcomes") == truth.unknown == 1
    assert total("flowmend_unsettled_batches") == 0
    assert total("flowmend_api_requests_total") == truth.requests
    assert total("flowmend_cycle_seconds_count") == truth.cycles
    assert query("flowmend_breaker_open == 1").keys() == {
        frozenset({("account", "acme"), ("step", step_id)}) for step_id in truth.offline
    }


def test_prometheus_works_out_every_rule_and_no_alert_cries_wolf_over_a_run(scraped: ScrapedRun) -> None:
    (group,) = scraped.prometheus.get("rules")["groups"]
    assert {(rule["health"], rule.get("lastError", "")) for rule in group["rules"]} == {("ok", "")}
    assert scraped.query('ALERTS{alertstate="firing"}') == {}
    assert {dict(key)["alertname"] for key in scraped.query("ALERTS")} == {
        "FlowmendBreakerOpen",
        "FlowmendNoCycle",  # the clock of the run is a day behind
        "FlowmendUnknownOutcomes",
    }


def test_every_panel_of_the_dashboard_shows_something_plausible_of_a_real_run(scraped: ScrapedRun) -> None:
    for panel in PANELS:
        unit = panel["fieldConfig"]["defaults"]["unit"]
        for expression in expressions(panel):
            values = [value for value in scraped.query(expression).values() if not math.isnan(value)]
            assert values, title(panel)
            assert all(0 <= value < math.inf for value in values), title(panel)
            assert unit != "percentunit" or all(value <= 1 for value in values), title(panel)


def test_the_figures_of_the_dashboard_are_those_of_the_run(scraped: ScrapedRun) -> None:
    shown = {title(panel): scraped.query(expressions(panel)[0]) for panel in PANELS}

    def total(name: str) -> float:
        return sum(shown[name].values())

    assert total("Open errors by account") == sum(scraped.truth.open.values())
    assert total("Held for people, by queue") == sum(scraped.truth.held.values())
    assert total("Outcomes nobody knows") == scraped.truth.unknown
    assert [dict(key)["mode"] for key in shown["Mode"]] == ["enforce"]
    assert total("Breakers") == len(scraped.truth.offline)
    assert list(shown["Scraped"].values()) == [1]
