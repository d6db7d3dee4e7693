"""Whether a figure that was taken again and again stays where it is, or grows: a robust fit that one odd sample cannot bend."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

Point = tuple[float, float]
"""A moment, in seconds, and what was measured at it."""

MOST_POINTS = 600
"""Of more points the medians of neighbours are taken: the fit looks at every pair."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """One figure of a process, and how much it may grow while it is measured and still count as flat.

    That is the larger of *share* of its median and *least* (of its unit); both None: it grows, and *why* says why it may.
    """

    name: str
    unit: str
    share: float | None = None
    least: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How one figure went after the warm-up; *grown* is by the fit, over the whole time that is looked at."""

    gauge: Gauge
    first: float
    median: float
    last: float
    per_hour: float
    grown: float

    @property
    def flat(self) -> bool:
        """Tell whether it grew by no more than it may."""
        share, least = self.gauge.share, self.gauge.least
        if share is None and least is None:
            return True
        return self.grown <= max((share or 0.0) * self.median, least or 0.0)

    @property
    def verdict(self) -> str:
        """Say what came of it."""
        if self.gauge.share is None and self.gauge.least is None:
            return self.gauge.why
        return "flat" if self.flat else f"GROWS by {self.grown:.3g} {self.gauge.unit}".rstrip()


def course(gauge: Gauge, points: Sequence[Point], *, warm_up_s: float) -> Course:
    """Return how *gauge* went from *warm_up_s* on; at least two points must be later than that."""
    points = _thinned([(at, value) for at, value in points if at >= warm_up_s])
    values = [value for _, value in points]
    slope = median(_slopes(points))
    return Course(
        gauge=gauge,
        first=values[0],
        median=median(values),
        last=values[-1],
        per_hour=slope * 3600,
        grown=slope * (points[-1][0] - points[0][0]),
    )


def _slopes(points: Sequence[Point]) -> Iterator[float]:
    """Yield the slope of every pair of points; their median is the slope of Theil and Sen."""
    for (at, value), (later, then) in combinations(points, 2):
        if later > at:
            yield (then - value) / (later - at)


def _thinned(points: Sequence[Point]) -> Sequence[Point]:
    together = -(-len(points) // MOST_POINTS)
    groups = (points[start : start + together] for start in range(0, len(points), together))
    return [(median(at for at, _ in group), median(value for _, value in group)) for group in groups]
