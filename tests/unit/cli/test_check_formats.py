"""Problems reach code scanning and pull requests whole, with nothing in them that could be taken for something else."""

from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft7Validator

from daemon.cli.check_github import github_lines
from daemon.cli.check_sarif import sarif_log
from daemon.rulebook.ast import Place
from daemon.rulebook.codes import CODES
from daemon.rulebook.problems import Problem

TYPO = Problem(
    code="E014",
    message='unknown key "clasification"',
    file="rules/20-netsuite.yaml",
    line=8,
    column=7,
    width=13,
    rule="dup-sku",
    path=("when",),
    hint='did you mean "classification"?',
    allowed=("all", "any"),
    why="ignored, the rule would match more errors than you meant",
)
TWICE = Problem(
    code="E003",
    message='key "retry" written twice',
    file="/srv/my rules/ä.yaml",
    line=2,
    column=3,
    width=5,
    others=(Place(file="/srv/my rules/ä.yaml", line=9, column=3),),
    other_sources=("",),
)
WARNING = Problem(code="W030", message='no "why"', file="rules/a.yaml", line=1, column=1, width=2, rule="a")
WHOLE_FILE = Problem(code="E008", message="there is nothing in the file", file="rules/b.yaml")

# The parts of the SARIF 2.1.0 schema that a log of ours can have, word for word in their limits.
MESSAGE = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
POSITIVE = {"type": "integer", "minimum": 1}
LOCATION = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "id": {"type": "integer", "minimum": -1},
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation"],
            "additionalProperties": False,
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "required": ["uri"],
                    "properties": {"uri": {"type": "string", "pattern": r"^[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]+$"}},
                },
                "region": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"startLine": POSITIVE, "startColumn": POSITIVE, "endColumn": POSITIVE},
                },
            },
        },
    },
}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
RULE = {
    "type": "object",
    "required": ["id"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string"},
        "shortDescription": MESSAGE,
        "fullDescription": MESSAGE,
        "help": MESSAGE,
        "defaultConfiguration": {"type": "object", "properties": {"level": LEVEL}},
    },
}
RESULT = {
    "type": "object",
    "required": ["message"],
    "additionalProperties": False,
    "properties": {
        "ruleId": {"type": "string"},
        "ruleIndex": {"type": "integer", "minimum": -1},
        "level": LEVEL,
        "message": MESSAGE,
        "locations": {"type": "array", "items": LOCATION},
        "relatedLocations": {"type": "array", "uniqueItems": True, "items": LOCATION},
    },
}
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"enum": ["2.1.0"]},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool"],
                "additionalProperties": False,
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],
                                "additionalProperties": False,
                                "properties": {
                                    "name": {"type": "string"},
                                    "version": {"type": "string"},
                                    "rules": {"type": "array", "uniqueItems": True, "items": RULE},
                                },
                            }
                        },
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": {"type": "array", "items": RESULT},
                },
            },
        },
    },
}


def run_of(*problems: Problem) -> dict[str, Any]:
    log = sarif_log(problems)
    assert [error.message for error in Draft7Validator(SARIF).iter_errors(log)] == []
    run: dict[str, Any] = log["runs"][0]
    return run


@pytest.mark.parametrize("problems", [(), (TYPO,), (TYPO, TWICE, WARNING, WHOLE_FILE)], ids=["none", "one", "several"])
def test_a_log_is_sarif(problems: tuple[Problem, ...]) -> None:
    assert len(run_of(*problems)["results"]) == len(problems)


def test_every_result_points_at_the_rule_that_explains_its_code() -> None:
    run = run_of(TYPO, WARNING, TYPO, TWICE)
    rules = run["tool"]["driver"]["rules"]
    assert [rules[each["ruleIndex"]]["id"] for each in run["results"]] == ["E014", "W030", "E014", "E003"]
    assert sorted(rule["id"] for rule in rules) == ["E003", "E014", "W030"]
    assert CODES["E014"].right in next(rule for rule in rules if rule["id"] == "E014")["help"]["text"]


def test_a_result_says_all_that_the_message_says_and_where() -> None:
    (result,) = run_of(TYPO)["results"]
    assert result["level"] == "error"
    assert result["message"]["text"].splitlines() == [
        'unknown key "clasification" in rule "dup-sku" › when',  # noqa: RUF001 - the sign that messages show
        'did you mean "classification"?',
        "allowed here: all, any",
        "ignored, the rule would match more errors than you meant",
    ]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "rules/20-netsuite.yaml"
    assert place["region"] == {"startLine": 8, "startColumn": 7, "endColumn": 20}


def test_further_places_and_odd_file_names_are_kept() -> None:
    (twice, whole, near) = run_of(TWICE, WHOLE_FILE, replace(WHOLE_FILE, file="my rules/50%.yaml"))["results"]
    assert near["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "my%20rules/50%25.yaml"
    (other,) = twice["relatedLocations"]
    assert other["physicalLocation"]["region"]["startLine"] == 9
    assert other["physicalLocation"]["artifactLocation"]["uri"] == "file:///srv/my%20rules/%C3%A4.yaml"
    assert "region" not in whole["locations"][0]["physicalLocation"]


def test_a_problem_is_one_command_of_github_at_its_place() -> None:
    (line,) = github_lines([TYPO], strict=False)
    assert line.startswith(
        "::error file=rules/20-netsuite.yaml,line=8,col=7,endColumn=20,title=E014 in rule dup-sku::unknown key "
    )
    assert line.endswith("allowed here: all, any%0Aignored, the rule would match more errors than you meant")


def test_a_warning_is_one_unless_it_fails_the_check() -> None:
    assert [next(github_lines([WARNING], strict=strict))[:9] for strict in (False, True)] == [
        "::warning",
        "::error fi"[:9],
    ]


def test_nothing_in_a_problem_ends_the_command_or_begins_another() -> None:
    odd = Problem(code="E001", message="100%\r\n::set-env::x", file="a,b:c%.yaml")
    (line,) = github_lines([odd], strict=False)
    assert line.splitlines() == [line]
    assert line.startswith("::error file=a%2Cb%3Ac%25.yaml,title=E001::100%25")
    assert "\r" not in line
