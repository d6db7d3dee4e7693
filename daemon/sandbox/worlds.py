"""Seeded worlds: the same name, seed, number of errors and moment give the same world, id for id.

``shop``   eight flows between Amazon, Shopify, Salesforce, EDI partners and NetSuite; every family of `TEMPLATES` about
           equally often, a tenth of the errors from `ODD`; some assigned, some tagged
``tiny``   one flow, two steps, twelve errors: one of each cure and each oddity
``empty``  the flows of the shop, no errors
"""

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from daemon.sandbox.layouts import SHOP_FLOWS, SHOP_STEPS, TAGS, TINY_FLOWS, TINY_STEPS, lay_out
from daemon.sandbox.seeding import add_record
from daemon.sandbox.templates import ODD, TEMPLATES, template_of
from daemon.sandbox.world import Step, World

WORLDS = ("shop", "tiny", "empty")
SHOP_ERRORS = 2400
SPREAD_S = 2 * 24 * 3600
ODD_ONE_IN = 10
TAGGED_ONE_IN = 40
ASSIGNED_ONE_IN = 50

TINY_ERRORS: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("order-import", "netsuite-concurrency", {}),
    ("order-import", "netsuite-unexpected", {}),
    ("order-import", "state-name", {}),
    ("order-import", "duplicate-order", {}),
    ("order-import", "ship-method", {}),
    ("order-import", "lookup-changes", {}),
    ("order-import", "network-reset", {}),
    ("order-import", "netsuite-record-changed", {"assignedTo": "clerk@example.com"}),
    ("customer-lookup", "netsuite-login", {}),
    ("customer-lookup", "ftp-file", {}),
    ("customer-lookup", "platform-internal", {}),
    ("customer-lookup", "odd-approval", {}),
)


def make_world(name: str = "shop", *, seed: int = 1, errors: int | None = None, now: datetime) -> World:
    """Build a world whose errors occurred in the two days before *now*.

    *errors* is how many there are, None the world's own number (2,400 in the shop, 12 in the tiny one).

    Raises:
        ValueError: there is no such world.
    """
    if name not in WORLDS:
        raise ValueError(f"unknown world {name!r}; one of: {', '.join(WORLDS)}")
    world, rng = World(name=name, seed=seed), random.Random(f"{name}/{seed}")
    if name == "tiny":
        steps = lay_out(world, TINY_STEPS, TINY_FLOWS, now - timedelta(days=90))
        _fill_tiny(world, steps, rng, len(TINY_ERRORS) if errors is None else errors, now)
        return world
    steps = lay_out(world, SHOP_STEPS, SHOP_FLOWS, now - timedelta(days=90))
    if name == "shop":
        _fill_shop(world, steps, rng, SHOP_ERRORS if errors is None else errors, now)
    return world


def _fill_tiny(world: World, steps: Mapping[str, list[Step]], rng: random.Random, errors: int, now: datetime) -> None:
    for number, at in enumerate(_moments(rng, errors, now)):
        key, family, fields = TINY_ERRORS[number % len(TINY_ERRORS)]
        add_record(world, steps[key][0], template_of(family), rng=rng, at=at, fields=fields)


def _fill_shop(world: World, steps: Mapping[str, list[Step]], rng: random.Random, errors: int, now: datetime) -> None:
    odd = errors // ODD_ONE_IN
    families = [ODD[number % len(ODD)] for number in range(odd)]
    families += [TEMPLATES[number % len(TEMPLATES)] for number in range(errors - odd)]
    rng.shuffle(families)
    for template, at in zip(families, _moments(rng, errors, now), strict=True):
        fields: dict[str, Any] = {}
        if not rng.randrange(TAGGED_ONE_IN):
            fields["tags"] = [rng.choice(tuple(TAGS))]
        if not rng.randrange(ASSIGNED_ONE_IN):
            fields["assignedTo"] = "clerk@example.com"
        step = rng.choice(steps[rng.choice(template.steps)])
        add_record(world, step, template, rng=rng, at=at, fields=fields)


def _moments(rng: random.Random, errors: int, now: datetime) -> list[datetime]:
    """Draw *errors* moments of the last two days, the oldest first: the platform lists in the order of arrival."""
    return sorted(now - timedelta(seconds=rng.uniform(1, SPREAD_S)) for _ in range(errors))
