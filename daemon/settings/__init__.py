"""Settings: one TOML file, every key of it also by environment, secrets by file, variable or systemd credential.

`sections` says what can be set and why, `model` puts it together, `layers` are the places it comes from, `load` finds
and joins them; what is wrong goes through `explain`, `document` (which points at it) and `report`.
"""

from daemon.settings.channels import Channel
from daemon.settings.load import load_settings
from daemon.settings.model import Settings, Sources
from daemon.settings.schema import settings_json_schema
from daemon.settings.sections import Account, Actions, Limits, Log, Poll, Rules, Server, Store

__all__ = [
    "Account",
    "Actions",
    "Channel",
    "Limits",
    "Log",
    "Poll",
    "Rules",
    "Server",
    "Settings",
    "Sources",
    "Store",
    "load_settings",
    "settings_json_schema",
]
