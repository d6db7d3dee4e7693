"""docs/promises.md says the truth: each promise has guards, each guard a patch that applies, and tests that are there."""

import re
import shutil
from pathlib import Path

import pytest

from bench.mutants import PAGE, ROOT, Mutant, apply, documented, mutants

MUTANTS = mutants()
PROMISES = [f"P{number}" for number in range(1, 17)]


def test_the_page_is_what_the_patches_say() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == documented(page), "python bench/mutants.py --docs writes its tables anew"


def test_every_promise_of_the_product_has_its_section_and_its_guards() -> None:
    sections = re.findall(r"^## (P\d+) (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [number for number, _ in sections] == PROMISES
    assert {mutant.promise.lower() for mutant in MUTANTS} == {f"{number} {name}".lower() for number, name in sections}


@pytest.mark.parametrize("mutant", [pytest.param(mutant, id=mutant.file.stem) for mutant in MUTANTS])
def test_the_tests_of_a_guard_are_there(mutant: Mutant) -> None:
    assert mutant.file.name.startswith(f"P{int(mutant.promise.split()[0][1:]):02}-")
    for test in mutant.tests:
        file, *names = test.split("::")
        assert re.search(rf"^ *(?:async )?def {names[-1]}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_patch_applies_to_the_code_as_it_is(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "daemon", tmp_path / "daemon", ignore=shutil.ignore_patterns("__pycache__"))
    complaints = {mutant.file.name: apply(tmp_path, mutant.file, "--check") for mutant in MUTANTS}
    assert not {name: said for name, said in complaints.items() if said}
