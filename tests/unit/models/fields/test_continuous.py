from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.preprocessing import StandardScaler

from models.fields import AttributeField, AttributeValue, ContinuousField, EncodingConfig, FieldKind
from models.fields.continuous import is_far


def one_field(values: Sequence[AttributeValue], *, min_count: int = 1) -> ContinuousField:
    """The field `x`, fitted on these values."""
    field = AttributeField(name="x", kind=FieldKind.CONTINUOUS, min_count=min_count)
    return ContinuousField.fit(field, pl.Series(values, dtype=ContinuousField.polars_type), EncodingConfig())


class TestContinuous:
    def test_equals_scikit_learns_standard_scaler(self) -> None:
        training, others = np.array([1.0, 4.0, 9.0, 16.0]), np.array([2.0, 4.0, 12.5])
        expected = StandardScaler().fit(training[:, None]).transform(others[:, None])
        actual = one_field(training.tolist()).encode(others.tolist())
        np.testing.assert_allclose(actual[:, :1].numpy(), expected, rtol=1e-6)

    def test_missing_value_is_0_with_the_unknown_flag(self) -> None:
        assert one_field([1.0, 3.0]).encode([3.0, None]).tolist() == [[1.0, 0.0], [0.0, 1.0]]

    def test_mean_ignores_missing_values(self) -> None:
        assert one_field([1.0, None, 3.0]).encode([2.0]).tolist() == [[0.0, 0.0]]

    @pytest.mark.parametrize("value", [0.0, 0.1, 7.0])
    def test_all_numbers_equal_that_of_a_constant_column(self, value: float) -> None:
        field = one_field([value] * 3)
        assert field.deviation == 1.0
        torch.testing.assert_close(field.encode([value - 1, value, value + 1]), torch.tensor([[0.0, 0.0]] * 3))

    def test_numbers_are_unknown_if_training_knew_none(self) -> None:
        assert one_field([None]).encode([0.5, None]).tolist() == [[0.0, 1.0], [0.0, 1.0]]

    @pytest.mark.parametrize(("value", "nearest"), [(0.0, 1.0), (-1.0, 1.0), (0.99, 1.0), (5.01, 5.0), (1e300, 5.0)])
    def test_number_outside_the_training_range_equals_the_nearest_inside(self, value: float, nearest: float) -> None:
        field = one_field([1.0, 2.0, 5.0])
        assert torch.equal(field.encode([value]), field.encode([nearest]))

    def test_number_far_from_all_others_in_training_is_clipped(self) -> None:
        # A mistyped number in the training data widens the range: 1000 lies 31 deviations from the mean.
        field = one_field([1.0] * 1000 + [1000.0])
        assert field.encode([1000.0]).tolist() == [[10.0, 0.0]]


class TestFarNumbers:
    def test_one_huge_number_leaves_the_field_as_it_is_without_it(self) -> None:
        numbers = [float(number) for number in range(40)]
        field = AttributeField(name="price", kind=FieldKind.CONTINUOUS)
        without = ContinuousField.fit(field, pl.Series(numbers), EncodingConfig())
        found = ContinuousField.fit(field, pl.Series([*numbers, 1e300, -1e300]), EncodingConfig())
        assert found == without
        torch.testing.assert_close(found.encode([1e300]), found.encode([39.0]))

    @pytest.mark.parametrize(
        ("numbers", "far"),
        [
            ([], []),
            ([5.0], []),
            ([0.0] * 9 + [3.0], []),
            ([0.0] * 9 + [3.0, 2.0, 1e9], [1e9]),
            ([9.99, 10.5, 11.0, 12.0, 1e6], [1e6]),
            (list(np.random.default_rng(0).lognormal(3.0, 2.0, 10_000)), []),
            ([-1.7e308, 0.0, 1.7e308], []),
        ],
        ids=["nothing", "one", "mostly 0", "mostly 0 and huge", "mistyped", "long tail", "huge range"],
    )
    def test_numbers_are_far_only_if_all_others_are_near(self, numbers: list[float], far: list[float]) -> None:
        array = np.array(numbers, dtype=np.float64)
        assert array[is_far(array)].tolist() == far
