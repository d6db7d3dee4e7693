"""Settings → objects, in one straight line; what was opened is closed again in reverse order."""

import os
import random
import secrets as randomness
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version

import stamina
from structlog.typing import FilteringBoundLogger

from daemon.app.account import AccountRunner
from daemon.app.channels import listen
from daemon.app.digest import Digests
from daemon.app.lock import AccountLock, heartbeat
from daemon.app.notifying import Notifications
from daemon.app.rules import RulesInForce
from daemon.app.told import Told
from daemon.core.actions import Mode
from daemon.core.guards import Limits
from daemon.core.leases import Holder
from daemon.core.moments import stamp
from daemon.core.totals import Totals
from daemon.core.windows import Polling
from daemon.integrator.client import Client
from daemon.integrator.pacing import Pacer
from daemon.integrator.protocol import BaseUrl
from daemon.integrator.transport import HttpTransport
from daemon.logs import Audience, Secrets
from daemon.pipeline.continuity import Continuity
from daemon.pipeline.cycle import AccountCycle
from daemon.pipeline.gate import Pauses, WriteGate
from daemon.pipeline.ownership import Ownership
from daemon.pipeline.patience import Patience
from daemon.pipeline.record import Redact
from daemon.pipeline.retry_jobs import RetryJobs
from daemon.pipeline.terms import Clock, Stopping, Terms
from daemon.rulebook.redaction import Redaction, all_whole
from daemon.settings import Account, Settings
from daemon.store.fence import Fence
from daemon.store.pause_file import beside
from daemon.store.presence import RUN_BITS, show_presence
from daemon.store.sql import SqlStore, open_store


@dataclass(slots=True, kw_only=True)
class LimitsInForce:
    """The limits of every account, which a reload replaces in one assignment."""

    current: Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """Everything that runs, made from one configuration."""

    settings: Settings
    store: SqlStore
    rules: RulesInForce
    limits: LimitsInForce
    accounts: Mapping[str, AccountRunner]
    pauses: Pauses
    clock: Clock
    log: FilteringBoundLogger
    notifications: Notifications
    digests: Digests
    stopping: Stopping = field(default_factory=Stopping)


@asynccontextmanager
async def open_daemon(
    settings: Settings,
    *,
    log: FilteringBoundLogger,
    secrets: Secrets,
    clock: Clock,
    command: str,
    mode: Mode | None = None,
    audience: Audience | None = None,
) -> AsyncIterator[Daemon]:
    """Open the store, load the rules and make one runner per account; *mode* lowers the configured mode.

    Where *audience* is that of the *log*, the channels hear what it tells; `Notifications.at_work` tells people.

    Accounts are locked as their runners begin, in the name of the *command*, and released at the end.

    Raises:
        StoreError: the store cannot be used; nothing was started.
        ConfigError: an account's address or token cannot be used.
    """
    stamina.instrumentation.set_on_retry_hooks([])  # every request is observed by us already
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings.store.url, now=clock.now))
        rules = RulesInForce(paths=settings.rules.paths, history=store, log=log)
        heard = audience or Audience()
        notifications = listen(settings, store, rules, audience=heard, clock=clock, log=log, secrets=secrets)
        if store.upgraded is not None and store.upgraded.was:
            log.info(
                "store.migrated", was=store.upgraded.was, schema=store.upgraded.schema, copy=str(store.upgraded.copy)
            )
        if not await rules.load(clock.now()):
            await rules.fall_back(clock.now())
        limits = LimitsInForce(current=make_limits(settings))
        stopping = Stopping()
        holder = make_holder(command, clock)
        presence = stack.enter_context(show_presence(settings.store.url, holder.run))
        pauses = Pauses(sign=beside(settings.store.url), store=store, clock=clock, log=log)
        redact = _redact(settings)
        accounts: dict[str, AccountRunner] = {}
        for name, account in settings.accounts.items():
            bound = log.bind(account=name)
            lower = min(settings.mode, mode or settings.mode)
            terms = make_terms(name, account, settings, lower, limits=lambda: limits.current)
            fence = Fence(account=name)
            fenced = store.behind(fence)
            lock = AccountLock(holder=holder, leases=store, gone=presence.gone, clock=clock, log=bound, fence=fence)
            gate = WriteGate((pauses.why_not, lock.may_write))
            token = _token(account, secrets)
            totals = Totals()
            client = await _client(stack, account, terms, token, bound, gate=gate, totals=totals)
            pass_ = AccountCycle(
                terms=terms,
                rules=lambda: rules.current,
                client=client,
                store=fenced,
                continuity=Continuity(terms=terms, client=client, store=fenced, clock=clock, log=bound),
                patience=Patience(first=terms.confirm_every),
                retries=RetryJobs(client=client, claims=store, now=clock.now),
                ownership=Ownership(
                    account=name,
                    base_url=client.base_url.plain,
                    share_id=account.share_id,
                    token=token,
                    client=client,
                    store=fenced,
                    log=bound,
                ),
                clock=clock,
                log=bound,
                stopping=stopping,
                redact=redact,
            )
            only_reads = replace(client, writes_allowed=False, may_write=pauses.why_not)
            accounts[name] = AccountRunner(
                name=name,
                lock=lock,
                pass_=pass_,
                beside=replace(pass_, client=only_reads, store=store, acts=False),
                counts=store,
                clock=clock,
                log=bound,
                requests=partial(getattr, client, "requests"),
                throttled_s=partial(_throttled_s, client),
                told=Told(account=name, states=store, totals=totals, log=bound),
                totals=totals,
            )
        await stack.enter_async_context(heartbeat([runner.lock for runner in accounts.values()]))
        yield Daemon(
            settings=settings,
            store=store,
            rules=rules,
            limits=limits,
            accounts=accounts,
            pauses=pauses,
            clock=clock,
            log=log,
            notifications=notifications,
            digests=Digests(
                every={name: channel.digest for name, channel in settings.notify.items()},
                accounts=accounts,
                rules=rules,
                pauses=pauses,
                store=store,
                clock=clock,
            ),
            stopping=stopping,
        )


def _throttled_s(client: Client) -> float:
    return client.pacer.throttled_s


def _redact(settings: Settings) -> Redact | None:
    """Return how messages are recorded, None where nothing is."""
    if not settings.recordings.keep:
        return None
    return all_whole if settings.recordings.messages else Redaction().redact_all


def make_holder(command: str, clock: Clock) -> Holder:
    """Say who we are, to whoever finds an account locked."""
    return Holder(
        run=randomness.randbits(RUN_BITS),
        host=socket.gethostname(),
        pid=os.getpid(),
        command=command,
        since=stamp(clock.now()),
    )


def make_terms(name: str, account: Account, settings: Settings, mode: Mode, *, limits: Callable[[], Limits]) -> Terms:
    """Return what the settings say of one account."""
    poll, actions = settings.poll, settings.actions
    return Terms(
        account=name,
        mode=mode,
        polling=Polling(overlap=poll.overlap, settle=poll.settle, lookback=poll.lookback, full_sweep=poll.full_sweep),
        limits=limits,
        max_attempts_per_case=actions.max_attempts_per_case,
        retry_max_age=actions.retry_max_age,
        batch_size=actions.batch_size,
        concurrency=poll.concurrency,
        confirm_every=actions.confirm_every,
        confirm_timeout=actions.confirm_timeout,
        adopt_backlog=actions.adopt_backlog,
        include_flows=tuple(account.include_flows),
        exclude_flows=tuple(account.exclude_flows),
    )


def make_limits(settings: Settings) -> Limits:
    """Return the limits of every account."""
    limits = settings.limits
    return Limits(
        retries_per_hour=limits.retries_per_hour,
        resolves_per_hour=limits.resolves_per_hour,
        resolve_share_of_open=limits.resolve_share_of_open,
    )


def _token(account: Account, secrets: Secrets) -> Callable[[], str]:
    """Return what reads the account's token anew each time, and has hidden each in the log before it is used."""

    def token() -> str:
        value = account.read_token().get_secret_value()
        secrets.add(value)
        return value

    return token


async def _client(
    stack: AsyncExitStack,
    account: Account,
    terms: Terms,
    token: Callable[[], str],
    log: FilteringBoundLogger,
    *,
    gate: WriteGate,
    totals: Totals,
) -> Client:
    base_url = BaseUrl.parse(account.base_url)
    transport = await stack.enter_async_context(HttpTransport(base_url))

    def observe(endpoint: str, status: int, took_s: float) -> None:
        took_s = round(took_s, 4)  # counted as it is told, or the two would differ at a bucket's bound
        log.debug("request.sent", endpoint=endpoint, status=status, took_s=took_s)
        totals.request(endpoint, status, took_s)

    def throttled(endpoint: str, wait_s: float) -> None:
        log.warning("request.throttled", endpoint=endpoint, wait_s=round(wait_s, 3))

    token()
    return Client(
        account=terms.account,
        base_url=base_url,
        token=token,
        transport=transport,
        pacer=Pacer(requests_per_s=account.requests_per_s, random=random.random),
        writes_allowed=terms.mode is not Mode.OBSERVE,
        version=version("flowmend"),
        share_id=account.share_id,
        may_write=gate.why_not,
        observe=observe,
        throttled=throttled,
    )
