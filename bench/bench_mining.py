"""Measure how well the patterns of messages are found: grouping accuracy on LogHub's 2k sets and on integration errors.

    python bench/bench_mining.py FOLDER [--seeds 11 12 13] [--json]

FOLDER holds the `*_2k.log_structured.csv` files of github.com/logpai/loghub, those that there are; nothing is copied.
Grouping accuracy is the share of the messages whose group holds exactly the messages of their true template
(Zhu et al., ICSE-SEIP 2019). One set of parameters for all. The miner was developed with some of the sets in sight; those
are marked, and the mean over the others is the one that counts. Beside it stand what Drain reached as published, tuned
set by set, and drain3 with its defaults where it is installed (`pip install flowmend[bench]`).
"""

import argparse
import csv
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from random import Random
from string import Template as Text

from bench import held_out_errors, third_errors
from bench.integration_errors import TEMPLATES, corpus
from daemon.core.message_patterns import find_patterns
from daemon.sandbox.business import make_facts
from daemon.sandbox.templates import ALL as SANDBOX

SEEN = frozenset({"HDFS", "Linux", "Mac", "OpenSSH", "Proxifier"})
"""The sets by whose failures the miner was mended; every other one is held out: only its score was looked at."""

DRAIN = {
    "Android": 0.911, "Apache": 1.0, "BGL": 0.963, "Hadoop": 0.948, "HDFS": 0.998, "HealthApp": 0.780, "HPC": 0.887,
    "Linux": 0.690, "Mac": 0.787, "OpenSSH": 0.788, "OpenStack": 0.733, "Proxifier": 0.527, "Spark": 0.920,
    "Thunderbird": 0.955, "Windows": 0.997, "Zookeeper": 0.967,
}  # fmt: skip
"""Drain's grouping accuracy as published, with masks and thresholds of their own for each set."""

SUFFIX = "_2k.log_structured.csv"
CORPUS_SIZE, CORPUS_SEEDS, MESSAGES_FOR_SPEED = 2_000, (11, 12, 13), 100_000

Groups = Sequence[Hashable]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSet:
    """Messages and the true template of each."""

    name: str
    kind: str
    held_out: bool
    messages: Sequence[str]
    truth: Groups


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How one set went; accuracies from 0 to 1, None where it was not measured."""

    name: str
    kind: str
    held_out: bool
    messages: int
    templates: int
    patterns: int
    accuracy: float
    took_s: float
    drain_published: float | None
    drain3: float | None


def grouping_accuracy(groups: Groups, truth: Groups) -> float:
    """Return the share of the messages whose group holds exactly the messages of their true template."""
    found: dict[Hashable, set[int]] = defaultdict(set)
    true: dict[Hashable, set[int]] = defaultdict(set)
    for number, (group, template) in enumerate(zip(groups, truth, strict=True)):
        found[group].add(number)
        true[template].add(number)
    right = sum(len(members) for members in true.values() if found[groups[min(members)]] == members)
    return right / len(groups)


def mined(messages: Sequence[str]) -> Groups:
    groups = [0] * len(messages)
    for number, pattern in enumerate(find_patterns(messages)):
        for member in pattern.members:
            groups[member] = number
    return groups


def drain3() -> Callable[[Sequence[str]], Groups] | None:
    """Return drain3 with its defaults, None where it is not installed."""
    if find_spec("drain3") is None:
        return None
    module = import_module("drain3")

    def drained(messages: Sequence[str]) -> Groups:
        miner = module.TemplateMiner()
        return [miner.add_log_message(message)["cluster_id"] for message in messages]

    return drained


def loghub(folder: Path) -> Iterator[LabelledSet]:
    for file in sorted(folder.glob(f"*{SUFFIX}")):
        with file.open(encoding="utf-8", newline="") as text:
            rows = list(csv.DictReader(text))
        name = file.name.removesuffix(SUFFIX)
        messages = [row["Content"] for row in rows]
        yield LabelledSet(
            name=name,
            kind="LogHub",
            held_out=name not in SEEN,
            messages=messages,
            truth=[row["EventId"] for row in rows],
        )


def integration_errors(seeds: Sequence[int]) -> Iterator[LabelledSet]:
    """Yield the corpora the miner was developed with and later mended by, and, held out, the third and the sandbox's."""
    for kind, templates, filled, held_out in (
        ("integration errors", TEMPLATES, corpus, False),
        ("other systems", held_out_errors.TEMPLATES, held_out_errors.corpus, False),
        ("third corpus", third_errors.TEMPLATES, third_errors.corpus, True),
    ):
        for seed in seeds:
            samples = filled(templates, CORPUS_SIZE, seed)
            yield LabelledSet(
                name=f"{kind} {seed}",
                kind=kind,
                held_out=held_out,
                messages=[sample.message for sample in samples],
                truth=[sample.template for sample in samples],
            )
    for seed in seeds:
        chance = Random(seed)
        texts = sorted({each.message for each in SANDBOX.values() if isinstance(each.message, str)})
        chance.shuffle(texts)
        chosen = chance.choices(texts, [1 / rank for rank in range(1, len(texts) + 1)], k=CORPUS_SIZE)
        yield LabelledSet(
            name=f"sandbox errors {seed}",
            kind="sandbox errors",
            held_out=True,
            messages=[
                Text(text).substitute(make_facts(chance, number), trace=f"TRACE-{number}")
                for number, text in enumerate(chosen)
            ],
            truth=chosen,
        )


def measured(labelled: LabelledSet, other: Callable[[Sequence[str]], Groups] | None) -> Score:
    began = time.perf_counter()
    groups = mined(labelled.messages)
    took_s = time.perf_counter() - began
    return Score(
        name=labelled.name,
        kind=labelled.kind,
        held_out=labelled.held_out,
        messages=len(labelled.messages),
        templates=len(set(labelled.truth)),
        patterns=len(set(groups)),
        accuracy=grouping_accuracy(groups, labelled.truth),
        took_s=took_s,
        drain_published=DRAIN.get(labelled.name),
        drain3=grouping_accuracy(other(labelled.messages), labelled.truth) if other else None,
    )


def means(scores: Sequence[Score]) -> dict[str, dict[str, float | int | None]]:
    """Return the mean accuracies: of all LogHub sets, of those held out, and of each kind of integration errors."""
    loghub_sets = [score for score in scores if score.kind == "LogHub"]
    sets = {
        "LogHub, all sets found": loghub_sets,
        "LogHub, held out": [score for score in loghub_sets if score.held_out],
        "integration errors": [score for score in scores if score.kind == "integration errors"],
        "errors of other systems": [score for score in scores if score.kind == "other systems"],
        "third corpus, held out": [score for score in scores if score.kind == "third corpus"],
        "sandbox errors, held out": [score for score in scores if score.kind == "sandbox errors"],
    }
    return {
        name: {
            "sets": len(some),
            "accuracy": mean([score.accuracy for score in some]),
            "drain_published": mean([score.drain_published for score in some]),
            "drain3": mean([score.drain3 for score in some]),
        }
        for name, some in sets.items()
        if some
    }


def mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def speed() -> tuple[int, float]:
    """Return how many messages were mined for speed, and how long it took."""
    messages = [sample.message for sample in corpus(TEMPLATES, MESSAGES_FOR_SPEED, CORPUS_SEEDS[0])]
    began = time.perf_counter()
    mined(messages)
    return len(messages), time.perf_counter() - began


def shown(value: float | None) -> str:
    return f"{'-' if value is None else f'{value:.3f}':>7}"


def main() -> None:
    parser = argparse.ArgumentParser(description="How well the patterns of messages are found.")
    parser.add_argument("folder", type=Path, help=f"the folder with LogHub's *{SUFFIX}")
    parser.add_argument("--json", action="store_true", help="machine-readable")
    parser.add_argument("--seeds", type=int, nargs="+", default=CORPUS_SEEDS, help="of the corpora that are generated")
    asked = parser.parse_args()
    sets = list(loghub(asked.folder))
    if not sets:
        sys.exit(f"{asked.folder}: there is no *{SUFFIX} here: get the sets from github.com/logpai/loghub")
    other = drain3()
    scores = [measured(each, other) for each in (*sets, *integration_errors(asked.seeds))]
    count, took_s = speed()
    if asked.json:
        told = {"sets": [asdict(score) for score in scores], "means": means(scores)}
        print(json.dumps(told | {"speed": {"messages": count, "took_s": took_s}}, indent=2))
        return
    print(f"{len(sets)} LogHub sets found in {asked.folder}: {', '.join(each.name for each in sets)}")
    print("Sets marked * were in sight while the miner was developed; judge it by the others.")
    if other is None:
        print("drain3 is not installed: pip install flowmend[bench] puts it beside.")
    print(f"\n{'set':26}{'messages':>9}{'templates':>10}{'patterns':>9}{'GA':>7}{'Drain':>7}{'drain3':>7}{'s':>7}")
    for score in scores:
        name = score.name if score.held_out else f"{score.name} *"
        counts = f"{score.messages:>9}{score.templates:>10}{score.patterns:>9}"
        others = f"{shown(score.drain_published)}{shown(score.drain3)}"
        print(f"{name:26}{counts}{shown(score.accuracy)}{others}{score.took_s:>7.2f}")
    print()
    for name, some in means(scores).items():
        others = f"{shown(some['drain_published'])}{shown(some['drain3'])}"
        title = f"mean: {name} ({some['sets']})"
        print(f"{title:54}{shown(some['accuracy'])}{others}")
    print(f"\n{count:,} integration errors mined in {took_s:.1f} s")


if __name__ == "__main__":
    main()
