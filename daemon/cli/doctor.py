"""``flowmend doctor``: what is wrong here, in words."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from daemon.cli.options import AccountName, Config, Json, known_account, read_settings

if TYPE_CHECKING:
    from daemon.settings import Settings


def doctor(config: Config = None, account: AccountName = None, json: Json = False) -> None:
    """Look at everything that Flowmend needs, and say in words what is wrong and what to do about it.

    Configuration, token, region, account, clocks, rights, flows, rules, store, unsettled work, trace keys and
    notifications: a line each, ok, warning or problem. Only reads, also beside a running service. Ends with 1 where there
    is a problem.
    """
    import asyncio

    from daemon.app.clock import SystemClock
    from daemon.app.doctor import examine
    from daemon.app.findings import Finding, Grade, Topic
    from daemon.cli.doctor_view import findings_json, show_findings, verdict
    from daemon.cli.render import print_json
    from daemon.core.exceptions import ConfigError
    from daemon.logs import Secrets

    findings: list[Finding] = []
    settings = None
    try:
        settings = read_settings(config)
    except ConfigError as wrong:
        advice = "config.example.toml shows every key; what depends on the rest is looked at where it can be"
        findings.append(Finding(topic=Topic.CONFIGURATION, grade=Grade.PROBLEM, said=str(wrong), advice=advice))
        settings = _as_far_as_it_goes(config)
    if settings is not None:
        known_account(settings, account)
        names = [name for name in settings.accounts if account in (None, name)]
        secrets = Secrets()
        for value in settings.secrets():
            secrets.add(value)
        found = asyncio.run(examine(settings, names, clock=SystemClock(), secrets=secrets))
        findings += [each for each in found if not (findings and each.topic is Topic.CONFIGURATION)]
    if json:
        print_json(findings_json(findings))
    else:
        show_findings(findings)
    raise typer.Exit(verdict(findings))


def _as_far_as_it_goes(config: Path | None) -> "Settings | None":
    """Return the settings where only an account or its token is missing, None where nothing can be looked at."""
    from daemon.core.exceptions import ConfigError

    try:
        return read_settings(config, offline=True)
    except ConfigError:
        return None
