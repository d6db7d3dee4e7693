"""Look at what an account's token lets us see: its rights, whether errors can be read, and which flows are ours."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from daemon.app.findings import Finding, Grade, Topic, counted
from daemon.core.exceptions import FlowmendError, ProtocolError, RefusedError
from daemon.core.records import Flow, StepRef, TokenInfo
from daemon.integrator.client import Client
from daemon.pipeline.terms import Terms

FULL = "*"
"""The scope of a token with full access."""

LOOK_BACK = timedelta(hours=1)
"""How far back errors are read to see whether they can be."""

NAMED = 8
"""How many flows are named at most."""


async def examine_rights(terms: Terms, client: Client, info: TokenInfo, now: datetime) -> list[Finding]:
    """Return what is found of the rights of the token that *info* is about, and of the flows."""
    name = terms.account
    try:
        flows = await client.flows()
    except FlowmendError as refused:
        advice = "give the token full access: Flowmend reads flows and their errors, and acts on them"
        return [Finding(topic=Topic.RIGHTS, account=name, grade=Grade.PROBLEM, said=str(refused), advice=advice)]
    ours = [flow for flow in flows if terms.includes(flow.flow_id, flow.name)]
    return [await _rights(name, client, ours, info.scope, now), _flows(terms, flows, ours)]


async def _rights(name: str, client: Client, flows: Sequence[Flow], scope: str, now: datetime) -> Finding:
    try:
        read = await _read_one_step(name, client, flows, now)
    except (RefusedError, ProtocolError) as refused:
        return Finding(
            topic=Topic.RIGHTS,
            account=name,
            grade=Grade.PROBLEM,
            said=f"the flows can be read and their errors cannot: {refused}",
            advice=_why_no_errors(scope),
        )
    except FlowmendError as failed:
        said = f"whether errors can be read could not be seen: {failed}"
        return Finding(topic=Topic.RIGHTS, account=name, grade=Grade.PROBLEM, said=said, advice="try again in a minute")
    if scope not in ("", FULL):
        said = f"{read}, but the token is limited to {scope}; retrying and resolving need full access"
        advice = "make a token with full access in integrator.io (Resources > API tokens)"
        return Finding(topic=Topic.RIGHTS, account=name, grade=Grade.WARNING, said=said, advice=advice)
    access = "the token has full access" if scope else "integrator.io does not say what the token may do"
    return Finding(topic=Topic.RIGHTS, account=name, grade=Grade.OK, said=f"{access}; {read}")


async def _read_one_step(name: str, client: Client, flows: Sequence[Flow], now: datetime) -> str:
    """Read the newest errors of one step, if there is any, and say that it went well."""
    for flow in flows:
        counts = await client.flow_errors(flow.flow_id)
        steps = [step_id for step_id, _ in flow.steps]
        if not steps:
            continue
        step_id = max(steps, key=lambda step: counts[step].num_error if step in counts else 0)
        ref = StepRef(account=name, flow_id=flow.flow_id, step_id=step_id)
        async for _ in client.errors(ref, since=now - LOOK_BACK, until=now):
            break
        return "errors can be read, so Error Management 2.0 is on"
    return "there is no step whose errors could be read"


def _why_no_errors(scope: str) -> str:
    rights = "make a token with full access in integrator.io (Resources > API tokens)"
    switch = "switch on Error Management 2.0 in integrator.io: without it there is nothing that Flowmend could read"
    if scope == FULL:  # so it is hardly the token
        return f"{switch}; if it is on, {rights}"
    return f"{rights}; if it has that, {switch}"


def _flows(terms: Terms, flows: Sequence[Flow], ours: Sequence[Flow]) -> Finding:
    steps = sum(len(flow.steps) for flow in ours)
    verb = "is" if len(ours) == 1 else "are"
    said = f"{len(ours)} of {counted(len(flows), 'flow')} {verb} looked after, with {counted(steps, 'step')}"
    if left_out := [flow.name or flow.flow_id for flow in flows if flow not in ours]:
        said += f"; left out by include_flows or exclude_flows: {_listed(left_out)}"
    strange = [
        pattern
        for pattern in (*terms.include_flows, *terms.exclude_flows)
        if pattern != "*" and not any(_only(terms, pattern).includes(flow.flow_id, flow.name) for flow in flows)
    ]
    if not ours or strange:
        said += f"; no flow is called {_listed(strange)}" if strange else ""
        advice = "look at include_flows and exclude_flows, which take ids, names and globs"
        return Finding(topic=Topic.FLOWS, account=terms.account, grade=Grade.WARNING, said=said, advice=advice)
    if disabled := [flow.name or flow.flow_id for flow in ours if flow.disabled]:
        said += f"; disabled in integrator.io: {_listed(disabled)}"
        advice = "their errors are read, and nothing of them is retried before somebody enables them; or leave them out"
        return Finding(topic=Topic.FLOWS, account=terms.account, grade=Grade.WARNING, said=said, advice=advice)
    return Finding(topic=Topic.FLOWS, account=terms.account, grade=Grade.OK, said=said)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _only(terms: Terms, pattern: str) -> Terms:
    return replace(terms, include_flows=(pattern,), exclude_flows=())
