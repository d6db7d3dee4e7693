"""``scripts/install-test-tools`` needs nothing where there is nothing to do, and says what to do where it cannot."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.programs import program

SCRIPT = Path(__file__).parents[2] / "scripts" / "install-test-tools"
TOOLS = ("systemd-analyze", "prometheus", "promtool", "mtail")


def run(folder: Path, *there: str) -> subprocess.CompletedProcess[str]:
    """Run the script on a machine that has these *there*, no apt, and else only what a shell script cannot do without."""
    for name in there:
        (folder / name).symlink_to("/bin/true")
    for name in ("sort", "id"):
        (folder / name).symlink_to(program(name))
    bash = shutil.which("bash")
    assert bash
    return subprocess.run(
        [bash, SCRIPT], env={"PATH": str(folder)}, capture_output=True, text=True, timeout=60, check=False
    )


def test_with_all_tools_there_it_does_nothing_and_needs_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, *TOOLS)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("missing", "packages"),
    [("promtool", "prometheus"), ("mtail", "mtail"), ("systemd-analyze", "systemd")],
)
def test_without_apt_it_says_which_packages_are_missing(tmp_path: Path, missing: str, packages: str) -> None:
    done = run(tmp_path, *(name for name in TOOLS if name != missing))

    assert done.returncode == 1
    assert "this machine has no apt-get" in done.stderr
    assert f"apt-get install --no-install-recommends {packages}\n" in done.stderr
