"""The demonstration: a sandbox and the daemon in one process, on a temporary store, with the shipped rules."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr
from structlog.typing import FilteringBoundLogger

from daemon.app.build import open_daemon
from daemon.app.figures import Figures
from daemon.app.once import run_once
from daemon.core.actions import Mode
from daemon.core.tally import Tally
from daemon.logs import Secrets
from daemon.pipeline.terms import Clock
from daemon.sandbox import Options, Sandbox, make_world
from daemon.settings import Account, Actions, Limits, Poll, Rules, Settings, Store

ACCOUNT = "demo"
JOB_SECONDS = 0.5
REQUESTS_PER_S = 2000.0
LONGEST = timedelta(seconds=50)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What the sandbox itself counted: the books of the systems behind the flows."""

    errors: int
    steps: int
    flows: int
    retried: int
    patched: int
    resolved: int
    confirmed: int
    came_back: int
    harmed: int


def shipped_rules() -> Path:
    """Return the folder of the rules that come with Flowmend: inside the installed package, or in the checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "_shipped" / "rules"
    return inside if inside.is_dir() else package.parent / "rules"


async def run_demo(
    *,
    seed: int,
    errors: int | None,
    clock: Clock,
    log: FilteringBoundLogger,
    begun: Callable[[Truth], None],
    progress: Callable[[str, str, Sequence[Tally]], None],
) -> tuple[Figures, Truth]:
    """Run one pass over a fresh shop and return Flowmend's figures beside the sandbox's own.

    *begun* is told what there is before anything is done.
    """
    options = Options(job_seconds=JOB_SECONDS)
    sandbox = Sandbox(make_world("shop", seed=seed, errors=errors, now=clock.now()), clock=clock.now, options=options)
    base_url = await sandbox.start()
    try:
        begun(books(sandbox))
        with tempfile.TemporaryDirectory(prefix="flowmend-demo-") as folder:
            settings = demo_settings(base_url, options.token, Path(folder))
            async with open_daemon(settings, log=log, secrets=Secrets(), clock=clock, command="demo") as daemon:
                figures = await run_once(daemon, LONGEST, progress)
        return figures[0], books(sandbox)
    finally:
        await sandbox.stop()


def demo_settings(base_url: str, token: str, folder: Path) -> Settings:
    """Return settings that act at once: the backlog is adopted, outcomes are looked at every second."""
    return Settings(
        mode=Mode.ENFORCE,
        accounts={
            ACCOUNT: Account(base_url=base_url, token=SecretStr(token), requests_per_s=REQUESTS_PER_S),
        },
        poll=Poll(settle=timedelta(0)),
        actions=Actions(adopt_backlog=True, confirm_every=timedelta(seconds=1)),
        limits=Limits(retries_per_hour=5000, resolves_per_hour=1000),
        rules=Rules(paths=(shipped_rules(),)),
        store=Store(url=f"sqlite:///{folder / 'demo.db'}"),
    )


def books(sandbox: Sandbox) -> Truth:
    """Count what the sandbox knows to have happened."""
    sandbox.settle()
    truths = list(sandbox.world.truths.values())
    still_open = [truth for truth in truths if truth.open_ids]
    cured = sum(truth.state == "cured" for truth in truths)
    resolved = sum(truth.state == "resolved" for truth in truths)
    return Truth(
        errors=sum(len(truth.open_ids) for truth in truths),
        steps=len({(truth.flow_id, truth.step_id) for truth in still_open}),
        flows=len({truth.flow_id for truth in still_open}),
        retried=sum(truth.retries_accepted for truth in truths),
        patched=sum(len(truth.patched) for truth in truths),
        resolved=resolved,
        confirmed=cured + resolved,
        came_back=sum(truth.runs for truth in truths) - cured,
        harmed=sum(truth.harmed for truth in truths),
    )
