"""What a person means by the names on a command line: which accounts, flows and steps a command is about."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from daemon.cli.exits import complain
from daemon.core.exceptions import ConfigError
from daemon.core.pauses import Scope
from daemon.store.sql import SqlStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A step that the store knows, or a flow (*step_id* ""), with its names; "" where it has none (yet)."""

    account: str
    flow_id: str
    step_id: str = ""
    flow_name: str = ""
    step_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """The scopes that names stand for, and what to tell about names that the store does not know."""

    scopes: Sequence[Scope]
    notes: Sequence[str] = field(default=())


async def known_places(store: SqlStore, accounts: Iterable[str]) -> list[Place]:
    """Return every flow and step that the store has met on *accounts*."""
    places: dict[tuple[str, str, str], Place] = {}
    for account in accounts:
        described = await store.steps(account)
        for flow in (await store.catalogue(account)).flows.values():
            for step_id in ("", *(step_id for step_id, _ in flow.steps)):
                places[account, flow.flow_id, step_id] = Place(
                    account=account, flow_id=flow.flow_id, step_id=step_id, flow_name=flow.name
                )
        for ref, step in described.items():
            places[account, ref.flow_id, ref.step_id] = Place(
                account=account,
                flow_id=ref.flow_id,
                step_id=ref.step_id,
                flow_name=step.flow_name,
                step_name=step.name,
            )
    return list(places.values())


def meant(places: Collection[Place], account: str | None, flow: str | None, step: str | None) -> Meant:
    """Return the scopes that were asked for by id or name; a name that several have stands for all of them.

    Beside one that is known, an unknown flow or step is taken for the id of one not met yet.

    Raises:
        ConfigError: nothing of that name is known.
    """
    if "" in (flow, step):
        raise ConfigError("--flow and --step want an id or a name, not an empty text. Nothing was changed")
    own = account or ""
    mine = [place for place in places if account in (None, place.account)]
    of_flow = [place for place in mine if flow is None or flow in (place.flow_id, place.flow_name)]
    fit = [place for place in of_flow if step is None or _is_step(place, step)]
    if fit or (flow is None and step is None):
        found = {
            Scope(account=own, flow_id=place.flow_id if flow else "", step_id=place.step_id if step else "")
            for place in fit
        }
        return Meant(scopes=sorted(found) or [Scope(account=own)])
    anywhere = [place for place in mine if step is not None and _is_step(place, step)]
    if flow is not None and step is not None and of_flow:
        note = _unknown("step", step, [place.step_name or place.step_id for place in of_flow], "in that flow")
        scopes = {Scope(account=own, flow_id=place.flow_id, step_id=step) for place in of_flow}
        return Meant(scopes=sorted(scopes), notes=[f"{note} It is taken for the id of a step not met yet"])
    if flow is not None and anywhere:
        note = _unknown("flow", flow, [place.flow_name or place.flow_id for place in mine], "here")
        scopes = {Scope(account=own, flow_id=flow, step_id=place.step_id) for place in anywhere}
        return Meant(scopes=sorted(scopes), notes=[f"{note} It is taken for the id of a flow not met yet"])
    if flow is not None and not of_flow:
        raise _refused("flow", flow, [name for place in mine for name in (place.flow_name, place.flow_id)])
    raise _refused("step", step or "", [name for place in mine for name in (place.step_name, place.step_id)])


async def scopes_within(
    store: SqlStore, accounts: Iterable[str], account: str | None, flow: str | None, step: str | None
) -> Sequence[Scope]:
    """Return where to look for what was asked for by id or name; no two of the scopes have a step in common.

    Raises:
        ConfigError: nothing of that name is known.
    """
    if flow is None and step is None:
        return [Scope(account=account or "")]
    found = meant(await known_places(store, accounts), account, flow, step)
    for note in found.notes:
        complain(note)
    return found.scopes


def named(places: Iterable[Place]) -> Callable[[Scope], str]:
    """Return how a scope is told to people: with the names that the store knows."""
    flows = {place.flow_id: place.flow_name for place in places if place.flow_name}
    steps = {place.step_id: place.step_name for place in places if place.step_name}

    def tell(scope: Scope) -> str:
        parts = (
            ("step", steps.get(scope.step_id), scope.step_id),
            ("flow", flows.get(scope.flow_id), scope.flow_id),
            ("account", "", scope.account),
        )
        told = [f"{word} {name} ({found})" if name else f"{word} {found}" for word, name, found in parts if found]
        return " of ".join(told) or str(scope)

    return tell


def _is_step(place: Place, step: str) -> bool:
    return bool(place.step_id) and step in (place.step_id, place.step_name)


def _unknown(what: str, name: str, known: Iterable[str], where: str) -> str:
    spelled = {each.casefold(): each for each in known if each}
    near = get_close_matches(name.casefold(), spelled, n=1)
    hint = f' Did you mean "{spelled[near[0]]}"?' if near else ""
    return f'no {what} "{name}" is known {where}.{hint}'


def _refused(what: str, name: str, known: Iterable[str]) -> ConfigError:
    return ConfigError(
        f"{_unknown(what, name, known, 'here')} Nothing was changed. Flowmend knows the flows and steps that it has read, "
        f"by id and by name; flowmend errors shows both"
    )
