"""What people read about rules says what the files and the code say."""

import ast
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import dedent, indent

import pytest

from daemon.core.actions import Hold, Resolve, Retry, Rule
from daemon.core.durations import format_duration
from daemon.rulebook.ast import AllOf, AnyOf, Condition, FieldCondition, NotOf, RuleSource
from daemon.rulebook.candidate import prepare
from daemon.rulebook.codes import CODES
from daemon.rulebook.problems import render
from daemon.rulebook.reader import read_rules
from daemon.rulebook.ruleset import compile_rules
from daemon.rulebook.schema_parts import names
from daemon.rulebook.schema_when import WhenPart
from daemon.rulebook.testing import run_tests

ROOT = Path(__file__).parents[2]
README = (ROOT / "rules/README.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs/rules.md").read_text(encoding="utf-8")

DECIDING = (
    "core/policy.py",
    "core/ramp.py",
    "core/breakers.py",
    "core/guards.py",
    "rulebook/patching.py",
    "pipeline/patch.py",
    "pipeline/guard.py",
    "pipeline/look.py",
)
"""Where the reasons of decisions are written, under ``daemon/``."""

FIELD_WORDS = {"http_status": "HTTP", "step_type": "on"}
SHOWN = 60
"""Characters of a condition's text that the table repeats."""


def between(text: str, start: str, end: str) -> str:
    return text.partition(f"<!-- {start} -->\n")[2].partition(f"<!-- {end} -->")[0]


def words(condition: Condition, *, inside: bool = False) -> str:
    """Say *condition* in one line of a table."""
    match condition:
        case FieldCondition():
            field = f"data `{condition.expression}`" if condition.field == "data" else condition.field
            return f"{FIELD_WORDS.get(field, field)} {operands(condition)}"
        case NotOf(part=part):
            return f"not ({words(part)})"
        case AllOf(parts=parts):
            return "; ".join(words(part, inside=True) for part in parts)
        case AnyOf(parts=parts):
            either = " or ".join(f"({words(part)})" if isinstance(part, AllOf) else words(part) for part in parts)
            return f"({either})" if inside else either


def operands(condition: FieldCondition) -> str:
    shown = []
    for check in condition.checks:
        texts = [str(operand).replace("|", "\\|") for operand in check.operands]
        cut = [f"`{text if len(text) <= SHOWN else text[: SHOWN - 1] + '…'}`" for text in texts]
        operator = "" if check.operator in {"is", "in"} or condition.field == "step" else f"{check.operator} "
        shown.append(operator.replace("_", " ") + ", ".join(cut))
    return " and ".join(shown)


def deed(source: RuleSource) -> str:
    """Say in one line of a table what the rule does."""
    action = source.rule.action
    match action:
        case Retry():
            paths = [f"`{operation.path}`" for operation in source.patch if operation.op != "test"]
            patch = f"patch {', '.join(paths)}, then " if paths else ""
            times = "once" if action.max_attempts == 1 else f"up to {action.max_attempts} times"
            after = f", from {format_duration(action.after)} on" if action.after else ""
            return f"{patch}retry {times}{after}"
        case Resolve():
            return f"resolve{most(source.rule)}"
        case Hold():
            edit = ", ".join(f"`{field.path}`" for field in action.edit)
            return f"hold for {action.queue}" + (f", who may change {edit}" if edit else "")
        case _:
            return "leave"


def most(rule: Rule) -> str:
    return f", at most {rule.limit.per_hour} an hour" if rule.limit.per_hour else ""


def rule_table(sources: Sequence[RuleSource]) -> str:
    rows = [f"| `{each.rule.id}` | {words(each.when)} | {deed(each)} |" for each in sources]
    return "\n".join(["| rule | takes | does |", "|---|---|---|", *rows, ""])


def code_table() -> str:
    rows = [f"| {code} | {text.meaning} |" for code, text in CODES.items()]
    return "\n".join(["| code | |", "|---|---|", *rows, ""])


def code_pages() -> str:
    """Return docs/rule-messages.md, which is made of what ``flowmend check --explain`` says."""
    intro = (
        "# What the messages about rule files mean\n\nThe same as `flowmend check --explain CODE` prints, for all "
        "codes: E are errors, and none of the files is loaded; W are warnings. What a rule may say is in "
        "[rules.md](rules.md).\n"
    )
    return "\n".join([intro, *(_page(code) for code in CODES)])


def _page(code: str) -> str:
    told = CODES[code]
    shown = "\n".join(
        f"{title}:\n```text\n{text}\n```" for title, text in (("Wrong", told.wrong), ("Right", told.right))
    )
    return f"## {code}\n\n{told.meaning}\n\n{told.why}\n\n{shown}\n"


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


EXAMPLES = [(language, text) for language in ("yaml", "toml") for text in blocks(REFERENCE, language)]


def reason_words() -> Iterator[str]:
    """Yield every text with a hyphen that the deciding code has by itself, which only reasons are."""
    for name in DECIDING:
        for node in ast.walk(ast.parse((ROOT / "daemon" / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and re.fullmatch(r"[a-z]+(-[a-z]+)+", str(node.value)):
                yield str(node.value)


def explained_reasons() -> set[str]:
    chapter = REFERENCE.split("## Why an error is held, left or not sent")[1].split("\n## ")[0]
    return {
        word for row in re.findall(r"^\| (`.*?) \|", chapter, flags=re.MULTILINE) for word in row[1:-1].split("`, `")
    }


def test_the_table_of_shipped_rules_is_what_the_files_say() -> None:
    table = rule_table(read_rules([ROOT / "rules"]).sources)
    assert between(README, "table: a test compares it with the files and prints the right one", "end of table") == table


def test_every_message_code_is_explained_in_the_codes_own_words() -> None:
    start = "codes: a test compares them with the code and prints the right table"
    assert between(REFERENCE, start, "end of codes") == code_table()


def test_the_pages_of_the_codes_are_what_the_command_explains() -> None:
    pages = ROOT / "docs/rule-messages.md"
    if os.environ.get(
        "FLOWMEND_WRITE_MESSAGES"
    ):  # then read them aloud, as in tests/unit/rulebook/test_reader_broken.py
        pages.write_text(code_pages(), encoding="utf-8")
    assert pages.read_text(encoding="utf-8") == code_pages()


def test_every_reason_of_the_code_is_explained() -> None:
    assert set(reason_words()) - explained_reasons() == set()


def test_every_explained_reason_is_one_of_the_code() -> None:
    code = "".join((ROOT / "daemon" / name).read_text(encoding="utf-8") for name in DECIDING)
    assert {word for word in explained_reasons() if f'"{word}"' not in code} == set()


def test_every_field_of_a_condition_is_in_the_reference() -> None:
    assert [name for name in names(WhenPart) if f"`{name}`" not in REFERENCE and f"`{name}: " not in REFERENCE] == []


def test_there_are_examples_in_both_formats() -> None:
    assert [language for language, _ in EXAMPLES].count("yaml") >= 4
    assert [language for language, _ in EXAMPLES].count("toml") >= 1


def test_the_rule_of_the_guide_fits_into_the_shipped_file_of_its_application(tmp_path: Path) -> None:
    (rule,) = re.findall(r"^   ```yaml\n(.*?)^   ```$", REFERENCE, flags=re.MULTILINE | re.DOTALL)
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    file = tmp_path / "rules/20-netsuite.yaml"
    file.write_text(
        file.read_text(encoding="utf-8").replace("\nrules:\n", "\nrules:\n" + indent(dedent(rule), "  ")),
        encoding="utf-8",
    )
    found = prepare([tmp_path / "rules"])
    assert render(found.problems) == ""
    assert found.ruleset is not None
    assert "order-declined" in {each.id for each in found.ruleset.rules}


@pytest.mark.parametrize(("language", "text"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_loads_and_its_tests_pass(language: str, text: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "rules/tables", tmp_path / "tables")
    path = tmp_path / f"example.{language}"
    path.write_text(text, encoding="utf-8")
    found = read_rules([path])
    assert render(found.problems) == ""
    results = run_tests(compile_rules(found.sources), found.sources)
    assert results
    assert [(each.rule_id, each.name, each.detail) for each in results if not each.passed] == []
