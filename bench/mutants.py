"""Take one guard after another out of a copy of the code, and see the tests that name it go red (`make mutants`).

Each ``bench/mutants/P01-….patch`` removes one guard of one promise of docs/promises.md. Its head says which, and which
tests must fail without it:

    Promise: P1 no double send
    Guard: a retry whose answer was lost is not taken for one that was never sent
    Caught-by: tests/integration/test_acting.py::test_a_retry_that_ran_although_its_answer_was_lost_is_found_again

Every test that is named must fail (of a table of cases at least one), and none may fail without the patch. Exit code 1
where a mutant survives or a patch does not apply any more. Needs nothing but the development environment and git.

``--docs`` writes the tables of docs/promises.md from the heads of the patches.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).parents[1]
MUTANTS = ROOT / "bench" / "mutants"
PAGE = ROOT / "docs" / "promises.md"
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".*_cache", ".hypothesis", "build", "dist", "__pycache__")
HUNG_S = 600.0
HEAD = re.compile(r"^(Promise|Guard|Caught-by): (.+)$", re.MULTILINE)
RED = re.compile(r"^(?:FAILED|ERROR) ([^\s\[]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One guard taken out; *tests* are the ids of those that must fail then."""

    file: Path
    promise: str
    guard: str
    tests: tuple[str, ...]

    @classmethod
    def read(cls, file: Path) -> "Mutant":
        """Read the head of a patch.

        Raises:
            ValueError: a part of it is missing.
        """
        head = file.read_text(encoding="utf-8").split("\n--- ")[0]
        found: dict[str, list[str]] = {"Promise": [], "Guard": [], "Caught-by": []}
        for name, value in HEAD.findall(head):
            found[name].append(value.strip())
        if [len(found["Promise"]), len(found["Guard"])] != [1, 1] or not found["Caught-by"]:
            raise ValueError(f"{file.name}: its head needs one Promise, one Guard and a Caught-by for each test")
        return cls(file=file, promise=found["Promise"][0], guard=found["Guard"][0], tests=tuple(found["Caught-by"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What became of one mutant; *problem* says why it was not caught, "" where it was."""

    mutant: Mutant
    problem: str = ""


def mutants(wanted: Iterable[str] = ()) -> list[Mutant]:
    """Return the mutants in the order of their names, or only those whose name begins with one of *wanted*."""
    words = tuple(wanted)
    files = sorted(MUTANTS.glob("*.patch"))
    return [Mutant.read(file) for file in files if not words or file.name.startswith(words)]


def apply(tree: Path, patch: Path, *flags: str) -> str:
    """Apply *patch* to *tree* and return what git complains about, "" where all went well."""
    done = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", *flags, str(patch)],
        cwd=tree, env=os.environ | {"GIT_CEILING_DIRECTORIES": str(tree.parent)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return (done.stderr or "git failed").strip() if done.returncode else ""


def red(tree: Path, tests: Sequence[str], *flags: str) -> tuple[int, set[str], str]:
    """Run *tests* in *tree* and return pytest's exit code, which of them failed, and the end of what it said."""
    command = [sys.executable, "-m", "pytest", "-q", "-rfE", "--tb=line", "-p", "no:cacheprovider", *flags, *tests]
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200"}
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=HUNG_S, check=False
        )
    except subprocess.TimeoutExpired:
        return 1, set(tests), f"did not end within {HUNG_S:g} s"
    return done.returncode, set(RED.findall(done.stdout)), done.stdout[-2000:] + done.stderr[-2000:]


def judge(mutant: Mutant, tree: Path) -> End:
    """Take the mutant's guard out of *tree*, run its tests, put it back."""
    complaint = apply(tree, mutant.file)
    if complaint:
        return End(mutant=mutant, problem=f"does not apply: {complaint.splitlines()[0]}")
    try:
        code, failed, said = red(tree, mutant.tests)
    finally:
        apply(tree, mutant.file, "--reverse")
    if code == 0:
        return End(mutant=mutant, problem="SURVIVED")
    if code != 1:
        return End(mutant=mutant, problem=f"the tests could not be run: {said.strip().splitlines()[-1]}")
    green = [test for test in mutant.tests if test not in failed]
    return End(mutant=mutant, problem=f"SURVIVED {', '.join(green)}" if green else "")


def documented(page: str) -> str:
    """Return docs/promises.md with, under each promise, the table of the guards that keep it."""
    head, *sections = re.split(r"^(?=## P)", page, flags=re.MULTILINE)
    parts = [head]
    for section in sections:
        prose = "\n".join(line for line in section.splitlines() if not line.startswith("|")).rstrip()
        number = section.split()[1]
        rows = [_row(mutant) for mutant in mutants() if mutant.promise.split()[0] == number]
        table = ["| guard, and the patch that takes it out | tests that fail then |", "|---|---|", *rows]
        parts.append(f"{prose}\n\n{chr(10).join(table)}\n\n")
    return "".join(parts).rstrip() + "\n"


def _row(mutant: Mutant) -> str:
    tests = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in mutant.tests)
    return f"| {mutant.guard} ([patch](../bench/mutants/{mutant.file.name})) | {tests} |"


def main() -> int:
    """Judge every mutant, two at a time, and print what caught it."""
    parser = argparse.ArgumentParser(description="Take guards out of the code and see tests go red.")
    parser.add_argument("only", nargs="*", help="names of patches, or how they begin, such as P01")
    parser.add_argument("--no-baseline", action="store_true", help="do not see first that all tests are green")
    parser.add_argument("--docs", action="store_true", help="only write the tables of docs/promises.md")
    asked = parser.parse_args()
    if asked.docs:
        PAGE.write_text(documented(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
        return 0
    chosen = mutants(asked.only)
    if not chosen:
        print("no mutant has such a name")
        return 1
    with tempfile.TemporaryDirectory(prefix="flowmend-mutants-") as folder:
        trees = [Path(folder) / name for name in ("one", "two")]
        for tree in trees:
            shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
            # by content, not by time: a guard goes and comes back within a second
            compiled = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "daemon"]
            subprocess.run(compiled, cwd=tree, check=True)
        if not asked.no_baseline and not _all_green(trees[0], chosen):
            return 1
        return _report(chosen, trees)


def _all_green(tree: Path, chosen: Sequence[Mutant]) -> bool:
    tests = sorted({test for mutant in chosen for test in mutant.tests})
    code, failed, said = red(tree, tests, "-n", "2")
    if code:
        print(said)
        print("without any mutant these tests must pass:", *sorted(failed), sep="\n  ")
    return code == 0


def _report(chosen: Sequence[Mutant], trees: Sequence[Path]) -> int:
    free: SimpleQueue[Path] = SimpleQueue()
    for tree in trees:
        free.put(tree)

    def one(mutant: Mutant) -> End:
        tree = free.get()
        try:
            return judge(mutant, tree)
        finally:
            free.put(tree)

    survivors = 0
    with ThreadPoolExecutor(len(trees)) as pool:
        for end in pool.map(one, chosen):
            survivors += bool(end.problem)
            print(f"{end.mutant.promise.split()[0]:4} {end.mutant.guard}")
            for line in (end.problem,) if end.problem else end.mutant.tests:
                print(f"     {'!!' if end.problem else 'caught by'} {line}", flush=True)
    print(f"{len(chosen)} guards taken out, {len(chosen) - survivors} caught, {survivors} not")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
