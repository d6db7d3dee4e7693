"""``flowmend db``: care for the store."""

from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.options import Config, Json, known_account, known_file, known_store, make_log, read_settings

app = typer.Typer(help="Care for the store.", no_args_is_help=True)
OfAccount = Annotated[
    str, typer.Option("--account", metavar="NAME", help="The account, as the configuration names it.")
]
Target = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="The copy, or a folder for it. Else it stands beside the store, with the time in its name.",
        show_default=False,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what would be removed.")]
Vacuum = Annotated[
    bool,
    typer.Option(
        "--vacuum",
        help="Write the file anew without unused room, so that it can shrink from then on. Not beside a running service.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there, once the copy is whole.")]


@app.command()
def backup(target: Target = "", force: Force = False, config: Config = None, json: Json = False) -> None:
    """Copy the store while it is in use: all of one moment, looked through, readable only by its owner."""
    from dataclasses import asdict
    from datetime import UTC, datetime
    from time import monotonic

    from daemon.cli.render import print_json, progress_bar, say
    from daemon.store.copies import copy_store
    from daemon.store.upgrade import copy_name

    store = known_file(read_settings(config, offline=True))
    beside = copy_name(store, datetime.now(UTC))
    file = _place(target, beside.name) if target else beside
    began_s = monotonic()
    with progress_bar("copying", hidden=json) as progress:
        copied = copy_store(store, file, replace=force, progress=progress)
    took_s = monotonic() - began_s
    if json:
        print_json(asdict(copied) | {"took_s": round(took_s, 3)})
    else:
        say(f"{file}: {copied.size_bytes / 1e6:,.1f} MB at schema {copied.schema}, whole and sound, in {took_s:.1f} s.")


def _place(target: str, name: str) -> Path:
    """Return where the copy goes: *target*, or *name* in it where it is a folder; a disk may not be mounted."""
    place = Path(target)
    if place.is_dir():
        return place / name
    if target.endswith("/"):
        raise typer.BadParameter(f"there is no folder {target}. Make it; or is its disk not mounted?")
    return place


@app.command()
def check(config: Config = None, json: Json = False) -> None:
    """Look the store through while it is in use: its pages, its tables, and what the journal promises. 1: problems found."""
    from dataclasses import asdict

    from daemon.cli.exits import PROBLEMS
    from daemon.cli.render import print_json, say
    from daemon.store.checks import check_store
    from daemon.store.schema import HEAD

    report = check_store(known_file(read_settings(config, offline=True)))
    if json:
        print_json(asdict(report) | {"sound": not report.problems})
    else:
        mb = "{:,.1f} MB".format
        say(
            f"{report.file}: {mb(report.size_bytes / 1e6)} at schema {report.schema or '-'}, of which "
            f"{mb(report.unused_bytes / 1e6)} are not used now{'' if report.shrinks else ' and not given back'}; "
            f"its log {mb(report.log_bytes / 1e6)}; {mb(report.disk_free_bytes / 1e6)} free on its disk"
        )
        for problem in report.problems:
            say(f"problem: {problem}")
        say(
            "Restore a copy, or ask whoever looks after Flowmend: docs/operations.md, The store. Change nothing by hand."
            if report.problems
            else "Sound: its pages, its references, its tables, and what the journal promises."
            if report.schema == HEAD
            else "Sound: its pages, its references and its tables, which are of an older version. What the journal promises "
            f"can be looked at once it is brought to {HEAD}: flowmend db upgrade does that."
        )
    raise typer.Exit(PROBLEMS if report.problems else 0)


@app.command()
def prune(dry_run: DryRun = False, vacuum: Vacuum = False, config: Config = None, json: Json = False) -> None:
    """Remove now what the service removes every hour: what nobody needs any more. Attempts that count stay.

    --dry-run does it to a copy beside the store, which it then removes.
    """
    import asyncio
    from dataclasses import asdict, replace

    from daemon.app.clock import SystemClock
    from daemon.app.housekeeping import Cleared, alone, clear, clear_copy
    from daemon.cli.render import print_json, say
    from daemon.store.sql import open_store

    settings = read_settings(config, offline=True)
    file, clock = known_file(settings), SystemClock()
    log, _ = make_log(settings, quiet=True)

    async def go() -> Cleared:
        if dry_run:
            return await clear_copy(settings, file, clock)
        async with open_store(settings.store.url, now=clock.now) as store:
            if not vacuum:
                return await clear(store, settings, clock.now())
            async with alone(store, settings, clock, log):
                cleared = await clear(store, settings, clock.now())
                return replace(cleared, given_back_bytes=cleared.given_back_bytes + await store.rebuild())

    done = asyncio.run(go())
    if json:
        print_json(asdict(done) | {"dry_run": dry_run})
        return
    say("Nothing was changed. What would be removed:" if dry_run else "Removed:")
    say(f"  {done.removed:,} plans, and data from before and after patches")
    say(f"  {done.attempts:,} attempts on records of which nothing is recent, open or unknown")
    say(f"  {done.recordings:,} recordings")
    say(f"{done.given_back_bytes / 1e6:,.1f} MB {'would be' if dry_run else 'were'} given back to the disk.")


@app.command()
def upgrade(config: Config = None, json: Json = False) -> None:
    """Bring the store up to this version's schema, with a copy of it beside (a service that starts does so by itself)."""
    import asyncio

    from daemon.cli.render import print_json, say
    from daemon.store.sql import open_store
    from daemon.store.upgrade import Upgraded

    settings = read_settings(config, offline=True)

    async def go() -> tuple[str, Upgraded | None]:
        async with open_store(settings.store.url) as store:
            return await store.schema_version(), store.upgraded

    version, upgraded = asyncio.run(go())
    copy = upgraded.copy if upgraded else None
    if json:
        print_json({"schema": version, "was": upgraded.was if upgraded else version, "copy": copy})
    else:
        say(f"The store is at schema {version}.")
        if upgraded and copy:
            say(f"It was at {upgraded.was}; as it was then it is kept in {copy}")


@app.command()
def rebind(account: OfAccount, config: Config = None, json: Json = False) -> None:
    """Let the store follow an account to a new user, address or share: it takes those it is next used with.

    Only for the same integrator.io account. The attempts on its records are kept, and go on to count.
    """
    import asyncio
    from dataclasses import asdict

    from daemon.cli.render import print_json, say
    from daemon.core.owner import Owner, owner_note
    from daemon.store.sql import open_store

    settings = read_settings(config, offline=True)
    known_account(settings, account)

    async def go() -> str | None:
        async with open_store(known_store(settings)) as store:
            return await store.drop_meta(owner_note(account))

    note = asyncio.run(go())
    owner = Owner.from_note(note) if note is not None else None
    if json:
        print_json({"account": account, "was": asdict(owner) if owner else None})
    elif owner is None:
        say(f"{account}: the store belonged to nobody yet; the next run decides.")
    else:
        say(f"{account}: the store belonged to {owner}. From the next run on it belongs to whoever the token is of.")
