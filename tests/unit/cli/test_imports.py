"""A command loads what it needs and no more: that is what makes ``--help`` and ``check`` quick (bench/speed measures them)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SLOW = {"aiohttp", "alembic", "apprise", "apscheduler", "jinja2", "pydantic", "pydantic_settings", "pygal", "ruamel"}
SLOW |= {"sqlalchemy", "structlog"}

LOADED = """
import json, sys
from daemon.cli.main import main
try:
    main()
except SystemExit:
    sys.stderr.write(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
RULE = """
version: 1
rules:
  - id: again
    why: It will pass.
    when: {code: BUSY}
    then: {retry: {}}
    tests: [{match: {code: BUSY}}]
"""


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        pytest.param(["--help"], set(), id="help"),
        pytest.param(["check", "rules.yaml"], {"pydantic", "ruamel"}, id="check"),
    ],
)
def test_a_command_loads_no_slow_library_that_it_does_not_need(
    tmp_path: Path, arguments: list[str], needed: set[str]
) -> None:
    (tmp_path / "rules.yaml").write_text(RULE, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert set(json.loads(done.stderr)) & SLOW <= needed
