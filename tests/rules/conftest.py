"""The shipped rules, read and compiled once."""

from pathlib import Path

import pytest

from daemon.rulebook.reader import RuleFiles, read_rules
from daemon.rulebook.ruleset import RuleSet, compile_rules


@pytest.fixture(scope="session")
def files() -> RuleFiles:
    return read_rules([Path(__file__).parents[2] / "rules"])


@pytest.fixture(scope="session")
def rules(files: RuleFiles) -> RuleSet:
    return compile_rules(files.sources)
