"""Every code is explained by an example that has the mistake, and one that has it no more."""

from pathlib import Path
from textwrap import indent

import pytest

from daemon.rulebook.candidate import prepare
from daemon.rulebook.codes import CODES, exact_code, nearest_codes

IN_WORDS = {"E001", "E002", "E009", "E051", "W039", "W040", "W041", "W042"}
"""What no file can show: it hangs on the file system, or on an account."""

REST = {
    "id": "id: dup-order",
    "why": "why: The order is there already.",
    "when": "when: {code: DUP_RCRD}",
    "then": "then: {leave: {}}",
    "tests": "tests: [{match: {code: DUP_RCRD}}]",
}
SHOWN = [
    pytest.param(code, form, text, id=f"{code} {form}")
    for code, explained in CODES.items()
    if code not in IN_WORDS
    for form, text in (("wrong", explained.wrong), ("right", explained.right))
]


def whole(text: str) -> str:
    """Return the file that an example is taken from."""
    if text.startswith(("version", "#")):
        return text + "\n"
    if not text.startswith("- id"):
        said = {line.partition(":")[0] for line in text.splitlines() if not line.startswith(" ")}
        text = "\n".join([*(line for key, line in REST.items() if key not in said), text])
        text = "- " + indent(text, "  ").lstrip()
    return f"version: 1\nrules:\n{indent(text, '  ')}\n"


@pytest.mark.parametrize(("code", "form", "text"), SHOWN)
def test_an_example_has_the_mistake_and_its_mending_has_not(code: str, form: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables/sku.csv").write_text("old_sku,new_sku\nA,B\n", encoding="utf-8")
    file = tmp_path / "example.yaml"
    file.write_text(whole(text), encoding="utf-8")
    codes = {problem.code for problem in prepare([file]).problems}
    assert (code in codes) is (form == "wrong"), codes
    assert not any(found.startswith("E") and found not in {code, "E050"} for found in codes)


def test_the_examples_are_short_enough_for_a_terminal() -> None:
    lines = [line for text in CODES.values() for line in (text.wrong + "\n" + text.right).splitlines()]
    assert [line for line in lines if len(line) > 150] == []


@pytest.mark.parametrize(("typed", "code"), [("E014", "E014"), (" e014", "E014"), ("w31", "W031"), ("E999", "")])
def test_a_code_is_found_however_it_is_typed(typed: str, code: str) -> None:
    assert exact_code(typed) == code


def test_near_an_unknown_code_stand_those_that_look_alike() -> None:
    assert {code[:3] for code in nearest_codes("E01")} == {"E01"}
    assert {code[:3] for code in nearest_codes("w39")} >= {"W03"}
    assert {code[0] for code in nearest_codes("W")} == {"W"}
    assert list(nearest_codes("spelling")) == list(CODES)
