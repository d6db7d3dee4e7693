"""The service: cycles, confirmations, rule reloads and housekeeping by schedule, until it is asked to stop."""

import asyncio
import os
import platform
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from typing import Any

from daemon.app.account import AccountRunner
from daemon.app.build import Daemon
from daemon.app.configuration import Configuration
from daemon.app.housekeeping import AFTER_START, EVERY, clear, due_at, tell
from daemon.app.rest import Rest
from daemon.app.status import describe
from daemon.app.supervisor import Supervisor
from daemon.core.exceptions import AuthError, FlowmendError, ForeignStoreError, LockedError, StoreLostError
from daemon.scheduler import Schedule

STOP_WITHIN_S = 10.0
"""How long what is in flight may take once we are asked to stop; a store that another process has locked may keep us for
five seconds more, and systemd and Docker are told 20 s."""

TELL_WITHIN_S = 1.0
"""How long people are told of the rest before the service ends; the next start goes on with it."""

LOOK_AT_RULES = timedelta(seconds=1)
"""How often the marks of the rule files are looked at. A look reads no file, needs nothing of the system that a network
share or a container lacks, and sees what notifications miss: links that are turned, folders that come back."""


@dataclass(slots=True)
class Signals:
    """What the operating system asked for. Installed before anything else, so that no signal is lost at the start."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    reload: asyncio.Event = field(default_factory=asyncio.Event)

    def install(self) -> None:
        """Take SIGTERM and SIGINT as "stop", SIGHUP as "load configuration and rules again"."""
        loop = asyncio.get_running_loop()
        events = {signal.SIGTERM: self.stop, signal.SIGINT: self.stop, signal.SIGHUP: self.reload}
        for number, event in events.items():
            loop.add_signal_handler(number, event.set)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, events)  # what came since the process began comes now


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Run a daemon until it is asked to stop; *lost* holds what ended it before that, if anything did."""

    daemon: Daemon
    signals: Signals
    configuration: Configuration | None = None
    supervisor: Supervisor = field(default_factory=Supervisor)
    schedule: Schedule = field(default_factory=Schedule)
    running: set[asyncio.Task[Any]] = field(default_factory=set)
    lost: list[StoreLostError] = field(default_factory=list)

    async def run(self) -> None:
        """Run until a stop is asked for; then begin no new batch, and finish or journal what is in flight.

        Raises:
            StoreLostError: the store can be trusted no more. Whoever supervises the service starts it anew.
        """
        async with self.daemon.notifications.at_work(self.daemon.digests, linger_s=TELL_WITHIN_S):
            await self._work()
        if self.lost:
            raise self.lost[0]

    async def _work(self) -> None:
        daemon = self.daemon
        daemon.log.info(
            "daemon.started",
            version=version("flowmend"),
            python=platform.python_version(),
            pid=os.getpid(),
            mode=daemon.settings.mode.name.lower(),
            rules=daemon.rules.current.version,
            accounts=len(daemon.accounts),
        )
        await self._plan_jobs()
        self.schedule.start()
        reloads = asyncio.create_task(self._reload_when_asked())
        alive = asyncio.create_task(self.supervisor.keep_alive())
        in_time = asyncio.create_task(self.schedule.keep_time(daemon.clock.now))
        self.supervisor.ready("the first cycle begins")
        await self.signals.stop.wait()
        self.supervisor.stopping()
        daemon.stopping.asked = True
        self.schedule.pause()
        in_time.cancel()
        reloads.cancel()
        await self._finish()
        daemon.store.hurry()
        self.schedule.close()
        alive.cancel()
        daemon.log.info("daemon.stopped")

    async def _plan_jobs(self) -> None:
        settings, now = self.daemon.settings, self.daemon.clock.now()
        confirm_every = settings.actions.confirm_every
        for name, runner in self.daemon.accounts.items():
            look = partial(self._look, runner, self._rest(name))
            cycle, confirm = partial(self._guard, runner, look), partial(self._guard, runner, runner.confirm)
            self.schedule.every(settings.poll.interval, f"cycle {name}", self._tracked(cycle), first=now)
            self.schedule.every(confirm_every, f"confirm {name}", self._tracked(confirm), first=now + confirm_every)
        pauses = partial(self._try, "pauses", self._look_at_pauses)
        self.schedule.every(confirm_every, "pauses", self._tracked(pauses), first=now)
        keep_house = partial(self._try, "housekeeping", self._keep_house)
        due = await due_at(self.daemon.store, now)  # also if the service is started anew each half hour
        self.schedule.every(EVERY, "housekeeping", self._tracked(keep_house), first=max(due, now + AFTER_START))
        if settings.rules.watch:
            rules, clock = self.daemon.rules, self.daemon.clock
            watch = partial(self._try, "rules", lambda: rules.watch(clock.now()))
            self.schedule.every(LOOK_AT_RULES, "rules", self._tracked(watch), first=now)
            compare = partial(self._try, "rules", lambda: rules.compare(clock.now()))
            self.schedule.every(settings.poll.interval, "rules compared", self._tracked(compare), first=now)

    def _tracked(self, work: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[None]]:
        """Remember what is under way, so that a stop can wait for it."""

        async def run() -> None:
            task = asyncio.current_task()
            if task is None:
                return
            self.running.add(task)
            try:
                with suppress(asyncio.CancelledError):  # cut off by the stop, which says so
                    await work()
            finally:
                self.running.discard(task)

        return run

    def _rest(self, account: str) -> Rest:
        daemon, poll = self.daemon, self.daemon.settings.poll
        return Rest(
            account=account,
            interval=poll.interval,
            longest=poll.longest,
            store=daemon.store,
            clock=daemon.clock,
            rules=lambda: daemon.rules.current.version,
        )

    async def _look(self, runner: AccountRunner, rest: Rest) -> None:
        """Run a cycle, unless the account rests."""
        if await rest.goes_on():
            return
        rest.end()
        tally, _ = await runner.cycle()
        await rest.after(tally)

    async def _guard(self, runner: AccountRunner, work: Callable[[], Awaitable[object]]) -> None:
        if runner.left_alone_until is not None:
            return

        async def run() -> None:
            try:
                self.daemon.store.trust.check()  # a cycle in which nothing changed writes nothing, and would not notice
                await work()
            except (AuthError, ForeignStoreError) as refused:
                runner.refuse(refused)
            except LockedError as locked:  # the next cycle asks again
                runner.refused_by(locked)

        await self._try("cycle", run, runner)
        await self._report()

    async def _try(self, name: str, work: Callable[[], Awaitable[object]], runner: AccountRunner | None = None) -> None:
        """Do *work*; what fails (a full disk, say) is said, and tried again next time."""
        try:
            await work()
        except StoreLostError as lost:
            self._end(lost)
        except (FlowmendError, OSError) as error:
            self._tell(name, runner, reason=str(error))
        except Exception as bug:  # noqa: BLE001 - the one broad except: a bug met by one job must not stop the others
            self._tell(name, runner, exc_info=bug)

    def _tell(self, name: str, runner: AccountRunner | None, **facts: object) -> None:
        if runner is None:
            self.daemon.log.error("job.failed", job=name, **facts)
        else:
            runner.log.error("cycle.failed", **facts)

    def _end(self, lost: StoreLostError) -> None:
        """Stop: going on with a store that nobody will read again would forget what is sent."""
        if not self.lost:
            self.daemon.log.error("store.lost", reason=str(lost))
        self.lost.append(lost)
        self.signals.stop.set()

    async def _look_at_pauses(self) -> None:
        """Look even while nothing is due, so that the log and the status say it."""
        await self.daemon.pauses.holding()
        await self._report()

    async def _report(self) -> None:
        """Tell the supervisor what the service does, unless it is being stopped."""
        if self.supervisor.listens and not self.signals.stop.is_set():
            self.supervisor.status(await describe(self.daemon))

    async def _keep_house(self) -> None:
        daemon = self.daemon
        tell(await clear(daemon.store, daemon.settings, daemon.clock.now()), daemon.log)

    async def _reload_when_asked(self) -> None:
        while True:
            await self.signals.reload.wait()
            self.signals.reload.clear()
            self.supervisor.reloading()
            await self._try("reload", self._reload)
            self.supervisor.ready()
            await self._try("status", self._report)

    async def _reload(self) -> None:
        if self.configuration is not None:
            await self.configuration.reload()
        for runner in self.daemon.accounts.values():  # what it was refused for may have been put right
            runner.refused_until = runner.refused_until and self.daemon.clock.now()
        await self.daemon.rules.load(self.daemon.clock.now(), asked=True)

    async def _finish(self) -> None:
        """Let what is in flight finish; what does not in time is cut off, and the journal says that it may have happened."""
        if not self.running:
            return
        _, late = await asyncio.wait(self.running, timeout=STOP_WITHIN_S)
        for task in late:
            task.cancel()
        if late:
            self.daemon.store.hurry()
            self.daemon.log.warning("daemon.cut_off", tasks=len(late))
            await asyncio.wait(late, timeout=STOP_WITHIN_S / 5)
