"""What ``flowmend check --account`` adds: names that the account lacks, and rules that lost all they match."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from daemon.app.replay import Asked, past_errors
from daemon.cli.options import known_account, known_store, read_settings
from daemon.core.catalogue import Catalogue
from daemon.core.exceptions import ConfigError
from daemon.core.facts import Facts
from daemon.core.recordings import record_of
from daemon.core.records import Step, StepRef
from daemon.rulebook.known_names import AccountNames, unknown_names
from daemon.rulebook.lint import lines_of
from daemon.rulebook.problems import Problem
from daemon.rulebook.reader import RuleFiles
from daemon.rulebook.recorded_shadows import RecordedShadows
from daemon.store.sql import SqlStore, open_store

DAYS = 14
"""How far back recorded errors are looked at, as ``replay`` does."""


def problems_of(found: RuleFiles, config: Path | None, account: str, now: datetime) -> tuple[Problem, ...]:
    """Return what is wrong with rules in the light of an account; nothing where the files have errors.

    Raises:
        ConfigError: no such account, or nothing is known of it yet.
        StoreError: there is no store, or it cannot be read.
    """
    settings = read_settings(config, offline=True)
    known_account(settings, account)

    async def look() -> tuple[AccountNames, RecordedShadows]:
        async with open_store(known_store(settings)) as store:
            catalogue = await store.catalogue(account)
            if not catalogue.flows:
                raise ConfigError(
                    f"nothing is known of the flows of account {account} yet, so no name could be checked: flowmend once "
                    "(or run) reads them from integrator.io. Without --account the files are checked by themselves"
                )
            names = names_of(account, settings.accounts, catalogue, await store.steps(account))
            return names, await _seen(store, found, Asked(since=now - timedelta(days=DAYS), now=now, account=account))

    names, shadows = asyncio.run(look())
    if found.has_errors:
        return ()
    lines = lines_of(found)
    return (*unknown_names(found.sources, names, lines), *shadows.problems(account, DAYS, lines))


async def _seen(store: SqlStore, found: RuleFiles, asked: Asked) -> RecordedShadows:
    shadows = RecordedShadows(() if found.has_errors else found.sources)
    async for error in past_errors(store, asked):
        for each in error.recordings:
            recorded = each.recorded
            facts = Facts(now=recorded.judged_at, attempts=recorded.case.attempts)
            shadows.see(error.step, recorded.said, record_of(recorded), facts)
    return shadows


def names_of(account: str, accounts: Iterable[str], catalogue: Catalogue, met: Mapping[StepRef, Step]) -> AccountNames:
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
