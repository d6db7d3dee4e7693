"""SIGHUP: what of the configuration changes in a running service, and what is said of the rest."""

import asyncio
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from daemon.app.build import Daemon
from daemon.app.configuration import Configuration
from daemon.app.service import Service, Signals
from daemon.core.actions import Mode
from daemon.core.exceptions import ConfigError
from daemon.logs import Secrets, Threshold
from daemon.settings import Settings
from tests.integration.scraping import labels, served
from tests.integration.shop import ACCOUNT
from tests.integration.small_shop import GET_ERRORS, RETRIES, during, fail, one_pass, sent, small_shop


class Written:
    """The configuration as somebody writes it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.failure: Exception | None = None

    def change(self, **sections: dict[str, Any]) -> None:
        fresh = {
            name: getattr(self.settings, name).model_copy(update=values) for name, values in sections.items() if values
        }
        self.settings = self.settings.model_copy(update=fresh)

    def read(self) -> Settings:
        if self.failure is not None:
            raise self.failure
        return self.settings


def configured(daemon: Daemon) -> tuple[Configuration, Written]:
    written = Written(daemon.settings)
    configuration = Configuration(
        daemon=daemon,
        settings=daemon.settings,
        read=written.read,
        threshold=Threshold(level="info"),
        secrets=Secrets(),
    )
    return configuration, written


async def test_a_new_limit_holds_from_the_next_cycle_on(tmp_path: Path) -> None:
    async with small_shop(tmp_path, limits={"retries_per_hour": 0}) as shop, shop.daemon() as daemon:
        configuration, written = configured(daemon)
        fail(shop, count=2)
        await one_pass(daemon)
        assert sent(shop, "POST retry") == 0

        written.change(limits={"retries_per_hour": 100})
        await configuration.reload()
        figures = await one_pass(daemon)

    assert figures.tally.counts["confirmed"] == 2
    assert [line["applied"] for line in shop.events("config.reloaded")] == ["limits.retries_per_hour"]
    assert shop.events("config.restart_needed") == []


async def test_a_limit_that_is_lowered_while_a_cycle_reads_holds_for_what_that_cycle_plans(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        configuration, written = configured(daemon)
        fail(shop, count=2)
        written.change(limits={"retries_per_hour": 1})
        during(daemon, after={GET_ERRORS: configuration.reload})
        await daemon.accounts[ACCOUNT].cycle()

    assert (len(shop.events("config.reloaded")), sent(shop, "POST retry")) == (1, 0)
    assert [line["held"] for line in shop.events("limit.reached")] == [2]


async def test_the_log_level_changes_for_all_loggers_at_once(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        configuration, written = configured(daemon)
        written.change(log={"level": "debug"})
        await configuration.reload()

    assert configuration.threshold.level == "debug"


async def test_other_rule_files_are_in_force_after_the_reload_that_follows(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        configuration, written = configured(daemon)
        other = tmp_path / "other.yaml"
        other.write_text(RETRIES.replace("again", "anew"), encoding="utf-8")
        written.change(rules={"paths": (other,)})
        await configuration.reload()
        assert await daemon.rules.load(shop.clock.now(), asked=True)

        assert [rule.id for rule in daemon.rules.current.rules] == ["anew"]


async def test_what_needs_a_restart_is_named_at_each_reload_and_changes_nothing(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        configuration, written = configured(daemon)
        written.settings = written.settings.model_copy(update={"mode": Mode.OBSERVE})
        written.change(poll={"interval": timedelta(minutes=5)}, limits={"resolves_per_hour": 3})
        for _ in range(2):
            await configuration.reload()

        assert daemon.accounts[ACCOUNT].pass_.terms.mode is Mode.ENFORCE
        assert daemon.accounts[ACCOUNT].pass_.terms.limits().resolves_per_hour == 3
    assert [line["keys"] for line in shop.events("config.restart_needed")] == ["mode, poll.interval"] * 2
    assert [line["applied"] for line in shop.events("config.reloaded")] == ["limits.resolves_per_hour", ""]


async def test_a_broken_configuration_changes_nothing_and_is_said(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        configuration, written = configured(daemon)
        written.failure = ConfigError("config.toml:3:1: unknown key\n  3 | kye = …\n    | ^^^")
        await configuration.reload()

        assert configuration.settings is daemon.settings
    (line,) = shop.events("config.refused")
    assert (line["level"], line["reason"]) == ("error", "config.toml:3:1: unknown key")


async def test_after_a_reload_a_refused_account_is_tried_without_waiting(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        service, runner = Service(daemon=daemon, signals=Signals()), daemon.accounts[ACCOUNT]
        shop.do(do="token", valid=False)
        await service._guard(runner, runner.cycle)
        shop.do(do="token", valid=True)
        await service._guard(runner, runner.cycle)
        assert runner.last_success_at is None

        await service._reload()
        assert runner.refused_until is not None, "the metrics go on to say it"
        await service._guard(runner, runner.cycle)

    assert runner.last_success_at == shop.clock.now()
    assert runner.refused_until is None


async def test_a_refused_configuration_is_a_zero_in_the_metrics_until_one_is_accepted(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        configuration, written = configured(daemon)
        shown = []
        async with served(daemon, configuration) as server:
            for failure in (None, ConfigError("config.toml:3:1: unknown key"), None):
                written.failure = failure
                await configuration.reload()
                shown.append((await server.values())["flowmend_config_last_reload_success"][labels()])

    assert shown == [1, 0, 1]


async def test_the_values_of_changed_keys_stay_out_of_the_log_and_new_secrets_are_hidden(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        configuration, written = configured(daemon)
        token = SecretStr("another-secret")
        account = written.settings.accounts[ACCOUNT].model_copy(update={"token": token})
        written.settings = written.settings.model_copy(update={"accounts": {ACCOUNT: account}})
        await configuration.reload()

    assert [line["keys"] for line in shop.events("config.restart_needed")] == [f"accounts.{ACCOUNT}.token"]
    assert "another-secret" not in shop.log.getvalue()
    assert configuration.secrets.hide("another-secret") == "[hidden]"


class Heard(io.StringIO):
    """A log that can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.line = asyncio.Event()

    def write(self, text: str) -> int:
        self.line.set()
        return super().write(text)

    async def until(self, event: str) -> None:
        async with asyncio.timeout(20):
            while f'"{event}"' not in self.getvalue():
                self.line.clear()
                await self.line.wait()


@pytest.mark.parametrize("failure", [OSError("no such disk"), RuntimeError("a bug")], ids=["foreseen", "a bug"])
async def test_a_reload_that_fails_is_said_and_the_next_one_is_answered(tmp_path: Path, failure: Exception) -> None:
    async with small_shop(tmp_path) as shop:
        shop.log = log = Heard()
        async with shop.daemon() as daemon:
            configuration, written = configured(daemon)
            service = Service(daemon=daemon, signals=Signals(), configuration=configuration)
            answering = asyncio.create_task(service._reload_when_asked())
            written.failure = failure
            service.signals.reload.set()
            await log.until("job.failed")
            written.failure = None
            service.signals.reload.set()
            await log.until("config.reloaded")
            answering.cancel()

    (line,) = shop.events("job.failed")
    assert (line["job"], line["level"]) == ("reload", "error")
    assert str(failure) in line.get("reason", "") + line.get("failure", "")
