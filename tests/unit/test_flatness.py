"""What counts as growth in `bench/soak.py`, and what does not."""

from random import Random

import pytest

from bench.flatness import Gauge, Point, course

MEMORY = Gauge(name="memory", unit="MB", share=0.05)
FILES = Gauge(name="open files", unit="", least=0.5)
HOUR_S = 3600
EVERY_S = 5


def hour(start: float, per_hour: float = 0.0, noise: float = 0.0) -> list[Point]:
    """Return an hour of samples that grow by *per_hour*, each off by up to *noise*."""
    rng = Random(7)
    return [
        (float(at), start + per_hour * at / HOUR_S + rng.uniform(-noise, noise)) for at in range(0, HOUR_S, EVERY_S)
    ]


@pytest.mark.parametrize(
    ("gauge", "points", "flat"),
    [
        pytest.param(MEMORY, hour(100.0), True, id="a constant"),
        pytest.param(MEMORY, hour(100.0, noise=8.0), True, id="noise"),
        pytest.param(MEMORY, hour(100.0, per_hour=4.0, noise=2.0), True, id="less than the share"),
        pytest.param(MEMORY, hour(100.0, per_hour=9.0, noise=8.0), False, id="more than the share, under noise"),
        pytest.param(MEMORY, hour(100.0, per_hour=-30.0), True, id="what shrinks"),
        pytest.param(MEMORY, [*hour(100.0)[:-60], *((at, 300.0) for at, _ in hour(0)[-60:])], True, id="a late peak"),
        pytest.param(FILES, hour(14.0), True, id="as many files"),
        pytest.param(FILES, hour(14.0, per_hour=2.0), False, id="two more files an hour"),
        pytest.param(FILES, [(at, 14.0 + at // 1200) for at, _ in hour(0)], False, id="a file every 20 minutes"),
    ],
)
def test_what_grows_for_good_is_found_and_nothing_else(gauge: Gauge, points: list[Point], flat: bool) -> None:
    assert course(gauge, points, warm_up_s=600).flat is flat


def test_the_warm_up_does_not_count() -> None:
    points = [(at, value + 0.1 * max(0.0, 600 - at)) for at, value in hour(100.0)]

    assert course(MEMORY, points, warm_up_s=600).flat
    assert course(MEMORY, points, warm_up_s=600).first == 100.0


def test_growth_is_told_by_the_hour() -> None:
    found = course(MEMORY, hour(100.0, per_hour=9.0), warm_up_s=600)

    assert found.per_hour == pytest.approx(9.0)
    assert found.grown == pytest.approx(7.5, rel=0.01)
    assert found.verdict == "GROWS by 7.49 MB"


def test_what_may_grow_says_why_in_place_of_a_verdict() -> None:
    store = Gauge(name="store", unit="MB", why="it keeps attempts")

    assert course(store, hour(1.0, per_hour=70.0), warm_up_s=0).flat
    assert course(store, hour(1.0, per_hour=70.0), warm_up_s=0).verdict == "it keeps attempts"
