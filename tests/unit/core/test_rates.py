"""Small numbers are not a trend, and one bad morning does not condemn a rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.rates import Rate, Trend


def rates() -> st.SearchStrategy[Rate]:
    return st.integers(0, 500).flatmap(
        lambda tried: st.integers(0, tried).map(lambda helped: Rate(helped=helped, tried=tried))
    )


@pytest.mark.parametrize(
    ("helped", "tried", "low", "high"),
    [(0, 0, 0.0, 1.0), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)],
    ids=["nothing", "none", "all", "half", "Newcombe 1998"],
)
def test_the_interval_is_wilsons(helped: int, tried: int, low: float, high: float) -> None:
    assert Rate(helped=helped, tried=tried).interval == pytest.approx((low, high), abs=1e-4)


@given(rates())
def test_the_interval_holds_the_rate_and_stays_within_0_and_1(rate: Rate) -> None:
    low, high = rate.interval
    assert 0.0 <= low <= high <= 1.0
    assert rate.share is None or low - 1e-9 <= rate.share <= high + 1e-9


@pytest.mark.parametrize(
    ("helped", "tried", "only_load"),
    [(0, 0, False), (0, 34, False), (0, 35, True), (1, 52, False), (1, 53, True), (10, 100, False), (50, 1000, True)],
)
def test_a_rule_is_only_load_where_that_is_all_but_certain(helped: int, tried: int, only_load: bool) -> None:
    assert Rate(helped=helped, tried=tried).only_load is only_load


@pytest.mark.parametrize(
    ("now", "before", "trend"),
    [
        ((9, 9), (0, 50), Trend.TOO_FEW),
        ((50, 50), (0, 9), Trend.TOO_FEW),
        ((45, 50), (20, 50), Trend.BETTER),
        ((20, 50), (45, 50), Trend.WORSE),
        ((25, 50), (30, 50), Trend.STEADY),
        ((0, 10), (1, 10), Trend.STEADY),
    ],
)
def test_a_trend_is_one_only_where_the_intervals_are_apart(
    now: tuple[int, int], before: tuple[int, int], trend: Trend
) -> None:
    rate, earlier = (Rate(helped=helped, tried=tried) for helped, tried in (now, before))
    assert rate.since(earlier) is trend


@given(rates(), rates())
def test_what_is_better_one_way_round_is_worse_the_other(one: Rate, other: Rate) -> None:
    turned = {Trend.BETTER: Trend.WORSE, Trend.WORSE: Trend.BETTER}
    trend = one.since(other)
    assert other.since(one) is turned.get(trend, trend)
