"""Look at the store: its file, who works with it, what is unsettled in it, and what the trace keys in it are worth."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from socket import gethostname

from daemon.app.doctor_cases import examine_queue, examine_trace_keys
from daemon.app.findings import Finding, Grade, Topic
from daemon.app.rules_state import stamp
from daemon.core.exceptions import FlowmendError
from daemon.core.leases import Holder, Lease
from daemon.core.owner import Owner, owner_note
from daemon.core.pauses import Pause
from daemon.core.rows import RulesRow
from daemon.settings import Settings
from daemon.store.files import is_there, log_of
from daemon.store.pause_file import look_beside
from daemon.store.presence import Presence
from daemon.store.schema import HEAD
from daemon.store.sql import SqlStore, file_of, open_store
from daemon.store.upgrade import older_version

TIGHT_BYTES = 500_000_000
"""So much free disk, or as much as the store itself takes for the copy before a migration, there should be at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreReport:
    """What was found of the store, and what it knows that the rest is compared with; nothing where it has none."""

    findings: Sequence[Finding]
    owners: Mapping[str, Owner] = field(default_factory=dict)
    rules: RulesRow | None = None


async def examine_store(settings: Settings, names: Sequence[str], now: datetime) -> StoreReport:
    """Return what is found of the store and, in it, of the accounts *names*; it is neither made nor migrated."""
    url = settings.store.url
    try:
        file = file_of(url)
        if file is None or not is_there(file):
            return StoreReport(findings=[_missing(file or Path()), *_paused(look_beside(url))])
        if older := _older(file):
            return StoreReport(findings=[older, *_paused(look_beside(url))])
        async with open_store(url) as store:
            return await _opened(store, file, settings, names, now)
    except FlowmendError as failed:
        advice = "docs/operations.md, The store, says what to do"
        return StoreReport(findings=[_of_store(Grade.PROBLEM, str(failed), advice), *_paused(look_beside(url))])


def _older(file: Path) -> Finding | None:
    """Return what is said of a store that opening would bring forward, None for any other."""
    version = older_version(file)
    if not version:
        return None
    said = f"{file} is of version {version}, from before this Flowmend; what is in it is not looked at"
    advice = f"flowmend db upgrade, or whatever opens it next, brings it to {HEAD}, with a copy of it beside"
    return _of_store(Grade.WARNING, said, advice)


async def _opened(store: SqlStore, file: Path, settings: Settings, names: Sequence[str], now: datetime) -> StoreReport:
    notes = {name: await store.get_meta(owner_note(name)) for name in names}
    loads = await store.rules_history(1)
    findings = [_file(file, await store.schema_version())]
    findings += _paused(look_beside(f"sqlite:///{file}"), *await store.pauses(now))
    findings += [_lease(name, await store.lease(name), now, file, settings) for name in names]
    late = settings.actions.confirm_timeout
    findings += [await examine_queue(name, store, now, late) for name in names]
    findings += [await examine_trace_keys(name, store) for name in names]
    return StoreReport(
        findings=findings,
        owners={name: Owner.from_note(note) for name, note in notes.items() if note},
        rules=loads[0] if loads else None,
    )


def _file(file: Path, version: str) -> Finding:
    size = sum(each.stat().st_size for each in (file, log_of(file)) if each.exists())
    free = shutil.disk_usage(file.parent).free
    said = f"{file} can be read (version {version}, {size / 1e6:,.1f} MB); {free / 1e9:,.1f} GB are free on its disk"
    if free < max(TIGHT_BYTES, size):
        advice = "make room: where nothing can be written, nothing is sent; before an upgrade the store is copied, too"
        return _of_store(Grade.WARNING, said, advice)
    return _of_store(Grade.OK, said)


def _paused(*pauses: Pause | None) -> list[Finding]:
    """Return a note for each pause that holds; number 0 is the file's, which no command ends."""
    return [
        _of_store(Grade.WARNING, str(pause), "flowmend resume ends it" if pause.number else "remove the file to go on")
        for pause in pauses
        if pause is not None
    ]


def _missing(file: Path) -> Finding:
    folder = next(parent for parent in file.absolute().parents if parent.exists())
    if os.access(folder, os.W_OK | os.X_OK):
        return _of_store(Grade.WARNING, f"{file} is not there yet", "the first flowmend once or flowmend run makes it")
    advice = "run this as the user of the service, give that one the folder, or set store.url"
    return _of_store(
        Grade.PROBLEM, f"{file} is not there, and this user may not make it: {folder} is not writable", advice
    )


def _lease(name: str, lease: Lease | None, now: datetime, store: Path, settings: Settings) -> Finding:
    holder = Holder.from_json(lease.holder) if lease else None
    ended = holder is not None and _has_ended(holder, store)
    if lease is None or holder is None or ended or lease.expires_at <= now:
        return Finding(
            topic=Topic.STORE,
            grade=Grade.WARNING,
            account=name,
            said="no process looks after it now" + (f": {holder} was killed, or broke off" if ended else ""),
            advice="flowmend run, or the service (systemctl status flowmend)",
        )
    said = f"looked after by {holder}"
    if changed := _changed_since(holder, settings):
        advice = "limits and log.level are in force once it was reloaded (SIGHUP); restart it where anything else was changed"
        return Finding(topic=Topic.STORE, grade=Grade.WARNING, account=name, said=f"{said}; {changed}", advice=advice)
    return Finding(topic=Topic.STORE, grade=Grade.OK, account=name, said=said)


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
