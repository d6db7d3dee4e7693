"""What the command costs before it does anything: ``--help``, and ``check`` of a thousand rules, in seconds of CPU."""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from bench.speed.processes import environment
from bench.speed.rows import Plan, Row, spread
from bench.speed.rules_on_disk import write_files

RULES = 1_000
SLOWEST = 5


def rows(plan: Plan) -> Iterator[Row]:
    """Measure both as whole processes."""
    help_s = [_cpu_s(["--help"]) for _ in range(plan.runs)]
    yield Row(
        key="help",
        figure=f"{median(help_s):.2f} s",
        ok=median(help_s) <= 0.25,
        detail=f"{spread(help_s)}; slowest imports: {_slowest_imports()}",
        values=help_s,
    )
    with tempfile.TemporaryDirectory(prefix="flowmend-bench-") as folder:
        write_files(Path(folder), [_rule(number) for number in range(RULES)])
        check_s = [_cpu_s(["check", folder]) for _ in range(plan.runs)]
    yield Row(
        key="check",
        figure=f"{median(check_s):.2f} s",
        ok=median(check_s) <= 1.5,
        detail=f"{spread(check_s)}; each rule with two tests",
        values=check_s,
    )


def _rule(number: int) -> str:
    return f"""\
  - id: check-{number}
    why: Rule {number} of the bench, as people write them.
    classify: data
    owner: integrations@example.com
    when:
      source: application
      code: [CODE_{number}, CODE_{number}_AGAIN]
      message: {{regex: "Invalid [a-z]+ reference key '(?P<key>[^']+)' for subsidiary {number}\\\\b"}}
    then:
      hold: {{queue: data-{number % 7}, title: A reference is wrong}}
    tests:
      - match:
          source: application
          code: CODE_{number}
          message: "Invalid item reference key 'A-{number}' for subsidiary {number}."
      - no_match: {{source: application, code: CODE_{number}, message: "The item A-{number} was not found."}}
"""


def _command(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-c", "from daemon.cli import main; main()", *arguments]


def _cpu_s(arguments: Sequence[str]) -> float:
    """Return the CPU seconds, of user and system, of one run of the command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(_command(arguments), env=environment(), capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"flowmend {arguments[0]} failed: {done.stdout.decode()[-500:]}{done.stderr.decode()[-500:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _slowest_imports() -> str:
    """Return the packages whose import takes longest, with what they bring along, by ``-X importtime``."""
    command = [sys.executable, "-X", "importtime", *_command(["--help"])[1:]]
    said = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False).stderr
    took: list[tuple[int, str]] = []
    for line in said.splitlines():
        parts = line.removeprefix("import time:").split("|")
        if len(parts) == 3 and parts[1].strip().isdecimal() and "." not in parts[2]:
            took.append((int(parts[1]), parts[2].strip()))
    return ", ".join(f"{name} {cost / 1000:.0f} ms" for cost, name in sorted(took, reverse=True)[:SLOWEST])
