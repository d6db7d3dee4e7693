"""The examples for Promtail and Vector, which cannot be installed here, read by rules: what they name is in the log."""

import json
import re
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from daemon.core.decisions import Outcome
from daemon.logs import Secrets, configure_logs
from daemon.web.measures import ALL
from tests import event_docs

DEPLOY = Path(__file__).parents[2] / "deploy"
PROMTAIL, VECTOR = DEPLOY / "loki" / "promtail.yaml", DEPLOY / "vector" / "vector.yaml"
FACTS = event_docs.facts()
MEASURES = {measure.name: measure for measure in ALL}

BOUNDED = {"level", "event", "unit", "account", "rule", "action", "outcome", "queue"}
"""What a label may be made of: few values, none of them an id that grows with the errors."""


def read(file: Path) -> Any:
    return YAML(typ="safe").load(file.read_text(encoding="utf-8"))


def line(**facts: object) -> dict[str, Any]:
    """Return a line as Flowmend writes it."""
    out = StringIO()
    configure_logs(format="json", stream=out, secrets=Secrets()).info("cycle.finished", **facts)
    written: dict[str, Any] = json.loads(out.getvalue())
    return written


def stages() -> dict[str, Any]:
    (scrape,) = read(PROMTAIL)["scrape_configs"]
    return {name: body for stage in scrape["pipeline_stages"] for name, body in stage.items()}


class TestPromtail:
    def test_it_takes_from_a_line_what_is_there_under_the_same_name(self) -> None:
        taken = stages()["json"]["expressions"]
        assert taken == {name: name for name in taken}
        assert set(taken) <= set(line(account="acme"))
        assert set(stages()["labels"]) | set(stages()["structured_metadata"]) | {
            stages()["timestamp"]["source"]
        } == set(taken)

    def test_the_moment_is_that_of_the_line(self) -> None:
        assert stages()["timestamp"] == {"source": "ts", "format": "RFC3339Nano"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line()["ts"])

    def test_labels_are_the_unit_the_level_and_the_event_and_the_account_is_none(self) -> None:
        (scrape,) = read(PROMTAIL)["scrape_configs"]
        assert [rule["target_label"] for rule in scrape["relabel_configs"]] == ["unit"]
        assert set(stages()["labels"]) == {"level", "event"}
        assert set(stages()["structured_metadata"]) == {"account"}

    def test_the_queries_in_its_comments_ask_for_what_is_in_the_lines(self) -> None:
        queries = re.findall(r"^# .*\{unit=.*$", PROMTAIL.read_text(encoding="utf-8"), re.MULTILINE)
        asked = [
            (re.findall(r'event="([^"]+)"', query), re.findall(r"(?:unwrap |by \()(\w+)", query)) for query in queries
        ]
        assert [event for events, _ in asked for event in events] == ["outcome.settled", "cycle.finished"]
        for events, keys in asked:
            assert all(set(keys) <= FACTS[event] for event in events)


def transforms() -> dict[str, Any]:
    found: dict[str, Any] = read(VECTOR)["transforms"]
    return found


def routes() -> dict[str, str]:
    """Return the event of each route."""
    found = {
        name: re.fullmatch(r'\.event == "([^"]+)"', test) for name, test in transforms()["by_event"]["route"].items()
    }
    return {f"by_event.{name}": match[1] for name, match in found.items() if match}


def metrics() -> list[tuple[str, Any]]:
    """Return each metric with the transform that feeds it."""
    return [
        (source, metric)
        for transform in transforms().values()
        if transform["type"] == "log_to_metric"
        for source in transform["inputs"]
        for metric in transform["metrics"]
    ]


class TestVector:
    def test_each_part_is_fed_by_one_that_is_there_and_feeds_another(self) -> None:
        config = read(VECTOR)
        there = {*config["sources"], *(set(transforms()) - {"by_event"}), *routes()}
        parts = [*transforms().values(), *config["sinks"].values()]
        taken = {source for part in parts for source in part["inputs"]}
        assert len(routes()) == len(transforms()["by_event"]["route"])
        assert taken - there == set()
        assert there - taken == set()

    def test_each_route_is_an_event_of_the_log(self) -> None:
        assert set(routes().values()) <= set(FACTS)

    def test_the_moment_of_a_line_is_read_as_it_is_written(self) -> None:
        assert '.timestamp = parse_timestamp!(string!(.ts), "%+")' in transforms()["lines"]["source"]
        assert datetime.fromisoformat(line()["ts"]).tzinfo is not None

    def test_outcomes_are_those_that_there_are(self) -> None:
        taken = dict(re.findall(r'"(\w+)": \.(\w+)', transforms()["outcomes"]["source"]))
        assert taken == {outcome.value: outcome.value for outcome in Outcome}
        assert set(taken) <= FACTS[routes()[transforms()["outcomes"]["inputs"][0]]]

    @pytest.mark.parametrize(("source", "metric"), metrics(), ids=[metric["name"] for _, metric in metrics()])
    def test_each_metric_is_one_of_ours_made_of_facts_of_its_event(self, source: str, metric: Any) -> None:
        measure = MEASURES[f"{metric['namespace']}_{metric['name']}"]
        added = {"outcome", "errors"} if source == "outcomes" else set()
        event = routes()["by_event.settled" if source == "outcomes" else source]
        used = {re.fullmatch(r"\{\{(\w+)\}\}", template)[1] for template in metric["tags"].values()}  # type: ignore[index]

        assert metric["type"] == measure.kind
        assert metric.get("increment_by_value", False) == (measure.kind == "counter")
        assert set(metric["tags"]) == set(measure.labels) <= BOUNDED
        assert used == set(metric["tags"])
        assert used | {metric["field"]} <= FACTS[event] | added

    def test_only_what_can_fail_is_told_to_end_the_program(self) -> None:
        programs = [each["source"] for each in transforms().values() if each["type"] == "remap"]
        assert len(programs) == 2
        for program in programs:  # an event is an object always: before 0.45 Vector refuses object!(.)
            assert set(re.findall(r"\w+!\(\.\w*", program)) <= {"string!(.message", "string!(.ts"}

    def test_nobody_but_this_host_can_scrape_it(self) -> None:
        assert read(VECTOR)["sinks"]["figures"]["address"].startswith("127.0.0.1:")
