"""``flowmend schema``: JSON Schema for editors."""

from typing import Annotated, Literal

import typer

What = Annotated[Literal["rules", "config"], typer.Argument(help="Of rule files, or of the configuration.")]


def schema(what: What = "rules") -> None:
    """Print the JSON Schema (draft-07) of rule files or of the configuration, for your editor."""
    from daemon.cli.render import print_json

    if what == "rules":
        from daemon.rulebook.schema import json_schema

        print_json(json_schema())
    else:
        from daemon.settings import settings_json_schema

        print_json(settings_json_schema())
