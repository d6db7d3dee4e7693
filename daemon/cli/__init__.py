"""The command line: one command per file, errors as sentences, exit codes that scripts can rely on."""

from daemon.cli.main import main

__all__ = ["main"]
