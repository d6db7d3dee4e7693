"""Problems as SARIF 2.1.0, which code scanning and many editors read."""

from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from daemon.rulebook.codes import CODES
from daemon.rulebook.problems import Problem, body

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif_log(problems: Iterable[Problem]) -> dict[str, Any]:
    """Return the log of one run; columns count characters, as they do in all messages."""
    found = tuple(problems)
    codes = [code for code in CODES if any(one.code == code for one in found)]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "flowmend",
                        "version": version("flowmend"),
                        "rules": [_rule(code) for code in codes],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(one, codes.index(one.code)) for one in found],
            }
        ],
    }


def _rule(code: str) -> dict[str, Any]:
    told = CODES[code]
    shown = f"Wrong:\n{told.wrong}\n\nRight:\n{told.right}"
    marked = f"Wrong:\n```yaml\n{told.wrong}\n```\nRight:\n```yaml\n{told.right}\n```"
    return {
        "id": code,
        "shortDescription": {"text": told.meaning},
        "fullDescription": {"text": f"{told.meaning} {told.why}"},
        "help": {
            "text": f"{told.meaning}\n\n{told.why}\n\n{shown}",
            "markdown": f"{told.meaning}\n\n{told.why}\n\n{marked}",
        },
        "defaultConfiguration": {"level": _level(code)},
    }


def _result(one: Problem, index: int) -> dict[str, Any]:
    result = {
        "ruleId": one.code,
        "ruleIndex": index,
        "level": _level(one.code),
        "message": {"text": body(one)},
        "locations": [_location(one.file, one.line, one.column, one.width)],
    }
    if one.others:
        result["relatedLocations"] = [
            _location(each.file, each.line, each.column, one.width) | {"id": number}
            for number, each in enumerate(one.others, start=1)
        ]
    return result


def _level(code: str) -> str:
    return "error" if code.startswith("E") else "warning"


def _location(file: str, line: int, column: int, width: int) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(file)}}
    if line:  # 0 means the file as a whole
        place["region"] = {"startLine": line, "startColumn": column, "endColumn": column + width}
    return {"physicalLocation": place}


def _uri(file: str) -> str:
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
