from collections.abc import Sequence

import polars as pl

from models.fields import UNKNOWN, AttributeField, AttributeValue, CategoricalField, EncodingConfig, FieldKind


def one_field(values: Sequence[AttributeValue], *, min_count: int = 1) -> CategoricalField:
    """The field `x`, fitted on these values."""
    field = AttributeField(name="x", kind=FieldKind.CATEGORICAL, min_count=min_count)
    return CategoricalField.fit(field, pl.Series(values, dtype=CategoricalField.polars_type), EncodingConfig())


class TestCategorical:
    def test_frequent_values_come_first_and_ties_by_name(self) -> None:
        field = one_field(["b", "c", "a", "c", None])
        assert field.encode(["c", "a", "b"]).tolist() == [1, 2, 3]

    def test_order_of_the_training_rows_does_not_matter(self) -> None:
        values = ["b", "c", "a", "c", None]
        assert one_field(values) == one_field(values[::-1])

    def test_unseen_and_missing_values_are_unknown(self) -> None:
        field = one_field(["a", "b"])
        assert field.encode(["z", None, "", "A"]).tolist() == [UNKNOWN] * 4

    def test_values_rarer_than_min_count_come_last_and_are_not_embedded(self) -> None:
        field = one_field(["b", "a", "a"], min_count=2)
        assert field.encode(["a", "b"]).tolist() == [1, 2]
        assert field.category_count == 1

    def test_field_fitted_without_values_encodes_all_as_unknown(self) -> None:
        assert one_field([None, None]).encode(["a", None]).tolist() == [UNKNOWN] * 2
