"""The rules that Flowmend is measured with, as files that people could have written."""

import random
from collections.abc import Iterator, Sequence
from json import dumps
from pathlib import Path

from bench.bench_matcher import make_rules
from bench.speed.corpus import SEED, words
from daemon.rulebook.ast import AllOf, Condition, FieldCondition

A_FILE = 100
"""Rules in one file."""

ACTIONS = (
    "retry: {max_attempts: 3, ramp: off}",
    "retry: {after: 5m, max_attempts: 3, ramp: off}",
    'hold: {queue: people, title: "To be looked at"}',
    "retry: {max_attempts: 2, ramp: off}",
    'resolve: {because: "It is there already"}',
)

EVERYTHING = f"""\
  - id: everything
    why: The bench retries all.
    classify: bench
    limit: {{per_cycle: 1000000, per_hour: 1000000, per_day: 1000000}}
    when:
      source: {{glob: "*"}}
    then:
      {ACTIONS[0]}
"""


def write_rules(folder: Path, count: int) -> None:
    """Write *count* rules of ``bench_matcher`` into *folder*."""
    sources = make_rules(random.Random(SEED), words(), count)
    write_files(folder, [_rule(number, source.when) for number, source in enumerate(sources)])


def write_one_rule(folder: Path) -> None:
    """Write one rule that retries everything, under no limit."""
    write_files(folder, [EVERYTHING])


def write_files(folder: Path, rules: Sequence[str]) -> None:
    """Write rules into as many files as it takes."""
    folder.mkdir(parents=True, exist_ok=True)
    for place in range(0, len(rules), A_FILE):
        text = "version: 1\nrules:\n" + "\n".join(rules[place : place + A_FILE])
        (folder / f"{place // A_FILE:03}-bench.yaml").write_text(text, encoding="utf-8")


def _rule(number: int, when: Condition) -> str:
    conditions = "\n".join(f"      {line}" for line in _conditions(when))
    return (
        f"  - id: rule-{number}\n    why: Rule {number} of the bench.\n    classify: bench\n    when:\n{conditions}\n"
        f"    then:\n      {ACTIONS[number % len(ACTIONS)]}\n"
    )


def _conditions(when: Condition) -> Iterator[str]:
    assert isinstance(when, AllOf)
    for part in when.parts:
        assert isinstance(part, FieldCondition)
        operator, operands = part.checks[0].operator, list(part.checks[0].operands)
        if operator in ("in", "glob"):
            yield f"{part.field}: {dumps(operands)}"
        else:
            yield f"{part.field}: {{{operator}: {dumps(operands[0])}}}"
