"""The rules that ship: sound files, and the right treatment of everything that the sandbox's shop can show."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

from daemon.core.actions import Hold, Leave, Resolve, Retry
from daemon.core.decisions import Match
from daemon.core.facts import UNAVAILABLE, Facts, Patched
from daemon.core.records import ErrorRecord, RetryData, Step, StepRef
from daemon.integrator.retry_data import read, rewrite
from daemon.integrator.wire import WireError, error_record
from daemon.rulebook.ast import AllOf, AnyOf, Condition, FieldCondition, NotOf, RuleSource
from daemon.rulebook.program import conjuncts
from daemon.rulebook.reader import RuleFiles, read_rules
from daemon.rulebook.ruleset import RuleSet, compile_rules
from daemon.rulebook.schema import json_schema
from daemon.rulebook.testing import run_tests
from daemon.sandbox.template import Template
from daemon.sandbox.templates import ODD, TEMPLATES, template_of
from daemon.sandbox.truth import Truth
from daemon.sandbox.world import World
from daemon.sandbox.worlds import make_world

RULES = Path(__file__).parents[2] / "rules"
NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)

FAMILIES: dict[str, set[str]] = {
    "netsuite-concurrency": {"netsuite-concurrency"},
    "netsuite-session": {"netsuite-concurrency"},
    "netsuite-unexpected": {"netsuite-unexpected-error"},
    "netsuite-record-changed": {"netsuite-record-changed"},
    "netsuite-login": {"netsuite-login-refused"},
    "state-name": {"netsuite-state-name"},
    "country-name": {"netsuite-country-name"},
    "sku-renamed": {"netsuite-renamed-sku"},
    "ship-method": {"netsuite-ship-method"},
    "field-too-long": {"netsuite-addressee-too-long"},
    "duplicate-order": {"netsuite-duplicate-order"},
    "duplicate-item": {"netsuite-duplicate-item"},
    "duplicate-contact": {"netsuite-duplicate-contact"},
    "out-of-stock": {"netsuite-out-of-stock"},
    "closed-period": {"netsuite-closed-period"},
    "customer-not-there": {"netsuite-customer-not-there-yet"},
    "lookup-changes": {"netsuite-search-timeout"},
    "salesforce-lock": {"salesforce-row-locked"},
    "salesforce-limit": {"salesforce-request-limit"},
    "salesforce-duplicate": {"salesforce-duplicate"},
    "salesforce-required": {"salesforce-last-name-missing"},
    "salesforce-email": {"salesforce-email-spelling"},
    "salesforce-too-long": {"salesforce-first-name-too-long"},
    "salesforce-phone": {"salesforce-phone-digits"},
    "salesforce-deleted": {"salesforce-deleted"},
    "shopify-rate": {"shopify-rate-limit"},
    "shopify-fulfilled": {"shopify-already-fulfilled"},
    "shopify-tracking": {"shopify-unknown-carrier"},
    "shopify-location": {"shopify-not-stocked-here"},
    "amazon-quota": {"amazon-quota"},
    "amazon-internal": {"amazon-read-failed"},
    "amazon-input": {"amazon-invalid-input"},
    "amazon-unauthorized": {"amazon-unauthorized"},
    "http-500": {"repeatable-write-failed"},
    "http-502": {"repeatable-write-failed"},
    "http-503": {"http-unavailable"},
    "http-504": {"repeatable-write-failed"},
    "network-timeout": {"network-not-reached"},
    "network-reset": {"repeatable-write-failed", "read-failed"},
    "connection-offline": {"connection-offline"},
    "platform-internal": {"platform-internal"},
    "pre-save-hook": {"script-failed"},
    "mapping-missing": {"mapping-failed"},
    "lookup-empty": {"lookup-found-nothing"},
    "ftp-file": {"ftp-read-failed"},
    "edi-segment": {"edi-segment-rejected"},
}
"""Which rules may win for a family; several where it occurs on steps that read and on steps that write."""

BY_A_PERSON = frozenset({"out-of-stock", "salesforce-required"})
"""Families whose cure is a patch that only a person knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One open error of the shop as the client sees it, with the truth behind it."""

    step: Step
    record: ErrorRecord
    data: RetryData | None
    truth: Truth

    @property
    def facts(self) -> Facts:
        return Facts(now=NOW, data=self.data.data if self.data else UNAVAILABLE)


@pytest.fixture(scope="module")
def files() -> RuleFiles:
    return read_rules([RULES])


@pytest.fixture(scope="module")
def rules(files: RuleFiles) -> RuleSet:
    return compile_rules(files.sources)


@pytest.fixture(scope="module")
def shop() -> dict[str, list[Seen]]:
    families: dict[str, list[Seen]] = {}
    for seen in every_open_error(make_world("shop", seed=1, now=NOW)):
        families.setdefault(seen.truth.family, []).append(seen)
    return families


def every_open_error(world: World) -> Iterator[Seen]:
    for place in world.steps():
        flow = world.flows[place.flow_id]
        step = Step(
            ref=StepRef(account="acme", flow_id=place.flow_id, step_id=place.step_id),
            type=place.resource.kind,
            name=place.resource.name,
            flow_name=flow.name,
            integration_id=flow.integration_id,
        )
        for entry in place.open:
            record = error_record(msgspec.convert(entry.fields, WireError))
            kept = place.retry_data.get(record.retry_key)
            data = read(record.retry_key, kept.envelope, "sandbox") if kept else None
            yield Seen(step=step, record=record, data=data, truth=entry.record)


def winner(rules: RuleSet, seen: Seen) -> Match | None:
    found = rules.match(seen.step, seen.record, seen.facts)
    assert found is None or isinstance(found, Match)
    return found


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


# The files.


def test_the_files_are_read_without_a_single_problem(files: RuleFiles) -> None:
    assert files.problems == ()


def test_every_test_beside_a_rule_passes(files: RuleFiles, rules: RuleSet) -> None:
    results = run_tests(rules, files.sources)
    assert [(each.rule_id, each.name, each.detail) for each in results if not each.passed] == []


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


# What the shop shows.


def test_the_expectations_name_every_family() -> None:
    assert set(FAMILIES) == {template.family for template in TEMPLATES}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_taken_by_its_rules(family: str, rules: RuleSet, shop: dict[str, list[Seen]]) -> None:
    won = {match.rule.id if (match := winner(rules, seen)) else "" for seen in shop[family]}
    assert won == FAMILIES[family]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.family)
def test_a_rule_does_what_cures_the_family(template: Template, rules: RuleSet, shop: dict[str, list[Seen]]) -> None:
    for seen in shop[template.family]:
        match = winner(rules, seen)
        assert match is not None
        action = match.rule.action
        if template.cure in ("retry", "changes"):
            assert isinstance(action, Retry)
            assert not action.patched
            assert template.at_retry <= action.max_attempts <= 5
        elif template.cure == "duplicate":
            assert isinstance(action, Resolve)
        elif template.cure == "patch" and template.family in BY_A_PERSON:
            assert isinstance(action, Hold)
            assert template.pointer in {field.path for field in action.edit}
        elif template.cure == "patch":
            assert isinstance(action, Retry)
            assert action.patched
        else:
            assert isinstance(action, Hold | Leave)


@pytest.mark.parametrize(
    "family", [each.family for each in TEMPLATES if each.cure == "patch" and each.family not in BY_A_PERSON]
)
def test_a_patch_cures_every_record_of_its_family_and_changes_nothing_else(
    family: str, rules: RuleSet, shop: dict[str, list[Seen]]
) -> None:
    for seen in shop[family]:
        match = winner(rules, seen)
        assert match is not None
        assert seen.data is not None
        changed = rules.patch(match, seen.record, seen.data.data)
        assert isinstance(changed, Patched), changed
        after = rewrite(seen.data, changed.data, "sandbox").envelope
        seen.truth.note_patch(seen.data.envelope, after)
        assert seen.truth.stray_changes == []
        assert seen.truth.run(after)


def test_what_comes_back_with_another_face_is_taken_as_such(rules: RuleSet, shop: dict[str, list[Seen]]) -> None:
    for family in ("lookup-changes", "shopify-location"):
        seen = shop[family][0]
        becomes = template_of(family).becomes
        assert seen.data is not None
        seen.truth.run(seen.data.envelope)
        face = seen.truth.face
        came_back = replace(
            seen.record, source=face.source, code=face.code, message=face.message, http_status=face.http_status
        )
        match = winner(rules, replace(seen, record=came_back))
        assert {match.rule.id if match else ""} == FAMILIES[becomes]


@pytest.mark.parametrize("family", [template.family for template in ODD])
def test_what_nobody_has_a_rule_for_is_left_alone(family: str, rules: RuleSet, shop: dict[str, list[Seen]]) -> None:
    assert {match.rule.id for seen in shop[family] if (match := winner(rules, seen))} == set()


# Where a mistake would cost most.

CREATES = ("Create sales order", "Create cash sale", "Create invoice", "Create order from 850", "Send 856 file")
LOST = {
    "500": {"code": "500", "http_status": 500},
    "502": {"code": "502", "http_status": 502},
    "504": {"code": "504", "http_status": 504},
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
    record = replace(
        ErrorRecord(error_id="1", occurred_at=NOW, source="application", retry_key="k"),
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
