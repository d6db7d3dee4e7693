from dataclasses import replace

from daemon.core.catalogue import Catalogue
from daemon.core.records import Flow, Integration, Mark, Step
from tests.contract.store_values import ELSEWHERE, LATER, NOON, OTHER_STEP, STEP, Store, save, unmatched

SHOP = Integration(integration_id="i1", name="Shop")
ORDERS = Flow(flow_id="f1", name="Orders", integration_id="i1", steps=(("s1", "import"), ("s2", "export")))
STOCK = Flow(flow_id="f2", name="Stock", disabled=True)
DESCRIBED = Step(ref=STEP, type="import", name="NetSuite", connection_id="c1", flow_name="Orders", integration_id="i1")


async def test_an_account_never_read_has_an_empty_catalogue(store: Store) -> None:
    assert await store.catalogue("acme") == Catalogue()


async def test_a_catalogue_replaces_the_one_before_and_no_other_accounts(store: Store) -> None:
    await store.save_catalogue("globex", [SHOP], [STOCK], NOON)
    await store.save_catalogue("acme", [SHOP], [STOCK], NOON)
    await store.save_catalogue("acme", [SHOP], [ORDERS, STOCK], LATER)
    assert await store.catalogue("acme") == Catalogue(
        integrations={"i1": SHOP}, flows={"f1": ORDERS, "f2": STOCK}, read_at=LATER
    )
    assert list((await store.catalogue("acme")).flows) == ["f1", "f2"]
    assert (await store.catalogue("globex")).flows == {"f2": STOCK}


async def test_a_fresh_flow_replaces_the_listed_one_or_joins_the_list(store: Store) -> None:
    await store.save_catalogue("acme", [SHOP], [ORDERS], NOON)
    await store.save_flow("acme", replace(ORDERS, disabled=True, steps=(("s9", "import"),)))
    await store.save_flow("acme", STOCK)
    catalogue = await store.catalogue("acme")
    assert catalogue.flows["f1"].steps == (("s9", "import"),)
    assert catalogue.flows["f2"] == STOCK
    assert catalogue.read_at == NOON


async def test_a_flow_mark_says_up_to_where_and_none_that_it_must_be_read_again(store: Store) -> None:
    await store.save_flow_mark("acme", "f1", Mark(num_error=3, last_error_at=NOON))
    await store.save_flow_mark("acme", "f2", Mark(num_error=0))
    await store.save_flow_mark("acme", "f2", None)
    assert await store.flow_marks("acme") == {"f1": Mark(num_error=3, last_error_at=NOON), "f2": None}
    assert await store.flow_marks("globex") == {}


async def test_flow_marks_outlive_a_new_catalogue(store: Store) -> None:
    await store.save_flow_mark("acme", "f1", Mark(num_error=3))
    await store.save_catalogue("acme", [], [], NOON)
    assert await store.flow_marks("acme") == {"f1": Mark(num_error=3)}


async def test_a_step_is_remembered_as_it_was_described_last(store: Store) -> None:
    await store.save_step(replace(DESCRIBED, name="old"))
    await store.save_step(DESCRIBED)
    await store.save_step(Step(ref=ELSEWHERE, type="export"))
    assert await store.steps("acme") == {STEP: DESCRIBED}


async def test_a_step_that_was_only_read_is_not_described_and_keeps_its_errors_when_it_is(store: Store) -> None:
    await save(store, unmatched("e1"), step=OTHER_STEP)
    assert await store.steps("acme") == {}
    await store.save_step(Step(ref=OTHER_STEP, type="import"))
    assert (await store.progress(OTHER_STEP)).open == 1
