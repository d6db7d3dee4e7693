"""``flowmend check``: are the rule files sound?"""

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from daemon.cli.options import Config, Json, rule_paths

if TYPE_CHECKING:
    from daemon.rulebook.problems import Problem

Paths = Annotated[
    list[Path] | None,
    typer.Argument(metavar="PATHS", help="Rule files or folders. Else those of the configuration (rules.paths)."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Let warnings fail the check, too.")]
Format = Annotated[
    Literal["text", "github", "sarif"],
    typer.Option(
        "--format", help="For people; for GitHub Actions, beside the lines; or SARIF 2.1.0 for code scanning."
    ),
]
Explained = Annotated[
    str | None,
    typer.Option(
        "--explain", metavar="CODE", help="Say what a message's code means, such as E014, and stop.", show_default=False
    ),
]
Account = Annotated[
    str | None,
    typer.Option(
        "--account",
        metavar="NAME",
        help="Also look whether this account has the flows and steps that the rules name, and at its recorded errors.",
        show_default=False,
    ),
]


def check(
    paths: Paths = None,
    config: Config = None,
    account: Account = None,
    strict: Strict = False,
    form: Format = "text",
    explain: Explained = None,
    json: Json = False,
) -> None:
    """Check rule files: every problem of every file at once, with its place. Runs the rules' own tests, too."""
    from daemon.app.clock import SystemClock
    from daemon.cli.check_github import github_lines
    from daemon.cli.check_sarif import sarif_log
    from daemon.cli.check_view import Checked, checked_json, show_check, show_explanation
    from daemon.cli.exits import PROBLEMS
    from daemon.cli.render import print_json, say
    from daemon.core.exceptions import ConfigError
    from daemon.rulebook.candidate import prepare
    from daemon.rulebook.problems import ordered

    if json and form != "text":
        raise ConfigError(f"--json and --format {form} are two different outputs; ask for one of them")
    if explain is not None:
        if paths or account or form != "text":
            raise ConfigError("--explain says what a code means and checks nothing: give no files or other options")
        show_explanation(explain, json=json)
        return
    gc.freeze()  # what is imported by now stays to the end: looking through it for garbage takes a tenth of the time
    tried = prepare(rule_paths(paths, config))
    of_account: Sequence[Problem] = ()
    if account:
        from daemon.cli.check_account import problems_of

        of_account = problems_of(tried.read, config, account, SystemClock().now())
    checked = Checked(tried=tried, problems=ordered((*tried.problems, *of_account)), strict=strict)
    if json:
        print_json(checked_json(checked))
    elif form == "sarif":
        print_json(sarif_log(checked.problems))
    elif form == "github":
        say("\n".join([*github_lines(checked.problems, strict=strict), checked.summary()]))
    else:
        show_check(checked)
    raise typer.Exit(0 if checked.ok else PROBLEMS)
