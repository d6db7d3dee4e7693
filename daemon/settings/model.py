"""The settings as a whole, and where they came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, PrivateAttr
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from daemon.core.actions import Mode
from daemon.settings.channels import Channel
from daemon.settings.sections import Account, Actions, Limits, Log, Poll, Recordings, Rules, Server, Store
from daemon.settings.values import ModeName, Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the settings came from, without their values.

    *file* is the configuration file that was read, if any. *environment* maps dotted keys to the variables that set
    them, *credentials* dotted keys to the systemd credentials.
    """

    file: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict)


class Settings(BaseSettings):
    """Everything that can be set. Made directly it has what it is given; `load_settings` reads file and environment."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)

    mode: ModeName = Mode.OBSERVE
    """observe reads only; approve makes plans that wait for a person; enforce acts. The lower of this and a rule's own
    mode counts."""

    accounts: dict[Name, Account] = Field(default_factory=dict, json_schema_extra={"additionalProperties": False})
    """The integrator.io accounts by name: lower-case letters, digits and dashes."""

    poll: Poll = Field(default_factory=Poll)
    actions: Actions = Field(default_factory=Actions)
    limits: Limits = Field(default_factory=Limits)
    rules: Rules = Field(default_factory=Rules)
    recordings: Recordings = Field(default_factory=Recordings)
    store: Store = Field(default_factory=Store)
    server: Server = Field(default_factory=Server)
    log: Log = Field(default_factory=Log)

    notify: dict[Name, Channel] = Field(default_factory=dict, json_schema_extra={"additionalProperties": False})
    """The channels that people are told through, by name; rules name them too."""

    _sources: Sources = PrivateAttr(default_factory=Sources)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Leave the process's environment alone: `load_settings` is handed one."""
        return (init_settings,)

    @classmethod
    def merged(cls, layers: Sequence[Mapping[str, Any]], sources: Sources) -> Self:
        """Return the settings of nested *layers*, of which the first that has a key wins.

        Raises:
            ValidationError: values are missing or wrong.
        """
        settings = cls(_build_sources=(tuple(InitSettingsSource(cls, dict(layer)) for layer in layers), {}))
        settings._sources = sources
        return settings

    def describe_sources(self) -> Sources:
        """Return where the settings came from."""
        return self._sources

    def secrets(self) -> tuple[str, ...]:
        """Return the values that must never be seen in the log: tokens, channel addresses, the store's password.

        Tokens in files are not among them: whoever reads one hides it then.
        """
        found = [account.token for account in self.accounts.values()] + [one.url for one in self.notify.values()]
        password = urlsplit(self.store.url).password or ""
        plain = [secret.get_secret_value() for secret in found if secret is not None]
        return tuple(text for text in (*plain, password, unquote(password)) if text)
