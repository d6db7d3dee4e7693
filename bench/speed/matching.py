"""Matching: errors judged per second of CPU, without the memory for whole messages, beside the engines of PyPI."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Any

from bench.bench_matcher import NOW, SIZES, make_errors, make_rules, make_words
from bench.speed.peers import APPROXIMATE, PEERS, facts_of
from bench.speed.processes import Figures, measured
from bench.speed.rows import Plan, Row
from daemon.core.decisions import Match
from daemon.core.facts import Facts
from daemon.core.records import ErrorRecord, Step
from daemon.rulebook.ast import RuleSource
from daemon.rulebook.ruleset import RuleSet

GOALS = {10: 10, 100: 60, 1_000: 130, 5_000: 90}
FLAT = 0.06
TRIED_A_RUN = {"rule-engine": 6_000, "business-rules": 6_000, "cel-python": 200, "json-logic": 6_000}
"""About how many rules each peer tries in a fifth of a second: so many errors are handed to it."""

AT_LEAST = 12

CEL_UP_TO = 100
"""With more rules cel-python takes minutes to compile them."""

ERRORS = 20_000


def at_size(size: int, errors: int, runs: int) -> Figures:
    """Return how many errors Flowmend and each peer judge in a second of CPU with *size* rules, run by run in turns."""
    rng = random.Random(7)
    words = make_words(rng, 400)
    listed = make_errors(rng, words, errors)
    rng.shuffle(listed)
    sources = make_rules(rng, words, size)
    rules, facts = RuleSet(sources, messages_kept=0), Facts(now=NOW)

    def own(error: tuple[Step, ErrorRecord]) -> str | None:
        match = rules.match(*error, facts)
        return match.rule.id if isinstance(match, Match) else None

    first = _per_second(own, listed)
    found: Figures = {"first": first, "own": [], "matched": sum(own(each) is not None for each in listed) / errors}
    found["peers"], found["not"] = {}, {}
    peers = _peers(sources, size, listed, own, found["not"])
    for _ in range(runs):
        found["own"].append(_per_second(own, listed))
        for name, (find, sample) in peers.items():
            found["peers"].setdefault(name, []).append(_per_second(find, sample))
    return found


def _peers(
    sources: Sequence[RuleSource],
    size: int,
    listed: Sequence[tuple[Step, ErrorRecord]],
    own: Callable[[tuple[Step, ErrorRecord]], str | None],
    why_not: dict[str, str],
) -> dict[str, tuple[Callable[[Any], object], list[Any]]]:
    """Return the peers that run, each with its sample; those that do not are told in *why_not*."""
    found: dict[str, tuple[Callable[[Any], object], list[Any]]] = {}
    for name, make in PEERS.items():
        if name == "cel-python" and size > CEL_UP_TO:
            why_not[name] = "takes minutes to compile so many rules"
            continue
        sample = listed[: max(AT_LEAST, TRIED_A_RUN[name] // size)]
        try:
            find, wanted = make(sources)
            errors = [wanted(facts_of(*error)) for error in sample]
            answers = [find(error) for error in errors]
        except ModuleNotFoundError as missing:
            why_not[name] = f"not installed ({missing.name}): pip install flowmend[bench]"
            continue
        except (AttributeError, TypeError, NameError) as failed:
            why_not[name] = f"does not run on this Python ({failed})"
            continue
        if name not in APPROXIMATE and answers != [own(error) for error in sample]:
            raise SystemExit(f"{name} gives other answers than Flowmend with {size} rules")
        found[name] = (find, errors)
    return found


def _per_second(judge: Callable[[Any], object], errors: Sequence[Any]) -> float:
    began = time.process_time()
    for error in errors:
        judge(error)
    return len(errors) / (time.process_time() - began)


def rows(plan: Plan) -> Iterator[Row]:
    """Measure each size of rule set in a process of its own."""
    own: dict[int, float] = {}
    for size in SIZES:
        found = measured("matching:at_size", size=size, errors=min(plan.errors, ERRORS), runs=plan.runs)
        own[size] = median(found["own"])
        told = [f"Flowmend {own[size]:,.0f}/s (first pass {found['first']:,.0f}), {found['matched']:.0%} matched"]
        told += [f"{name} {median(rates):,.0f}/s" for name, rates in found["peers"].items()]
        told += [f"{name} {why}" for name, why in found["not"].items()]
        rival = found["peers"].get("rule-engine")
        if rival is None:
            yield Row(what=f"matching, {size:,} rules", figure="no rule-engine", detail="; ".join(told))
            continue
        ratios = [ours / theirs for ours, theirs in zip(found["own"], rival, strict=True)]
        yield Row(
            key=f"match-{size}",
            figure=f"{median(ratios):,.0f} x",
            ok=median(ratios) >= GOALS[size],
            detail="; ".join(told),
            values=ratios,
        )
    share = own[SIZES[-1]] / own[SIZES[0]]
    yield Row(key="match-flat", figure=f"{share:.1%}", ok=share >= FLAT, detail="of the medians above", values=[share])
