"""The alerts: what promtool says of them, what they name, and that people find in the documentation what to do."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from daemon.web.measures import ALL
from tests.deploy.promql import Asked, asked
from tests.programs import program

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
TARGET_LABELS = {"job", "instance", "pod"}


def read(name: str) -> Any:
    return YAML(typ="safe", pure=True).load((FOLDER / name).read_text(encoding="utf-8"))


RULES = [rule for group in read("flowmend.rules.yaml")["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDS = {rule["record"] for rule in RULES if "record" in rule}
LABELS = {each.name: set(each.labels) for each in ALL}


@pytest.mark.parametrize(
    ("what", "file"),
    [
        (("check", "rules", "--lint=all", "--lint-fatal"), "flowmend.rules.yaml"),
        (("test", "rules"), "flowmend.rules.test.yaml"),
        (("check", "config", "--lint=all", "--lint-fatal"), "prometheus.yaml"),
    ],
    ids=["rules", "tests", "example"],
)
def test_promtool_finds_nothing_wrong(what: tuple[str, ...], file: str) -> None:
    ended = subprocess.run([program("promtool"), *what, file], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_each_alert_is_tested_to_come_in_full_words_and_not_to_come_in_a_near_miss() -> None:
    came: set[str] = set()
    stayed_away: set[str] = set()
    for group in read("flowmend.rules.test.yaml")["tests"]:
        for check in group["alert_rule_test"]:
            (came if check["exp_alerts"] else stayed_away).add(check["alertname"])
    assert came == stayed_away == set(ALERTS)


def test_each_alert_has_a_near_miss_of_its_own_in_which_it_never_comes() -> None:
    quiet = set()
    for group in read("flowmend.rules.test.yaml")["tests"]:
        checks = group["alert_rule_test"]
        quiet |= {check["alertname"] for check in checks} - {each["alertname"] for each in checks if each["exp_alerts"]}
    assert quiet == set(ALERTS)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_rules_name_metrics_and_labels_that_exist(rule: dict[str, Any]) -> None:
    wanted = asked(rule["expr"])
    own = {name: labels for name, labels in wanted.chosen.items() if name != "up"}
    assert set(own) <= set(LABELS) | RECORDS
    for name, labels in own.items():
        assert labels <= LABELS.get(name, set()) | TARGET_LABELS
    assert wanted.grouped <= set().union(*LABELS.values()) | TARGET_LABELS


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_bad_it_is_what_happened_and_where_to_read_on(name: str) -> None:
    alert = ALERTS[name]
    assert alert["labels"] == {"severity": alert["labels"]["severity"]}
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert list(alert["annotations"]) == ["summary", "description", "runbook_url"]
    assert alert["annotations"]["runbook_url"] == f"docs/operations.md#{name.lower()}"
    assert "{{" not in alert["annotations"]["description"]
    assert alert["for"]


def test_the_documentation_has_a_section_for_each_alert_in_its_own_words() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    chapter = text.partition("\n## Alerts\n")[2].partition("\n## ")[0]
    entries = re.findall(r"### (\w+)\n\n(\w+), after (\w+) · \*\*.+?\*\*\s(.+?)(?=\n### |\Z)", chapter, re.DOTALL)

    found = [(name, severity, wait, " ".join(said.replace("`", "").split())) for name, severity, wait, said in entries]

    assert found == [
        (name, alert["labels"]["severity"], alert["for"], alert["annotations"]["description"])
        for name, alert in ALERTS.items()
    ]


def test_an_expression_is_read_for_what_it_asks() -> None:
    read_ = asked(
        'sum by (a, b) (rate(m_total{c="x{}\\"y", d=~`z`}[5m] offset 1h)) / on (e) group_left n > bool 0.5e3 # o{p="q"}'
    )
    assert read_ == Asked(chosen={"m_total": {"c", "d"}, "n": set()}, grouped={"a", "b", "e"})
