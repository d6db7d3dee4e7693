"""Fail where the branch coverage is under its floor: 100 % in daemon/core, 95 % overall.

Usage: python scripts/coverage_floor.py COVERAGE_JSON
"""

import json
import sys
from pathlib import Path

CORE_FLOOR = 100.0
FLOOR = 95.0


def percent(files: dict[str, dict[str, dict[str, int]]], prefix: str) -> float:
    """Return the share of lines and branches covered in the files whose names begin with *prefix*, in percent."""
    covered = total = 0
    for name, file in files.items():
        if name.startswith(prefix):
            summary = file["summary"]
            covered += summary["covered_lines"] + summary["covered_branches"]
            total += summary["num_statements"] + summary["num_branches"]
    return 100.0 * covered / total if total else 0.0


def main() -> int:
    """Print both figures and return 1 where one is under its floor."""
    files = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["files"]
    core, overall = percent(files, "daemon/core/"), percent(files, "daemon/")
    sys.stdout.write(f"coverage: core {core:.1f} % (floor {CORE_FLOOR:g}), overall {overall:.1f} % (floor {FLOOR:g})\n")
    return int(core < CORE_FLOOR or overall < FLOOR)


if __name__ == "__main__":
    sys.exit(main())
