"""A Dockerfile as its stages and instructions: as much of the format as ours uses."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One instruction: its *word*, and the *text* after it, on one line."""

    word: str
    text: str

    @property
    def parts(self) -> list[str]:
        """Return the text as words; a JSON list where it is one."""
        if self.text.startswith("["):
            listed: list[str] = json.loads(self.text)
            return listed
        return shlex.split(self.text)

    @property
    def commands(self) -> list[list[str]]:
        """Return the commands of a RUN, which are joined by ``&&``."""
        return [shlex.split(command) for command in self.text.split("&&")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What stands between one FROM and the next."""

    image: str
    name: str
    instructions: Sequence[Instruction]

    def all(self, word: str) -> list[Instruction]:
        """Return the instructions of one kind, in order."""
        return [each for each in self.instructions if each.word == word]

    def last(self, word: str) -> Instruction:
        """Return the one that counts."""
        return self.all(word)[-1]

    def env(self) -> dict[str, str]:
        """Return the variables that are set, unexpanded."""
        pairs = [part.partition("=") for each in self.all("ENV") for part in each.parts]
        return {name: value for name, _, value in pairs}


def read_dockerfile(file: Path) -> list[Stage]:
    """Return the stages, in order."""
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    found = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    stages: list[Stage] = []
    instructions: list[Instruction] = []
    for word, text in found:
        if word == "FROM":
            instructions = []
            image, _, name = text.partition(" AS ")
            stages.append(Stage(image=image, name=name, instructions=instructions))
        else:
            instructions.append(Instruction(word=word, text=" ".join(text.split())))
    return stages
