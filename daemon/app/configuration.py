"""The configuration while the service runs: read again when asked (SIGHUP), whole or not at all.

What can change between two passes without anything being opened or forgotten does so at once. The rest (addresses, the
store, the mode, how often what runs) needs a restart, and is named in the log until there was one.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from daemon.app.build import Daemon, make_limits
from daemon.core.exceptions import ConfigError
from daemon.logs import Secrets, Threshold
from daemon.settings import Settings


@dataclass(slots=True, kw_only=True)
class Configuration:
    """The *settings* in force in a running *daemon*, and *read*, which reads those that are written down now.

    *read* raises ConfigError where they cannot be used, and *refused* tells that it did when it was last asked.
    """

    daemon: Daemon
    settings: Settings
    read: Callable[[], Settings]
    threshold: Threshold
    secrets: Secrets
    refused: bool = False

    async def reload(self) -> None:
        """Put in force what can be, and name what a restart is needed for; a broken file changes nothing."""
        log = self.daemon.log
        try:
            fresh = await asyncio.to_thread(self.read)
        except ConfigError as wrong:
            self.refused = True
            first, *_ = str(wrong).splitlines()  # what follows shows the place in the file, which needs lines
            log.error("config.refused", reason=first, hint="flowmend doctor shows all that is wrong with it")  # noqa: TRY400
            return
        self.refused = False
        for value in fresh.secrets():
            self.secrets.add(value)
        before, self.settings = self.settings, in_force(self.settings, fresh)
        self._apply()
        log.info(
            "config.reloaded",
            file=str(fresh.describe_sources().file or ""),
            applied=", ".join(changed(before, self.settings)),
        )
        if waiting := changed(self.settings, fresh):
            log.warning(
                "config.restart_needed", keys=", ".join(waiting), hint="the old values stay in force until then"
            )

    def _apply(self) -> None:
        self.threshold.level = self.settings.log.level
        self.daemon.rules.paths = self.settings.rules.paths
        self.daemon.limits.current = make_limits(self.settings)


def in_force(before: Settings, fresh: Settings) -> Settings:
    """Return *before* with what may change while the service runs as it is in *fresh*."""
    return before.model_copy(
        update={
            "limits": fresh.limits,
            "log": before.log.model_copy(update={"level": fresh.log.level}),
            "rules": before.rules.model_copy(update={"paths": fresh.rules.paths}),
        }
    )


def changed(before: Settings, after: Settings) -> list[str]:
    """Return the dotted keys whose values differ, without the values: they may be secrets."""
    old, new = dict(_flat(before.model_dump())), dict(_flat(after.model_dump()))
    return [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
