"""Errors judged per second at 10, 100, 1,000 and 5,000 rules, against a plain loop of closures over the same rules.

``python bench/bench_matcher.py [--rounds 5]``. Seeded: about 300 message templates of integrations, drawn by Zipf's
law, on 40 steps; of the rules 60 % have a pattern, 20 % ask for a part of the message, 20 % for equal fields only.
The memory for whole messages is off, as in docs/performance.md; the last column shows it on.
"""

import argparse
import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from statistics import median

import re2

from daemon.core.actions import Leave, Rule
from daemon.core.facts import Facts
from daemon.core.records import ErrorRecord, Step, StepRef
from daemon.rulebook.ast import AllOf, Check, Condition, FieldCondition, Place, RuleSource
from daemon.rulebook.ruleset import RuleSet

NOW = datetime(2026, 1, 15, tzinfo=UTC)
SIZES = (10, 100, 1_000, 5_000)

SYSTEMS = ("NetSuite", "Shopify", "Salesforce", "Amazon", "FTP", "HTTP", "SAP", "Stripe")
OBJECTS = ("order", "invoice", "customer", "item", "shipment", "refund", "payment", "address", "price", "location")
PROBLEMS = (
    "Invalid {object} reference key '{word}' for subsidiary {number}",
    "{system}: the {object} {number} does not exist or was deleted by {word}",
    "Failed to save {object}: field {word} must not be empty (request {number})",
    "{system} answered with status {number} while creating {object} {word}",
    "The {object} record {word} has been changed since you retrieved it, revision {number}",
    "Not enough inventory of {word} for {object} line {number} in {system}",
    'Value "{word}" of {object} is longer than {number} characters, {system} refused it',
    "Timeout of {number} ms exceeded when reading {object} from {system} page {word}",
)
PATTERNS = (
    r"Invalid {object} reference key '(?P<value>[A-Za-z0-9 .]+)' for {word}",
    r"{system}: the {object} \d+ does not exist.*by {word}",
    r"Failed to save {object}: field {word}\w* must not be (?:empty|zero)",
    r"{system} answered with status (?:4|5)\d\d while creating {object} {word}",
    r"{object} record (?P<name>{word}\w*) has been changed since",
    r"inventory of (?P<sku>{word}[A-Z0-9-]*) for {object} line \d+",
    r"Value \"{word}[^\"]*\" of {object} is longer than \d+ characters, {system}",
    r"(?:Timeout|Deadline) of \d+ ms exceeded when reading {object} from {system} page {word}",
)
TEMPLATES = 300
WEIGHTS = tuple(1 / rank for rank in range(1, TEMPLATES + 1))
"""How often each template occurs: Zipf's law."""

SOURCES = ("application", "connection", "mapping", "import_filter", "lookup")
CODES = tuple(f"CODE_{number:03}" for number in range(120))


def make_words(rng: random.Random, count: int) -> list[str]:
    """Return *count* words that mean nothing."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return ["".join(rng.choices(letters, k=rng.randint(4, 9))).capitalize() for _ in range(count)]


def make_templates(rng: random.Random) -> list[tuple[str, str, str]]:
    """Return messages with places for a number and a word, each with the source and the code of its errors."""
    templates = []
    for number in range(TEMPLATES):
        filled = {"object": rng.choice(OBJECTS), "system": rng.choice(SYSTEMS), "number": "{number}", "word": "{word}"}
        templates.append((PROBLEMS[number % len(PROBLEMS)].format(**filled), rng.choice(SOURCES), rng.choice(CODES)))
    return templates


def make_errors(rng: random.Random, words: Sequence[str], count: int) -> list[tuple[Step, ErrorRecord]]:
    """Return *count* errors on 40 steps."""
    steps = [
        Step(
            ref=StepRef(account="acme", flow_id=f"f{number // 4}", step_id=f"s{number}"),
            type="import",
            flow_name=f"Flow {number // 4}",
            name=f"Step {number}",
        )
        for number in range(40)
    ]
    templates = make_templates(rng)
    errors: list[tuple[Step, ErrorRecord]] = []
    for template, source, code in rng.choices(templates, WEIGHTS, k=count):
        message = template.format(number=rng.randint(100, 99_999), word=rng.choice(words))
        record = ErrorRecord(
            error_id=str(len(errors)), occurred_at=NOW, source=source, code=code, message=message, retry_key="k"
        )
        errors.append((rng.choice(steps), record))
    errors.sort(key=lambda error: error[0].ref)
    return errors


def make_rules(rng: random.Random, words: Sequence[str], count: int) -> list[RuleSource]:
    """Return *count* rules."""
    return [_rule(rng, words, number) for number in range(count)]


def _rule(rng: random.Random, words: Sequence[str], number: int) -> RuleSource:
    filled = {"object": rng.choice(OBJECTS), "system": rng.choice(SYSTEMS), "word": rng.choice(words)}
    if rng.random() < 0.3:
        filled |= {rng.choice(("object", "system", "word")): r"\w+"}
    parts: list[Condition] = []
    kind = number % 5
    if kind == 4:
        parts += [
            _is("code", rng.choice(CODES)),
            _is("source", rng.choice(SOURCES)),
            _glob("flow", f"f{rng.randrange(10)}"),
        ]
    else:
        if rng.random() < 0.5:
            parts.append(_is("source", rng.choice(SOURCES)))
        if rng.random() < 0.2:
            parts.append(_is("code", *rng.sample(CODES, 20)))
        check = Check(operator="regex", operands=(rng.choice(PATTERNS).format(**filled),))
        if kind == 3:
            part = rng.choice(("{object} {word}", "{word}", "key '{word}", "{word} for {object}", "page {word}"))
            check = Check(operator="contains", operands=(part.format(**filled).replace(r"\w+", "the"),))
        parts.append(FieldCondition(field="message", checks=(check,)))
    rule = Rule(id=f"rule-{number}", action=Leave())
    return RuleSource(rule=rule, when=AllOf(parts=tuple(parts)), place=Place(file="bench.yaml", line=number, column=1))


def _is(field: str, *values: str) -> Condition:
    return FieldCondition(field=field, checks=(Check(operator="in", operands=values),))  # type: ignore[arg-type]


def _glob(field: str, value: str) -> Condition:
    return FieldCondition(field=field, checks=(Check(operator="glob", operands=(value,)),))  # type: ignore[arg-type]


def plain_loop(sources: Sequence[RuleSource]) -> Callable[[Step, ErrorRecord], str | None]:
    """Return what one writes oneself: closures in order, the first that holds wins."""
    rules = [(source.rule.id, _closure(source.when)) for source in sources]

    def match(step: Step, record: ErrorRecord) -> str | None:
        for rule_id, holds in rules:
            if holds(step, record):
                return rule_id
        return None

    return match


Closure = Callable[[Step, ErrorRecord], bool]


def _closure(when: Condition) -> Closure:
    assert isinstance(when, AllOf)
    tests: list[Closure] = []
    for part in when.parts:
        assert isinstance(part, FieldCondition)
        tests.append(_part_closure(part))
    return lambda step, record: all(test(step, record) for test in tests)


def _part_closure(part: FieldCondition) -> Closure:
    operands = part.checks[0].operands
    text = str(operands[0])
    if part.checks[0].operator == "regex":
        search = re2.compile(text).search
        return lambda _, record: search(record.message) is not None
    if part.checks[0].operator == "contains":
        return lambda _, record: text in record.message
    if part.field == "flow":
        return lambda step, _: step.ref.flow_id == text
    return lambda _, record: getattr(record, part.field) in operands


def per_second(judge: Callable[[Step, ErrorRecord], object], errors: Sequence[tuple[Step, ErrorRecord]]) -> float:
    """Return how many errors a second *judge* takes."""
    start = time.perf_counter()
    for step, record in errors:
        judge(step, record)
    return len(errors) / (time.perf_counter() - start)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--errors", type=int, default=100_000)
    arguments = parser.parse_args()
    facts = Facts(now=NOW)
    print(
        f"{'rules':>6} {'compile s':>9} {'plain loop':>11} {'first pass':>11} {'rule set':>11} {'with memo':>11}  matched"
    )
    for size in SIZES:
        rng = random.Random(7)
        words = make_words(rng, 400)
        errors = make_errors(rng, words, arguments.errors)
        sources = make_rules(rng, words, size)
        start = time.perf_counter()
        ruleset = RuleSet(sources, messages_kept=0)
        compiled_s = time.perf_counter() - start
        remembering = RuleSet(sources)
        loop = plain_loop(sources)
        sample = errors[:: max(1, size // 25)]

        def judge(step: Step, record: ErrorRecord, rules: RuleSet = ruleset) -> object:
            return rules.match(step, record, facts)

        def judge_remembering(step: Step, record: ErrorRecord, rules: RuleSet = remembering) -> object:
            return rules.match(step, record, facts)

        first = per_second(judge, errors)
        plain = median(per_second(loop, sample) for _ in range(min(3, arguments.rounds)))
        own = median(per_second(judge, errors) for _ in range(arguments.rounds))
        memo = median(per_second(judge_remembering, errors) for _ in range(arguments.rounds))
        matched = sum(judge(step, record) is not None for step, record in errors) / len(errors)
        print(
            f"{size:>6} {compiled_s:>9.2f} {plain:>11,.0f} {first:>11,.0f} {own:>11,.0f} {memo:>11,.0f}  {matched:.0%}"
        )


if __name__ == "__main__":
    main()
