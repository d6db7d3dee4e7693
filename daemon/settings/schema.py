"""The JSON Schema of the configuration file, with which editors complete and check it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from daemon.core.actions import Mode
from daemon.core.durations import format_duration
from daemon.settings.model import Settings

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "": {"mode": "enforce", "accounts": {"acme": {"token_file": "/etc/flowmend/acme.token"}}, "poll": {"interval": "30s"},
         "actions": {"batch_size": 50}, "limits": {"retries_per_hour": 200}, "rules": {"paths": ["rules"]},
         "recordings": {"keep": "60d"}, "store": {"url": "sqlite:///./flowmend.db"}, "server": {"port": 8765}, "log": {"level": "warning"},
         "notify": {"ops": {"url_file": "ops.apprise", "events": ["limit.reached"]}}},
    "Account": {"base_url": "https://api.eu.integrator.io/v1", "token": "the-token-itself",
                "token_file": "/etc/flowmend/acme.token", "share_id": "5f0c2d9e8b7a6f5e4d3c2b1a",
                "include_flows": ["Shopify*", "Orders to NetSuite"], "exclude_flows": ["* (test)"], "requests_per_s": 20},
    "Poll": {"interval": "30s", "quiet_interval": "5m", "overlap": "30m", "settle": "10s", "lookback": "7d",
             "full_sweep": "12h", "concurrency": 4},
    "Actions": {"batch_size": 50, "max_attempts_per_case": 3, "retry_max_age": "2d", "adopt_backlog": True,
                "confirm_every": "30s", "confirm_timeout": "1h"},
    "Limits": {"retries_per_hour": 200, "resolves_per_hour": 50, "resolve_share_of_open": 0.2},
    "Rules": {"paths": ["rules", "/etc/flowmend/rules"], "watch": False},
    "Recordings": {"keep": "60d", "messages": True},
    "Store": {"url": "sqlite:///./flowmend.db", "keep": "180d"},
    "Server": {"host": "0.0.0.0", "port": 0},  # noqa: S104 - an example of what a container needs
    "Log": {"format": "json", "level": "debug", "messages": True},
    "Channel": {"url": "json://alerts.example.com/hook", "url_file": "/etc/flowmend/ops.apprise",
                "secret_file": "/etc/flowmend/ops.secret", "events": ["breaker.opened", "limit.reached", "account.refused"],
                "min_interval": "15m", "repeat": "12h", "max_per_hour": 30, "digest": "8h"},
}  # fmt: skip
"""One value for every key, by section ("": the file itself): usually another than the default, which is shown beside it."""


def settings_json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft-07) of the configuration file, for editors."""
    schema = Settings.model_json_schema(schema_generator=_Draft07, ref_template="#/definitions/{model}")
    definitions = schema.pop("$defs")
    for section, examples in EXAMPLES.items():
        keys = definitions[section]["properties"] if section else schema["properties"]
        for key, example in examples.items():
            keys[key] = _for_people(keys[key], definitions) | {"examples": [example]}
    return {
        "$schema": _Draft07.schema_dialect,
        **schema,
        "definitions": definitions,
        "title": "Flowmend configuration",
        "description": "Every key can also be set by a variable of the environment: FLOWMEND_POLL__INTERVAL=30s.",
    }


class _Draft07(GenerateJsonSchema):
    schema_dialect = "http://json-schema.org/draft-07/schema#"

    def encode_default(self, dft: Any) -> Any:
        """Write a default as a file writes it."""
        if isinstance(dft, timedelta):
            return format_duration(dft)
        return dft.name.lower() if isinstance(dft, Mode) else super().encode_default(dft)


def _for_people(key: dict[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Drop titles, line breaks and the null of keys left out; of a section say what its model says."""
    if "$ref" in key:
        section = definitions[key["$ref"].rpartition("/")[2]]
        return {"allOf": [key], "description": section["description"]}
    kept = {name: value for name, value in key.items() if name != "title"}
    if "anyOf" in kept:
        kept |= next(choice for choice in kept.pop("anyOf") if choice != {"type": "null"})
        kept.pop("default", None)
    return kept | {"description": " ".join(kept["description"].split())}
