import math

import numpy as np
import pytest
import torch

from models.metrics.inequality import (
    GINI,
    INEQUALITIES,
    WORST_TENTH,
    Atkinson,
    GeneralisedEntropy,
    Inequality,
    Theil,
    VarianceOfLogarithms,
    WorstTenth,
)

MEASURES = [
    *INEQUALITIES.values(),
    GeneralisedEntropy(0),
    GeneralisedEntropy(1),
    GeneralisedEntropy(-1),
    Atkinson(1),
    Atkinson(2),
]

every_measure = pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.title)

LOSSES = np.array([1.0, 2.0, 3.0])
"""Their mean is 2, so the ratios are 1/2, 1 and 3/2."""


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        (Theil(), (0.5 * math.log(0.5) + 1.5 * math.log(1.5)) / 3),
        (GeneralisedEntropy(2), (0.25 + 1 + 2.25 - 3) / 3 / 2),
        (GeneralisedEntropy(0), -math.log(0.75) / 3),
        (GeneralisedEntropy(1), (0.5 * math.log(0.5) + 1.5 * math.log(1.5)) / 3),
        (Atkinson(0.5), 1 - ((math.sqrt(0.5) + 1 + math.sqrt(1.5)) / 3) ** 2),
        (Atkinson(1), 1 - 0.75 ** (1 / 3)),
        (Atkinson(2), 1 - 3 / (2 + 1 + 2 / 3)),
        (GINI, (1 + 2 + 1) * 2 / (2 * 3 * 6)),
        (VarianceOfLogarithms(), np.log([1, 2, 3]).var()),
        (WORST_TENTH, 3.0),
    ],
    ids=lambda value: getattr(value, "title", ""),
)
def test_inequality_of_three_losses_is_the_one_computed_by_hand(
    measure: Inequality | WorstTenth, expected: float
) -> None:
    assert measure.of(LOSSES) == pytest.approx(expected, rel=1e-12)
    assert measure.of(torch.tensor(LOSSES)).item() == pytest.approx(expected, rel=1e-12)


class TestEveryMeasure:
    VALUES = np.random.default_rng(0).gamma(2.0, 0.5, 50)

    @every_measure
    def test_equal_losses_have_no_inequality(self, measure: Inequality) -> None:
        assert measure.of(np.full(7, 0.3)) == pytest.approx(0, abs=1e-12)

    @every_measure
    def test_unit_of_the_losses_does_not_count(self, measure: Inequality) -> None:
        assert measure.of(60 * self.VALUES) == pytest.approx(measure.of(self.VALUES), rel=1e-9)

    @every_measure
    def test_order_of_the_users_does_not_count(self, measure: Inequality) -> None:
        assert measure.of(self.VALUES[::-1].copy()) == pytest.approx(measure.of(self.VALUES), rel=1e-9)

    @every_measure
    def test_taking_from_the_largest_loss_for_the_smallest_lowers_it(self, measure: Inequality) -> None:
        moved = self.VALUES.copy()
        moved[moved.argmax()] -= 0.1
        moved[moved.argmin()] += 0.1
        assert measure.of(moved) < measure.of(self.VALUES)

    @every_measure
    def test_weight_counts_like_as_many_users(self, measure: Inequality) -> None:
        weights = np.array([2.0, 0.0, 3.0])
        assert measure.of(LOSSES, weights) == pytest.approx(measure.of(np.array([1.0, 1, 3, 3, 3])), rel=1e-9)

    @every_measure
    def test_rows_of_weights_give_one_value_each(self, measure: Inequality) -> None:
        weights = np.array([[1.0, 1, 1], [2, 0, 3]])
        expected = [measure.of(LOSSES), measure.of(LOSSES, weights[1])]
        np.testing.assert_allclose(measure.of(LOSSES, weights), expected, rtol=1e-12)

    @every_measure
    @pytest.mark.parametrize(
        ("losses", "counted"),
        [([0.0, 1.0, 2.0], [1.0, 1.0, 1.0]), ([0.0, 0.0], [1.0, 1.0]), ([0.0, 0.0], [0.0, 0.0]), ([0.5], [1.0])],
        ids=["one-0", "all-0", "no-user-counts", "one-user"],
    )
    def test_losses_of_0_have_a_finite_value_and_gradient(
        self, measure: Inequality, losses: list[float], counted: list[float]
    ) -> None:
        values = torch.tensor(losses, requires_grad=True)
        value = measure.of(values, torch.tensor(counted))
        value.backward()
        assert math.isfinite(value.item())
        assert values.grad.isfinite().all()

    @every_measure
    def test_gradient_lowers_the_inequality(self, measure: Inequality) -> None:
        values = torch.tensor(self.VALUES, requires_grad=True)
        before = measure.of(values)
        before.backward()
        with torch.no_grad():
            after = measure.of(values - 1e-3 * values.grad / values.grad.norm())
        assert after < before

    def test_gini_equals_the_sum_over_all_pairs(self) -> None:
        pairs = np.abs(self.VALUES[:, None] - self.VALUES).sum()
        assert GINI.of(self.VALUES) == pytest.approx(pairs / (2 * 50 * self.VALUES.sum()), rel=1e-12)


class TestWorstTenth:
    def test_mean_is_over_the_two_largest_of_twenty(self) -> None:
        assert WORST_TENTH.of(np.random.default_rng(0).permutation(20).astype(float)) == pytest.approx((18 + 19) / 2)

    def test_weighted_mean_is_that_of_a_resample(self) -> None:
        values = np.arange(20.0)
        weights = np.zeros(20)
        weights[[3, 7, 11]] = [12, 7, 1]
        assert WORST_TENTH.of(values, weights) == pytest.approx((11 + 7) / 2)
