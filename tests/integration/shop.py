"""A whole Flowmend against a sandbox on a socket, with a clock of its own: what the integration tests drive."""

import io
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from daemon.app.build import Daemon, open_daemon
from daemon.app.figures import Figures
from daemon.app.once import run_once
from daemon.core.actions import Mode
from daemon.logs import Audience, Level, Secrets, configure_logs
from daemon.sandbox import Fault, Options, Sandbox, make_world
from daemon.sandbox.people import act
from daemon.sandbox.truth import Truth
from daemon.settings import Settings
from tests.empty_store import make_empty_store
from tests.fakes import FakeClock

ACCOUNT = "acme"
SHIPPED = Path(__file__).parents[2] / "rules"


@dataclass
class Shop:
    """One sandbox, one store, and as many daemons one after another as a test wants."""

    sandbox: Sandbox
    base_url: str
    folder: Path
    clock: FakeClock
    rules: Path
    log: io.StringIO = field(default_factory=io.StringIO)
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        """Return where the store is."""
        return self.folder / "flowmend.db"

    def settings(self, mode: Mode = Mode.ENFORCE) -> Settings:
        """Return settings that adopt the backlog and see errors as soon as they occur."""
        sections: dict[str, dict[str, Any]] = {
            "poll": {"settle": timedelta(0)},
            "actions": {"adopt_backlog": True, "confirm_every": timedelta(seconds=10)},
            "limits": {"retries_per_hour": 10_000, "resolves_per_hour": 10_000},
            "rules": {"paths": (self.rules,)},
            "recordings": {},
            "notify": {},
            "store": {"url": f"sqlite:///{self.file}"},
        }
        account = {"base_url": self.base_url, "token": "sandbox-token", "requests_per_s": 5000.0}
        account |= self.changes.get("account", {})
        for name, values in self.changes.items():
            if name != "account":
                sections[name] |= values
        return Settings.model_validate({"mode": mode, "accounts": {ACCOUNT: account}, **sections})

    @asynccontextmanager
    async def daemon(
        self, mode: Mode = Mode.ENFORCE, *, level: Level = "info", messages: bool = False
    ) -> AsyncIterator[Daemon]:
        """Open a daemon on the shop's store, as a start of the process does; *level* and *messages* are its log's."""
        if not self.file.exists():
            make_empty_store(self.file)
        secrets = Secrets()
        audience = Audience()
        log = configure_logs(
            format="json",
            level=level,
            stream=self.log,
            secrets=secrets,
            messages=messages,
            audience=audience,
            now=self.clock.now,
        )
        async with open_daemon(
            self.settings(mode), log=log, secrets=secrets, clock=self.clock, command="run", audience=audience
        ) as daemon:
            yield daemon

    async def once(self, mode: Mode = Mode.ENFORCE, wait: timedelta = timedelta(minutes=30)) -> Figures:
        """Start, run one pass, stop."""
        async with self.daemon(mode) as daemon:
            (figures,) = await run_once(daemon, wait, lambda *_: None)
        return figures

    def do(self, **body: Any) -> dict[str, Any]:
        """Let people or the platform act."""
        self.sandbox.settle()
        return act(self.sandbox.world, self.sandbox.jobs, body, self.sandbox.now())

    def truths(self, **wanted: Any) -> list[Truth]:
        """Return the truths whose fields have the *wanted* values; ``cure`` is the kind."""
        self.sandbox.settle()

        def fits(truth: Truth) -> bool:
            have = {name: getattr(truth, name) for name in wanted if name != "cure"} | {"cure": truth.cure.kind}
            return all(have[name] == value for name, value in wanted.items())

        return [truth for truth in self.sandbox.world.truths.values() if fits(truth)]

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the lines of one event that were logged so far."""
        lines = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [line for line in lines if line["event"] == name]

    def requests(self) -> Sequence[str]:
        """Return the endpoints asked so far, in order."""
        return [seen.endpoint for seen in self.sandbox.seen]


@asynccontextmanager
async def open_shop(
    folder: Path,
    *,
    world: str = "shop",
    seed: int = 1,
    errors: int | None = None,
    rules: str | Path = SHIPPED,
    options: Options | None = None,
    faults: Sequence[Fault] = (),
    clock: FakeClock | None = None,
    **changes: dict[str, Any],
) -> AsyncIterator[Shop]:
    """Serve a world; *rules* is a folder, or the text of one YAML file; *changes* are settings by section."""
    clock = clock or FakeClock()
    if isinstance(rules, str):
        (folder / "rules").mkdir(exist_ok=True)
        (folder / "rules" / "rules.yaml").write_text(rules, encoding="utf-8")
        rules = folder / "rules"
    sandbox = Sandbox(
        make_world(world, seed=seed, errors=errors, now=clock.now()),
        clock=clock.now,
        options=options or Options(job_seconds=5.0),
        faults=faults,
    )
    base_url = await sandbox.start()
    try:
        yield Shop(sandbox=sandbox, base_url=base_url, folder=folder, clock=clock, rules=rules, changes=changes)
    finally:
        await sandbox.stop()
