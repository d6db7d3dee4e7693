"""The dashboard: what its panels need to be read, and that each shows something of a run that Prometheus looked on."""

import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from daemon.web.measures import ALL
from tests.deploy.promql import asked
from tests.deploy.scraped_run import ScrapedRun

FILE = Path(__file__).parents[2] / "deploy" / "grafana" / "flowmend.json"
DASHBOARD = json.loads(FILE.read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count")}
LABELS = {
    each.name + suffix: set(each.labels) | ({"le"} if suffix == "_bucket" else set())
    for each in ALL
    for suffix in SUFFIXES.get(each.kind, ("",))
} | {"up": {"job", "instance"}}
WINDOW = "5m"
"""What a run is shown in: it takes some seconds, on a busy machine more."""


def title(panel: dict[str, Any]) -> str:
    return str(panel["title"])


def expressions(panel: dict[str, Any]) -> list[str]:
    """Return what a panel asks, as Grafana asks it for all accounts."""
    filled = []
    for target in panel["targets"]:
        expression = target["expr"].replace("$account", ".*")
        for name in ("$__rate_interval", "$__range"):
            expression = expression.replace(name, WINDOW)
        assert "$" not in expression
        filled.append(expression)
    return filled


def test_it_can_be_brought_in_anywhere_and_asks_for_data_source_and_accounts() -> None:
    assert DASHBOARD["schemaVersion"] >= 36
    assert "id" not in DASHBOARD
    source, account = DASHBOARD["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == ("datasource", "datasource", "prometheus")
    assert (account["name"], account["multi"], account["allValue"]) == ("account", True, ".*")
    metric, label = re.findall(r"label_values\((\w+), (\w+)\)", account["definition"])[0]
    assert label in LABELS[metric]
    for asking in [account, *PANELS, *(target for panel in PANELS for target in panel["targets"])]:
        assert asking["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_its_rows_are_what_an_operator_asks() -> None:
    assert [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"] == [
        "Is it alive",
        "Open errors",
        "Decisions and outcomes of the rules",
        "What waits for people",
        "The platform",
        "Rules and mode",
    ]


def test_panels_have_ids_of_their_own_and_lie_beside_each_other() -> None:
    assert max(Counter(panel["id"] for panel in DASHBOARD["panels"]).values()) == 1
    assert max(Counter(map(title, PANELS)).values()) == 1
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert 0 <= at["x"] <= at["x"] + at["w"] <= 24
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, title(panel)
        taken |= cells


@pytest.mark.parametrize("panel", PANELS, ids=title)
def test_a_panel_says_what_it_shows_and_names_metrics_and_labels_that_exist(panel: dict[str, Any]) -> None:
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    for target, expression in zip(panel["targets"], expressions(panel), strict=True):
        wanted = asked(expression)
        for name, labels in wanted.chosen.items():
            assert labels <= LABELS[name], name
            assert ("account" in LABELS[name]) == ("$account" in target["expr"]), name
        carried = set().union(*(LABELS[name] for name in wanted.chosen))
        assert wanted.grouped <= carried
        assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= (wanted.grouped or carried)


def test_every_metric_is_shown_somewhere() -> None:
    used = {name for panel in PANELS for expression in expressions(panel) for name in asked(expression).chosen}
    assert {name.removesuffix("_bucket") for name in used} == {each.name for each in ALL} | {"up"}


def test_every_panel_shows_something_plausible_of_a_real_run(scraped: ScrapedRun) -> None:
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
