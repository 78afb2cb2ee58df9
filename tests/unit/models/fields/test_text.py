from collections.abc import Sequence

import polars as pl
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from models.fields import UNKNOWN, AttributeField, AttributeValue, EncodingConfig, FieldKind, TextField


def one_field(values: Sequence[AttributeValue], *, min_count: int = 1) -> TextField:
    """The field `x`, fitted on these values."""
    field = AttributeField(name="x", kind=FieldKind.TEXT, min_count=min_count)
    return TextField.fit(field, pl.Series(values, dtype=TextField.polars_type), EncodingConfig())


class TestText:
    PLOTS = ("A brave dog saves the dog-catcher", "The dog and the cat", None, "the Cat, brave: dog!")

    def test_words_of_several_rows_are_indexed_by_frequency(self) -> None:
        assert one_field(self.PLOTS).encode(["Dog, brave cat", "cat cat", "dog"]).tolist() == [
            [1, 2, 3],
            [3, 0, 0],
            [1, 0, 0],
        ]

    def test_weights_equal_scikit_learns_inverse_document_frequencies(self) -> None:
        field = one_field(self.PLOTS)
        reference = TfidfVectorizer(stop_words="english", min_df=2).fit([plot or "" for plot in self.PLOTS])
        expected = dict(zip(reference.get_feature_names_out(), reference.idf_, strict=True))
        assert dict(zip(field.values, field.weights, strict=True)) == pytest.approx(expected)

    @pytest.mark.parametrize("text", [None, "", "the and of", "unheard"])
    def test_text_without_known_words_is_all_padding(self, text: str | None) -> None:
        assert one_field(self.PLOTS).encode([text]).tolist() == [[UNKNOWN]]
