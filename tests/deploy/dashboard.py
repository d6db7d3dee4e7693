"""The dashboard as its tests read it."""

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[2] / "deploy" / "grafana" / "flowmend.json"
DASHBOARD = json.loads(FILE.read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
WINDOW = "5m"
"""What a run is shown in: it takes some seconds, on a busy machine more."""


def title(panel: dict[str, Any]) -> str:
    return str(panel["title"])


def expressions(panel: dict[str, Any]) -> list[str]:
    """Return what a panel asks, as Grafana asks it for all accounts."""
    filled = []
    for target in panel["targets"]:
        expression = target["expr"].replace("$account", ".*")
        for name in ("$__rate_interval", "$__range"):
            expression = expression.replace(name, WINDOW)
        assert "$" not in expression
        filled.append(expression)
    return filled
