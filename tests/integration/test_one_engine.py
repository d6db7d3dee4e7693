"""One engine (P9): test, explain, plan, replay and the daemon decide alike, and as the rules are meant, a thousand times.

Generated rule sets, errors and histories go through the functions that the commands call, over a store in memory. What is
meant is said a second time by a plain matcher and a plain policy, which share no code with the product.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import structlog

from daemon.app.build import Daemon
from daemon.app.explain import explain_open
from daemon.app.replay import Asked, Judge, past_errors
from daemon.core.actions import Mode
from daemon.core.batches import Act
from daemon.core.facts import UNAVAILABLE
from daemon.core.guards import Limits
from daemon.core.plans import Plan
from daemon.core.policy import Caps
from daemon.core.windows import Polling
from daemon.pipeline.continuity import Continuity
from daemon.pipeline.cycle import AccountCycle
from daemon.pipeline.ownership import Ownership
from daemon.pipeline.patience import Patience
from daemon.pipeline.retry_jobs import RetryJobs
from daemon.pipeline.terms import Terms
from daemon.rulebook.redaction import Redaction, all_whole
from daemon.rulebook.ruleset import RuleSet, compile_rules
from daemon.rulebook.testing import NOW, run_tests
from daemon.store.memory import MemoryStore
from tests.fakes import FakeClock
from tests.integration.one_engine import ACCOUNT, Platform, World, as_test, make_world, remember, with_tests
from tests.naive_matcher import NaiveMatcher
from tests.naive_policy import UNMATCHED, naive_decision

WORLDS, ERRORS = 100, 10
"""A thousand pairs of a rule set and an error."""

ATTEMPTS, AGE = 5, timedelta(days=7)
Said = tuple[str, str, str]
"""Rule, verb, reason."""


@dataclass
class Standing:
    """As much of a daemon as explaining an error needs."""

    store: MemoryStore
    rules: Any
    accounts: dict[str, Any]
    clock: FakeClock


@dataclass
class InForce:
    current: RuleSet


@dataclass
class Beside:
    beside: AccountCycle


def cycle_of(world: World, rules: RuleSet, store: MemoryStore, clock: FakeClock, *, hide: bool) -> AccountCycle:
    hour = timedelta(hours=1)
    terms = Terms(
        account=ACCOUNT,
        mode=Mode.ENFORCE,
        polling=Polling(overlap=hour, settle=timedelta(0), lookback=timedelta(days=30), full_sweep=timedelta(hours=6)),
        limits=lambda: Limits(retries_per_hour=9999, resolves_per_hour=9999, resolve_share_of_open=1.0),
        max_attempts_per_case=ATTEMPTS,
        retry_max_age=AGE,
        batch_size=100,
        concurrency=8,
        confirm_every=timedelta(seconds=10),
        confirm_timeout=hour,
        adopt_backlog=True,
    )
    platform: Any = Platform(world)
    log = structlog.get_logger(level="none").bind()
    parts: dict[str, Any] = {"client": platform, "store": store, "log": log}
    return AccountCycle(
        terms=terms,
        rules=lambda: rules,
        ownership=Ownership(account=ACCOUNT, base_url="", share_id="", token=lambda: "t", **parts),
        continuity=Continuity(terms=terms, clock=clock, **parts),
        patience=Patience(first=timedelta(seconds=10)),
        retries=RetryJobs(client=platform, claims=store, now=clock.now),
        clock=clock,
        redact=Redaction().redact_all if hide else all_whole,
        **parts,
    )


def meant(world: World) -> dict[str, Said]:
    """Return what the plain matcher and the plain policy say of each error."""
    matcher = NaiveMatcher(world.sources)
    rules = {source.rule.id: source.rule for source in world.sources}
    found: dict[str, Said] = {}
    for step, record in world.errors:
        history, attempts = world.facts(record)
        data = world.data.get(record.retry_key, UNAVAILABLE)
        winner = matcher.match(step, record, NOW, attempts, data)
        assert not isinstance(winner, list), "everything is known, and yet it asks for data"
        if winner is None:
            found[record.error_id] = ("", *UNMATCHED)
        else:
            rule = rules[winner[0]]
            caps = {"attempts": ATTEMPTS, "age": AGE}
            found[record.error_id] = (rule.id, *naive_decision(rule, record, history, NOW, caps))
    return found


def by_test(world: World) -> dict[str, str]:
    """Return which rule ``flowmend test`` finds to win each error."""
    tests = []
    for step, record in world.errors:
        has_data = record.retry_key in world.data
        attempts = world.facts(record)[1]
        tests.append(as_test(step, record, attempts, world.data.get(record.retry_key), has_data=has_data))
    sources = with_tests(world.sources, tests)
    results = run_tests(compile_rules(sources), sources)
    return {record.error_id: result.winner for (_, record), result in zip(world.errors, results, strict=True)}


async def by_daemon(world: World, store: MemoryStore) -> dict[str, Said]:
    """Return what the cycle has decided about each error."""
    wanted = {record.error_id for _, record in world.errors}
    rows = await store.errors(ACCOUNT, limit=10_000)
    return {row.error_id: (row.rule_id, row.verb.value, row.reason) for row in rows if row.error_id in wanted}


async def by_explain(world: World, rules: RuleSet, store: MemoryStore, cycle: AccountCycle) -> dict[str, Said]:
    """Return what ``flowmend explain`` says of each error; the rules it lists must name the same winner."""
    standing = Standing(
        store=store, rules=InForce(rules), accounts={ACCOUNT: Beside(cycle)}, clock=FakeClock(moment=NOW)
    )
    found: dict[str, Said] = {}
    for _, record in world.errors:
        told = await explain_open(cast("Daemon", standing), record.error_id, ACCOUNT)
        assert told.judgement is not None
        decision = told.judgement.decision
        assert told.winner == decision.rule_id
        found[record.error_id] = (decision.rule_id, decision.verb.value, decision.reason)
    return found


def planned(plan: Plan | None) -> Counter[tuple[str, str, str]]:
    """Return how many errors of each step, rule and act ``flowmend plan`` has found due."""
    groups = plan.groups if plan else ()
    due = Counter[tuple[str, str, str]]()
    for group in groups:
        if group.act in (Act.RETRY, Act.RESOLVE):
            due[group.step.step_id, group.rule_id, group.act.value] += group.count
    return due


def due(world: World, decided: dict[str, Said]) -> Counter[tuple[str, str, str]]:
    """Return the same of what is meant."""
    steps = {record.error_id: step.ref.step_id for step, record in world.errors}
    return Counter(
        (steps[error_id], rule_id, verb)
        for error_id, (rule_id, verb, reason) in decided.items()
        if verb == "resolve" or (verb, reason) == ("retry", "due")
    )


async def by_replay(rules: RuleSet, store: MemoryStore) -> dict[str, Said | None]:
    """Return what ``flowmend replay`` says of each error, None where it cannot tell."""
    judge = Judge(rules, Caps(mode=Mode.ENFORCE, max_attempts_per_case=ATTEMPTS, retry_max_age=AGE))
    asked = Asked(since=NOW - timedelta(days=14), now=NOW)
    found: dict[str, Said | None] = {}
    async for error in past_errors(store, asked):
        ruled = judge.judge(error, NOW)
        found[error.error_id] = None if ruled.unsure else (ruled.rule_id, ruled.verb.value, ruled.reason)
    return found


async def test_every_way_to_judge_an_error_gives_the_decision_that_is_meant() -> None:
    told = Counter[bool]()
    verbs = Counter[tuple[str, str]]()
    for seed in range(WORLDS):
        world, clock = make_world(seed, ERRORS), FakeClock(moment=NOW)
        store, rules = MemoryStore(now=clock.now), compile_rules(world.sources)
        await remember(store, world)
        cycle = cycle_of(world, rules, store, clock, hide=bool(seed % 2))
        wanted = meant(world)

        _, plan = await cycle.run(act=False)
        assert await by_daemon(world, store) == wanted, seed
        assert planned(plan) == due(world, wanted), seed
        assert await by_explain(world, rules, store, cycle) == wanted, seed
        assert by_test(world) == {error_id: said[0] for error_id, said in wanted.items()}, seed
        replayed = await by_replay(rules, store)
        assert replayed.keys() == wanted.keys(), seed
        assert {name: said for name, said in replayed.items() if said is not None} == {
            name: said for name, said in wanted.items() if replayed[name] is not None
        }, seed
        told.update(said is not None for said in replayed.values())
        verbs.update((verb, reason) for _, verb, reason in wanted.values())

    assert told[True] >= 0.75 * WORLDS * ERRORS, told
    assert len(verbs) >= 14, verbs
