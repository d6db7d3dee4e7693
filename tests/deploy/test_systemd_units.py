"""The units, as the systemd of Debian 12 reads them."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.programs import program

ROOT = Path(__file__).parents[2]
UNITS = sorted(file.name for file in (ROOT / "systemd").iterdir())
SERVICES = [name for name in UNITS if name.endswith(".service")]
EXPOSED_AT_MOST = 1.5


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Make a root folder with systemd's own units, ours, and what ours start."""
    program("systemd-analyze")  # its package has the units, too
    shutil.copytree("/usr/lib/systemd/system", tmp_path / "usr/lib/systemd/system", symlinks=True)
    (tmp_path / "lib").symlink_to("usr/lib")
    shutil.copytree(ROOT / "systemd", tmp_path / "etc/systemd/system")
    for started in ("opt/flowmend/bin/flowmend", "bin/kill"):
        (tmp_path / started).parent.mkdir(parents=True)
        (tmp_path / started).touch(mode=0o755)
    return tmp_path


def analyze(machine: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [program("systemd-analyze"), f"--root={machine}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def lines(unit: str) -> list[str]:
    """Return the settings of a unit, in order."""
    text = (ROOT / "systemd" / unit).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_systemd_finds_nothing_to_say_about_them(machine: Path) -> None:
    found = analyze(machine, "verify", *UNITS)

    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_a_setting_that_systemd_does_not_know_would_be_found(machine: Path) -> None:
    unit = machine / "etc/systemd/system/flowmend.service"
    unit.write_text(unit.read_text(encoding="utf-8").replace("DynamicUser", "DynamicUsr"), encoding="utf-8")

    assert "Unknown key 'DynamicUsr'" in analyze(machine, "verify", *UNITS).stderr


@pytest.mark.parametrize("unit", SERVICES)
def test_little_of_the_machine_is_exposed_to_a_service(machine: Path, unit: str) -> None:
    found = analyze(machine, "security", "--offline=true", f"--threshold={EXPOSED_AT_MOST * 10:.0f}", unit)

    assert found.returncode == 0, found.stdout
    assert float(found.stdout.rpartition("level for ")[2].split()[1]) <= EXPOSED_AT_MOST


def test_both_services_have_one_user_one_state_and_one_sandbox() -> None:
    service, once = lines("flowmend.service"), lines("flowmend-once.service")
    begin, end = service.index("DynamicUser=yes"), service.index("[Install]")

    assert service[begin:end] == once[once.index("DynamicUser=yes") :]
    assert {"User=flowmend", "StateDirectory=flowmend"} <= set(service[begin:end])


@pytest.mark.parametrize(
    "line",
    [
        "Type=notify",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "LoadCredential=acme.token:/etc/flowmend/acme.token",
        "Restart=always",
        "WatchdogSec=60s",
        "TimeoutStopSec=30s",
        "LimitCORE=0",
        "DynamicUser=yes",
        "ProtectSystem=strict",
    ],
)
def test_the_service_is_told_and_restarted_watched_and_shut_in(line: str) -> None:
    assert line in lines("flowmend.service")
