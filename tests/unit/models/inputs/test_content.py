import numpy as np
import polars as pl
import pytest
import torch
from scipy import sparse
from sklearn.linear_model import Ridge

from models.fields import CategoricalField, ContinuousField, MultiValuedField, TextField
from models.inputs import content
from models.inputs.content import (
    ContentRegression,
    content_features,
    predict_out_of_fold,
    similarity_features,
)
from models.inputs.content_config import ContentConfig
from models.inputs.encoder import EncodedRows, FeatureEncoder

CONFIG = ContentConfig()
SIMILARITY = CONFIG.similarity
FIELDS = (
    CategoricalField(name="language", values=("en", "fr")),
    MultiValuedField(name="genre", values=("comedy", "drama", "horror"), rare=1),
    ContinuousField(name="year", mean=2000.0, deviation=10.0, minimum=1900.0, maximum=2100.0),
    TextField(name="plot", values=("murder", "train", "love"), weights=(3.0, 4.0, 2.0)),
)
TABLE = pl.DataFrame(
    {
        "language": ["fr", "en", None, "xx"],
        "genre": [["comedy", "horror"], ["drama"], [], None],
        "year": [2000.0, 2010.0, None, 1e9],
        "plot": ["murder in the train", None, "", "love"],
    },
    schema_overrides={"genre": pl.List(pl.String)},
)


def rows_of(table: pl.DataFrame = TABLE) -> EncodedRows:
    return FeatureEncoder(fields=FIELDS).encode(table)


class TestContentFeatures:
    def test_categories_equal_a_matrix_by_hand(self) -> None:
        half = np.sqrt(0.5)
        expected = [
            # unknown, en, fr; comedy, drama, horror
            [0, 0, 1, half, 0, half],
            [0, 1, 0, 0, 1, 0],
            [1, 0, 0, 0, 0, 0],
            [1, 0, 0, 0, 0, 0],
        ]
        by_variance = np.sqrt(0.05) * np.array(expected)
        np.testing.assert_allclose(similarity_features(FIELDS[:2], rows_of(), SIMILARITY).toarray(), by_variance)

    def test_rare_values_have_columns_only_for_similarity(self) -> None:
        # Horror is rare: the first film is a comedy only.
        assert content_features(FIELDS[1:2], rows_of()).toarray().tolist() == [[1, 0], [0, 1], [0, 0], [0, 0]]

    def test_numbers_equal_bumps_by_hand(self) -> None:
        centres = np.linspace(-3, 3, 16)
        expected = np.zeros((4, 17))
        for row, value in enumerate([0.0, 1.0, None, 3.0]):  # what lies further out is seen at the end
            if value is None:
                expected[row, -1] = 1
                continue
            bumps = np.exp(-2.0 * (value - centres) ** 2)
            expected[row, :-1] = bumps / np.sqrt((bumps**2).sum())
        np.testing.assert_allclose(content_features(FIELDS[2:3], rows_of()).toarray(), expected, atol=1e-7)

    def test_words_share_the_length_by_how_much_each_tells(self) -> None:
        expected = [[0.6, 0.8, 0], [0, 0, 0], [0, 0, 0], [0, 0, 1]]
        np.testing.assert_allclose(content_features(FIELDS[3:], rows_of()).toarray(), expected)

    def test_fields_stand_side_by_side(self) -> None:
        rows = rows_of()
        apart = [content_features((field,), rows).toarray() for field in FIELDS]
        np.testing.assert_array_equal(content_features(FIELDS, rows).toarray(), np.hstack(apart))

    @pytest.mark.parametrize(("field", "variance"), [(0, 0.05), (1, 0.05), (2, 0.1), (3, 0.2)])
    def test_similarity_of_each_field_has_its_variance(self, field: int, variance: float) -> None:
        features = similarity_features(FIELDS[field : field + 1], rows_of(), SIMILARITY).toarray()
        known = [1, 0, 0, 1] if FIELDS[field].name == "plot" else [1, 1, 0, 0] if field == 1 else [1, 1, 1, 1]
        np.testing.assert_allclose((features**2).sum(axis=1), variance * np.array(known), rtol=1e-6)

    def test_more_padding_changes_nothing(self) -> None:
        genres = rows_of().fields["genre"]
        padded = torch.cat([genres, torch.zeros(4, 3, dtype=torch.int64)], dim=1)
        first, second = (
            content_features(FIELDS[1:2], EncodedRows({"genre": encoded}, 4)).toarray() for encoded in (genres, padded)
        )
        np.testing.assert_array_equal(first, second)

    def test_no_rows_are_no_features(self) -> None:
        assert similarity_features(FIELDS, rows_of(TABLE[:0]), SIMILARITY).shape == (0, 26)


class TestContentRegression:
    def test_recovers_a_linear_effect(self) -> None:
        generator = np.random.default_rng(0)
        kinds, counts = generator.integers(0, 3, 600), np.full(600, 200)
        features = sparse.csr_matrix(np.eye(3)[kinds])
        effects = np.array([[-0.5, 1.0], [0.0, 0.0], [0.8, -0.2]])
        targets = effects[kinds] + generator.normal(0, 0.05, (600, 2))
        regression = ContentRegression.fit(features, targets, counts, CONFIG)
        np.testing.assert_allclose(regression.predict(sparse.csr_matrix(np.eye(3))), effects, atol=0.05)

    @pytest.mark.parametrize("dense_entries", [0, 1000])
    def test_equals_dense_ridge_regression_with_items_as_sure_as_their_ratings(
        self, dense_entries: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(content, "_DENSE_ENTRIES", dense_entries)
        generator = np.random.default_rng(0)
        features, targets = generator.normal(size=(40, 6)), generator.normal(size=(40, 2))
        counts = generator.integers(1, 1000, 40)
        weights = 1 / (0.1 + 0.8 / counts)
        expected = Ridge(alpha=1.0, solver="cholesky").fit(features, targets, sample_weight=weights)
        regression = ContentRegression.fit(sparse.csr_matrix(features), targets, counts, CONFIG)
        np.testing.assert_allclose(
            regression.predict(sparse.csr_matrix(features)), expected.predict(features), atol=1e-3
        )

    def test_without_features_predicts_the_weighted_mean(self) -> None:
        targets, counts = np.array([[1.0], [4.0]]), np.array([8, 8])
        regression = ContentRegression.fit(sparse.csr_matrix((2, 0)), targets, counts, CONFIG)
        assert regression.predict(sparse.csr_matrix((3, 0))).tolist() == [[2.5]] * 3

    def test_without_ratings_behind_it_little_is_believed(self) -> None:
        features, targets = sparse.csr_matrix(np.eye(2)), np.array([[1.0, 0.0], [-1.0, 0.0]])
        few, many = (
            ContentRegression.fit(features, targets, np.full(2, count), CONFIG).predict(features)[0, 0]
            for count in (1, 200)
        )
        # Of the two items' difference of 2, half of each is believed as far as 1 goes against the noise.
        assert few == pytest.approx(1 / (1 + 0.9), abs=1e-3)
        assert many == pytest.approx(1 / (1 + 0.104), abs=1e-3)


class TestOutOfFold:
    ITEMS, FOLDS = 30, 6

    def data(self) -> tuple[sparse.csr_matrix, np.ndarray, np.ndarray, np.ndarray]:
        generator = np.random.default_rng(0)
        features = sparse.csr_matrix(generator.normal(size=(self.ITEMS, 4)))
        targets, counts = generator.normal(size=(self.ITEMS, 2)), generator.integers(1, 300, self.ITEMS)
        return features, targets, counts, generator.permutation(self.ITEMS).astype(np.float64)

    @pytest.mark.parametrize("block", range(FOLDS))
    def test_a_blocks_own_targets_and_counts_are_not_looked_at(self, block: int) -> None:
        features, targets, counts, order = self.data()
        in_fold = (order >= 5 * block) & (order < 5 * (block + 1))
        expected = predict_out_of_fold(features, targets, counts, order, CONFIG)
        changed = predict_out_of_fold(
            features, np.where(in_fold[:, None], 100.0, targets), np.where(in_fold, 1, counts), order, CONFIG
        )
        np.testing.assert_array_equal(changed[in_fold], expected[in_fold])
        assert (changed[~in_fold] != expected[~in_fold]).any(axis=1).all()

    def test_are_those_of_a_regression_on_the_others(self) -> None:
        features, targets, counts, order = self.data()
        others, in_fold = order >= 5, order < 5
        expected = ContentRegression.fit(features[others], targets[others], counts[others], CONFIG).predict(
            features[in_fold]
        )
        np.testing.assert_array_equal(predict_out_of_fold(features, targets, counts, order, CONFIG)[in_fold], expected)
