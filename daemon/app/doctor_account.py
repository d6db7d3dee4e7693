"""Look at one account: its token, where it lives, whose it is, the clocks, and what it may do. Only reads."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from random import random
from stat import S_IRWXG, S_IRWXO

from daemon.app.findings import Finding, Grade, Topic
from daemon.core.continuity import CLOCK_SLACK
from daemon.core.exceptions import AuthError, ConfigError, FlowmendError, ForeignStoreError
from daemon.core.owner import Owner
from daemon.integrator.client import Client
from daemon.integrator.exchange import Transport
from daemon.integrator.pacing import Pacer
from daemon.integrator.protocol import Answer, BaseUrl, Request
from daemon.integrator.transport import HttpTransport
from daemon.logs import Secrets
from daemon.pipeline.terms import Clock, Terms
from daemon.settings import Account

REGIONS = {"api.integrator.io": "the American region", "api.eu.integrator.io": "the European region"}

NOTED = timedelta(seconds=10)
"""A difference of the clocks that is worth a word; a larger one than `CLOCK_SLACK` makes retries look like others'."""


@dataclass(slots=True, kw_only=True)
class DatedTransport:
    """Another transport that notes how far the platform's clock is *ahead* of ours, to the second."""

    inner: Transport
    clock: Clock
    ahead: timedelta | None = field(default=None, init=False)

    async def send(self, request: Request, headers: dict[str, str]) -> Answer:
        """Send *request* once."""
        answer = await self.inner.send(request, headers)
        theirs = _moment(answer.headers.get("date", ""))
        self.ahead = theirs - self.clock.now().replace(microsecond=0) if theirs else self.ahead
        return answer


def _moment(date: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


async def examine_account(
    account: Account, terms: Terms, *, clock: Clock, secrets: Secrets, owner: Owner | None
) -> list[Finding]:
    """Return what is found; *owner* is whom the store knows the account by, None where it does not.

    What depends on something that failed is not looked at.
    """
    name = terms.account
    try:
        token = account.read_token().get_secret_value()
        base_url = BaseUrl.parse(account.base_url)
    except ConfigError as wrong:
        return [_found(name, Topic.TOKEN, Grade.WRONG, str(wrong))]
    secrets.add(token)
    findings = [_token(name, account)]
    async with HttpTransport(base_url) as plain:
        transport = DatedTransport(inner=plain, clock=clock)
        client = Client(
            account=name,
            base_url=base_url,
            token=token,
            transport=transport,
            pacer=Pacer(requests_per_s=account.requests_per_s, random=random),
            writes_allowed=False,
            version=version("flowmend"),
            share_id=account.share_id,
            attempts=1,
        )
        findings += await _identity(name, account, client, owner)
        if transport.ahead is not None:
            findings.append(_clocks(name, transport.ahead))
        if all(finding.grade is not Grade.WRONG for finding in findings if finding.topic is not Topic.CLOCK):
            findings += await _rights(terms, client)
    return findings


def _found(name: str, topic: Topic, grade: Grade, said: str, advice: str = "") -> Finding:
    return Finding(topic=topic, account=name, grade=grade, said=said, advice=advice)


def _token(name: str, account: Account) -> Finding:
    if account.token is not None or account.token_file is None:
        return _found(name, Topic.TOKEN, Grade.GOOD, "there is one, from the environment or a credential")
    said = f"read from {account.token_file}"
    if account.token_file.stat().st_mode & (S_IRWXG | S_IRWXO):
        advice = f"chmod 600 {account.token_file}, owned by the user of the service"
        return _found(name, Topic.TOKEN, Grade.NOTE, f"{said}, which other users of this machine may read, too", advice)
    return _found(name, Topic.TOKEN, Grade.GOOD, said)


async def _identity(name: str, account: Account, client: Client, owner: Owner | None) -> list[Finding]:
    url = client.base_url
    region = REGIONS.get(url.address[1], "an address of its own")
    try:
        info = await client.token_info()
    except AuthError as refused:
        advice = (
            "name the region of the account in base_url, or make a new token in integrator.io (Resources > API tokens)"
        )
        return [_found(name, Topic.REGION, Grade.WRONG, str(refused), advice)]
    except FlowmendError as failed:
        advice = "is base_url right, and may this machine reach it (DNS, proxy, firewall)?"
        return [_found(name, Topic.REGION, Grade.WRONG, str(failed), advice)]
    findings = [_found(name, Topic.REGION, Grade.GOOD, f"{url} answers, {region}")]
    here = Owner(user_id=info.user_id, base_url=url.plain, share_id=account.share_id)
    if owner is not None and owner != here:
        foreign = ForeignStoreError(name, belongs_to=str(owner), found=str(here))
        return [*findings, _found(name, Topic.ACCOUNT, Grade.WRONG, str(foreign).partition(". ")[0], foreign.advice)]
    known = "the same as in the store" if owner else "the store will remember it"
    return [*findings, _found(name, Topic.ACCOUNT, Grade.GOOD, f"{here}; {known}")]


def _clocks(name: str, ahead: timedelta) -> Finding:
    off, way = abs(ahead), "ahead of" if ahead > timedelta(0) else "behind"
    said = f"integrator.io's clock is {off.total_seconds():g} s {way} this machine's"
    if off <= NOTED:
        return _found(name, Topic.CLOCK, Grade.GOOD, "this machine's clock and integrator.io's agree within seconds")
    advice = (
        "set this machine's clock by the network (timedatectl set-ntp true): ages, windows and outcomes are told by it"
    )
    return _found(name, Topic.CLOCK, Grade.WRONG if off > CLOCK_SLACK else Grade.NOTE, said, advice)


async def _rights(terms: Terms, client: Client) -> list[Finding]:
    name = terms.account
    try:
        flows = await client.flows()
        ours = [flow for flow in flows if terms.includes(flow.flow_id, flow.name)]
        if ours:
            await client.flow_errors(ours[0].flow_id)
    except FlowmendError as refused:
        advice = "give the token full access: the error endpoints of integrator.io need it"
        return [_found(name, Topic.RIGHTS, Grade.WRONG, str(refused), advice)]
    said = f"sees {len(flows)} flows, of which {len(ours)} are looked after"
    strange = [
        pattern
        for pattern in (*terms.include_flows, *terms.exclude_flows)
        if pattern != "*" and not any(_only(terms, pattern).includes(flow.flow_id, flow.name) for flow in flows)
    ]
    if not ours or strange:
        lost = f"; no flow is called {', '.join(strange)}" if strange else ""
        advice = "look at include_flows and exclude_flows, which take ids, names and globs"
        return [_found(name, Topic.RIGHTS, Grade.NOTE, said + lost, advice)]
    return [_found(name, Topic.RIGHTS, Grade.GOOD, f"{said}; their errors can be read")]


def _only(terms: Terms, pattern: str) -> Terms:
    return replace(terms, include_flows=(pattern,), exclude_flows=())
