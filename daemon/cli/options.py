"""The options that every command has, and how they become settings and a log."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from daemon.core.plans import PlannedGroup
    from daemon.core.records import Step, StepRef
    from daemon.core.rows import CaseEvent, ErrorRow, HeldRow, UnknownRow
    from daemon.logs import Audience, Secrets, Threshold
    from daemon.settings import Settings
    from daemon.store.sql import SqlStore

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="The configuration file. Else FLOWMEND_CONFIG, ./config.toml, /etc/flowmend/config.toml.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output on standard output, nothing else there.")]
AccountName = Annotated[
    str | None, typer.Option("--account", metavar="NAME", help="Only this account.", show_default=False)
]

FlowName = Annotated[
    str | None, typer.Option("--flow", metavar="NAME", help="Only this flow, by id or name.", show_default=False)
]
StepName = Annotated[
    str | None, typer.Option("--step", metavar="NAME", help="Only this step, by id or name.", show_default=False)
]


def read_settings(config: Path | None, *, offline: bool = False) -> "Settings":
    """Load the settings; *offline* commands never call integrator.io and need no token."""
    from daemon.settings import load_settings

    return load_settings(config, os.environ, Path.cwd(), offline=offline)


def rule_paths(named: Sequence[Path] | None, config: Path | None) -> Sequence[Path]:
    """Return the rule files and folders that were named, else those configured.

    Which these are is told where no configuration says it: all may be well with the rules of another folder.
    """
    from daemon.cli.exits import complain

    if named:
        return named
    settings = read_settings(config, offline=True)
    sources, paths = settings.describe_sources(), settings.rules.paths
    if sources.file is None and not sources.environment:
        complain(f"no configuration was found here, so this is about {', '.join(map(str, paths))}")
    return paths


def known_account(settings: "Settings", account: str | None) -> str | None:
    """Return the account that was asked for, None for all.

    Raises:
        ConfigError: there is none of that name.
    """
    from daemon.core.exceptions import ConfigError

    if account is not None and account not in settings.accounts:
        known = ", ".join(settings.accounts) or "none"
        raise ConfigError(f'there is no account "{account}" in the configuration; there are: {known}')
    return account


def make_log(
    settings: "Settings",
    *,
    quiet: bool = False,
    threshold: "Threshold | None" = None,
    audience: "Audience | None" = None,
) -> tuple["FilteringBoundLogger", "Secrets"]:
    """Return the logger on standard error and what it hides; *quiet* commands log from warnings up.

    With a *threshold* the level is its, now and later; an *audience* hears of what it wants to, whatever the level.
    """
    from daemon.logs import Secrets, configure_logs, route_libraries

    secrets = Secrets()
    for value in settings.secrets():
        secrets.add(value)
    level = settings.log.level
    if quiet and level == "info":
        level = "warning"
    log = configure_logs(
        format=settings.log.format,
        level=threshold or level,
        stream=sys.stderr,
        secrets=secrets,
        messages=settings.log.messages,
        audience=audience,
    )
    route_libraries(log)
    return log, secrets


def present_user() -> str:
    """Return the name of the operating system's user, or its number where it has no name."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may be unknown to its system
        return f"uid {os.getuid()}"


def known_store(settings: "Settings") -> str:
    """Return the URL of the store of a command that only looks, which must not make an empty one.

    That it will be brought forward is told: whoever only wanted to look did not ask for that.

    Raises:
        StoreError: there is none yet, or this user may not look; nothing was made.
    """
    from daemon.cli.exits import complain
    from daemon.store.schema import HEAD
    from daemon.store.upgrade import older_version

    file = _store_file(settings)
    if file is not None and (version := older_version(file)):
        complain(f"the store {file} is of version {version}: it is brought to {HEAD}, with a copy of it beside")
    return settings.store.url


def _store_file(settings: "Settings") -> Path | None:
    from urllib.parse import urlsplit

    from daemon.core.exceptions import StoreError
    from daemon.store.files import is_there

    file = Path(urlsplit(settings.store.url).path.removeprefix("/"))
    if settings.store.url.startswith("sqlite:") and not is_there(file):
        raise StoreError(
            f"there is no store at {file} yet: flowmend once or flowmend run makes it. "
            "If yours is elsewhere, name your configuration with --config"
        )
    return file if settings.store.url.startswith("sqlite:") else None


def known_file(settings: "Settings") -> Path:
    """Return the file of a store that is there.

    Raises:
        StoreError: there is none yet, it is in memory, or no file; nothing was made.
    """
    from daemon.core.exceptions import StoreError
    from daemon.store.sql import file_of

    _store_file(settings)
    file = file_of(settings.store.url)
    if file is None:
        raise StoreError("the store is in memory only (store.url): it has no file")
    if file.is_dir():
        raise StoreError(f"{file} is a folder, where a file is due: set store.url to the store's file")
    return file


async def step_names(
    store: "SqlStore", rows: Iterable["ErrorRow | HeldRow | CaseEvent | UnknownRow | PlannedGroup"]
) -> "dict[StepRef, Step]":
    """Return the steps of all accounts that *rows* are about."""
    names: dict[StepRef, Step] = {}
    for account in {row.step.account for row in rows}:
        names |= await store.steps(account)
    return names
