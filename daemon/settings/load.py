"""Find the configuration, read it with the environment over it, and say all that is wrong with it at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from daemon.core.addresses import is_loopback
from daemon.core.exceptions import ConfigError
from daemon.settings.document import Document
from daemon.settings.explain import Explained, explain
from daemon.settings.keys import CONFIG_VARIABLE, variable
from daemon.settings.layers import Layer, credential_layer, default_layer, environment_layer, file_layer
from daemon.settings.model import Settings, Sources
from daemon.settings.report import Problem, report

SYSTEM_FILE = Path("/etc/flowmend/config.toml")


def load_settings(
    path: Path | None,
    env: Mapping[str, str],
    cwd: Path,
    *,
    system_file: Path = SYSTEM_FILE,
    offline: bool = False,
) -> Settings:
    """Return the settings of the first configuration file there is, with what *env* sets over them.

    *path* is what ``--config`` said. A file that is named must be there; one that is only looked for need not.
    *offline* is for commands that never call the platform: they need no account and no token.

    Raises:
        ConfigError: with every problem, its place and what to do; start nothing.
    """
    file = _find(path, env, cwd, system_file)
    folder = file.parent if file else cwd
    document = Document.read(file, _name(file, cwd)) if file else None
    environment = environment_layer(env, cwd)
    filed = file_layer(document.values, folder) if document else Layer()
    credentials = credential_layer(env, environment, filed)
    try:
        settings = Settings.merged(
            [environment.values, credentials.values, filed.values, default_layer(folder).values],
            Sources(file=file, environment=environment.named(), credentials=credentials.named()),
        )
    except ValidationError as invalid:
        problems = [_problem(error, environment, document) for error in _causes(invalid)]
        raise ConfigError(report(problems, _read(document, environment))) from None
    problems = _exposed(settings, environment, document)
    if not offline:
        problems += _unusable(settings, document, cwd, system_file)
    if problems:
        raise ConfigError(report(problems, _read(document, environment)))
    return settings


def _find(path: Path | None, env: Mapping[str, str], cwd: Path, system_file: Path) -> Path | None:
    """Return the absolute path of the configuration file to read, or None where there is none."""
    named = path or (Path(env[CONFIG_VARIABLE]) if env.get(CONFIG_VARIABLE) else None)
    if named is not None:
        return cwd / named
    return next((file for file in (cwd / "config.toml", system_file) if file.is_file()), None)


def _causes(invalid: ValidationError) -> list[Mapping[str, Any]]:
    """Return pydantic's errors without those that say a list is too short because its items were refused."""
    errors: list[Mapping[str, Any]] = [dict(error) for error in invalid.errors(include_url=False)]
    inner = {error["loc"][:-1] for error in errors}
    return [error for error in errors if error["type"] != "too_short" or error["loc"] not in inner]


def _problem(error: Mapping[str, Any], environment: Layer, document: Document | None) -> Problem:
    """Say what is wrong and where: in a variable, in the file, or in neither, where something is missing."""
    if error["type"] == "extra_forbidden" and (path := environment.beneath(tuple(error["loc"]))):
        error = {**error, "loc": path}  # of a section that does not exist pydantic names the section, not the variable
    origin = environment.origin(tuple(error["loc"]))
    found = explain(error, from_environment=origin is not None)
    origin = environment.origin(found.path)
    if origin is None and document is not None:
        return document.problem(found)
    return Problem(where=origin or "the environment", what=found.what, hint=found.hint, more=found.more)


def _exposed(settings: Settings, environment: Layer, document: Document | None) -> list[Problem]:
    """Find tokens that stand in the configuration file: it is copied, mounted and shown around (P10)."""
    return [
        document.problem(
            Explained(
                path=("accounts", name, "token"),
                what=f"accounts.{name}.token stands in the configuration file",
                hint="name a token_file instead",
                more=(
                    f"A token opens the whole account. Put it into a file of its own, or into {_token_variable(name)}.",
                ),
                at_key=True,
            )
        )
        for name, account in settings.accounts.items()
        if document is not None
        and account.token is not None
        and environment.origin(("accounts", name, "token")) is None
        and not is_loopback(account.base_url)
    ]


def _unusable(settings: Settings, document: Document | None, cwd: Path, system_file: Path) -> list[Problem]:
    """Find what keeps the daemon from calling the platform: no account, or an account without a token."""
    if not settings.accounts:
        what = "names no account: there is nothing to look after"
        how = "write [accounts.acme] with a base_url and a token_file, or set FLOWMEND_ACCOUNTS__ACME__TOKEN"
        if document:
            return [Problem(where=document.name, what=what, hint=how)]
        looked = (
            f"--config (not given), {CONFIG_VARIABLE} (not set), {cwd / 'config.toml'} and {system_file} (not there)"
        )
        return [
            Problem(
                where="configuration",
                what=f"no file was found, and the environment {what}",
                hint="go to the folder of your config.toml, or name the file with --config",
                more=(f"looked for a file at {looked}", f"there is none yet? {how}"),
            )
        ]
    return [
        document.problem(found)
        if document
        else Problem(where="the environment", what=found.what, hint=found.hint, more=found.more)
        for found in (
            Explained(
                path=("accounts", name),
                what=f"account {name} has no token",
                hint="name a token_file",
                more=(f"It may also be in {_token_variable(name)} or in the systemd credential {name}.token.",),
            )
            for name, account in settings.accounts.items()
            if account.token is None and account.token_file is None
        )
    ]


def _token_variable(account: str) -> str:
    return variable(("accounts", account, "token"))


def _name(file: Path, cwd: Path) -> str:
    return str(file.relative_to(cwd) if file.is_relative_to(cwd) else file)


def _read(document: Document | None, environment: Layer) -> str:
    read = [document.name] if document else []
    return " and ".join(read + (["the environment"] if environment.origins or not read else []))
