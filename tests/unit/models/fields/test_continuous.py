from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.preprocessing import StandardScaler

from models.fields import AttributeField, AttributeValue, ContinuousField, EncodingConfig, FieldKind


def one_field(values: Sequence[AttributeValue], *, min_count: int = 1) -> ContinuousField:
    """The field `x`, fitted on these values."""
    field = AttributeField(name="x", kind=FieldKind.CONTINUOUS, min_count=min_count)
    return ContinuousField.fit(field, pl.Series(values, dtype=ContinuousField.polars_type), EncodingConfig())


class TestContinuous:
    def test_equals_scikit_learns_standard_scaler(self) -> None:
        training, others = np.array([1.0, 4.0, 9.0, 16.0]), np.array([-3.0, 0.0, 12.5])
        expected = StandardScaler().fit(training[:, None]).transform(others[:, None])
        actual = one_field(training.tolist()).encode(others.tolist())
        np.testing.assert_allclose(actual[:, :1].numpy(), expected, rtol=1e-6)

    def test_missing_value_is_0_with_the_unknown_flag(self) -> None:
        assert one_field([1.0, 3.0]).encode([3.0, None]).tolist() == [[1.0, 0.0], [0.0, 1.0]]

    def test_mean_ignores_missing_values(self) -> None:
        assert one_field([1.0, None, 3.0]).encode([2.0]).tolist() == [[0.0, 0.0]]

    @pytest.mark.parametrize("value", [0.0, 0.1, 7.0])
    def test_constant_column_has_deviation_1(self, value: float) -> None:
        field = one_field([value] * 3)
        torch.testing.assert_close(field.encode([value + 0.5]), torch.tensor([[0.5, 0.0]]))

    def test_field_fitted_without_values_leaves_numbers_unchanged(self) -> None:
        assert one_field([None]).encode([0.5, None]).tolist() == [[0.5, 0.0], [0.0, 1.0]]

    @pytest.mark.parametrize(("value", "expected"), [(1e300, 10.0), (-1e300, -10.0)])
    def test_extreme_numbers_are_clipped(self, value: float, expected: float) -> None:
        assert one_field([1.0, 3.0]).encode([value]).tolist() == [[expected, 0.0]]
