from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics.pairwise import cosine_similarity

from models.fields import AttributeField, EncodingConfig, FieldKind, SimilarityConfig, VectorField

FIELD = AttributeField(name="x", kind=FieldKind.VECTOR)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def parse(texts: Sequence[object], field: AttributeField = FIELD) -> list[list[float] | None]:
    raw = pl.Series("raw", texts)
    is_list = raw.dtype == pl.List
    return raw.to_frame().select(VectorField.parse(field, pl.col("raw"), is_list=is_list)).to_series().to_list()


def fitted(vectors: Sequence[list[float] | None], dimensions: int | None = None) -> VectorField:
    field = FIELD.model_copy(update={"dimensions": dimensions})
    return VectorField.fit(field, pl.Series(vectors, dtype=VectorField.polars_type), EncodingConfig())


class TestParse:
    @pytest.mark.parametrize("text", ["[1, -0.5, 2e3]", "1,-0.5,2000", "1|-0.5|2000", "(1; -0.5; 2000)", "1 -0.5 2000"])
    def test_text_with_any_default_separator_is_parsed(self, text: str) -> None:
        assert parse([text]) == [[1.0, -0.5, 2000.0]]

    def test_declared_separators_replace_the_default_ones(self) -> None:
        field = FIELD.model_copy(update={"separators": ("/",)})
        assert parse(["1/2", "1,2"], field) == [[1.0, 2.0], None]

    @pytest.mark.parametrize("text", ["[1, x]", "[1, nan]", "[1, inf]", "[]", "x"])
    def test_malformed_text_is_null(self, text: str) -> None:
        assert parse([text]) == [None]

    def test_other_length_than_declared_is_null(self) -> None:
        field = FIELD.model_copy(update={"dimensions": 2})
        assert parse(["[1, 2]", "[1]", "[1, 2, 3]", None], field) == [[1.0, 2.0], None, None, None]

    def test_lists_are_parsed_unchanged(self) -> None:
        assert parse([[0.1, 0.2], [1.0, None], [], None]) == [[0.1, 0.2], None, None, None]

    @given(st.lists(NUMBERS, min_size=1, max_size=5))
    def test_every_list_that_json_spells_is_read_exactly(self, numbers: list[float]) -> None:
        assert parse([str(numbers)]) == [numbers]


class TestComplete:
    def test_dimensions_are_those_of_most_vectors(self) -> None:
        assert VectorField.complete(FIELD, pl.Series(["1 2", "1", "3 4", None])).dimensions == 2

    def test_declared_dimensions_stay(self) -> None:
        declared = FIELD.model_copy(update={"dimensions": 3})
        assert VectorField.complete(declared, pl.Series(["1 2"])) == declared

    def test_dimensions_without_vectors_stay_undeclared(self) -> None:
        assert VectorField.complete(FIELD, pl.Series([None], dtype=pl.String)) == FIELD


class TestEncode:
    def test_vectors_are_divided_by_their_length(self) -> None:
        encoded = fitted([[3.0, 4.0]]).encode([[3.0, 4.0], [0.0, -7.0]])
        torch.testing.assert_close(encoded, torch.tensor([[0.6, 0.8, 0.0], [0.0, -1.0, 0.0]]))

    @pytest.mark.parametrize("vector", [None, [0.0, 0.0], [1.0], [1.0, 2.0, 3.0], []])
    def test_vector_without_a_direction_or_of_another_length_is_unknown(self, vector: list[float] | None) -> None:
        field = fitted([[3.0, 4.0]])
        assert field.encode([vector]).tolist() == [[0.0, 0.0, 1.0]]
        assert field.encode([[3.0, 4.0], vector])[1].tolist() == [0.0, 0.0, 1.0]

    @given(st.lists(st.lists(NUMBERS, min_size=2, max_size=2), max_size=4))
    def test_direction_has_length_1_or_is_unknown(self, vectors: list[list[float]]) -> None:
        encoded = fitted([[1.0, 2.0]]).encode(vectors)
        torch.testing.assert_close(encoded.norm(dim=1), torch.ones(len(vectors)))

    def test_column_and_plain_values_are_encoded_the_same(self) -> None:
        field, values = fitted([[1.0, 2.0]]), [[1.0, 3.0], None, [2.0]]
        assert torch.equal(field.encode(values), field.encode(pl.Series(values, dtype=VectorField.polars_type)))

    def test_declared_dimensions_count_more_than_the_data(self) -> None:
        assert fitted([[1.0, 2.0]], dimensions=3).dimensions == 3

    def test_field_fitted_without_vectors_encodes_all_as_unknown(self) -> None:
        assert fitted([None]).encode([None, [1.0, 2.0]]).tolist() == [[0.0, 1.0]] * 2

    def test_forgotten_vector_equals_an_unknown_one(self) -> None:
        field = fitted([[1.0, 2.0]])
        encoded = field.encode([[1.0, 2.0], [3.0, 4.0]])
        forgotten = field.forget(encoded, torch.tensor([True, False]))
        assert torch.equal(forgotten, torch.cat([field.encode([None]), encoded[1:]]))


class TestInputLayer:
    def test_embedding_is_linear_in_the_direction_and_the_unknown_flag(self) -> None:
        field = fitted([[1.0, 2.0]])
        layer = field.input_layer(embedding_dim=4, embedding_scale=0.1)
        (weight,) = layer.parameters()
        assert weight.shape == (4, 3)
        assert layer.width == 4
        torch.testing.assert_close(layer(field.encode([[3.0, 4.0]]))[0], 0.6 * weight[:, 0] + 0.8 * weight[:, 1])
        torch.testing.assert_close(layer(field.encode([None]))[0], weight[:, 2])

    def test_embeddings_start_as_large_as_the_scale_says(self) -> None:
        field = fitted([[1.0] * 50])
        layer = field.input_layer(embedding_dim=2000, embedding_scale=0.3)
        embedded = layer(field.encode([np.arange(50.0).tolist()]))
        assert float(embedded.detach().std()) == pytest.approx(0.3, rel=0.1)


def test_similarity_is_the_cosine() -> None:
    vectors = np.random.default_rng(0).normal(size=(5, 3))
    field = fitted(vectors.tolist())
    features = field.similarity(field.encode(vectors.tolist()), SimilarityConfig())
    np.testing.assert_allclose((features @ features.T).numpy(), cosine_similarity(vectors), atol=1e-6)


def test_plausible_value_fits_the_field() -> None:
    field = fitted([[1.0, 2.0]])
    value = field.plausible_value(np.random.default_rng(0))
    assert VectorField.check_value(FIELD.model_copy(update={"dimensions": 2}), value) == value


def test_tree_columns_are_the_numbers_of_short_vectors() -> None:
    field = fitted([[1.0, 2.0]])
    columns = field.tree_columns(field.encode([[3.0, 4.0], None]), max_columns=2)
    np.testing.assert_allclose(columns, [[0.6, 0.8], [np.nan, np.nan]], rtol=1e-6)
    assert field.tree_columns(field.encode([None]), max_columns=1).shape == (1, 0)
