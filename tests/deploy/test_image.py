"""The Dockerfile, its steps replayed without a container engine, and what comes of them at work."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.acceptance.command import Service, served_sandbox, write_config
from tests.deploy.dockerfile import read_dockerfile
from tests.deploy.image import PYTHON, ROOT, Image, everything

BUILD, FINAL = read_dockerfile(ROOT / "Dockerfile")
UID = 10001
STATE = "/var/lib/flowmend"


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """Build the image once, in a folder that every user can enter, and take all rights to write away."""
    folder = Path(tempfile.mkdtemp(prefix="flowmend-image-"))
    folder.chmod(0o755)
    built = Image(root=folder / "root")
    try:
        built.lay_base()
        for stage in (BUILD, FINAL):
            built.replay(stage)
        yield built
    finally:
        subprocess.run(["chmod", "-R", "u+w", folder], check=True)
        shutil.rmtree(folder)


def test_it_has_two_stages_and_the_second_only_takes_what_the_first_has_made() -> None:
    assert (BUILD.name, BUILD.image, FINAL.image) == ("build", "python:3.11-slim", "python:3.11-slim")
    assert [each.parts for each in FINAL.all("COPY")] == [["--from=build", "/opt/flowmend", "/opt/flowmend"]]


def test_nothing_in_the_final_stage_can_install_or_build() -> None:
    (run,) = FINAL.all("RUN")
    removed, *others = run.commands

    assert removed[:2] == ["pip", "uninstall"]
    assert {"pip", "setuptools", "wheel"} <= set(removed)
    assert not {"pip", "apt-get", "apt", "gcc", "curl", "wget"} & {word for command in others for word in command}


def test_it_runs_as_a_user_and_group_of_numbers_of_their_own() -> None:
    (run,) = FINAL.all("RUN")
    made = {command[0]: command for command in run.commands}

    assert FINAL.last("USER").text == f"{UID}:{UID}"
    assert made["groupadd"] == ["groupadd", "--gid", str(UID), "flowmend"]
    assert {("--uid", str(UID)), ("--gid", str(UID))} <= set(zip(made["useradd"], made["useradd"][1:], strict=False))
    assert {f"--owner={UID}", f"--group={UID}", "--mode=0700", STATE} <= set(made["install"])


def test_the_state_is_a_volume_and_a_stop_is_a_sigterm_to_flowmend_itself() -> None:
    assert FINAL.last("VOLUME").text == STATE
    assert FINAL.env()["SQLITE_TMPDIR"] == STATE
    assert FINAL.last("STOPSIGNAL").text == "SIGTERM"
    assert (FINAL.last("ENTRYPOINT").parts, FINAL.last("CMD").parts) == (["flowmend"], ["run"])  # no shell in between


def test_whatever_is_copied_passes_the_ignore_file_and_nothing_else_does() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = {source for each in BUILD.all("COPY") for source in each.parts[:-1]}

    assert next(line for line in ignored if not line.startswith("#")) == "*"
    assert copied == allowed


def test_every_package_is_held_against_its_hash_and_so_is_what_builds() -> None:
    commands = [words for run in BUILD.all("RUN") for words in run.commands]
    (wheel,) = [words for words in commands if words[:2] == ["pip", "wheel"]]

    assert all("--require-hashes" in words or "--no-index" in words for words in commands if "install" in words)
    assert {"--no-build-isolation", "--no-deps"} <= set(wheel)  # else pip fetches the newest build tool by itself


def test_what_builds_the_image_is_what_builds_everywhere() -> None:
    build, dev = ((ROOT / f"requirements-{name}.lock").read_text(encoding="utf-8") for name in ("build", "dev"))
    pins = re.findall(r"^\S+==\S+ \\$", build, re.MULTILINE)

    assert any(pin.startswith("hatchling==") for pin in pins)
    assert [pin for pin in pins if f"\n{pin}\n" not in f"\n{dev}"] == []
    assert build.count("--hash=sha256:") >= len(pins)
    assert "://" not in build


class Answers(BaseHTTPRequestHandler):
    """Answers with the status that the server was given."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == self.server.healthy else 503)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("healthy", "code"), [("/healthz", 0), ("", 1)], ids=["it answers well", "it answers that it is not well"]
)
def test_the_health_check_asks_healthz_and_no_proxy(healthy: str, code: int) -> None:
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        server.healthy = healthy  # type: ignore[attr-defined]
        serving = Thread(target=server.handle_request)
        serving.start()
        assert check_health(server.server_port) == code
        serving.join()


def test_the_health_check_fails_where_nobody_answers() -> None:
    assert check_health(9) == 1


def check_health(port: int) -> int:
    """Return what the health check of the Dockerfile ends with."""
    options, _, command = FINAL.last("HEALTHCHECK").text.partition(" CMD ")
    assert re.search(r"--timeout=5s", options)
    program, *arguments = type(FINAL.last("CMD"))(word="CMD", text=command).parts
    assert program == "python"
    env = {"FLOWMEND_SERVER__PORT": str(port), "http_proxy": "http://127.0.0.1:9"}
    return subprocess.run(
        [sys.executable, *arguments], env=env, capture_output=True, timeout=60, check=False
    ).returncode


def test_it_works_with_what_the_lock_names_in_a_tree_that_it_cannot_write_to_as_nobody_special(
    image: Image, tmp_path: Path
) -> None:
    etc = image.at("/etc/flowmend")
    with served_sandbox(tmp_path, "--errors", "50") as sandbox:
        write_config(etc, sandbox.url, Path("rules"))
        shutil.copytree(ROOT / "rules", etc / "rules")
        subprocess.run(["chmod", "-R", "a-w,a+rX", image.root], check=True)
        image.at(STATE).chmod(0o700)
        before = untouched(image)
        env = image.env | {
            "PATH": f"{image.at('/opt/flowmend/bin')}:{image.at('/usr/local/bin')}",
            "PYTHONDONTWRITEBYTECODE": FINAL.env()["PYTHONDONTWRITEBYTECODE"],
            "SQLITE_TMPDIR": str(image.at(STATE)),
            "FLOWMEND_STORE__URL": f"sqlite:///{image.at(STATE)}/flowmend.db",
            "FLOWMEND_SERVER__PORT": "0",
        }
        command: list[str | Path] = [image.at("/opt/flowmend/bin/flowmend"), *FINAL.last("CMD").parts]
        unprivileged: dict[str, Any] = {"user": UID, "group": UID, "extra_groups": []} if os.getuid() == 0 else {}
        with Service(etc, command, env=env, **unprivileged) as service:
            service.wait_for("outcome.settled")
            assert check_health(service.wait_for("server.started")["port"]) == 0
            assert service.stop(getattr(signal, FINAL.last("STOPSIGNAL").text))[0] == 0
            assert not [line for line in service.events if line["level"] == "error"]
        page = [command[0], "report", "--format", "html", "--config", etc / "config.toml"]
        made = subprocess.run(page, env=env, capture_output=True, text=True, timeout=60, check=True, **unprivileged)
        assert made.stdout.endswith("</html>\n"), "its template is part of what is installed"

    assert untouched(image) == before
    assert image.at(f"{STATE}/flowmend.db").stat().st_uid == (UID if os.getuid() == 0 else os.getuid())
    assert not (image.at("/opt/flowmend/lib") / PYTHON / "site-packages" / "pip").exists()


def untouched(image: Image) -> dict[str, object]:
    """Return all that nobody may have written to."""
    return {path: seen for path, seen in everything(image.root).items() if STATE not in path}
