"""Invented business: the facts of one record, and the records that carry them through a step."""

import random
from collections.abc import Callable, Mapping
from typing import Any

Facts = dict[str, Any]

STATES = {
    "California": "CA", "Texas": "TX", "Florida": "FL", "New York": "NY", "Illinois": "IL", "Ohio": "OH",
    "Georgia": "GA", "Michigan": "MI", "Washington": "WA", "Colorado": "CO", "Oregon": "OR", "New Jersey": "NJ",
}  # fmt: skip
COUNTRIES = {"Germany": "DE", "France": "FR", "Netherlands": "NL", "Canada": "CA", "United Kingdom": "GB"}
FIRST_NAMES = ("Winifred", "Ada", "José", "Bjørn", "Mei", "Olu", "Zoë", "Tomasz", "Priya", "Łukasz", "Grace", "Noor")
LAST_NAMES = ("Arathorn", "Okafor", "Müller", "Nguyen", "O'Brien", "Kowalska", "Sato", "Lindqvist", "Haddad", "Reyes")
RENAMED_SKUS = {f"OLD-{number}": f"NEW-{number}" for number in range(100, 120)}

EXACT = "@exact@"
"""Stands in a record for ``exact_amount``: the json module cannot write a number with given digits."""


def make_facts(rng: random.Random, record_number: int) -> Facts:
    """Draw everything that messages and records may need; all of it is invented, and unlike that of other records."""
    first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    state, country = rng.choice(tuple(STATES)), rng.choice(tuple(COUNTRIES))
    old_sku, sku = rng.choice(tuple(RENAMED_SKUS)), f"A-{rng.randrange(100, 999)}"
    # a prime step through seven digits: no two records share a number
    number = 10**6 + record_number * 7919 % (9 * 10**6)
    wanted = rng.randrange(2, 60)
    email = f"customer{number}@example.com"
    area, exchange = rng.randrange(201, 990), rng.randrange(200, 999)
    return {
        "number": number,
        "order": f"{rng.randrange(100, 120)}-{number}-{rng.randrange(10**6, 10**7)}",
        "po": f"PO-{rng.randrange(100, 1000)}{number}",
        "first": first,
        "last": last,
        "name": f"{first} {last}",
        "long_name": (long_name := f"{first} {last}, c/o Receiving Department, Building {number}"),
        "short_name": long_name[:32],
        "long_first": (long_first := f"{first} " * 9 + str(number)),
        "short_first": long_first[:40],
        "email": email,
        "shouted_email": f" {email.upper()} ",
        "blank": "",
        "phone": f"({area}) {exchange}-{number % 10000:04d}",
        "phone_digits": f"{area}{exchange}{number % 10000:04d}",
        "state_name": state,
        "state_code": STATES[state],
        "country_name": country,
        "country_code": COUNTRIES[country],
        "old_sku": old_sku,
        "new_sku": RENAMED_SKUS[old_sku],
        "sku": sku,
        "sku_key": f"{sku}-{number}",
        "wanted": wanted,
        "available": rng.randrange(1, wanted),
        "internal_id": rng.randrange(1000, 999999),
        # identifiers and money that a double would spoil
        "big_id": 2**53 + 1 + 2 * number,
        "exact_amount": f"{rng.randrange(1, 5000)}.{rng.randrange(10**17, 10**18)}0",
        "hex": f"{rng.getrandbits(48):012x}",
        "salesforce_id": f"0035g{number:010d}AAB",
        "location": rng.choice(("WH-1", "WH-2", "WH-3")),
    }


def _order(facts: Facts) -> dict[str, Any]:
    return {
        "type": "salesorder",
        "orderId": facts["order"],
        "channelId": facts["big_id"],
        "customer": {"name": facts["name"], "email": facts["email"], "phone": facts["phone_digits"]},
        "shippingAddress": {
            "name": facts["name"],
            "addr1": f"{facts['wanted']} Main Street",
            "state": facts["state_code"],
            "country": "US",
        },
        "sku": facts["sku"],
        "quantity": facts["wanted"],
        "location": facts["location"],
        "total": EXACT,
    }


def _invoice(facts: Facts) -> dict[str, Any]:
    return _order(facts) | {"type": "invoice"}


def _fulfilment(facts: Facts) -> dict[str, Any]:
    return {
        "type": "fulfilment",
        "orderId": facts["order"],
        "fulfillmentOrderId": facts["big_id"],
        "tracking": {"company": "Parcels Unlimited", "number": f"1Z{facts['hex'].upper()}"},
        "lines": [{"sku": facts["sku"], "quantity": facts["wanted"]}],
        "weight": EXACT,
    }


def _inventory(facts: Facts) -> dict[str, Any]:
    return {
        "type": "inventory",
        "sku": facts["sku"],
        "inventoryItemId": facts["big_id"],
        "location": facts["location"],
        "available": facts["available"],
        "unitCost": EXACT,
    }


def _contact(facts: Facts) -> dict[str, Any]:
    return {
        "type": "contact",
        "id": facts["salesforce_id"],
        "externalId": facts["big_id"],
        "firstName": facts["first"],
        "lastName": facts["last"],
        "email": facts["email"],
        "phone": facts["phone_digits"],
        "creditLimit": EXACT,
    }


def _purchase_order(facts: Facts) -> dict[str, Any]:
    return {
        "type": "850",
        "poNumber": facts["po"],
        "interchange": facts["big_id"],
        "shippingAddress": {"name": facts["name"], "state": facts["state_code"], "country": "US"},
        "sku": facts["sku"],
        "lines": [{"line": "1", "sku": facts["sku"], "quantity": facts["wanted"], "price": EXACT}],
    }


def _ship_notice(facts: Facts) -> dict[str, Any]:
    return {
        "type": "856",
        "poNumber": facts["po"],
        "shipment": facts["big_id"],
        "cartons": [{"sscc": f"00{facts['number']:018d}", "quantity": facts["wanted"], "weight": EXACT}],
    }


def _price(facts: Facts) -> dict[str, Any]:
    return {"type": "price", "sku": facts["sku"], "priceId": facts["big_id"], "price": EXACT}


RECORDS: Mapping[str, tuple[str, Callable[[Facts], dict[str, Any]]]] = {
    "order": ("order", _order),
    "invoice": ("order", _invoice),
    "fulfilment": ("order", _fulfilment),
    "inventory": ("sku_key", _inventory),
    "contact": ("salesforce_id", _contact),
    "850": ("po", _purchase_order),
    "856": ("po", _ship_notice),
    "price": ("sku_key", _price),
}
"""Per kind of record: the fact that is its trace key, and what builds its data."""
