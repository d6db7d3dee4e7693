"""The rules that ship treat everything that the sandbox's shop can show the right way, and leave alone what is odd."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import msgspec
import pytest

from daemon.core.actions import Hold, Leave, Resolve, Retry
from daemon.core.decisions import Match
from daemon.core.facts import UNAVAILABLE, Facts, NeedsData, Patched
from daemon.core.records import ErrorRecord, RetryData, Step, StepRef
from daemon.integrator.retry_data import read, rewrite
from daemon.integrator.wire import WireError, error_record
from daemon.rulebook.ruleset import RuleSet
from daemon.sandbox.template import Template
from daemon.sandbox.templates import ODD, TEMPLATES, template_of
from daemon.sandbox.truth import Truth
from daemon.sandbox.world import World
from daemon.sandbox.worlds import make_world

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
    """Ask as the daemon does: the retry data is read only where a rule needs it."""
    found = rules.match(seen.step, seen.record, Facts(now=NOW))
    if isinstance(found, NeedsData):
        data = seen.data.data if seen.data else UNAVAILABLE
        found = rules.match(seen.step, seen.record, Facts(now=NOW, data=data))
    assert found is None or isinstance(found, Match)
    return found


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
        came_back = seen.record._replace(
            source=face.source, code=face.code, message=face.message, http_status=face.http_status
        )
        match = winner(rules, replace(seen, record=came_back))
        assert {match.rule.id if match else ""} == FAMILIES[becomes]


@pytest.mark.parametrize("family", [template.family for template in ODD])
def test_what_nobody_has_a_rule_for_is_left_alone(family: str, rules: RuleSet, shop: dict[str, list[Seen]]) -> None:
    assert {match.rule.id for seen in shop[family] if (match := winner(rules, seen))} == set()
