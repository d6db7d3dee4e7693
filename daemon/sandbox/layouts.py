"""How the worlds are laid out: which flows of which form there are, with which steps on which connections."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from daemon.sandbox.world import Connection, Flow, Resource, Step, World


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPlan:
    """One export or import of a layout; *key* is what `daemon.sandbox.template` calls it."""

    key: str
    kind: Literal["export", "import"]
    name: str
    connection: str
    record: str
    numeric_ids: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowPlan:
    """One flow of a layout; steps by key, *branches* several where the flow has a router."""

    name: str
    integration: str
    generators: tuple[str, ...]
    branches: tuple[tuple[str, ...], ...]
    form: Literal["list", "routers", "legacy"] = "list"
    auto_resolve: bool = True


SHOP_STEPS = (
    StepPlan(key="amazon-export", kind="export", name="Get Amazon orders", connection="Amazon", record="order"),
    StepPlan(key="customer-lookup", kind="export", name="Find customer", connection="NetSuite", record="order"),
    StepPlan(key="order-import", kind="import", name="Create sales order", connection="NetSuite", record="order"),
    StepPlan(key="shopify-export", kind="export", name="Get Shopify orders", connection="Shopify", record="order"),
    StepPlan(key="item-lookup", kind="export", name="Find item", connection="NetSuite", record="order"),
    StepPlan(key="cash-import", kind="import", name="Create cash sale", connection="NetSuite", record="order"),
    StepPlan(key="invoice-import", kind="import", name="Create invoice", connection="NetSuite", record="invoice"),
    StepPlan(
        key="fulfilment-export", kind="export", name="Get item fulfilments", connection="NetSuite", record="fulfilment"
    ),
    StepPlan(
        key="shopify-fulfilment-import",
        kind="import",
        name="Create fulfilment",
        connection="Shopify",
        record="fulfilment",
    ),
    StepPlan(
        key="shopify-inventory-import",
        kind="import",
        name="Set inventory level",
        connection="Shopify",
        record="inventory",
    ),
    StepPlan(key="contact-export", kind="export", name="Get contacts", connection="Salesforce", record="contact"),
    StepPlan(key="contact-import", kind="import", name="Upsert contact", connection="NetSuite", record="contact"),
    StepPlan(key="customer-export", kind="export", name="Get customers", connection="NetSuite", record="contact"),
    StepPlan(key="account-import", kind="import", name="Upsert account", connection="Salesforce", record="contact"),
    StepPlan(key="edi850-export", kind="export", name="Read 850 files", connection="EDI partner FTP", record="850"),
    StepPlan(key="edi850-import", kind="import", name="Create order from 850", connection="NetSuite", record="850"),
    StepPlan(key="shipment-export", kind="export", name="Get shipments", connection="NetSuite", record="856"),
    StepPlan(
        key="edi856-import",
        kind="import",
        name="Send 856 file",
        connection="EDI partner FTP",
        record="856",
        numeric_ids=True,
    ),
    StepPlan(key="price-export", kind="export", name="Get price list", connection="Price service", record="price"),
    StepPlan(key="price-import", kind="import", name="Post price list", connection="Price service", record="price"),
)

SHOP_FLOWS = (
    FlowPlan(
        name="Amazon orders to NetSuite",
        integration="Amazon - NetSuite",
        generators=("amazon-export",),
        branches=(("customer-lookup", "order-import"),),
    ),
    FlowPlan(
        name="Shopify orders to NetSuite",
        integration="Shopify - NetSuite",
        generators=("shopify-export",),
        # the lookup is shared with the Amazon flow; the item lookup stands in both branches
        branches=(("customer-lookup", "item-lookup", "cash-import"), ("item-lookup", "invoice-import")),
        form="routers",
    ),
    FlowPlan(
        name="NetSuite fulfilments to Shopify",
        integration="Shopify - NetSuite",
        generators=("fulfilment-export",),
        branches=(("shopify-fulfilment-import", "shopify-inventory-import"),),
        auto_resolve=False,
    ),
    FlowPlan(
        name="Salesforce contacts to NetSuite",
        integration="Salesforce - NetSuite",
        generators=("contact-export",),
        branches=(("contact-import",),),
    ),
    FlowPlan(
        name="NetSuite customers to Salesforce",
        integration="Salesforce - NetSuite",
        generators=("customer-export",),
        branches=(("account-import",),),
    ),
    FlowPlan(
        name="EDI 850 purchase orders to NetSuite",
        integration="EDI partners",
        generators=("edi850-export",),
        branches=(("edi850-import",),),
    ),
    FlowPlan(
        name="NetSuite shipments to EDI 856",
        integration="EDI partners",
        generators=("shipment-export",),
        branches=(("edi856-import",),),
        auto_resolve=False,
    ),
    FlowPlan(
        name="Nightly price list",
        integration="",
        generators=("price-export",),
        branches=(("price-import",),),
        form="legacy",
    ),
)

TINY_STEPS = (
    StepPlan(key="customer-lookup", kind="export", name="Find customer", connection="NetSuite", record="order"),
    StepPlan(
        key="order-import",
        kind="import",
        name="Create sales order",
        connection="NetSuite",
        record="order",
        numeric_ids=True,
    ),
)

TINY_FLOWS = (
    FlowPlan(
        name="Orders to NetSuite",
        integration="Shop",
        generators=("customer-lookup",),
        branches=(("order-import",),),
    ),
)

TAGS = {"F3ZBQ": "warehouse", "K9QTX": "finance", "A1B2C": "escalated"}


def lay_out(
    world: World, steps: tuple[StepPlan, ...], flows: tuple[FlowPlan, ...], now: datetime
) -> dict[str, list[Step]]:
    """Build integrations, connections, resources and flows into *world*; return its steps by their plans' keys."""
    world.tags.update(TAGS)
    integration_ids = {"": ""}
    for name in dict.fromkeys(plan.integration for plan in flows if plan.integration):
        integration_ids[name] = world.new_id()
        world.integrations[integration_ids[name]] = name
    connection_ids = {}
    for name in dict.fromkeys(plan.connection for plan in steps):
        connection_ids[name] = world.new_id()
        world.connections[connection_ids[name]] = Connection(
            connection_id=connection_ids[name], name=name, type="http", last_modified=now
        )
    resources = {}
    for step in steps:
        resources[step.key] = Resource(
            resource_id=world.new_id(),
            kind=step.kind,
            name=step.name,
            connection_id=connection_ids[step.connection],
            kind_of_record=step.record,
            last_modified=now,
            numeric_ids=step.numeric_ids,
        )
        world.resources[resources[step.key].resource_id] = resources[step.key]
    by_key: dict[str, list[Step]] = {step.key: [] for step in steps}
    for plan in flows:
        flow = Flow(
            flow_id=world.new_id(),
            name=plan.name,
            integration_id=integration_ids[plan.integration],
            form=plan.form,
            generators=tuple(resources[key].resource_id for key in plan.generators),
            branches=tuple(tuple(resources[key].resource_id for key in branch) for branch in plan.branches),
            last_modified=now,
            auto_resolve=plan.auto_resolve,
        )
        world.flows[flow.flow_id] = flow
        for key in dict.fromkeys([*plan.generators, *(key for branch in plan.branches for key in branch)]):
            step_of_flow = Step(flow_id=flow.flow_id, resource=resources[key])
            flow.steps[step_of_flow.step_id] = step_of_flow
            by_key[key].append(step_of_flow)
    return by_key
