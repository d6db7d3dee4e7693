"""What the manual tells people to type, and where it sends them, is there."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from daemon.cli.main import app

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
MADE_BY_PEOPLE = {"deploy/flowmend/"}
BEFORE = re.compile(r"^(?:[$#] )?(?:docker compose .* exec flowmend |kubectl exec \S+ -- )?flowmend (?=[a-z-])")
ENDS = re.compile(r" #.*| [|>&].*|[;…].*")


def typed(text: str) -> Iterator[str]:
    """Yield what follows ``flowmend`` in the consoles and the inline code of a page."""
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    inline = re.findall(
        r"(?<!`)`([^`\n]+)`(?!`)", " ".join(re.sub(r"```.*?```", "", text, flags=re.DOTALL).split("\n"))
    )
    for line in [line for block in blocks for line in block.replace("\\\n", " ").splitlines()] + inline:
        if found := BEFORE.match(line):
            yield ENDS.sub("", line[found.end() :])


def complaint(words: list[str]) -> str:
    """Say which command or option there is not, "" where all are."""
    command: Any = typer.main.get_command(app)
    for word in words:
        if hasattr(command, "commands") and not word.startswith("-"):
            if word not in command.commands:
                return f"no command {word}"
            command = command.commands[word]
        elif word.startswith("--") and word != "--help":
            options = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
            if word.partition("=")[0] not in options:
                return f"{command.name} has no option {word}"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_the_manual_is_there_with_its_options(page: Path) -> None:
    commands = [shlex.split(each) for each in typed(page.read_text(encoding="utf-8"))]

    assert [(" ".join(words), said) for words in commands if (said := complaint(words))] == []
    assert len(commands) > 50 or page.name != "operations.md"


def test_a_command_that_is_not_there_would_be_found() -> None:
    words = ["doctor --fix", "db vacuum", "hold list --queue x"]
    assert [complaint(each.split()) for each in words] == [
        "doctor has no option --fix", "no command vacuum", "",
    ]  # fmt: skip


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_and_chapter_that_a_page_leads_to_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", text):
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    for named in re.findall(r"`((?:bench|deploy|scripts|systemd)/[\w./-]*)", text):
        assert (ROOT / named).exists() or named in MADE_BY_PEOPLE, named


def test_an_operator_finds_every_chapter() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    titles = re.findall(r"^#{2,3} (.+)$", text, re.MULTILINE)
    assert {
        "systemd", "Docker", "Kubernetes", "Rotate a token without a restart", "Move to another host", "Upgrade",
        "Back up and restore", "Alerts", "Notifications", "The report", "The log",
    } <= set(titles)  # fmt: skip
