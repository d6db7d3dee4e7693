"""Look at one account: its token, where it lives, whose it is, the clocks, and what can be seen of it. Only reads."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib.metadata import version
from random import random
from stat import S_IRWXG, S_IRWXO

from daemon.app.doctor_rights import examine_rights
from daemon.app.findings import Finding, Grade, Topic
from daemon.core.continuity import CLOCK_SLACK
from daemon.core.exceptions import AuthError, ConfigError, FlowmendError, ForeignStoreError
from daemon.core.owner import Owner
from daemon.core.records import TokenInfo
from daemon.integrator.client import Client
from daemon.integrator.exchange import Transport
from daemon.integrator.pacing import Pacer
from daemon.integrator.protocol import Answer, BaseUrl, Request
from daemon.integrator.transport import HttpTransport
from daemon.logs import Secrets
from daemon.pipeline.terms import Clock, Terms
from daemon.settings import Account

REGIONS = {
    "https://api.integrator.io/v1": "the American region",
    "https://api.eu.integrator.io/v1": "the European region",
}
"""Where integrator.io itself answers, by base URL. A token of one region means nothing to the others."""

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
    account: Account,
    terms: Terms,
    *,
    clock: Clock,
    secrets: Secrets,
    owner: Owner | None,
    regions: Mapping[str, str] = REGIONS,
) -> list[Finding]:
    """Return what is found; *owner* is whom the store knows the account by, None where it does not.

    What depends on something that failed is not looked at. Where one of *regions* refuses the token, the others are
    asked whether it is theirs; from any other address the token goes nowhere else.
    """
    name = terms.account
    try:
        token = account.read_token().get_secret_value()
        base_url = BaseUrl.parse(account.base_url)
    except ConfigError as wrong:
        return [_found(name, Topic.TOKEN, Grade.PROBLEM, str(wrong))]
    secrets.add(token)
    findings = [_token(name, account)]
    async with HttpTransport(base_url) as plain:
        transport = DatedTransport(inner=plain, clock=clock)
        client = _client(name, account, base_url, token, transport)
        info = await _asked(client, account, token, regions)
        if isinstance(info, Finding):
            findings.append(info)
        else:
            findings += _identity(client, account, info, owner, regions)
        if transport.ahead is not None:
            findings.append(_clocks(name, transport.ahead))
        sound = all(each.grade is not Grade.PROBLEM for each in findings if each.topic is not Topic.CLOCK)
        if isinstance(info, TokenInfo) and sound:
            findings += await examine_rights(terms, client, info, clock.now())
    return findings


def _client(name: str, account: Account, base_url: BaseUrl, token: str, transport: Transport) -> Client:
    return Client(
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


def _found(name: str, topic: Topic, grade: Grade, said: str, advice: str = "") -> Finding:
    return Finding(topic=topic, account=name, grade=grade, said=said, advice=advice)


def _token(name: str, account: Account) -> Finding:
    if account.token is not None or account.token_file is None:
        return _found(name, Topic.TOKEN, Grade.OK, "there is one, from the environment or a credential")
    said = f"read from {account.token_file}"
    if others_may_read(account.token_file.stat(), os.geteuid()):
        advice = f"chmod 600 {account.token_file}, owned by the user of the service"
        return _found(
            name, Topic.TOKEN, Grade.WARNING, f"{said}, which other users of this machine may read, too", advice
        )
    return _found(name, Topic.TOKEN, Grade.OK, said)


def others_may_read(file: os.stat_result, user: int) -> bool:
    """Tell whether more may read a file than need to.

    Where *user* does not own it, its group is how it comes to be readable at all: secrets of Kubernetes belong to root and
    to the pod's group, and credentials of systemd show the mask of an access list there.
    """
    return bool(file.st_mode & (S_IRWXO | (S_IRWXG if file.st_uid == user else 0)))


async def _asked(client: Client, account: Account, token: str, regions: Mapping[str, str]) -> TokenInfo | Finding:
    """Return whose token it is, or why integrator.io does not say."""
    try:
        return await client.token_info()
    except AuthError as refused:
        return await _refused(client, account, token, refused, regions)
    except FlowmendError as failed:
        advice = "is base_url right, and may this machine reach it (DNS, proxy, firewall)?"
        return _found(client.account, Topic.REGION, Grade.PROBLEM, str(failed), advice)


def _identity(
    client: Client, account: Account, info: TokenInfo, owner: Owner | None, regions: Mapping[str, str]
) -> list[Finding]:
    name, url = client.account, client.base_url
    region = regions.get(url.plain, "an address of its own")
    findings = [_found(name, Topic.REGION, Grade.OK, f"{url} accepts the token; it is {region}")]
    here = Owner(user_id=info.user_id, base_url=url.plain, share_id=account.share_id)
    if owner is not None and owner != here:
        foreign = ForeignStoreError(name, belongs_to=str(owner), found=str(here))
        return [*findings, _found(name, Topic.ACCOUNT, Grade.PROBLEM, str(foreign).partition(". ")[0], foreign.advice)]
    known = "the same as in the store" if owner else "the store will remember it"
    return [*findings, _found(name, Topic.ACCOUNT, Grade.OK, f"{here}; {known}")]


async def _refused(
    client: Client, account: Account, token: str, refused: AuthError, regions: Mapping[str, str]
) -> Finding:
    """Say why the token was refused; only where integrator.io itself does not know it, its other regions are asked."""
    name, url = client.account, client.base_url.plain
    others = [each for each in regions if each != url]
    anew = "make a new token in integrator.io (Resources > API tokens)"
    if url not in regions or refused.status != HTTPStatus.UNAUTHORIZED:
        advice = f"name the region of the account in base_url, or {anew}"
        return _found(name, Topic.REGION, Grade.PROBLEM, str(refused), advice)
    for other in others:
        if await _accepts(BaseUrl.parse(other), name, account, token):
            said = f"{url} refused the token, and {other} accepts it: the account lives in {regions[other]}"
            return _found(name, Topic.REGION, Grade.PROBLEM, said, f'set base_url = "{other}" under [accounts.{name}]')
    advice = f"{anew}; if the account lives in yet another region, name that one in base_url"
    said = f"{refused}. {' and '.join(others)} did not accept the token, either"
    return _found(name, Topic.REGION, Grade.PROBLEM, said, advice)


async def _accepts(base_url: BaseUrl, name: str, account: Account, token: str) -> bool:
    async with HttpTransport(base_url) as transport:
        try:
            await _client(name, account, base_url, token, transport).token_info()
        except FlowmendError:
            return False
        return True


def _clocks(name: str, ahead: timedelta) -> Finding:
    off, way = abs(ahead), "ahead of" if ahead > timedelta(0) else "behind"
    said = f"integrator.io's clock is {off.total_seconds():g} s {way} this machine's"
    if off <= NOTED:
        return _found(name, Topic.CLOCK, Grade.OK, "this machine's clock and integrator.io's agree within seconds")
    advice = (
        "set this machine's clock by the network (timedatectl set-ntp true): ages, windows and outcomes are told by it"
    )
    return _found(name, Topic.CLOCK, Grade.PROBLEM if off > CLOCK_SLACK else Grade.WARNING, said, advice)
