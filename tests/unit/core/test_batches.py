"""What one call sends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.batches import HARD_CAP, Act, Batch, BatchItem, split
from tests.makers import step


@pytest.mark.parametrize(
    ("items", "size", "runs"),
    [
        pytest.param("", 2, [], id="nothing"),
        pytest.param("a", 2, ["a"], id="less than one run"),
        pytest.param("ab", 2, ["ab"], id="exactly one run"),
        pytest.param("abc", 2, ["ab", "c"], id="one over"),
        pytest.param("abcd", 1, ["a", "b", "c", "d"], id="one by one"),
    ],
)
def test_items_are_cut_into_runs_in_their_order(items: str, size: int, runs: list[str]) -> None:
    assert list(split(items, size)) == runs


@given(st.lists(st.integers(), max_size=50), st.integers(1, HARD_CAP))
def test_nothing_is_lost_repeated_or_over_the_size(items: list[int], size: int) -> None:
    runs = list(split(items, size))
    assert [item for run in runs for item in run] == items
    assert all(0 < len(run) <= size for run in runs)


ITEMS = (
    BatchItem(error_id="e2", case_key="t:b", retry_key="k2", before=b'{"name":"Ann Example"}', after=b'{"name":"A"}'),
    BatchItem(error_id="e1", case_key="t:a", retry_key="k1"),
)
BATCH = Batch(step=step(), act=Act.RETRY, rule_id="r1", rules="rules@9c1d", plan_id=7, items=ITEMS)


def test_ids_and_retry_keys_stand_in_the_order_of_the_items() -> None:
    assert (BATCH.error_ids, BATCH.retry_keys, len(BATCH)) == (["e2", "e1"], ["k2", "k1"], 2)


def test_the_retry_data_is_in_no_text_about_a_batch() -> None:
    assert "Example" not in repr(BATCH)
    assert '"A"' not in repr(BATCH)


def test_a_rule_tags_and_assigns_before_it_retries_or_resolves() -> None:
    assert list(Act) == [Act.TAG, Act.ASSIGN, Act.RETRY, Act.RESOLVE]


def test_no_call_has_more_ids_than_the_platforms_own_clients_send() -> None:
    assert HARD_CAP == 1000
