"""Look at one installation and say in words what is wrong with it. Nothing is sent but reads, and no account is locked."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from daemon.app.build import make_limits, make_terms
from daemon.app.doctor_account import REGIONS, examine_account
from daemon.app.doctor_channels import examine_channels
from daemon.app.doctor_store import examine_store
from daemon.app.findings import Finding, Grade, Topic, counted
from daemon.app.rules_state import stamp
from daemon.core.actions import Mode
from daemon.core.rows import RulesRow
from daemon.logs import Secrets
from daemon.pipeline.terms import Clock
from daemon.rulebook.candidate import Candidate, prepare
from daemon.rulebook.problems import render, summary
from daemon.settings import Settings

MODES = {
    Mode.OBSERVE: "mode observe: it reads and judges, and sends nothing",
    Mode.APPROVE: "mode approve: what it would send waits for flowmend approve",
    Mode.ENFORCE: "mode enforce: it acts by itself",
}


async def examine(
    settings: Settings,
    names: Sequence[str],
    *,
    clock: Clock,
    secrets: Secrets,
    regions: Mapping[str, str] = REGIONS,
) -> list[Finding]:
    """Return what is found of the installation and of the accounts *names*, in the order of the topics.

    Nothing is raised: what cannot be looked at is a finding, too.
    """
    store = await examine_store(settings, names, clock.now())
    found = [_configuration(settings)]
    for name in names:
        account = settings.accounts[name]
        terms = make_terms(name, account, settings, settings.mode, limits=partial(make_limits, settings))
        owner = store.owners.get(name)
        found += await examine_account(account, terms, clock=clock, secrets=secrets, owner=owner, regions=regions)
    candidate = await asyncio.to_thread(prepare, settings.rules.paths)
    found += [_rules(candidate, store.rules), *store.findings]
    return found + examine_channels(settings, secrets, candidate.ruleset.rules if candidate.ruleset else ())


def _configuration(settings: Settings) -> Finding:
    sources = settings.describe_sources()
    read = [str(sources.file)] if sources.file else []
    if sources.environment:
        read.append(f"from the environment {', '.join(sources.environment)}")
    if sources.credentials:
        read.append(f"as systemd credentials {', '.join(sources.credentials)}")
    accounts = ", ".join(settings.accounts) or "none"
    return Finding(
        topic=Topic.CONFIGURATION,
        grade=Grade.OK,
        said=f"read {'; '.join(read) or 'nothing but the defaults'}; accounts: {accounts}; {MODES[settings.mode]}",
    )


def _rules(candidate: Candidate, newest: RulesRow | None) -> Finding:
    in_force = f"{newest.version} of {stamp(newest.loaded_at)}" if newest else ""
    if candidate.ruleset is None:
        errors = [problem for problem in candidate.problems if problem.is_error]
        stays = (
            f"the last good set, {in_force}, stays in force"
            if in_force
            else "no rule is in force, so nothing is acted on"
        )
        return Finding(
            topic=Topic.RULES,
            grade=Grade.PROBLEM,
            said=f"refused ({summary(candidate.problems)}); {stays}\n{render(errors).rstrip()}",
            advice="mend the files; a running service takes them by itself, and flowmend check shows them line by line",
        )
    rules = candidate.ruleset
    warnings = f", {summary(candidate.problems)}" if candidate.problems else ""
    sizes = (counted(len(rules.rules), "rule"), counted(candidate.files, "file"), counted(candidate.tests, "test"))
    said = "{}: {} in {}, {} passed{}".format(rules.version, *sizes, warnings)
    if newest is None:
        said += "; no process has loaded them yet"
    elif newest.version != rules.version:
        return Finding(
            topic=Topic.RULES,
            grade=Grade.WARNING,
            said=f"{said}; the newest set that was in force is another, {in_force}",
            advice="a running service that watches its files (rules.watch) takes them within seconds; others on SIGHUP",
        )
    else:
        said += f"; in force, last loaded {stamp(newest.loaded_at)}"
    grade = Grade.WARNING if candidate.problems else Grade.OK
    return Finding(topic=Topic.RULES, grade=grade, said=said, advice="flowmend check shows them" if warnings else "")
