from collections.abc import Sequence

import polars as pl
import pytest

from models.fields import UNKNOWN, AttributeField, AttributeValue, EncodingConfig, FieldKind, MultiValuedField


def one_field(values: Sequence[AttributeValue], *, min_count: int = 1) -> MultiValuedField:
    """The field `x`, fitted on these values."""
    field = AttributeField(name="x", kind=FieldKind.MULTI_VALUED, min_count=min_count)
    return MultiValuedField.fit(field, pl.Series(values, dtype=MultiValuedField.polars_type), EncodingConfig())


class TestMultiValued:
    def test_values_are_indexed_in_their_order_and_padded(self) -> None:
        field = one_field([["a", "b"], ["a", "c"], ["a", "b"]])
        assert field.encode([["c", "a"], ["b"], ["a", "b", "c"]]).tolist() == [[3, 1, 0], [2, 0, 0], [1, 2, 3]]

    def test_unseen_values_are_left_out(self) -> None:
        field = one_field([["a"]])
        assert field.encode([["z", "a", "y"]]).tolist() == [[1]]

    @pytest.mark.parametrize("value", [None, [], ["z"]])
    def test_row_without_a_known_value_is_all_padding(self, value: AttributeValue) -> None:
        field = one_field([["a"]])
        assert field.encode([value]).tolist() == [[UNKNOWN]]

    def test_value_given_twice_counts_once(self) -> None:
        field = one_field([["a"]])
        assert field.encode([["a", "a"]]).tolist() == [[1]]

    def test_values_rarer_than_min_count_come_last_and_are_not_embedded(self) -> None:
        field = one_field([["a", "b"], ["a"], None], min_count=2)
        assert field.encode([["b", "a"]]).tolist() == [[2, 1]]
        assert field.category_count == 1
