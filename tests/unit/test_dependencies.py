"""What the product imports is what it declares: a development tool must not be needed to run it."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMES_WITH = {"yarl": "aiohttp", "pydantic-core": "pydantic", "pydantic_core": "pydantic"}
"""Distributions that are part of the interface of one that is declared."""


def imported() -> set[str]:
    """Return the top-level modules that the product imports, without the standard library and itself."""
    names: set[str] = set()
    for file in (ROOT / "daemon").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    return names - set(sys.stdlib_module_names) - {"daemon"}


def project() -> dict[str, list[str]]:
    """Return the project's table of pyproject.toml."""
    found: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


def test_every_import_of_the_product_is_one_of_its_declared_dependencies() -> None:
    declared = {re.split(r"[<>=\[]", requirement)[0].lower() for requirement in project()["dependencies"]}
    distributions = packages_distributions()
    needed = {
        COMES_WITH.get(name, name)
        for module in imported()
        for name in [distributions[module][0].lower().replace("_", "-")]
    }

    assert needed == declared


def test_nothing_pulls_in_the_distribution_that_owns_our_import_name() -> None:
    for lock in ("requirements.lock", "requirements-dev.lock"):
        assert not re.search(r"^python-daemon\b", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE)


def test_the_locks_have_hashes_and_name_no_index() -> None:
    for lock in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / lock).read_text(encoding="utf-8")
        pins = re.findall(r"^[a-z0-9._-]+==\S+ \\\n    --hash=sha256:", text, re.MULTILINE)
        assert len(pins) == len(re.findall(r"^[a-z0-9._-]+==", text, re.MULTILINE)) > 20
        assert "://" not in text
        assert "index-url" not in text
