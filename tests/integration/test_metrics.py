"""What `/metrics` says is what the sandbox knows to be true, and what the log says."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.app.observed import Observed
from daemon.core.actions import Mode
from daemon.core.decisions import Outcome
from daemon.core.exceptions import AuthError, LockedError
from daemon.sandbox import Fault
from daemon.web.measures import ALL
from tests.integration.scraping import OPENMETRICS, labels, served
from tests.integration.shop import ACCOUNT, Shop, open_shop
from tests.integration.small_shop import (
    BUSY,
    HOPELESS,
    LOST,
    RETRIES,
    fail,
    one_pass,
    people,
    person,
    small_shop,
    unhurried,
    until_unknown,
)

PLAIN = "text/plain; version=0.0.4"
Totals = dict[tuple[str, ...], float]


class Scrape:
    """One scrape, to be added up by some of the labels."""

    def __init__(self, found: dict[str, dict[frozenset[tuple[str, str]], float]]) -> None:
        self.found = found

    def by(self, name: str, *names: str, **only: str) -> Totals:
        """Return what is not 0 of a metric, by *names*, of the samples with the labels *only*."""
        total: Totals = {}
        for key, value in self.found[f"flowmend_{name}"].items():
            if only.items() <= dict(key).items():
                group = tuple(dict(key)[each] for each in names)
                total[group] = total.get(group, 0.0) + value
        return {key: value for key, value in total.items() if value}


def logged(shop: Shop, event: str, fact: str, *names: str) -> Totals:
    """Return the same of the log: the sums of a fact in the lines of an event."""
    total: Totals = {}
    for line in shop.events(event):
        group = tuple(str(line[each]) for each in names)
        total[group] = total.get(group, 0.0) + line.get(fact, 0)
    return {key: value for key, value in total.items() if value}


def open_now(shop: Shop) -> dict[tuple[str, ...], float]:
    found = Counter((truth.flow_id, truth.step_id) for truth in shop.truths() for _ in truth.open_ids)
    return {key: float(count) for key, count in found.items()}


async def test_the_figures_of_a_pass_are_those_of_the_sandbox_and_of_the_log(tmp_path: Path) -> None:
    async with open_shop(tmp_path, errors=200) as shop:
        began = sum(open_now(shop).values())
        async with shop.daemon() as daemon, served(daemon) as server:
            figures = await one_pass(daemon)
            scrape = Scrape(await server.values())
            rows = await daemon.store.errors(ACCOUNT, limit=10_000)
            held = Counter((row.queue,) for row in await daemon.store.held(ACCOUNT))
        runs, cured = sum(truth.runs for truth in shop.truths()), len(shop.truths(state="cured"))
        resolved = len(shop.truths(state="resolved"))

    assert sum(scrape.by("errors_seen_total", "flow", "step").values()) == began + runs - cured
    assert scrape.by("open_errors", "flow", "step") == open_now(shop)
    assert scrape.by("outcomes_total", outcome="confirmed") == {(): cured + resolved}
    assert scrape.by("outcomes_total", outcome="came_back") == {(): runs - cured}
    for outcome in ("confirmed", "came_back", "refused", "unknown", "vanished"):
        told = logged(shop, "outcome.settled", outcome, "account", "rule", "action")
        assert scrape.by("outcomes_total", "account", "rule", "action", outcome=outcome) == told
    assert scrape.by("decisions_total") == {(): figures.tally.counts["matched"]}
    assert scrape.by("unmatched_errors") == {(): sum(row.rule_id == "" for row in rows)}
    assert scrape.by("held_errors", "queue") == held
    assert scrape.by("api_requests_total", "account") == {(ACCOUNT,): len(shop.sandbox.seen)}
    assert scrape.by("api_request_seconds_count") == {(): len(shop.sandbox.seen)}
    assert scrape.by("cycle_seconds_count") == {(): len(shop.events("cycle.finished"))}
    assert scrape.by("unsettled_batches") == {}


async def test_counters_never_go_back(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon, served(daemon) as server:
        unhurried(daemon)
        before = await server.values()
        for count in (1, 2):
            fail(shop, count=count)
            await one_pass(daemon)
            after = await server.values()
            for measure in ALL:
                if measure.kind == "counter":
                    assert all(after[measure.name][key] >= value for key, value in before[measure.name].items())
            before = after
        scrape = Scrape(before)

    assert scrape.by("errors_seen_total", "account") == {(ACCOUNT,): 3}
    assert scrape.by("decisions_total", "rule", "action") == {("again", "retry"): 3}


async def test_a_zero_is_there_before_the_first_outcome_and_the_first_limit(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon, served(daemon) as server:
        found = await server.values()

    unknown = labels(account=ACCOUNT, rule="again", action="retry", outcome="unknown")
    assert found["flowmend_outcomes_total"][unknown] == 0
    assert found["flowmend_limit_held_total"] == {labels(account=ACCOUNT, rule="again"): 0}
    assert found["flowmend_poll_last_success_timestamp_seconds"] == {labels(account=ACCOUNT): 0}


async def test_what_a_limit_held_is_counted_as_the_log_says_it(tmp_path: Path) -> None:
    limits = {"retries_per_hour": 2}
    async with small_shop(tmp_path, limits=limits) as shop, shop.daemon() as daemon, served(daemon) as server:
        fail(shop, count=5)
        await daemon.accounts[ACCOUNT].cycle()
        scrape = Scrape(await server.values())

    assert logged(shop, "limit.reached", "held", "account", "rule") == {(ACCOUNT, "again"): 5}
    assert scrape.by("limit_held_total", "account", "rule") == {(ACCOUNT, "again"): 5}


async def test_a_limit_is_told_as_reached_until_something_of_the_rule_has_gone_again(tmp_path: Path) -> None:
    limits = {"retries_per_hour": 2}
    async with small_shop(tmp_path, limits=limits) as shop, shop.daemon() as daemon, served(daemon) as server:
        shown = []
        for count in (1, 5, 0):
            fail(shop, count=count)
            await daemon.accounts[ACCOUNT].cycle()
            shown.append((await server.values())["flowmend_limit_reached"])
            if shown[-1][rule := labels(account=ACCOUNT, rule="again")]:
                daemon.limits.current = replace(daemon.limits.current, retries_per_hour=10)
            shop.clock.pass_by(timedelta(minutes=1))

    assert [each[rule] for each in shown] == [0, 1, 0]


async def test_unknown_outcomes_are_those_that_wait_for_a_person_also_after_a_restart(tmp_path: Path) -> None:
    async with open_shop(tmp_path, world="tiny", errors=0, rules=RETRIES, faults=LOST) as shop:
        async with shop.daemon() as daemon, served(daemon) as server:
            (truth,) = fail(shop)
            await until_unknown(shop, daemon)
            shown = [await server.values()]
        async with shop.daemon() as daemon, served(daemon) as server:
            shown.append(await server.values())
            await person(shop, truth.trace_key, Outcome.CONFIRMED)
            shown.append(await server.values())

    assert [each["flowmend_unknown_outcomes"][labels(account=ACCOUNT)] for each in shown] == [1, 1, 0]


async def test_a_refused_account_is_told_until_a_cycle_has_ended_well(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon, served(daemon) as server:
        runner, shown = daemon.accounts[ACCOUNT], []
        shown.append(await server.values())
        shop.do(do="token", valid=False)
        with pytest.raises(AuthError) as refused:
            await runner.cycle()
        runner.refuse(refused.value)
        shown.append(await server.values())
        shop.clock.pass_by(timedelta(minutes=6))
        shown.append(await server.values())
        shop.do(do="token", valid=True)
        await runner.cycle()
        shown.append(await server.values())

    assert [each["flowmend_account_refused"][labels(account=ACCOUNT)] for each in shown] == [0, 1, 1, 0]


async def test_errors_in_the_last_three_of_their_thirty_days_are_counted_every_quarter_of_an_hour(
    tmp_path: Path,
) -> None:
    async with small_shop(tmp_path, poll={"lookback": timedelta(days=40)}) as shop, shop.daemon() as daemon:
        times = [0.0]
        observed = Observed(daemon=daemon, started_at=shop.clock.now(), monotonic=lambda: times[-1])
        for days in (25, 26, 28, 31):
            fail(shop, HOPELESS, age_s=int(timedelta(days=days).total_seconds()))
        await daemon.accounts[ACCOUNT].cycle(act=False)
        shown = []
        for now_s, later in ((0.0, timedelta(0)), (899.0, timedelta(days=2, hours=12)), (900.0, timedelta(0))):
            times.append(now_s)
            shop.clock.pass_by(later)
            stored = (await observed.reading()).accounts[0].stored
            shown.append(stored and stored.expiring)

    assert shown == [1, 1, 2]


async def test_throttling_is_counted_in_the_seconds_that_the_log_names(tmp_path: Path) -> None:
    faults = [Fault(endpoint="GET errors", kind="throttle:7", call=1)]
    async with (
        open_shop(tmp_path, world="tiny", errors=0, rules=RETRIES, faults=faults) as shop,
        shop.daemon() as daemon,
        served(daemon) as server,
    ):
        unhurried(daemon)
        fail(shop, BUSY)
        await one_pass(daemon)
        scrape = Scrape(await server.values())

    told = logged(shop, "request.throttled", "wait_s", "account")
    assert told
    assert scrape.by("api_throttled_seconds_total", "account") == told
    assert sum(scrape.by("api_requests_total", status="429").values()) == len(shop.events("request.throttled"))


async def test_open_breakers_pauses_mode_and_rules_are_shown_as_they_are(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon, served(daemon) as server:
        for _ in range(10):
            fail(shop, HOPELESS)
            await one_pass(daemon)
            fail(shop, BUSY)
        (truth,) = shop.truths(state="open")[:1]
        (tmp_path / "PAUSE").write_text("the ERP is down", encoding="utf-8")
        found = await server.values()
        (tmp_path / "PAUSE").unlink()
        resumed = await server.values()

    assert shop.events("breaker.opened")
    assert found["flowmend_breaker_open"] == {labels(account=ACCOUNT, step=truth.step_id): 1}
    assert (found["flowmend_writes_paused"], resumed["flowmend_writes_paused"]) == ({labels(): 1}, {labels(): 0})
    assert found["flowmend_mode"] == {
        labels(mode=mode): mode == "enforce" for mode in ("observe", "approve", "enforce")
    }
    assert found["flowmend_rules_loaded"] == {labels(): 1}
    assert found["flowmend_rules_last_reload_success"] == {labels(): 1}


async def test_where_people_have_cured_what_was_open_a_breaker_holds_nothing_back(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon, served(daemon) as server:
        for connection_id in shop.sandbox.world.connections:
            shop.do(do="connection", connection=connection_id, offline=True)
        truths = fail(shop, count=3)
        await one_pass(daemon)
        halted = (await server.values())["flowmend_breaker_open"]
        for truth in truths:
            people(shop, "resolve", truth)
        await one_pass(daemon)
        freed = (await server.values())["flowmend_breaker_open"]

    step = labels(account=ACCOUNT, step=truths[0].step_id)
    assert (halted[step], freed[step]) == (1, 0)
    assert [line["step_id"] for line in shop.events("step.freed")] == [truths[0].step_id]


async def test_an_offline_connection_is_an_open_breaker_of_each_step_behind_it_until_it_is_back(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon, served(daemon) as server:
        shown = []
        for offline in (True, False):
            for connection_id in shop.sandbox.world.connections:
                shop.do(do="connection", connection=connection_id, offline=offline)
            (truth,) = fail(shop)
            await one_pass(daemon)
            shown.append((await server.values())["flowmend_breaker_open"])

    step = labels(account=ACCOUNT, step=truth.step_id)
    assert [each[step] for each in shown] == [1, 0]


async def test_refused_rules_are_a_zero_with_the_rules_that_stay_in_force(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon, served(daemon) as server:
        (shop.rules / "rules.yaml").write_text("rules: [", encoding="utf-8")
        await daemon.rules.load(shop.clock.now() + timedelta(seconds=5))
        found = await server.values()

    assert found["flowmend_rules_last_reload_success"] == {labels(): 0}
    assert found["flowmend_rules_loaded"] == {labels(): 1}
    tried_at = (shop.clock.now() + timedelta(seconds=5)).timestamp()
    assert found["flowmend_rules_last_reload_timestamp_seconds"] == {labels(): tried_at}


async def test_a_store_that_fails_leaves_out_its_figures_and_nothing_else(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon, served(daemon) as server:
        fail(shop)
        await one_pass(daemon)
        whole = await server.values()
        await daemon.store.transact(lambda inner: inner.exec_driver_sql("DROP TABLE held"), write=True, durable=True)
        left = await server.values()

    assert {name for name in whole if whole[name] and not left[name]} == {
        "flowmend_unknown_outcomes",
        "flowmend_expiring_errors",
        "flowmend_unsettled_batches",
    }
    assert left["flowmend_api_requests_total"] == whole["flowmend_api_requests_total"]


@pytest.mark.parametrize("accept", [OPENMETRICS, PLAIN, "*/*"], ids=["openmetrics", "plain", "anything"])
async def test_every_documented_metric_is_there_with_its_labels_and_no_other(tmp_path: Path, accept: str) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon, served(daemon) as server:
        fail(shop)
        await one_pass(daemon)
        families = await server.families(accept)
        _, _, headers = await server.get("/metrics", Accept=accept)

    kinds = {"info": "gauge"} if accept != OPENMETRICS else {}
    names = {
        measure.name.removesuffix("_total").removesuffix("_info" if accept == OPENMETRICS else "_none"): measure
        for measure in ALL
    }
    assert {family.name: family.type for family in families} == {
        name: kinds.get(measure.kind, measure.kind) for name, measure in names.items()
    }
    for family in families:
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(names[family.name].labels), sample
    assert headers["Content-Type"].startswith("application/openmetrics-text" if accept == OPENMETRICS else "text/plain")


async def test_in_observe_mode_the_mode_is_told(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon(Mode.OBSERVE) as daemon, served(daemon) as server:
        found = await server.values()
    assert found["flowmend_mode"][labels(mode="observe")] == 1
    assert found["flowmend_mode"][labels(mode="enforce")] == 0


async def test_lag_and_last_success_are_those_of_the_log_and_a_cycle_that_failed_moves_neither(tmp_path: Path) -> None:
    faults = [Fault(endpoint="GET errors", kind="status:500", call=1, last=40)]
    opened = open_shop(tmp_path, world="tiny", errors=0, rules=RETRIES, faults=faults)
    async with opened as shop, shop.daemon() as daemon, served(daemon) as server:
        unhurried(daemon)
        runner = daemon.accounts[ACCOUNT]
        fail(shop)
        await runner.cycle()
        behind = await server.values()
        success_at = shop.clock.now()
        shop.clock.pass_by(timedelta(minutes=1))
        await runner.lock.release()
        async with shop.daemon() as other:
            await other.accounts[ACCOUNT].lock.hold()
            with pytest.raises(LockedError):
                await runner.cycle()
            locked_out = await server.values()
        shop.sandbox.faults = ()
        await runner.cycle()
        caught_up = await server.values()

    lags = [line["lag_s"] for line in shop.events("cycle.finished")]
    assert lags[0] > 0
    account = labels(account=ACCOUNT)
    assert [each["flowmend_watermark_lag_seconds"][account] for each in (behind, locked_out, caught_up)] == [
        lags[0], lags[0], lags[-1],
    ]  # fmt: skip
    last_success = "flowmend_poll_last_success_timestamp_seconds"
    assert behind[last_success][account] == locked_out[last_success][account] == success_at.timestamp()
    assert caught_up[last_success][account] == shop.clock.now().timestamp()


async def test_many_who_look_at_once_ask_the_store_once(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        observed = Observed(daemon=daemon, started_at=shop.clock.now(), monotonic=lambda: 5.0)
        first, *_ = await asyncio.gather(*(observed.reading() for _ in range(20)))
        fail(shop)
        await daemon.accounts[ACCOUNT].cycle(act=False)
        again = await observed.reading()
        observed.monotonic = lambda: 6.0
        later = await observed.reading()

    open_counts = [
        each.accounts[0].stored and sum(each.accounts[0].stored.open.values()) for each in (first, again, later)
    ]
    assert open_counts == [0, 0, 1]


async def test_a_store_that_does_not_answer_keeps_no_scraper_waiting_and_no_transaction_is_cut_off(
    tmp_path: Path,
) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        observed = Observed(
            daemon=daemon, started_at=shop.clock.now(), store_within_s=0.0, monotonic=iter(range(9)).__next__
        )
        async with daemon.store._lock:
            held_up = await observed.reading()
        observed.store_within_s = 30.0
        answered = await observed.reading()

    assert (held_up.accounts[0].stored, held_up.paused) == (None, None)
    assert answered.accounts[0].stored is not None
    assert answered.paused is False
