"""What an A/B test's report concludes, and how often that is right if the visitors are assigned in other ways."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from benchmarks.shop_week.shop import Showing
from models.metrics.ratio import RatioSums, share_interval_95

ASSIGNMENTS = 2000
"""Random assignments of the visitors to the sides of a test."""


class Conclusion(StrEnum):
    """What a test says of the scenario's settings, compared with those of the control group."""

    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Rate:
    """A click rate and its 95 % interval, as the service reports it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """The click rate of the scenario's side, less that of the control group.

    Attributes:
        value: The difference.
        low: The lower end of its 95 % interval.
        high: The upper end.
    """

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, scenario: Rate, control: Rate) -> "Difference":
        """From the two reported rates, by squaring and adding (Newcombe 1998, method 10).

        The square of each half of the interval is the sum of the squares of the two rates' halves that point there.
        """
        value = scenario.value - control.value
        down = np.hypot(scenario.value - scenario.low, control.high - control.value)
        up = np.hypot(scenario.high - scenario.value, control.value - control.low)
        return cls(value, float(value - down), float(value + up))

    @property
    def conclusion(self) -> Conclusion:
        """What the interval says."""
        if self.low > 0:
            return Conclusion.BETTER
        return Conclusion.WORSE if self.high < 0 else Conclusion.UNDECIDED


@dataclass(frozen=True)
class Repeated:
    """A test with many random assignments of the same visitors.

    Attributes:
        truth: The difference between a week in which all visitors are on the scenario's side and one in which all are
            in the control group.
        differences: The difference that each assignment's report shows.
        shares: How often each conclusion is drawn.
        covered: How often the interval contains the truth.
    """

    truth: float
    differences: Sequence[float]
    shares: Mapping[Conclusion, float]
    covered: float


def sums_by_visitor(showings: Sequence[Showing], visitors: Sequence[str], scenario: str) -> NDArray[np.int64]:
    """Items shown and items clicked in the lists of a scenario; int64 [visitors, 2]."""
    row_of = {visitor: row for row, visitor in enumerate(visitors)}
    sums = np.zeros((len(visitors), 2), dtype=np.int64)
    for showing in showings:
        if showing.scenario == scenario:
            sums[row_of[showing.visitor]] += (showing.items, showing.clicked)
    return sums


def repeated(scenario: NDArray[np.int64], control: NDArray[np.int64], *, seed: int) -> Repeated:
    """Assign the visitors at random again and again, half of them to each side.

    Args:
        scenario: What each visitor does on the scenario's side; int64 [visitors, 2] as from `sums_by_visitor`.
        control: What the same visitor does in the control group; of the same shape.
        seed: Of the assignments.
    """
    generator = np.random.default_rng(seed)
    truth = _rate(scenario).value - _rate(control).value
    found = []
    for _ in range(ASSIGNMENTS):
        chosen = generator.random(len(scenario)) < 0.5
        found.append(Difference.of(_rate(scenario[chosen]), _rate(control[~chosen])))
    conclusions = [difference.conclusion for difference in found]
    return Repeated(
        truth=truth,
        differences=[difference.value for difference in found],
        shares={each: conclusions.count(each) / ASSIGNMENTS for each in Conclusion},
        covered=sum(difference.low <= truth <= difference.high for difference in found) / ASSIGNMENTS,
    )


def _rate(visitors: NDArray[np.int64]) -> Rate:
    """The click rate of some visitors with the interval of the service's report."""
    n, t = visitors[visitors[:, 0] > 0].T.astype(np.float64)
    sums = RatioSums(len(n), n.sum(), t.sum(), n @ n, t @ t, n @ t)
    return Rate(sums.ratio, *share_interval_95(sums))
