"""The cookbook's recipes are rules: each is sound by itself, all are one sound set, and their tests hold every condition."""

import re
from pathlib import Path

import pytest

from daemon.rulebook.candidate import prepare
from daemon.rulebook.coverage import coverage
from daemon.rulebook.problems import render

COOKBOOK = (Path(__file__).parents[2] / "docs/cookbook.md").read_text(encoding="utf-8")
RECIPES = re.findall(r"^## (\d+ [^\n]+)\n.*?^```yaml\n(.*?)^```$", COOKBOOK, flags=re.MULTILINE | re.DOTALL)


def anchor(heading: str) -> str:
    """Return what links to a heading."""
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")


def test_there_are_twenty_situations_and_each_has_one_file() -> None:
    assert [int(heading.split()[0]) for heading, _ in RECIPES] == list(range(1, 21))
    assert len(re.findall(r"^```yaml$", COOKBOOK, flags=re.MULTILINE)) == 20


def test_the_table_leads_to_every_recipe() -> None:
    links = re.findall(r"\[(\d+)\]\(#([^)]+)\)", COOKBOOK)
    assert links == [(heading.split()[0], anchor(heading)) for heading, _ in RECIPES]


@pytest.mark.parametrize(("heading", "text"), RECIPES, ids=[anchor(heading) for heading, _ in RECIPES])
def test_a_recipe_is_sound_by_itself_and_its_tests_pass(heading: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8")
    found = prepare([tmp_path])

    assert render(found.problems) == "", heading
    assert found.tests >= 3


def test_all_recipes_are_one_sound_set_whose_tests_would_miss_every_condition(tmp_path: Path) -> None:
    for heading, text in RECIPES:
        number, _, name = heading.partition(" ")
        (tmp_path / f"{int(number):02}-{anchor(name)}.yaml").write_text(text, encoding="utf-8")
    found = prepare([tmp_path])

    assert render(found.problems) == ""
    assert found.ruleset is not None
    assert len(found.ruleset.rules) >= 25
    held = coverage(found.ruleset, found.read.sources)
    assert [(gap.rule_id, gap.text) for gap in held.gaps if gap.kind != "brittle"] == []
