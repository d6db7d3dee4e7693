"""Put the commands together and turn exceptions into sentences and exit codes."""

import sys
from io import TextIOWrapper
from typing import Annotated, NoReturn

import typer

from daemon.cli import (
    apply,
    approve,
    capture,
    case,
    check,
    db,
    demo,
    diff,
    doctor,
    errors,
    explain,
    fmt,
    hold,
    notify,
    once,
    pause,
    plan,
    proving,
    replay,
    report,
    resume,
    run,
    sandbox,
    schema,
    suggest,
)
from daemon.cli.exits import complain, exit_code, sentence
from daemon.core.exceptions import FlowmendError

WHAT = "Look after the open errors of Celigo integrator.io flows."
HOW = (
    "Flowmend reads the open errors of your flows, matches each with rules that you write, and then retries it, changes "
    "its data and retries it, resolves it, or holds it for a person. It never says 'fixed' before it has seen that it is."
)
NEW = "New here? [bold]flowmend demo[/bold] shows it at work on a sandbox, in under a minute, with no account needed."
CODES = (
    "Exit codes: 0 done · 1 problems found (check, test, doctor) · 2 usage, configuration or store · 3 over a limit, paused, locked or unsafe: held · "
    "4 integrator.io unreachable or refused · 5 an outcome is unknown."
)

app = typer.Typer(
    name="flowmend",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        from daemon.cli.render import say

        say(f"flowmend {version('flowmend')}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Say which version this is.")
]


@app.callback(help=f"{WHAT}\n\n{HOW}\n\n{NEW}\n\n{CODES}")
def flowmend(version: Version = False) -> None:
    """Take the options that stand before a command."""


START, RULES, LOOK, RUN = "Try it", "Rules", "Look", "Run"
app.command(rich_help_panel=START)(demo.demo)
app.command(rich_help_panel=START)(sandbox.sandbox)
app.command(rich_help_panel=RUN)(run.run)
app.command(rich_help_panel=RUN)(once.once)
app.command(rich_help_panel=RUN)(plan.plan)
app.command(rich_help_panel=RUN)(approve.approve)
app.command(rich_help_panel=RUN)(apply.apply)
app.command(rich_help_panel=RUN)(pause.pause)
app.command(rich_help_panel=RUN)(resume.resume)
app.command(rich_help_panel=RULES)(check.check)
app.command("test", rich_help_panel=RULES)(proving.prove)
app.command(rich_help_panel=RULES)(explain.explain)
app.command(rich_help_panel=RULES)(replay.replay)
app.command(rich_help_panel=RULES)(diff.diff)
app.command(rich_help_panel=RULES)(capture.capture)
app.command(rich_help_panel=RULES)(fmt.fmt)
app.command(rich_help_panel=RULES)(suggest.suggest)
app.command(rich_help_panel=RULES)(schema.schema)
app.command(rich_help_panel=LOOK)(errors.errors)
app.command(rich_help_panel=LOOK)(case.case)
app.command(rich_help_panel=LOOK)(report.report)
app.command(rich_help_panel=LOOK)(doctor.doctor)
app.add_typer(notify.app, name="notify", rich_help_panel=LOOK)
app.add_typer(hold.app, name="hold", rich_help_panel=LOOK)
app.add_typer(db.app, name="db", rich_help_panel=RUN)


def main() -> NoReturn:
    """Run the command that was asked for."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that lacks a sign gets a question mark, not a traceback
            stream.reconfigure(errors="replace")
    try:
        app()
    except FlowmendError as failure:
        complain(sentence(failure))
        if "--json" in sys.argv:
            from daemon.cli.render import print_json

            print_json({"failure": str(failure)})
        sys.exit(exit_code(failure))
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)
