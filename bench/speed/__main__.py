"""``make bench``: measure every row of "To reach" side by side and say which are reached.

``python -m bench.speed [--quick] [--errors N] [--full] [--only SECTION,…] [--json | --markdown]``. Exit code 1 where a row
misses. What costs little is measured at least five times, what goes through the whole backlog three times (--quick:
once); figures are medians. --full also reads ten times the backlog: an hour.
"""

import argparse
import json
import sys
from importlib import import_module

from bench.speed.rows import Plan, Row, Table

SECTIONS = {
    "scan": ("first", "again", "memory", "memory-flat", "disk"),
    "idle": ("idle",),
    "matching": ("match-10", "match-100", "match-1000", "match-5000", "match-flat"),
    "acting": ("acting", "fsyncs"),
    "stall": ("stall",),
    "commands": ("help", "check"),
    "latency": ("latency",),
}
"""What is measured together, and the goals that it answers; where a program or library is missing, not all of them."""

ERRORS, QUICK_ERRORS = 1_000_000, 50_000


def main() -> None:
    """Measure, print, and exit by what was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.speed", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a twentieth of the errors, one run of what takes long")
    parser.add_argument("--full", action="store_true", help="also ten times as many errors, for the memory they take")
    parser.add_argument("--errors", type=int, help=f"errors of the backlog ({ERRORS}; --quick: {QUICK_ERRORS})")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections to measure (%(default)s)")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--markdown", action="store_true", help="as in docs/performance.md")
    asked = parser.parse_args()
    plan = Plan(
        errors=asked.errors or (QUICK_ERRORS if asked.quick else ERRORS),
        runs=5,
        long_runs=1 if asked.quick else 5,
        quick=asked.quick,
        full=asked.full,
    )
    table = Table(rows=measure(asked.only.split(","), plan), plan=plan)
    if asked.json:
        print(json.dumps(table.json(), indent=1))
    else:
        print(table.markdown() if asked.markdown else table.text())
    sys.exit(1 if table.missed else 0)


def measure(sections: list[str], plan: Plan) -> list[Row]:
    """Return the rows of *sections*, which are told on standard error as they come about."""
    found: list[Row] = []
    for section in sections:
        for row in import_module(f"bench.speed.{section}").rows(plan):
            print(f"  {row.key or row.what}: {row.figure}", file=sys.stderr, flush=True)
            if row.key and row.key not in SECTIONS[section]:
                raise ValueError(f"{section} does not say that it measures {row.key}")
            found.append(row)
    return found


if __name__ == "__main__":
    main()
