"""The image without a container engine: the steps of the Dockerfile, replayed into a folder.

The base image is a copy of the Python that runs the tests. Packages are not downloaded: those that the lock names are
copied from the tests' own environment, and no others, so what the lock forgets is not there.
"""

import glob
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

from tests.deploy.dockerfile import Instruction, Stage

ROOT = Path(__file__).parents[2]
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
NO_CODE = shutil.ignore_patterns("__pycache__")
ACCOUNTS = ("groupadd", "useradd")
"""Commands that only concern a container's own files, and that must not run here."""


@dataclass(slots=True, kw_only=True)
class Image:
    """The file system of an image under *root*; *skipped* are the commands that were only noted."""

    root: Path
    workdir: str = "/"
    skipped: list[Sequence[str]] = field(default_factory=list)

    def at(self, path: str) -> Path:
        """Return where a path of the image is here."""
        return self.root / (path if path.startswith("/") else f"{self.workdir}/{path}").lstrip("/")

    @property
    def env(self) -> dict[str, str]:
        """Return what the copied Python needs: its own library."""
        return {"LD_LIBRARY_PATH": str(self.at("/usr/local/lib")), "PATH": "/usr/bin:/bin"}

    def lay_base(self) -> None:
        """Copy Python, without its packages, to where the base image has it."""
        base, local = Path(sys.base_prefix), self.at("/usr/local")
        (local / "bin").mkdir(parents=True)
        (local / "lib").mkdir()
        shutil.copy2(base / "bin" / PYTHON, local / "bin" / PYTHON)
        for library in (base / "lib").glob("libpython*"):
            shutil.copy2(library, local / "lib" / library.name)
        unneeded = shutil.ignore_patterns("site-packages", "test", "idlelib", "lib2to3", "config-3*", "ensurepip")
        shutil.copytree(sysconfig.get_path("stdlib"), local / "lib" / PYTHON, ignore=unneeded, symlinks=True)

    def replay(self, stage: Stage) -> None:
        """Do what the instructions of *stage* say.

        Raises:
            AssertionError: a step is not known here: teach it.
        """
        self.workdir = "/"
        for each in stage.instructions:
            if each.word == "WORKDIR":
                self.workdir = each.text
                self.at(".").mkdir(parents=True, exist_ok=True)
            elif each.word == "COPY":
                self._copy(each)
            elif each.word == "RUN":
                for command in each.commands:
                    self._run(command)

    def _copy(self, instruction: Instruction) -> None:
        *sources, target = instruction.parts
        if sources[0].startswith("--from="):
            assert sources[1:] == [target], "a virtual environment cannot be moved"
            return
        for source in sources:
            here = ROOT / source
            if here.is_dir():
                shutil.copytree(here, self.at(target), ignore=NO_CODE)
            else:
                shutil.copy2(here, self.at(target))

    def _run(self, command: Sequence[str]) -> None:
        known: Mapping[tuple[str, ...], Callable[[Sequence[str]], object]] = {
            ("python", "-m", "venv"): lambda words: self._call(self.at(f"/usr/local/bin/{PYTHON}"), *words[1:]),
            ("pip", "--python"): self._install,
            ("pip", "install"): self._locked,
            ("pip", "wheel"): self._pip,
            ("pip", "uninstall"): self.skipped.append,
            ("install", "--directory"): self._call_unowned,
            ("mkdir",): lambda words: self._call(*words),
        }
        if command[0] in ACCOUNTS:
            self.skipped.append(command)
            return
        doing = [do for words, do in known.items() if tuple(command[: len(words)]) == words]
        assert doing, f"the Dockerfile has a step that is not known here, teach it: {command}"
        doing[0](command)

    def _install(self, words: Sequence[str]) -> None:
        if "-r" not in words:
            self._pip(words)
            return
        target = self.at(f"/opt/flowmend/lib/{PYTHON}/site-packages")
        for found in self._locked(words):
            for part in {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
                source = Path(str(found.locate_file(part)))
                if source.is_dir():
                    shutil.copytree(source, target / part, dirs_exist_ok=True)
                else:
                    shutil.copy2(source, target / part)

    def _locked(self, words: Sequence[str]) -> list[Distribution]:
        """Return the distributions that the command's lock names, as they are in the tests' environment."""
        assert "--require-hashes" in words
        lock = self.at(words[words.index("-r") + 1]).read_text(encoding="utf-8")
        pins = [line.split("==") for line in lock.splitlines() if "==" in line]
        found = [distribution(name) for name, _ in pins]
        for (name, rest), present in zip(pins, found, strict=True):
            assert present.version == rest.split()[0], f"{name}: the tests' environment is not that of the locks"
        return found

    def _pip(self, words: Sequence[str]) -> None:
        options = ["--disable-pip-version-check", "--quiet"]
        mapped = [self._mapped(word) for word in words[1:]]
        expanded = [path for word in mapped for path in (glob.glob(word) or [word])]  # noqa: PTH207 - as the shell does
        self._call(sys.executable, "-m", "pip", *expanded, *options, given=True)

    def _call_unowned(self, words: Sequence[str]) -> None:
        owned = ("--owner", "--group")
        self._call(*(word for word in words if os.getuid() == 0 or not word.startswith(owned)))

    def _call(self, program: str | Path, *words: str, given: bool = False) -> None:
        arguments = words if given else [self._mapped(word) for word in words]
        subprocess.run(
            [program, *arguments], cwd=self.at("."), env=self.env, check=True, capture_output=True, timeout=300
        )  # fmt: skip

    def _mapped(self, word: str) -> str:
        return str(self.at(word)) if word.startswith("/") else word


def everything(root: Path) -> dict[str, tuple[Any, ...]]:
    """Return every file below *root* with its size, its owner and when it was last written."""
    found = {}
    for folder, _, files in os.walk(root):
        for path in (folder, *(f"{folder}/{name}" for name in files)):
            seen = os.lstat(path)
            found[path] = (seen.st_size, seen.st_mode, seen.st_uid, seen.st_mtime_ns)
    return found
