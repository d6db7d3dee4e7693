import ast
import json
import pkgutil
from collections import Counter
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest

import daemon.sandbox
from daemon.sandbox import make_world
from daemon.sandbox.exact import read_exact, value_at
from daemon.sandbox.templates import ALL, ODD, TEMPLATES, template_of
from daemon.sandbox.world import World
from tests.unit.sandbox.sandbox_client import NOW


@pytest.fixture(scope="module")
def shop() -> World:
    return make_world(now=NOW)


def _everything(world: World) -> list[str]:
    return [
        text
        for step in world.steps()
        for text in (
            *(entry.wire() for entry in step.open),
            *(f"{key} {data.envelope.decode()}" for key, data in step.retry_data.items()),
        )
    ]


def test_a_world_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    first, second = (make_world(seed=7, errors=200, now=NOW) for _ in range(2))
    other = make_world(seed=8, errors=200, now=NOW)
    assert _everything(first) == _everything(second)
    assert list(first.flows) == list(second.flows)
    assert set(_everything(first)).isdisjoint(_everything(other))


def test_the_shop_is_as_large_and_as_mixed_as_it_says(shop: World) -> None:
    families = Counter(truth.family for truth in shop.truths.values())
    assert len(shop.truths) == families.total() == 2400
    assert set(families) == set(ALL)
    assert max(families.values()) <= 0.15 * 2400
    assert sum(families[template.family] for template in ODD) == 240
    assert len(shop.flows) >= 6
    assert sum(bool(len(step.open)) for step in shop.steps()) >= 12
    assert {step.resource.kind for step in shop.steps() if len(step.open)} == {"export", "import"}
    assert Counter(step.step_id for step in shop.steps()).most_common(1)[0][1] == 2, "one step in two flows"


def test_errors_occurred_in_the_last_two_days_in_the_order_of_their_ids(shop: World) -> None:
    for step in shop.steps():
        moments = [entry.at for entry in step.open]
        assert moments == sorted(moments)
        assert all(NOW - timedelta(days=2, seconds=1) <= moment < NOW for moment in moments)


def test_the_shop_holds_every_oddity(shop: World) -> None:
    fields = [entry.fields for step in shop.steps() for entry in step.open]
    assert any(each["traceKey"] == "" for each in fields)
    assert any(each.get("retryAt", "") > "2025-03-01T12" for each in fields)
    assert all(each["retryAt"] > "2025-03-01T12" for each in fields if "retryAt" in each)
    assert {type(each["errorId"]) for each in fields} == {int, str}
    assert {type(each["message"]) for each in fields} == {str, int, type(None)}
    assert any("retryDataKey" not in each for each in fields)
    assert any(each.get("assignedTo") for each in fields)
    assert any(each.get("tags") for each in fields)
    assert {"ftp_bridge", "internal", "pre_save_page_hook", "mapping", "lookup"} <= {each["source"] for each in fields}


def test_no_two_records_of_a_step_share_a_trace_key(shop: World) -> None:
    for step in shop.steps():
        keys = [entry.record.trace_key for entry in step.open if entry.record.trace_key]
        assert len(keys) == len(set(keys))


def test_retry_data_holds_the_wrong_value_and_numbers_that_a_double_would_spoil(shop: World) -> None:
    envelopes = [(data.record, data.envelope) for step in shop.steps() for data in step.retry_data.values()]
    for record, envelope in envelopes:
        if record.cure.kind == "patch":
            wrong = value_at(read_exact(envelope), record.cure.pointer)
            assert wrong not in (record.cure.value, None)
        assert value_at(read_exact(envelope), "/traceKey") == record.trace_key
    spoilt = [json.dumps(json.loads(envelope)).encode() == envelope for _, envelope in envelopes]
    assert spoilt.count(False) > 0.9 * len(envelopes)


def test_the_tiny_world_has_one_of_each_cure() -> None:
    tiny = make_world("tiny", now=NOW)
    assert (len(tiny.flows), len(list(tiny.steps())), len(tiny.truths)) == (1, 2, 12)
    assert {truth.cure.kind for truth in tiny.truths.values()} == {
        "retry", "patch", "duplicate", "never", "changes", "none",
    }  # fmt: skip


def test_the_empty_world_has_flows_and_no_errors() -> None:
    empty = make_world("empty", now=NOW)
    assert len(empty.flows) == 8
    assert not empty.truths


def test_an_unknown_world_or_family_is_refused_with_what_there_is() -> None:
    with pytest.raises(ValueError, match="one of: shop, tiny, empty"):
        make_world("mall", now=NOW)
    with pytest.raises(LookupError, match="netsuite-concurrency"):
        template_of("nothing")


@pytest.mark.parametrize("template", [*TEMPLATES, *ODD], ids=lambda template: template.family)
def test_a_family_is_whole(template: object) -> None:
    row = template_of(getattr(template, "family", ""))
    assert row is template
    assert (row.cure == "patch") == bool(row.pointer and row.wrong and row.right)
    assert (row.cure == "changes") == bool(row.becomes)
    assert row.known == (row not in ODD)


def test_the_sandbox_imports_nothing_of_flowmend_but_itself() -> None:
    for module in pkgutil.iter_modules(daemon.sandbox.__path__, "daemon.sandbox."):
        spec = find_spec(module.name)
        assert spec is not None
        assert spec.origin is not None
        tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
        imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
        ours = {name for name in imported if name.split(".")[0] == "daemon"}
        assert all(name.startswith("daemon.sandbox") for name in ours), module.name
