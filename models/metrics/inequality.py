"""How unequally errors or losses are spread over users, for numpy arrays and for torch tensors.

The objective of TAML minimises these functions, and reports show them.
"""

from abc import ABC, abstractmethod
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.metrics.measure import Described, Direction

ArrayT = TypeVar("ArrayT", NDArray[np.float64], Tensor)
"""Floating-point numpy arrays, or torch tensors."""

SMALLEST_SHARE = 0.01
"""A value below this share of the mean counts as this share where logarithms or powers are taken.

Otherwise one user without any error would make some measures infinite, and the gradients of others.
"""

WORST_SHARE = 0.1
"""The worst-served tenth: the share of the users that it has. It belongs to the evaluation protocol."""


class Inequality(Described, ABC):
    """A number for the spread of M users' values: 0 if all are equal. The unit of the values does not count."""

    unit = ""
    direction = Direction.LOWER

    def of(self, values: ArrayT, weights: ArrayT | None = None) -> ArrayT:
        """The inequality.

        Args:
            values: [M], M ≥ 1, not negative.
            weights: [..., M], not negative: how often each user counts, such as 0 for a user without a value, or the
                counts of a bootstrap sample. Without a positive weight, and by default, all users count the same.

        Returns:
            [...]
        """
        shares = _shares(values, weights)
        means = (shares * values).sum(-1)[..., None]
        # If all values are 0, they are equal.
        none: Any = means == 0
        inequality: ArrayT = self._of_ratios((values + none) / (means + none), shares)
        return inequality

    @abstractmethod
    def _of_ratios(self, ratios: Any, shares: Any) -> Any:  # noqa: ANN401 - arrays of either library
        """The inequality, [...], from each value divided by the mean and weights that sum to 1; both [..., M]."""


class Theil(Inequality):
    """`Σ_i w_i r_i ln r_i`, with r_i user i's value divided by the mean, and weights that sum to 1 (Theil 1967)."""

    name = "theil"
    title = "Theil index"

    def _of_ratios(self, ratios: Any, shares: Any) -> Any:  # noqa: ANN401
        ratios = _positive(ratios)
        return (shares * ratios * _log(ratios)).sum(-1)


class GeneralisedEntropy(Inequality):
    """`Σ_i w_i (r_i^a − 1) / (a (a − 1))` (Shorrocks, Econometrica 48 (1980) 613).

    Its limit at a = 1 is Theil's index, and at a = 0 it is `−Σ_i w_i ln r_i`. At a = 2 it is half the squared
    coefficient of variation. The larger a is, the more large values count.

    Args:
        a: The order.
    """

    name = "generalised_entropy"

    def __init__(self, a: float = 2.0) -> None:
        self.title = f"Generalised entropy, a = {a:g}"
        self._a = a

    def _of_ratios(self, ratios: Any, shares: Any) -> Any:  # noqa: ANN401
        ratios, a = _positive(ratios), self._a
        if a == 0:
            return -(shares * _log(ratios)).sum(-1)
        if a == 1:
            return (shares * ratios * _log(ratios)).sum(-1)
        return (shares * (ratios**a - 1)).sum(-1) / (a * (a - 1))


class Atkinson(Inequality):
    """`1 − (Σ_i w_i r_i^(1 − ε))^(1/(1 − ε))`, at ε = 1 `1 − Π_i r_i^w_i` (Atkinson, J. Economic Theory 2 (1970) 244).

    The larger ε is, the more small values count.

    Args:
        epsilon: ε, the aversion to inequality.
    """

    name = "atkinson"

    def __init__(self, epsilon: float = 0.5) -> None:
        self.title = f"Atkinson index, ε = {epsilon:g}"
        self._epsilon = epsilon

    def _of_ratios(self, ratios: Any, shares: Any) -> Any:  # noqa: ANN401
        ratios, power = _positive(ratios), 1 - self._epsilon
        if power == 0:
            return 1 - _exp((shares * _log(ratios)).sum(-1))
        return 1 - (shares * ratios**power).sum(-1) ** (1 / power)


class Gini(Inequality):
    """`Σ_i Σ_j w_i w_j |r_i − r_j| / 2` (Gini 1912), from the sorted values."""

    name = "gini"
    title = "Gini coefficient"

    def of(self, values: ArrayT, weights: ArrayT | None = None) -> ArrayT:
        """The coefficient, from 0 to 1."""
        order = values.argsort(-1)
        return super().of(values[order], None if weights is None else weights[..., order])

    def _of_ratios(self, ratios: Any, shares: Any) -> Any:  # noqa: ANN401
        # In ascending order: Σ_k w_k r_k (Σ_{l ≤ k} w_l + Σ_{l < k} w_l − 1).
        return (shares * ratios * (2 * shares.cumsum(-1) - shares - 1)).sum(-1)


class VarianceOfLogarithms(Inequality):
    """`Σ_i w_i (ln r_i − Σ_j w_j ln r_j)²`."""

    name = "variance_of_logarithms"
    title = "Variance of logarithms"

    def _of_ratios(self, ratios: Any, shares: Any) -> Any:  # noqa: ANN401
        logarithms = _log(_positive(ratios))
        means = (shares * logarithms).sum(-1)[..., None]
        return (shares * (logarithms - means) ** 2).sum(-1)


class WorstTenth(Described):
    """The mean of the tenth of the users with the largest values, one user at least."""

    name = "worst_tenth"
    title = "MAE of the worst-served tenth"
    unit = "rating points"
    direction = Direction.LOWER

    def of(self, values: ArrayT, weights: ArrayT | None = None) -> ArrayT:
        """The mean; arguments and shapes are those of `Inequality.of`."""
        order = values.argsort(-1)
        shares = _shares(values, weights)[..., order]
        share = max(1, round(WORST_SHARE * len(values))) / len(values)
        # The part of each user's weight that belongs to the largest `share` of all weights.
        ends = shares.cumsum(-1)
        taken = ends.clip(min=1 - share) - (ends - shares).clip(min=1 - share)
        mean: ArrayT = (taken * values[order]).sum(-1) / taken.sum(-1)
        return mean


WORST_TENTH = WorstTenth()
GINI = Gini()

INEQUALITIES: dict[str, Inequality] = {
    measure.name: measure for measure in (GINI, Theil(), GeneralisedEntropy(), Atkinson(), VarianceOfLogarithms())
}
"""The measures of inequality by name, in the order in which reports show them."""


def _shares(values: Any, weights: Any) -> Any:  # noqa: ANN401 - arrays of either library
    """The weights, scaled to sum to 1; [..., M]."""
    ones = values * 0 + 1
    weights = ones if weights is None else weights * ones
    weights = weights + (weights.sum(-1) == 0)[..., None]
    return weights / weights.sum(-1)[..., None]


def _positive(ratios: Any) -> Any:  # noqa: ANN401
    return ratios.clip(min=SMALLEST_SHARE)


def _log(values: Any) -> Any:  # noqa: ANN401
    return values.log() if isinstance(values, Tensor) else np.log(values)


def _exp(values: Any) -> Any:  # noqa: ANN401
    return values.exp() if isinstance(values, Tensor) else np.exp(values)
