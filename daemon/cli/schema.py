"""``flowmend schema``: JSON Schema for editors."""

from typing import Annotated, Literal

import typer

What = Annotated[Literal["rules", "config"], typer.Argument(help="Of rule files, or of the configuration.")]


def schema(what: What = "rules") -> None:
    """Print the JSON Schema (draft-07) of rule files or of the configuration: your editor completes and checks with it.

    Save it beside your rules (flowmend schema > flowmend-rules.schema.json) and name it in the first line of each file,
    in YAML as "# yaml-language-server: $schema=./flowmend-rules.schema.json", in TOML as
    "#:schema ./flowmend-rules.schema.json".
    """
    from daemon.cli.render import print_json

    if what == "rules":
        from daemon.rulebook.schema import json_schema

        print_json(json_schema())
    else:
        from daemon.settings import settings_json_schema

        print_json(settings_json_schema())
