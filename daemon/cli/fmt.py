"""``flowmend fmt``: rule files in one style, or as YAML or TOML."""

from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from daemon.cli.options import Config, Json, rule_paths

if TYPE_CHECKING:
    from daemon.app.formatting import FormattedSet
    from daemon.rulebook.formatting import Formatted

Paths = Annotated[
    list[Path] | None,
    typer.Argument(metavar="PATHS", help="Rule files or folders. Else those of the configuration (rules.paths)."),
]
Check = Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 where a file is not in the style.")]
Diff = Annotated[bool, typer.Option("--diff", help="Write nothing; show what would change.")]
To = Annotated[
    Literal["yaml", "toml"] | None,
    typer.Option(
        "--to", help="Turn the files into this format, comments and all. The old files go.", show_default=False
    ),
]
Stdout = Annotated[bool, typer.Option("--stdout", help="Write nothing; print the one file formatted.")]


def fmt(
    paths: Paths = None,
    check: Check = False,
    diff: Diff = False,
    to: To = None,
    stdout: Stdout = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Put rule files into one style: keys in order, short maps in braces, no quotes that are not needed.

    Comments stay with what they are about, and the rules stay the same: that is checked before a file is replaced, in
    one step. A file with mistakes is not touched; they are shown instead.
    """
    from daemon.app.formatting import format_files, write_formatted
    from daemon.cli.exits import PROBLEMS
    from daemon.cli.render import print_json
    from daemon.core.exceptions import ConfigError

    if stdout and (check or diff or json):
        raise ConfigError("--stdout prints a file and nothing else: leave out --check, --diff and --json")
    done = format_files(rule_paths(paths, config), to)
    if stdout and len(done.files) + len(done.refusals) + len({one.file for one in done.problems}) != 1:
        raise ConfigError("--stdout is for one file: name it")
    if not (check or diff or stdout):
        for file in done.changed:
            write_formatted(file)
    if json:
        print_json(_told(done, written=not (check or diff)))
    else:
        _show(done, check=check, diff=diff, alone=stdout)
    raise typer.Exit(PROBLEMS if done.problems or done.refusals or (check and done.changed) else 0)


def _show(done: "FormattedSet", *, check: bool, diff: bool, alone: bool) -> None:
    from daemon.cli.exits import complain
    from daemon.cli.render import say
    from daemon.rulebook.problems import render, summary

    if alone:
        for file in done.files:
            typer.echo(file.content, nl=False)
    else:
        for line in _lines(done, check=check, diff=diff):
            say(line)
    if done.problems:
        complain(f"{render(done.problems)}{summary(done.problems)}: files with mistakes are left as they are")
    for refusal in done.refusals:
        complain(refusal)


def _lines(done: "FormattedSet", *, check: bool, diff: bool) -> Iterator[str]:
    from daemon.cli.render import plural

    for file in done.changed:
        converted = f" → {file.path}" if file.path != file.found.path else ""
        if diff:
            yield from _difference(file)
        else:
            yield f"{'would format' if check else 'formatted'} {file.found.name}{converted}"
    changed, all_files = len(done.changed), plural(len(done.files), "file")
    if not changed:
        yield f"{all_files}: nothing to format"
    elif check or diff:
        yield f"{changed} of {all_files} would be changed; flowmend fmt changes them"
    else:
        yield f"{changed} of {all_files} changed; the rules are the same"


def _difference(file: "Formatted") -> list[str]:
    before, after = (content.decode("utf-8-sig").splitlines() for content in (file.found.content, file.content))
    return list(unified_diff(before, after, file.found.name, str(file.path), lineterm=""))


def _told(done: "FormattedSet", *, written: bool) -> dict[str, Any]:
    return {
        "files": [
            {
                "file": file.found.name,
                "to": str(file.path),
                "changed": file.changed,
                "written": written and file.changed,
            }
            for file in done.files
        ],
        "problems": [problem.to_dict() for problem in done.problems],
        "refused": list(done.refusals),
    }
