"""The doctor finds what is wrong, says it in words with what to do, and changes nothing."""

import os
import re
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from socket import gethostname
from stat import S_IFREG
from typing import Any

import pytest
from pydantic import SecretStr

from daemon.app.doctor import examine
from daemon.app.doctor_account import REGIONS, others_may_read
from daemon.app.doctor_channels import examine_channels
from daemon.app.findings import Finding, Grade, Topic
from daemon.core.actions import Mode
from daemon.core.leases import Holder
from daemon.core.pauses import EVERYTHING
from daemon.logs import Secrets
from daemon.sandbox import Options, Sandbox, make_world, parse_faults
from daemon.settings import Channel, Settings, load_settings
from daemon.store.schema import HEAD
from tests.integration.shop import ACCOUNT, Shop, open_shop
from tests.integration.small_shop import FLOW, RETRIES, STEP, fail, small_shop
from tests.makers import rule

TESTED = RETRIES + "    tests:\n      - match: {code: ECONNRESET}\n"
OWN_TEST_FAILS = TESTED + "      - name: the nearest\n        no_match: {code: ECONNRESET}\n"


async def examined(
    shop: Shop, settings: Settings | None = None, regions: Mapping[str, str] = REGIONS
) -> Sequence[Finding]:
    settings = settings or shop.settings()
    return await examine(settings, [ACCOUNT], clock=shop.clock, secrets=Secrets(), regions=regions)


def of(findings: Sequence[Finding], topic: Topic) -> Finding:
    """Return the worst finding of a topic."""
    order = [Grade.OK, Grade.WARNING, Grade.PROBLEM]
    return max((each for each in findings if each.topic is topic), key=lambda each: order.index(each.grade))


def held_by(findings: Sequence[Finding]) -> Finding:
    """Return what is said of the account's lease."""
    return [each for each in findings if each.topic is Topic.STORE and each.account][-1]


async def test_a_sound_installation_is_good_in_every_topic_and_nothing_but_reads_is_sent(tmp_path: Path) -> None:
    async with small_shop(tmp_path, TESTED) as shop:
        fail(shop)
        await shop.once()
        before = len(shop.sandbox.seen)
        async with shop.daemon() as daemon:
            await daemon.accounts[ACCOUNT].cycle()
            lease = await daemon.store.lease(ACCOUNT)
            findings = await examined(shop)

            assert await daemon.store.lease(ACCOUNT) == lease
    assert sorted({each.topic for each in findings}) == sorted(Topic)
    assert {each.grade for each in findings} == {Grade.OK}
    assert {seen.method for seen in shop.sandbox.seen[before:]} == {"GET"}
    assert "looked after by flowmend run" in held_by(findings).said
    assert "sandbox-token" not in repr(findings)


async def test_a_first_look_makes_nothing(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop:
        findings = await examined(shop)

    assert of(findings, Topic.STORE).grade is Grade.WARNING
    assert "is not there yet" in of(findings, Topic.STORE).said
    assert not (tmp_path / "flowmend.db").exists()


@pytest.mark.parametrize(
    ("options", "faults", "topic", "said", "advice"),
    [
        pytest.param(
            {"token": "another"}, "", Topic.REGION, "401", "in base_url", id="token refused",
        ),
        pytest.param(
            {"other_region": True}, "", Topic.REGION, "often means the other region", "region of the account", id="region",
        ),
        pytest.param({}, "GET tokenInfo:*:before", Topic.REGION, "tokenInfo", "DNS, proxy, firewall", id="no answer"),
        pytest.param({}, "GET tokenInfo:*:not_json", Topic.REGION, "tokenInfo", "is base_url right", id="a login page"),
        pytest.param({}, "GET flow-errors:*:status:403", Topic.RIGHTS, "403", "full access", id="rights"),
        pytest.param({"error_management": False}, "", Topic.RIGHTS, "404", "switch on Error Management 2.0", id="em 2.0"),
        pytest.param({}, "GET errors:*:not_json", Topic.RIGHTS, "cannot", "Error Management 2.0", id="no list"),
        pytest.param({}, "GET tokenInfo:1:clock:5m", Topic.CLOCK, "300 s ahead of", "timedatectl", id="clock ahead"),
        pytest.param({}, "GET tokenInfo:1:clock:-1d", Topic.CLOCK, "86400 s behind", "timedatectl", id="clock behind"),
    ],
)  # fmt: skip
async def test_what_integrator_io_refuses_is_said_with_what_to_do(
    tmp_path: Path, options: dict[str, object], faults: str, topic: Topic, said: str, advice: str
) -> None:
    async with small_shop(tmp_path, options=Options(**options), faults=parse_faults(faults)) as shop:  # type: ignore[arg-type]
        findings = await examined(shop)

    found = of(findings, topic)
    assert found.grade is Grade.PROBLEM
    assert said in found.said
    assert advice in found.advice
    assert found.account == ACCOUNT
    assert [each.topic for each in findings if each.grade is Grade.PROBLEM] == [topic]


async def test_a_small_difference_of_the_clocks_is_only_noted(tmp_path: Path) -> None:
    async with small_shop(tmp_path, faults=parse_faults("GET tokenInfo:1:clock:30s")) as shop:
        assert of(await examined(shop), Topic.CLOCK).grade is Grade.WARNING


@asynccontextmanager
async def another_region(shop: Shop, **options: Any) -> AsyncIterator[Sandbox]:
    """Serve integrator.io's other region, whose base URL is ``url``."""
    world = make_world("empty", seed=9, now=shop.clock.now())
    other = Sandbox(world, clock=shop.clock.now, options=Options(**options))
    try:
        yield other
    finally:
        await other.stop()


async def test_a_token_of_the_other_region_is_recognised_there(tmp_path: Path) -> None:
    async with small_shop(tmp_path, options=Options(other_region=True)) as shop, another_region(shop) as other:
        url = await other.start()
        findings = await examined(shop, regions={shop.base_url: "the one", url: "the other"})

    found = of(findings, Topic.REGION)
    assert (found.grade, found.advice) == (Grade.PROBLEM, f'set base_url = "{url}" under [accounts.{ACCOUNT}]')
    assert "accepts it: the account lives in the other" in found.said
    assert [seen.endpoint for seen in other.seen] == ["GET tokenInfo"]


async def test_a_token_that_no_region_knows_is_said_to_be_refused_by_all(tmp_path: Path) -> None:
    async with small_shop(tmp_path, options=Options(token="a")) as shop, another_region(shop, token="b") as other:
        url = await other.start()
        found = of(await examined(shop, regions={shop.base_url: "the one", url: "the other"}), Topic.REGION)

    assert f"{url} did not accept the token, either" in found.said
    assert "make a new token" in found.advice


@pytest.mark.parametrize(
    ("options", "faults", "known"),
    [
        pytest.param({"token": "another"}, "", False, id="an address of its own"),
        pytest.param({}, "GET tokenInfo:*:status:403", True, id="known there, and not allowed"),
        pytest.param({}, "GET tokenInfo:*:before", True, id="no answer"),
    ],
)
async def test_a_token_goes_to_another_region_only_where_integrator_io_itself_does_not_know_it(
    tmp_path: Path, options: dict[str, Any], faults: str, known: bool
) -> None:
    async with (
        small_shop(tmp_path, options=Options(**options), faults=parse_faults(faults)) as shop,
        another_region(shop) as other,
    ):
        url = await other.start()
        regions = {url: "the other"} | ({shop.base_url: "the one"} if known else {})
        assert of(await examined(shop, regions=regions), Topic.REGION).grade is Grade.PROBLEM

    assert other.seen == []


def test_the_regions_are_integrator_ios_own_over_https() -> None:
    assert all(re.fullmatch(r"https://api(\.[a-z]{2})?\.integrator\.io/v1", url) for url in REGIONS)


async def test_a_token_with_limited_access_is_said_to_be_limited(tmp_path: Path) -> None:
    async with small_shop(tmp_path, options=Options(scope="exports")) as shop:
        found = of(await examined(shop), Topic.RIGHTS)

    assert (found.grade, "limited to exports" in found.said) == (Grade.WARNING, True)


async def test_flows_that_are_left_out_or_disabled_are_named(tmp_path: Path) -> None:
    async with open_shop(tmp_path, errors=0, account={"exclude_flows": ["Nightly*"]}) as shop:
        shop.do(do="flow", flow="Amazon orders to NetSuite", disabled=True)
        found = of(await examined(shop), Topic.FLOWS)

    assert found.said == (
        "7 of 8 flows are looked after, with 19 steps; left out by include_flows or exclude_flows: Nightly price list; "
        "disabled in integrator.io: Amazon orders to NetSuite"
    )


async def test_keys_from_the_environment_are_named_without_their_values(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop:
        config = tmp_path / "config.toml"
        config.write_text(f'[accounts.{ACCOUNT}]\nbase_url = "{shop.base_url}"\n', encoding="utf-8")
        given = {f"FLOWMEND_ACCOUNTS__{ACCOUNT.upper()}__TOKEN": "sandbox-token", "FLOWMEND_POLL__INTERVAL": "30s"}
        given |= {"FLOWMEND_STORE__URL": f"sqlite:///{tmp_path}/flowmend.db", "FLOWMEND_RULES__PATHS": str(shop.rules)}
        found = of(await examined(shop, load_settings(config, given, tmp_path)), Topic.CONFIGURATION)

    assert f"read {config}; from the environment" in found.said
    assert f"accounts.{ACCOUNT}.token" in found.said
    assert "poll.interval" in found.said
    assert "sandbox-token" not in found.said


async def test_nobody_at_the_address_is_said_and_what_depends_on_it_is_not_looked_at(tmp_path: Path) -> None:
    async with small_shop(tmp_path, TESTED) as shop:
        shop.changes["account"] = {"base_url": "http://127.0.0.1:9/v1"}
        findings = await examined(shop)

    assert "no connection to http://127.0.0.1:9" in of(findings, Topic.REGION).said
    assert {Topic.ACCOUNT, Topic.CLOCK, Topic.RIGHTS}.isdisjoint(each.topic for each in findings)
    assert of(findings, Topic.RULES).grade is Grade.OK


async def test_a_flow_that_is_named_and_not_there_is_named_back(tmp_path: Path) -> None:
    async with small_shop(tmp_path, account={"include_flows": [FLOW, "Odrers*"], "exclude_flows": ["Old"]}) as shop:
        found = of(await examined(shop), Topic.FLOWS)

    assert (found.grade, "no flow is called Odrers*, Old" in found.said) == (Grade.WARNING, True)


async def test_a_store_of_another_user_is_named_with_both(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop:
        await shop.once()
        shop.sandbox.world.user_id = "somebody-else"
        found = of(await examined(shop), Topic.ACCOUNT)

    assert found.grade is Grade.PROBLEM
    assert "somebody-else" in found.said
    assert "flowmend db rebind" in found.advice


async def test_what_is_unsettled_and_what_waits_for_people_is_counted(tmp_path: Path) -> None:
    async with small_shop(tmp_path, faults=parse_faults("POST retry:1:before")) as shop:
        fail(shop)
        await shop.once(wait=timedelta(seconds=1))
        under_way = of(await examined(shop), Topic.QUEUE)
        shop.clock.pass_by(timedelta(hours=1))
        late = of(await examined(shop), Topic.QUEUE)
        await shop.once()
        unknown = of(await examined(shop), Topic.QUEUE)

    assert (under_way.grade, under_way.said[:34]) == (Grade.OK, "1 batch sent and without an outcom")
    assert (late.grade, "flowmend run" in late.advice) == (Grade.WARNING, True)
    assert "of 1 retry nobody knows what came of it" in unknown.said
    assert "1 error held for people (unknown 1)" in unknown.said
    assert "flowmend errors --unknown" in unknown.advice


async def test_trace_keys_that_name_no_record_are_counted_by_step(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop:
        shop.do(do="flow", flow=FLOW, auto_resolve=False)
        fail(shop, count=2)
        fail(shop, count=1, traceKey="")
        fail(shop, count=1, traceKey="k" * 200)
        fail(shop, count=2, traceKey="customer 7")
        await shop.once(Mode.OBSERVE)
        found = of(await examined(shop), Topic.TRACE_KEYS)

    assert found.grade is Grade.WARNING
    counts = "1 without a trace key, 1 with one that was cut at 128 characters, 2 with one that several records share"
    assert found.said.splitlines()[1:] == [f"{FLOW} / {STEP}: of 6 open errors {counts}"]
    assert "set the trace key of the export" in found.advice


async def test_an_older_store_is_left_as_it_is(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop:
        await shop.once()
        with closing(sqlite3.connect(tmp_path / "flowmend.db")) as database:
            database.execute("UPDATE alembic_version SET version_num = '0001'")
            database.commit()
        found = of(await examined(shop), Topic.STORE)
        with closing(sqlite3.connect(tmp_path / "flowmend.db")) as database:
            (version,) = database.execute("SELECT version_num FROM alembic_version").fetchone()

    assert (found.grade, "of version 0001" in found.said, version) == (Grade.WARNING, True, "0001")


async def test_rules_that_are_refused_are_shown_with_every_problem_and_the_set_that_stays(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop:
        await shop.once()
        (version,) = {line["rules"] for line in shop.events("rules.loaded")}
        (shop.rules / "rules.yaml").write_text(OWN_TEST_FAILS, encoding="utf-8")
        (shop.rules / "b.yaml").write_text(RETRIES.replace("again", "more").replace("when", "wen"), encoding="utf-8")
        broken = of(await examined(shop), Topic.RULES)
        (shop.rules / "b.yaml").unlink()
        failing = of(await examined(shop), Topic.RULES)

    assert broken.grade is failing.grade is Grade.PROBLEM
    assert f"the last good set, {version} of 2026-03-02 09:00:00 UTC, stays in force" in broken.said
    assert 'did you mean "when"?' in broken.said
    assert "E050" in failing.said
    assert 'test "the nearest"' in failing.said


async def test_rules_that_no_process_has_loaded_yet_are_noted(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop:
        await shop.once()
        (shop.rules / "rules.yaml").write_text(RETRIES.replace("max_attempts: 3", "max_attempts: 2"), encoding="utf-8")
        found = of(await examined(shop), Topic.RULES)

    assert found.grade is Grade.WARNING
    assert "the newest set that was in force is another" in found.said


def unreadable(shop: Shop) -> None:
    (shop.folder / "flowmend.db").write_bytes(b"no database, as long as this text may be" * 100)


def unmakeable(shop: Shop) -> None:
    (shop.folder / "plain").write_text("", encoding="utf-8")
    shop.changes["store"] = {"url": f"sqlite:///{shop.folder / 'plain' / 'flowmend.db'}"}


def unseeable(shop: Shop) -> None:
    shop.changes["store"] = {"url": f"sqlite:///{shop.folder / ('long' * 100)}.db"}


@pytest.mark.parametrize("harm", [unreadable, unmakeable, unseeable])
async def test_a_store_that_cannot_be_used_is_wrong_and_the_rest_is_still_looked_at(
    tmp_path: Path, harm: Callable[[Shop], None]
) -> None:
    async with small_shop(tmp_path) as shop:
        harm(shop)
        findings = await examined(shop)

    assert of(findings, Topic.STORE).grade is Grade.PROBLEM
    assert of(findings, Topic.RIGHTS).grade is Grade.OK


@pytest.mark.parametrize(("free_gb", "grade"), [(90, Grade.OK), (0.4, Grade.WARNING)], ids=["room", "tight"])
async def test_the_size_of_the_store_and_the_room_on_its_disk_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_gb: float, grade: Grade
) -> None:
    async with small_shop(tmp_path) as shop:
        await shop.once()
        usage = shutil.disk_usage(tmp_path)._replace(free=int(free_gb * 1e9))
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
        (found,) = [each for each in await examined(shop) if "are free" in each.said]

    size_mb = (tmp_path / "flowmend.db").stat().st_size / 1e6
    assert found.said == (
        f"{tmp_path}/flowmend.db can be read (version {HEAD}, {size_mb:,.1f} MB); {free_gb:,.1f} GB are free on its disk"
    )
    assert (found.topic, found.grade, "make room" in found.advice) == (Topic.STORE, grade, grade is Grade.WARNING)


async def looked_after(shop: Shop, host: str) -> None:
    """Let a process of *host* hold the account's lease that is not running here (any more)."""
    since = shop.clock.now().isoformat(timespec="seconds")
    holder = Holder(run=7, host=host, pid=4711, command="run", since=since)
    async with shop.daemon() as daemon:
        await daemon.store.take_lease(ACCOUNT, holder.to_json(), shop.clock.now(), timedelta(minutes=1))


@pytest.mark.parametrize(
    ("host", "grade", "said"),
    [
        pytest.param(
            gethostname(), Grade.WARNING, "no process looks after it now: flowmend run on host", id="this host"
        ),
        pytest.param("elsewhere.example.com", Grade.OK, "looked after by flowmend run on host elsewhere", id="other"),
    ],
)
async def test_a_killed_service_is_not_taken_for_a_running_one_where_that_can_be_seen(
    tmp_path: Path, host: str, grade: Grade, said: str
) -> None:
    async with small_shop(tmp_path) as shop:
        await looked_after(shop, host)
        last = held_by(await examined(shop))

    assert (last.topic, last.grade) == (Topic.STORE, grade)
    assert said in last.said


@pytest.mark.parametrize(
    ("after_s", "grade"),
    [pytest.param(-60, Grade.OK, id="before the service began"), pytest.param(60, Grade.WARNING, id="after that")],
)
async def test_a_configuration_that_the_service_has_not_read_is_noted(
    tmp_path: Path, after_s: float, grade: Grade
) -> None:
    async with small_shop(tmp_path) as shop:
        await looked_after(shop, "elsewhere.example.com")
        config = tmp_path / "config.toml"
        config.write_text(
            f'[accounts.{ACCOUNT}]\nbase_url = "{shop.base_url}"\ntoken = "sandbox-token"\n'
            f'[rules]\npaths = ["{shop.rules}"]\n[store]\nurl = "sqlite:///{tmp_path}/flowmend.db"\n',
            encoding="utf-8",
        )
        changed = shop.clock.now().timestamp() + after_s
        os.utime(config, (changed, changed))
        last = held_by(await examined(shop, load_settings(config, {}, tmp_path)))

    assert (last.topic, last.grade) == (Topic.STORE, grade)
    assert ("config.toml was changed after that began" in last.said) is (grade is Grade.WARNING)
    assert ("restart it" in last.advice) is (grade is Grade.WARNING)


async def test_what_keeps_flowmend_from_working_on_purpose_is_noted(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop:
        await shop.once()
        async with shop.daemon() as daemon:
            until = shop.clock.now() + timedelta(hours=1)
            await daemon.store.pause(EVERYTHING, "price list", "ann", shop.clock.now(), until)
        (shop.folder / "PAUSE").write_text("the ERP is down\n", encoding="utf-8")
        notes = [each for each in await examined(shop) if each.topic is Topic.STORE and each.grade is Grade.WARNING]

    assert ["the ERP is down" in notes[0].said, "price list" in notes[1].said] == [True, True]
    assert ["remove the file" in notes[0].advice, "flowmend resume" in notes[1].advice] == [True, True]
    assert "no process looks after it" in notes[2].said


@pytest.mark.parametrize(
    ("content", "grade", "said"),
    [
        pytest.param("json://127.0.0.1/chat", Grade.OK, "flowmend notify test ops", id="an address"),
        pytest.param("chat, please", Grade.PROBLEM, "one line with one URL", id="no address"),
        pytest.param(None, Grade.PROBLEM, "No such file", id="no file"),
    ],
)
async def test_the_address_of_a_channel_is_looked_at_and_nothing_is_sent_there(
    tmp_path: Path, content: str | None, grade: Grade, said: str
) -> None:
    if content is not None:
        (tmp_path / "ops.apprise").write_text(content, encoding="utf-8")
    channel = Channel(url_file=tmp_path / "ops.apprise", events=("limit.reached",))
    (found,) = examine_channels(Settings(notify={"ops": channel}), Secrets())

    assert (found.topic, found.grade) == (Topic.NOTIFICATIONS, grade)
    assert ("channel ops" in found.said, said in found.said) == (True, True)


def test_a_channel_that_only_rules_name_is_a_warning() -> None:
    channel = Channel(url=SecretStr("json://127.0.0.1/chat"), events=("limit.reached",))
    rules = [rule("r1", notify=("ops", "opss")), rule("r2", notify=("opss",)), rule("r3")]
    configured, missing = examine_channels(Settings(notify={"ops": channel}), Secrets(), rules)

    assert (configured.grade, missing.grade) == (Grade.OK, Grade.WARNING)
    assert missing.said.startswith("rule r1 and 1 more rule would tell channel opss, which is not configured")
    assert missing.advice.startswith("write [notify.opss]")


@pytest.mark.parametrize(
    ("mode", "grade", "said"),
    [(0o600, Grade.OK, "read from"), (0o644, Grade.WARNING, "other users"), (None, Grade.PROBLEM, "No such file")],
    ids=["its own", "of everybody", "gone"],
)
async def test_a_token_file_is_looked_at(tmp_path: Path, mode: int | None, grade: Grade, said: str) -> None:
    async with small_shop(tmp_path) as shop:
        file = tmp_path / "token"
        if mode is not None:
            file.write_text("sandbox-token\n", encoding="utf-8")
            file.chmod(mode)
        shop.changes["account"] = {"token": None, "token_file": file}
        found = of(await examined(shop), Topic.TOKEN)

    assert found.grade is grade
    assert said in found.said


@pytest.mark.parametrize(
    ("mode", "owner", "exposed"),
    [
        pytest.param(0o400, 0, False, id="for root alone"),
        pytest.param(0o440, 0, False, id="root's and our group's, as a secret of Kubernetes"),
        pytest.param(0o440, 10001, True, id="ours, and our group's"),
        pytest.param(0o604, 10001, True, id="ours, and everybody's"),
        pytest.param(0o444, 0, True, id="root's, and everybody's"),
    ],
)
def test_a_token_that_its_group_is_meant_to_read_is_not_called_exposed(mode: int, owner: int, exposed: bool) -> None:
    file = os.stat_result((S_IFREG | mode, 1, 1, 1, owner, 10001, 6, 0, 0, 0))

    assert others_may_read(file, 10001) is exposed
