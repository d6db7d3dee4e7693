"""``flowmend check --account`` asks the store what the account has, and says so where it knows nothing."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daemon.cli.check_account import problems_of
from daemon.core.exceptions import ConfigError, StoreError
from daemon.core.records import Flow, Integration, Step, StepRef
from daemon.rulebook.reader import RuleFiles, read_rules
from daemon.store.sql import open_store

NOW = datetime(2026, 1, 15, tzinfo=UTC)
RULES = (
    "version: 1\nrules:\n  - {id: a, why: W., when: {code: A, flow: Order, step: Create order}, then: {leave: {}}}\n"
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(
        f'[accounts.acme]\nbase_url = "https://api.example.com/v1"\n[store]\nurl = "sqlite:///{tmp_path}/f.db"\n',
        encoding="utf-8",
    )
    return file


@pytest.fixture
def found(tmp_path: Path) -> RuleFiles:
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    return read_rules([tmp_path / "rules.yaml"])


def keep(folder: Path, flows: Sequence[Flow]) -> None:
    async def save() -> None:
        async with open_store(f"sqlite:///{folder}/f.db") as store:
            await store.save_catalogue("acme", [Integration(integration_id="i1", name="Shop")], flows, NOW)
            met = Step(ref=StepRef(account="acme", flow_id="f1", step_id="s1"), type="import", name="Create order")
            await store.save_step(met)

    asyncio.run(save())


def test_names_are_held_against_what_was_read_of_the_account(tmp_path: Path, config: Path, found: RuleFiles) -> None:
    keep(tmp_path, [Flow(flow_id="f1", name="Orders", integration_id="i1", steps=(("s1", "import"), ("s2", "export")))])
    (problem,) = problems_of(found, config, "acme", NOW)
    assert problem.message == 'account "acme" has no flow "Order"'
    assert problem.hint == 'did you mean "Orders"?'


def test_an_account_of_which_nothing_is_known_yet_is_no_reason_to_warn_of_everything(
    tmp_path: Path, config: Path, found: RuleFiles
) -> None:
    keep(tmp_path, [])
    with pytest.raises(ConfigError, match=r"nothing is known of the flows of account acme yet.*flowmend once"):
        problems_of(found, config, "acme", NOW)


def test_no_store_is_made_for_it(tmp_path: Path, config: Path, found: RuleFiles) -> None:
    with pytest.raises(StoreError, match="there is no store"):
        problems_of(found, config, "acme", NOW)
    assert not (tmp_path / "f.db").exists()


def test_an_account_that_is_not_configured_is_refused(config: Path, found: RuleFiles) -> None:
    with pytest.raises(ConfigError, match='there is no account "globex"'):
        problems_of(found, config, "globex", NOW)
