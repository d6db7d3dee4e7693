"""Success rates of few and many attempts: how sure one can be of them, and whether two of them differ.

The interval is Wilson's at 95 %, which is honest for small numbers and for rates near 0 and 1: none of 10 is told as
0 to 28 %, none of 35 as 0 to 9.9 %.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import sqrt

Z = 1.959964
"""How many standard deviations the interval of 95 % reaches to each side."""

TOO_FEW = 10
"""Fewer outcomes than this say nothing about how often something helps."""

ONLY_LOAD = 0.1
"""Retries that help in less than this share of all cases, at the upper end of the interval, are only load.

So the verdict needs 35 failures in a row, or one success among 53: a rule is not condemned for a bad morning.
"""


class Trend(StrEnum):
    """How a rate compares with the one before it; ``STEADY`` where the intervals of the two overlap."""

    BETTER = "better"
    WORSE = "worse"
    STEADY = "steady"
    TOO_FEW = "too_few"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """*helped* of the *tried* attempts whose end is known."""

    helped: int
    tried: int

    @property
    def share(self) -> float | None:
        """Return the success rate from 0 to 1, None where nothing was tried."""
        return self.helped / self.tried if self.tried else None

    @property
    def interval(self) -> tuple[float, float]:
        """Return between which rates the true one lies, 19 times out of 20; all of them where nothing was tried."""
        if not self.tried:
            return 0.0, 1.0
        share, weight = self.helped / self.tried, Z * Z / self.tried
        middle = (share + weight / 2) / (1 + weight)
        reach = sqrt(share * (1 - share) * weight + weight * weight / 4) / (1 + weight)
        return max(0.0, middle - reach), min(1.0, middle + reach)

    @property
    def too_few(self) -> bool:
        """Tell whether the rate should not be read as one."""
        return self.tried < TOO_FEW

    @property
    def only_load(self) -> bool:
        """Tell whether it is all but certain that trying does not help."""
        return self.interval[1] < ONLY_LOAD

    def since(self, before: "Rate") -> Trend:
        """Return how this rate compares with the one *before*."""
        if self.too_few or before.too_few:
            return Trend.TOO_FEW
        if self.interval[0] > before.interval[1]:
            return Trend.BETTER
        return Trend.WORSE if self.interval[1] < before.interval[0] else Trend.STEADY
