"""Look at one installation and say in words what is wrong with it. Nothing is sent but reads, and no account is locked."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from socket import gethostname

from daemon.app.build import make_limits, make_terms
from daemon.app.doctor_account import examine_account
from daemon.app.findings import Finding, Grade, Topic
from daemon.app.rules_state import stamp
from daemon.core.actions import Mode
from daemon.core.exceptions import FlowmendError
from daemon.core.leases import Holder, Lease
from daemon.core.owner import Owner, owner_note
from daemon.core.pauses import Pause
from daemon.core.rows import RulesRow
from daemon.logs import Secrets
from daemon.pipeline.terms import Clock
from daemon.rulebook.candidate import prepare
from daemon.rulebook.problems import render, summary
from daemon.settings import Settings
from daemon.store.pause_file import look_beside
from daemon.store.presence import Presence
from daemon.store.sql import SqlStore, file_of, open_store

MODES = {
    Mode.OBSERVE: "mode observe: it reads and judges, and sends nothing",
    Mode.APPROVE: "mode approve: what it would send waits for flowmend approve",
    Mode.ENFORCE: "mode enforce: it acts by itself",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreReport:
    """What was found of the store, and what it knows that the rest is compared with; nothing where it has none."""

    findings: Sequence[Finding]
    owners: dict[str, Owner] = field(default_factory=dict)
    rules: RulesRow | None = None


async def examine(settings: Settings, names: Sequence[str], *, clock: Clock, secrets: Secrets) -> list[Finding]:
    """Return what is found of the installation and of the accounts *names*, in the order of the topics.

    Nothing is raised: what cannot be looked at is a finding, too.
    """
    store = await _store(settings, names, clock.now())
    found = [_configuration(settings)]
    for name in names:
        account = settings.accounts[name]
        terms = make_terms(name, account, settings, settings.mode, limits=partial(make_limits, settings))
        found += await examine_account(account, terms, clock=clock, secrets=secrets, owner=store.owners.get(name))
    return [*found, await _rules(settings, store.rules), *store.findings]


def _configuration(settings: Settings) -> Finding:
    sources = settings.describe_sources()
    read = [str(sources.file)] if sources.file else []
    read += [f"{len(sources.environment)} from the environment"] if sources.environment else []
    accounts = ", ".join(settings.accounts) or "none"
    return Finding(
        topic=Topic.CONFIGURATION,
        grade=Grade.GOOD,
        said=f"read {' and '.join(read) or 'nothing but the defaults'}; accounts: {accounts}; {MODES[settings.mode]}",
    )


async def _rules(settings: Settings, newest: RulesRow | None) -> Finding:
    candidate = await asyncio.to_thread(prepare, settings.rules.paths)
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
            grade=Grade.WRONG,
            said=f"refused ({summary(candidate.problems)}); {stays}\n{render(errors).rstrip()}",
            advice="mend the files; a running service takes them by itself, and flowmend check shows them line by line",
        )
    rules = candidate.ruleset
    warnings = f", {summary(candidate.problems)}" if candidate.problems else ""
    sizes = (_count(len(rules.rules), "rule"), _count(candidate.files, "file"), _count(candidate.tests, "test"))
    said = "{}: {} in {}, {} passed{}".format(rules.version, *sizes, warnings)
    if newest and newest.version != rules.version:
        return Finding(
            topic=Topic.RULES,
            grade=Grade.NOTE,
            said=f"{said}; the newest set that was in force is another, {in_force}",
            advice="a running service that watches its files (rules.watch) takes them within seconds; others on SIGHUP",
        )
    grade = Grade.NOTE if candidate.problems else Grade.GOOD
    return Finding(topic=Topic.RULES, grade=grade, said=said, advice="flowmend check shows them" if warnings else "")


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


async def _store(settings: Settings, names: Sequence[str], now: datetime) -> StoreReport:
    url = settings.store.url
    try:
        file = file_of(url)
        if file is None or not file.exists():
            return StoreReport(findings=[_missing(file or Path()), *_paused(look_beside(url))])
        async with open_store(url) as store:
            return await _opened(store, file, settings, names, now)
    except FlowmendError as failed:
        advice = "docs/operations.md, The store, says what to do"
        return StoreReport(findings=[_of_store(Grade.WRONG, str(failed), advice), *_paused(look_beside(url))])


async def _opened(store: SqlStore, file: Path, settings: Settings, names: Sequence[str], now: datetime) -> StoreReport:
    notes = {name: await store.get_meta(owner_note(name)) for name in names}
    loads = await store.rules_history(1)
    unknown = sum([await store.unknown_count(name) for name in names])
    findings = [_of_store(Grade.GOOD, f"{file} can be read ({_size_mb(file):.1f} MB)")]
    if unknown:
        said = f"of {unknown} retried records nobody knows whether they ran; nothing sends them again"
        findings.append(_of_store(Grade.NOTE, said, "flowmend errors --unknown lists them"))
    findings += _paused(look_beside(f"sqlite:///{file}"), *await store.pauses(now))
    return StoreReport(
        findings=[*findings, *[_lease(name, await store.lease(name), now, file, settings) for name in names]],
        owners={name: Owner.from_note(note) for name, note in notes.items() if note},
        rules=loads[0] if loads else None,
    )


def _paused(*pauses: Pause | None) -> list[Finding]:
    """Return a note for each pause that holds; number 0 is the file's, which no command ends."""
    return [
        _of_store(Grade.NOTE, str(pause), "flowmend resume ends it" if pause.number else "remove the file to go on")
        for pause in pauses
        if pause is not None
    ]


def _size_mb(file: Path) -> float:
    return file.stat().st_size / 1e6


def _missing(file: Path) -> Finding:
    folder = next(parent for parent in file.absolute().parents if parent.exists())
    if os.access(folder, os.W_OK | os.X_OK):
        return _of_store(Grade.NOTE, f"{file} is not there yet", "the first flowmend once or flowmend run makes it")
    advice = "run this as the user of the service, give that one the folder, or set store.url"
    return _of_store(
        Grade.WRONG, f"{file} is not there, and this user may not make it: {folder} is not writable", advice
    )


def _lease(name: str, lease: Lease | None, now: datetime, store: Path, settings: Settings) -> Finding:
    holder = Holder.from_json(lease.holder) if lease else None
    ended = holder is not None and _has_ended(holder, store)
    if lease is None or holder is None or ended or lease.expires_at <= now:
        return Finding(
            topic=Topic.STORE,
            grade=Grade.NOTE,
            account=name,
            said="no process looks after it now" + (f": {holder} was killed, or broke off" if ended else ""),
            advice="flowmend run, or the service (systemctl status flowmend)",
        )
    said = f"looked after by {holder}"
    if changed := _changed_since(holder, settings):
        advice = "restart it where what you changed is to count, such as mode (for rules nothing is to be done)"
        return Finding(topic=Topic.STORE, grade=Grade.NOTE, account=name, said=f"{said}; {changed}", advice=advice)
    return Finding(topic=Topic.STORE, grade=Grade.GOOD, account=name, said=said)


def _has_ended(holder: Holder, store: Path) -> bool:
    """Tell whether the process of this host is known to have ended; its lease may not have run out yet."""
    if holder.host != gethostname():
        return False
    try:
        with store.with_name(f"{store.name}-alive").open("rb") as alive:
            return Presence(alive.fileno()).gone(holder.run)
    except OSError:  # nothing shows who lives
        return False


def _changed_since(holder: Holder, settings: Settings) -> str:
    """Return what to say where the configuration file is newer than the process, "" where it is not."""
    file = settings.describe_sources().file
    try:
        began = datetime.fromisoformat(holder.since)
        changed = datetime.fromtimestamp(file.stat().st_mtime, UTC) if file else began
    except (ValueError, OSError):
        return ""
    return f"{file} was changed after that began, at {stamp(changed)}" if changed > began else ""


def _of_store(grade: Grade, said: str, advice: str = "") -> Finding:
    return Finding(topic=Topic.STORE, grade=grade, said=said, advice=advice)
