"""The command line: one command per file, errors as sentences, exit codes that scripts can rely on."""

import signal
import sys
from typing import NoReturn

HELD_BACK = (signal.SIGHUP, signal.SIGTERM)
"""What a service must not miss while it starts: unhandled, either would end the process."""


def main() -> NoReturn:
    """Run the command that was asked for.

    Before anything else is even imported, a service lets its signals wait until it can take them (`Signals.install`).
    """
    if sys.argv[1:2] == ["run"]:
        signal.pthread_sigmask(signal.SIG_BLOCK, HELD_BACK)
    from daemon.cli.main import main as run_command

    run_command()


__all__ = ["main"]
