"""The layers that settings are made of, highest first: environment, systemd credentials, configuration file.

Each layer is a nested mapping of the same shape as the file, with its relative paths made absolute: those of the file
count from the file's folder, those of the environment from the working directory.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daemon.settings.keys import CONFIG_VARIABLE, NAMED, PREFIX, field_at

KUBERNETES = ("FLOWMEND_SERVICE_", "FLOWMEND_PORT")
"""Kubernetes puts variables of these names beside every process where a Service is called ``flowmend``."""

CREDENTIALS = "CREDENTIALS_DIRECTORY"

SECRET_FILES = (
    ("accounts", "token_file", "token"),
    ("notify", "url_file", "apprise"),
    ("notify", "secret_file", "secret"),
)
"""The keys by section that name a file with a secret, and how the credential is called that takes its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Nested *values*, and for each path that was set, the variable or credential that did it."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: Mapping[tuple[str | int, ...], str] = field(default_factory=dict)

    def origin(self, path: tuple[str | int, ...]) -> str | None:
        """Return what set the value at *path*, or the whole that it is a part of."""
        return next((self.origins[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.origins), None)

    def beneath(self, path: tuple[str | int, ...]) -> tuple[str | int, ...] | None:
        """Return the first path at or below *path* that was set here."""
        return next((one for one in self.origins if one[: len(path)] == path), None)

    def named(self) -> dict[str, str]:
        """Return the origins by dotted key."""
        return {".".join(map(str, path)): origin for path, origin in self.origins.items()}


def file_layer(document: Mapping[str, Any], folder: Path) -> Layer:
    """Return the layer of a configuration file in *folder*."""
    return Layer(values=anchored(document, folder))


def default_layer(folder: Path) -> Layer:
    """Return the one default that depends on where the configuration is, or the process where there is none."""
    return Layer(values={"rules": {"paths": [str(folder / "rules")]}})


def environment_layer(env: Mapping[str, str], cwd: Path) -> Layer:
    """Return what *env* sets: ``FLOWMEND_POLL__INTERVAL`` is ``poll.interval``.

    Values are written as in the file, text without its quotes, lists also as ``a,b``. In the name of an account an
    underscore stands for a dash, which names of variables cannot hold.
    """
    values: dict[str, Any] = {}
    origins: dict[tuple[str | int, ...], str] = {}
    for name, text in sorted(env.items()):
        if not name.startswith(PREFIX) or name == CONFIG_VARIABLE or name.startswith(KUBERNETES):
            continue
        path = name.removeprefix(PREFIX).lower().split("__")
        if path[0] in NAMED and len(path) > 1:
            path[1] = path[1].replace("_", "-")
        *above, last = path
        section = values
        for part in above:
            section = section.setdefault(part, {})
            if not isinstance(section, dict):  # FLOWMEND_POLL=x beside FLOWMEND_POLL__INTERVAL: the former is refused
                break
        else:
            section[last] = _value(path, text)
        origins[tuple(path)] = name
    return Layer(values=anchored(values, cwd), origins=origins)


def credential_layer(env: Mapping[str, str], *layers: Layer) -> Layer:
    """Return the files that systemd has laid out for accounts and channels that *layers* name."""
    values: dict[str, Any] = {}
    origins: dict[tuple[str | int, ...], str] = {}
    folder = env.get(CREDENTIALS, "")
    for layer in layers if folder else ():
        for section, key, ending in SECRET_FILES:
            named = layer.values.get(section, {})
            for name in named if isinstance(named, dict) else ():
                file = Path(folder) / f"{name}.{ending}"
                if file.is_file():
                    values.setdefault(section, {}).setdefault(name, {})[key] = str(file)
                    origins[section, name, key] = f"credential {file.name}"
    return Layer(values=values, origins=origins)


def anchored(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return *values* with the paths that are relative in them counted from *folder*; wrong types pass through."""

    def at(section: object, key: str) -> object:
        if not isinstance(section, dict) or key not in section:
            return section
        return {**section, key: _anchored(section[key], folder)}

    result = dict(values)
    for name, key in (("rules", "paths"), ("store", "url")):
        if name in result:
            result[name] = at(result[name], key)
    for name, key, _ in SECRET_FILES:
        if isinstance(result.get(name), dict):
            result[name] = {one: at(section, key) for one, section in result[name].items()}
    return result


def _anchored(value: object, folder: Path) -> object:
    if isinstance(value, list):
        return [_anchored(item, folder) for item in value]
    if not isinstance(value, str) or not value:
        return value
    if "://" in value or value.startswith("sqlite:"):
        file = value.removeprefix("sqlite:///")
        return f"sqlite:///{folder / file}" if file.startswith(("./", "../")) else value
    return str(folder / value)


def _value(path: list[str], text: str) -> object:
    """Read the text of a variable as the file's value for the same key; what cannot be read stays text."""
    kind = getattr(field_at(path), "annotation", None)
    is_list = getattr(kind, "__origin__", None) is tuple
    if is_list and not text.lstrip().startswith("["):
        return [item.strip() for item in text.split(",") if item.strip()]
    if not is_list and kind not in {bool, int, float}:
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text
