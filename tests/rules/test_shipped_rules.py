"""The rules that ship: sound files, and nothing in them where a mistake would cost most."""

import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

from daemon.core.actions import Hold, Resolve, Retry
from daemon.core.decisions import Match
from daemon.core.facts import UNAVAILABLE, Facts
from daemon.core.records import ErrorRecord, Step, StepRef
from daemon.rulebook.ast import AllOf, AnyOf, Condition, FieldCondition, NotOf, RuleSource
from daemon.rulebook.coverage import coverage
from daemon.rulebook.program import conjuncts
from daemon.rulebook.reader import RuleFiles
from daemon.rulebook.ruleset import RuleSet
from daemon.rulebook.schema import json_schema
from daemon.rulebook.testing import run_tests

RULES = Path(__file__).parents[2] / "rules"
NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


def of_step(name: str, step_type: str = "import") -> Step:
    ref = StepRef(account="acme", flow_id="f1", step_id="s1")
    return Step(ref=ref, type="import" if step_type == "import" else "export", name=name)


def with_patch(files: RuleFiles) -> list[RuleSource]:
    return [source for source in files.sources if source.patch]


def resolving(files: RuleFiles) -> list[RuleSource]:
    return [source for source in files.sources if isinstance(source.rule.action, Resolve)]


def leaves(condition: Condition) -> Iterator[FieldCondition]:
    match condition:
        case FieldCondition():
            yield condition
        case NotOf(part=part):
            yield from leaves(part)
        case AllOf(parts=parts) | AnyOf(parts=parts):
            for part in parts:
                yield from leaves(part)


def test_the_files_are_read_without_a_single_problem(files: RuleFiles) -> None:
    assert files.problems == ()


def test_every_test_beside_a_rule_passes(files: RuleFiles, rules: RuleSet) -> None:
    results = run_tests(rules, files.sources)
    assert [(each.rule_id, each.name, each.detail) for each in results if not each.passed] == []


def test_the_tests_hold_every_condition_that_order_does_not_hold_already(files: RuleFiles, rules: RuleSet) -> None:
    """The three that are left say what an earlier rule has settled: reading is retried, so these are about writing."""
    unheld = [
        (gap.rule_id, gap.text.rpartition(" condition ")[2])
        for gap in coverage(rules, files.sources).gaps
        if gap.kind == "condition"
    ]
    assert unheld == [
        ("ftp-write-unsure", 'step_type: is "import"'),
        ("repeatable-write-failed", 'step_type: is "import"'),
        ("write-unsure", 'step_type: is "import"'),
    ]


def test_the_platform_comes_first_and_plain_http_last() -> None:
    names = [path.name for path in sorted(RULES.iterdir()) if path.suffix in {".yaml", ".toml"}]
    assert names == [
        "10-platform.yaml",
        "20-netsuite.yaml",
        "30-salesforce.yaml",
        "40-shopify.yaml",
        "50-amazon.toml",
        "60-http.yaml",
    ]


@pytest.mark.parametrize("path", sorted(RULES.glob("*.yaml")), ids=lambda path: path.name)
def test_a_yaml_file_tells_the_editor_its_schema_and_keeps_to_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=./flowmend-rules.schema.json\n")
    content = YAML(typ="safe", pure=True).load(text)
    assert [error.message for error in Draft7Validator(json_schema()).iter_errors(content)] == []


@pytest.mark.parametrize("path", sorted(RULES.glob("*.toml")), ids=lambda path: path.name)
def test_a_toml_file_tells_the_editor_its_schema_and_keeps_to_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("#:schema ./flowmend-rules.schema.json\n")
    assert [error.message for error in Draft7Validator(json_schema()).iter_errors(tomllib.loads(text))] == []


def test_every_rule_says_why_has_a_class_and_shows_what_it_takes_and_what_it_does_not(files: RuleFiles) -> None:
    lacking = [
        source.rule.id
        for source in files.sources
        if not source.rule.why
        or not source.rule.classify
        or {test.expect for test in source.tests} != {"match", "no_match"}
        or any("message" not in test.error for test in source.tests)
    ]
    assert lacking == []


def test_every_patch_is_shown_on_a_record(files: RuleFiles) -> None:
    shown = [source.rule.id for source in with_patch(files) if any(test.has_patched for test in source.tests)]
    assert shown == [source.rule.id for source in with_patch(files)]
    assert len(shown) >= 7


def test_both_jobs_of_the_platforms_own_template_are_there_by_name(files: RuleFiles) -> None:
    why = {source.rule.id: source.rule.why.lower() for source in files.sources}
    assert [rule_id for rule_id, text in why.items() if text.startswith("retry as is on a condition")] == [
        "netsuite-record-changed"
    ]
    assert [rule_id for rule_id, text in why.items() if text.startswith("resolve known ones on a condition")] == [
        "shopify-already-fulfilled"
    ]


# Where a mistake would cost most.

CREATES = ("Create sales order", "Create cash sale", "Create invoice", "Create order from 850", "Send 856 file")
LOST = {
    "500": {"code": "500", "http_status": 500},
    "502": {"code": "502", "http_status": 502},
    "504": {"code": "504", "http_status": 504},
    "503 of a proxy": {"code": "503", "http_status": 503, "message": "Backend fetch failed: first byte timeout"},
    "408": {"code": "408", "http_status": 408},
    "reset": {"code": "ECONNRESET", "message": "read ECONNRESET"},
    "read timeout": {"code": "ETIMEDOUT", "message": "read ETIMEDOUT"},
    "socket timeout": {"code": "ESOCKETTIMEDOUT", "message": "ESOCKETTIMEDOUT"},
    "pipe": {"code": "EPIPE", "message": "write EPIPE"},
}


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
@pytest.mark.parametrize("step", CREATES)
def test_a_lost_answer_of_a_step_that_creates_is_never_retried(
    step: str, lost: dict[str, str | int], rules: RuleSet
) -> None:
    record = ErrorRecord(
        error_id="1",
        occurred_at=NOW,
        source="application",
        retry_key="k",
        code=str(lost["code"]),
        message=str(lost.get("message", "")),
        http_status=int(lost["http_status"]) if "http_status" in lost else None,
    )
    match = rules.match(of_step(step), record, Facts(now=NOW, data=UNAVAILABLE))
    assert isinstance(match, Match)
    assert match.rule.id == "write-unsure"
    assert isinstance(match.rule.action, Hold)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("INVALID_LOGIN_ATTEMPT", 401),
        ("INVALID_LOGIN", None),
        ("INVALID_SESSION_ID", 401),
        ("invalid_grant", 400),
        ("Unauthorized", 403),
        ("anything", 401),
        ("anything", 403),
        ("anything", 407),
    ],
)
def test_refused_credentials_are_never_retried(code: str, status: int | None, rules: RuleSet) -> None:
    for step_type in ("import", "export"):
        for source in ("connection", "application", "lookup"):
            record = ErrorRecord(
                error_id="1", occurred_at=NOW, source=source, code=code, http_status=status, retry_key="k"
            )
            match = rules.match(of_step("Any", step_type), record, Facts(now=NOW, data=UNAVAILABLE))
            assert isinstance(match, Match)
            assert isinstance(match.rule.action, Hold)
            assert match.rule.action.queue == "integrations"


def test_every_patch_and_every_resolve_asks_for_source_code_and_message(files: RuleFiles) -> None:
    for source in (*with_patch(files), *resolving(files)):
        asked = {part.field for part in conjuncts(source.when) if isinstance(part, FieldCondition)}
        assert asked >= {"source", "code", "message"}, source.rule.id


def test_files_are_never_patched(files: RuleFiles) -> None:
    for source in with_patch(files):
        sources = {
            operand
            for leaf in leaves(source.when)
            if leaf.field == "source"
            for check in leaf.checks
            for operand in check.operands
        }
        assert sources == {"application"}, source.rule.id


def test_every_resolve_has_its_own_limits_and_holds_only_what_arrived(files: RuleFiles) -> None:
    for source in resolving(files):
        limit = source.rule.limit
        assert limit.per_hour is not None
        assert limit.per_hour <= 50, source.rule.id
        assert limit.per_day is not None
        assert source.rule.classify == "duplicate"
    assert not any(
        isinstance(source.rule.action, Retry) and source.rule.action.exhausted == "resolve" for source in files.sources
    )


def test_what_patches_an_order_leaves_old_orders_alone(files: RuleFiles) -> None:
    for source in with_patch(files):
        if source.rule.id.startswith("netsuite-"):
            action = source.rule.action
            assert isinstance(action, Retry)
            assert action.max_age is not None
            assert action.max_age.days <= 3
