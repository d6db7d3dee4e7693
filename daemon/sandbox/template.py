"""What a family of errors is: how it shows, what its records look like, what cures them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from daemon.sandbox.truth import CureKind

NETSUITE_ORDERS = ("order-import", "cash-import", "edi850-import")
NETSUITE_IMPORTS = (*NETSUITE_ORDERS, "invoice-import", "contact-import")
NETSUITE_READS = ("customer-lookup", "item-lookup", "fulfilment-export", "customer-export", "shipment-export")
SHIPPED_TO = (*NETSUITE_ORDERS, "invoice-import")
"""Steps whose records have a ``shippingAddress`` and a ``sku``."""
SALESFORCE = ("account-import",)
SHOPIFY = ("shopify-fulfilment-import", "shopify-inventory-import")
AMAZON = ("amazon-export",)
WEB = ("price-import", *SHOPIFY)
EVERY_IMPORT = (*NETSUITE_IMPORTS, *SALESFORCE, *WEB, "edi856-import")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One family of errors.

    *steps* are the keys of the steps of the shop on which it occurs. *message* is text with ``$fact`` placeholders
    (facts: `daemon.sandbox.business`), or any JSON value as it is. *http* is the status of the failed call, None where
    no call was made.

    For the cure ``patch``, *pointer* leads to the wrong value in the retry data: there stands the fact *wrong* where
    the fact *right* is due. For ``changes``, *becomes* is the family that the record falls into at its first retry.

    *known* False marks what a sensible set of rules leaves alone. *retry_in_s* sets ``retryAt``, counted from
    ``occurredAt``: the platform will retry by itself. *blank_trace* leaves the trace key blank; *metadata_only* is for files, whose retry data has no record.
    """

    family: str
    steps: tuple[str, ...]
    code: Any
    message: Any
    source: str = "application"
    classification: str = ""
    http: int | None = None
    method: str = "POST"
    cure: CureKind
    at_retry: int = 1
    pointer: str = ""
    wrong: str = ""
    right: str = ""
    becomes: str = ""
    known: bool = True
    retry_in_s: int = 0
    blank_trace: bool = False
    metadata_only: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)
