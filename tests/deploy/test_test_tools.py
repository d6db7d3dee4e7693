"""``scripts/install-test-tools`` needs nothing where there is nothing to do, and says what to do where it cannot.

Nothing is installed here: ``sudo`` is one that notes what it was to do, and does it only to a folder of its own.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.programs import program

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "install-test-tools"
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


SUDO = """#!{bash}
# Note the command; as apt-get would, bring what is missing.
echo "$*" >> {folder}/asked
case "$*" in
    *" tee "*) while read -r _; do :; done ;;
    *" apt-get "*" install "*) for name in {tools}; do [ -e {folder}/$name ] || {ln} -s /bin/true {folder}/$name; done ;;
esac
"""


def test_as_root_it_brings_what_is_missing_from_debian_once_and_starts_no_service(tmp_path: Path) -> None:
    asked, bash = tmp_path / "asked", program("bash")
    (tmp_path / "sudo").write_text(
        SUDO.format(bash=bash, folder=tmp_path, tools=" ".join(TOOLS), ln=program("ln")), encoding="utf-8"
    )
    (tmp_path / "id").write_text(f"#!{bash}\necho 1000\n", encoding="utf-8")
    for name in ("sudo", "id"):
        (tmp_path / name).chmod(0o755)
    for name in ("apt-get", "systemd-analyze", "mtail"):
        (tmp_path / name).symlink_to("/bin/true")
    (tmp_path / "sort").symlink_to(program("sort"))
    first, again = (
        subprocess.run(
            [bash, SCRIPT], env={"PATH": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=False
        )
        for _ in range(2)
    )

    assert (first.returncode, again.returncode, again.stderr) == (0, 0, ""), first.stderr
    done = asked.read_text(encoding="utf-8").splitlines()
    apt = [line.rpartition("Timeout=300 ")[2] for line in done if " apt-get " in line]
    assert apt == ["update", "install --yes --no-install-recommends prometheus"]
    if not Path("/usr/sbin/policy-rc.d").exists():
        assert "--non-interactive tee /usr/sbin/policy-rc.d" in done
        assert done[-1] == "--non-interactive rm -f /usr/sbin/policy-rc.d"


def test_the_way_into_the_checks_brings_them() -> None:
    (command,) = [line for line in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines() if "make" in line]
    planned = subprocess.run(
        [program("make"), "--dry-run", *command.split()[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout

    assert 0 <= planned.find("scripts/install-test-tools") < planned.index("-m pytest")
