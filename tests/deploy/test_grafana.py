"""The dashboard: what it takes to be brought in anywhere and read by people, and that it names what exists.

What its panels show of a run is in test_prometheus.py.
"""

import re
from collections import Counter
from typing import Any

import pytest

from daemon.web.measures import ALL
from tests.deploy.dashboard import DASHBOARD, PANELS, expressions, title
from tests.deploy.promql import asked

SUFFIXES = {"histogram": ("_bucket", "_sum", "_count")}
LABELS = {
    each.name + suffix: set(each.labels) | ({"le"} if suffix == "_bucket" else set())
    for each in ALL
    for suffix in SUFFIXES.get(each.kind, ("",))
} | {"up": {"job", "instance"}}


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
