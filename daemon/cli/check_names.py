"""What an account has, for ``flowmend check --account``: as Flowmend has read it into its store."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from daemon.cli.options import known_account, known_store, read_settings
from daemon.core.catalogue import Catalogue
from daemon.core.exceptions import ConfigError
from daemon.core.records import Step, StepRef
from daemon.rulebook.known_names import AccountNames, unknown_names
from daemon.rulebook.lint import lines_of
from daemon.rulebook.problems import Problem
from daemon.rulebook.reader import RuleFiles
from daemon.store.sql import open_store


def wrong_names(found: RuleFiles, config: Path | None, account: str) -> tuple[Problem, ...]:
    """Return warnings about names in the rules that the account does not have; none where the files have errors.

    Raises:
        ConfigError: no such account, or nothing is known of it yet.
        StoreError: there is no store, or it cannot be read.
    """
    settings = read_settings(config, offline=True)
    known_account(settings, account)

    async def read() -> tuple[Catalogue, dict[StepRef, Step]]:
        async with open_store(known_store(settings)) as store:
            return await store.catalogue(account), await store.steps(account)

    catalogue, met = asyncio.run(read())
    if not catalogue.flows:
        raise ConfigError(
            f"nothing is known of the flows of account {account} yet, so no name could be checked: "
            "flowmend once (or run) reads them from integrator.io. Without --account the files are checked by themselves"
        )
    if found.has_errors:
        return ()
    names = names_of(account, settings.accounts, catalogue, met)
    return tuple(unknown_names(found.sources, names, lines_of(found)))


def names_of(account: str, accounts: Iterable[str], catalogue: Catalogue, met: dict[StepRef, Step]) -> AccountNames:
    """Return the names in an account: all flows that were listed, and their steps, described only once they were met."""
    steps = dict(met)
    for flow in catalogue.flows.values():
        integration = catalogue.integrations.get(flow.integration_id)
        for step_id, step_type in flow.steps:
            ref = StepRef(account=account, flow_id=flow.flow_id, step_id=step_id)
            steps.setdefault(
                ref,
                Step(
                    ref=ref,
                    type=step_type,
                    flow_name=flow.name,
                    integration_id=flow.integration_id,
                    integration_name=integration.name if integration else "",
                ),
            )
    return AccountNames(
        account=account,
        accounts=tuple(accounts),
        integrations=tuple(catalogue.integrations.values()),
        flows=tuple(catalogue.flows.values()),
        steps=tuple(steps.values()),
    )
