"""A shop with one flow, one step and the few errors that a test is about."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

from daemon.app.build import Daemon
from daemon.app.figures import Figures
from daemon.cli.settling import Question, answer
from daemon.core.decisions import Outcome
from daemon.core.rows import ErrorRow
from daemon.integrator.client import Client
from daemon.integrator.pacing import Pacer
from daemon.sandbox import Fault, Options
from daemon.sandbox.truth import Truth
from daemon.store.sql import open_store
from tests.fakes import FakeTime, HookedTransport
from tests.integration.shop import ACCOUNT, Shop, open_shop

FLOW, STEP = "Orders to NetSuite", "Create sales order"
POST_RETRY = "POST /flows/{flow}/{step}/retry"
PUT_RESOLVED = "PUT /flows/{flow}/{step}/resolved"
GET_FLOW_ERRORS = "GET /flows/{flow}/errors"
GET_ERRORS = "GET /flows/{flow}/{step}/errors"
GET_CONNECTION = "GET /connections/{connection}"
"""The last thing but the running jobs that is asked before a plan with a retry is made."""
GET_JOB = "GET /jobs/{job}"
GET_DATA = "GET /flows/{flow}/{step}/{key}/data"
PUT_DATA = "PUT /flows/{flow}/{step}/{key}/data"

BUSY = "netsuite-concurrency"
"""A family that the first retry cures."""
FLAKY = "netsuite-unexpected"
"""A family that the second retry cures."""
HOPELESS = "ship-method"
"""A family that no retry cures."""

UNRECORDED = {"keep": timedelta(0)}
"""Settings of recordings by which nothing is recorded, and nobody asked how errors left."""

NOTES = """
version: 1
rules:
  - id: note
    why: Somebody must have looked at it.
    when: {code: SSS_REQUEST_LIMIT_EXCEEDED}
    then:
      patch: [{op: add, path: /data/notes/-, value: looked at}]
      retry: {max_attempts: 3, ramp: off}
"""
"""Rules that change the retry data before the retry."""

LOST = [Fault(endpoint="POST retry", kind="before", call=1)]
"""The answer to the first retry is lost, and nothing was done."""
MOVING = Options(job_seconds=5.0, error_page_size=2, paging="offset", order="oldest")
"""Lists that move while they are read, two errors a page."""

RETRIES = """
version: 1
rules:
  - id: again
    why: The record itself is fine.
    when: {code: [SSS_REQUEST_LIMIT_EXCEEDED, UNEXPECTED_ERROR, INVALID_KEY_OR_REF, ECONNRESET]}
    then: {retry: {max_attempts: 3, ramp: off}}
"""


def small_shop(
    folder: Path, rules: str = RETRIES, *, options: Options | None = None, **changes: Any
) -> AbstractAsyncContextManager[Shop]:
    """Open a shop without errors, where an outcome is unknown after ten minutes; *changes* are as in `open_shop`."""
    actions = {"confirm_timeout": timedelta(minutes=10), "confirm_every": timedelta(seconds=30)}
    actions |= changes.pop("actions", {})
    return open_shop(folder, world="tiny", errors=0, rules=rules, options=options, actions=actions, **changes)


def fail(shop: Shop, family: str = BUSY, *, count: int = 1, age_s: int = 60, **more: Any) -> list[Truth]:
    """Let *count* new records fail and return the truth about each."""
    added = shop.do(do="add_errors", flow=FLOW, step=STEP, family=family, count=count, age_s=age_s, **more)
    return [shop.sandbox.world.truths[record_id] for record_id in added["records"]]


def people(shop: Shop, do: str, *truths: Truth, **more: Any) -> dict[str, Any]:
    """Let somebody act on the open errors of the records."""
    return shop.do(do=do, flow=FLOW, step=STEP, errors=[each for truth in truths for each in truth.open_ids], **more)


def during(
    daemon: Daemon,
    *,
    before: Mapping[str, Callable[[], object]] | None = None,
    after: Mapping[str, Callable[[], object]] | None = None,
) -> None:
    """Let something happen while the daemon talks: see `HookedTransport`."""
    client = daemon.accounts[ACCOUNT].pass_.client
    assert isinstance(client, Client)
    client.transport = HookedTransport(client.transport, before=before, after=after)


def unhurried(daemon: Daemon) -> None:
    """Let the client wait for nobody in earnest, whatever the platform asks for."""
    client, time = daemon.accounts[ACCOUNT].pass_.client, FakeTime()
    assert isinstance(client, Client)
    client.pacer = Pacer(requests_per_s=1e6, random=lambda: 0.0, clock=time.clock, sleep=time.sleep)


def between_plan_and_act(daemon: Daemon, act: Callable[[], object]) -> None:
    """Let something happen after the next plan with a retry was made and before its errors are looked at again."""
    during(daemon, after={GET_CONNECTION: lambda: during(daemon, before={GET_ERRORS: act})})


async def one_pass(daemon: Daemon, wait: timedelta = timedelta(minutes=30)) -> Figures:
    """Run ``once`` on a daemon that stays open."""
    return await daemon.accounts[ACCOUNT].once(wait, lambda *_: None)


async def row_of(daemon: Daemon, truth: Truth) -> ErrorRow:
    """Return the stored row of the one open error of a record."""
    (error_id,) = truth.open_ids
    (row,) = [each for each in await daemon.store.errors(ACCOUNT) if each.error_id == error_id]
    return row


def sent(shop: Shop, endpoint: str) -> int:
    """Return how many requests of an endpoint, such as ``POST retry``, have reached the platform."""
    return shop.sandbox.requests[endpoint]


def no_auto_resolve(shop: Shop) -> None:
    """Let errors of one trace key be open beside each other."""
    shop.do(do="flow", flow=FLOW, auto_resolve=False)


def one_run(shop: Shop, *families: str) -> list[Truth]:
    """Let different records with one trace key fail in one run."""
    truths = [fail(shop, family, traceKey="customer-7", fields={"_flowJobId": "run-1"})[0] for family in families]
    assert len({truth.record_id for truth in truths}) == len(families)
    return truths


def with_the_same_data(shop: Shop) -> None:
    """Let all open errors of the step have the retry data of the first."""
    step = shop.sandbox.world.find_step(FLOW, STEP)
    first, *others = (step.retry_data[entry.retry_key] for entry in step.open)
    for other in others:
        other.envelope = first.envelope


async def person(shop: Shop, trace_key: str, outcome: Outcome) -> int:
    """Let a person settle a record with the command, in a process of its own as far as the store can tell."""
    question = Question(
        trace_key=trace_key, account=None, flow=None, step=None, outcome=outcome, said=outcome.value, why="looked"
    )
    async with open_store(f"sqlite:///{shop.folder / 'flowmend.db'}", now=shop.clock.now) as store:
        return await answer(question, store, by="anna", now=shop.clock.now(), json=True)


async def until_unknown(shop: Shop, daemon: Daemon) -> None:
    """Let the daemon send what is due and wait for its outcome in vain."""
    await one_pass(daemon)
    shop.clock.pass_by(timedelta(minutes=11))
    await one_pass(daemon)
