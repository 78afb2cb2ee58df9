from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pytest
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from models.data.dataset import Dataset
from models.data.user_folds import USER_FOLDS, fold_of
from models.fields import UNKNOWN, AttributeField, FieldKind
from models.inputs.collaborative_inputs import CollaborativeConfig, CollaborativeInputs, OutOfFold
from models.inputs.content import ContentRegression, predict_out_of_fold, similarity_features
from models.inputs.encoder import ID_FIELD, EncodedRows, FeatureEncoder
from models.inputs.factorisation import Factorisation, FactorisationConfig, factorise

CONFIG = CollaborativeConfig(factorisation=FactorisationConfig(rank=2))
NEW = (37, 38, 39)
"""The newest films have no training ratings, so the encoder does not know their ids."""


@dataclass(frozen=True)
class Fitted:
    """Inputs fitted on the two-tastes data, and the data."""

    inputs: CollaborativeInputs
    encoder: FeatureEncoder
    dataset: Dataset
    training: NDArray[np.bool_]

    @property
    def rows(self) -> EncodedRows:
        return self.encoder.encode(self.dataset.items.table)


@pytest.fixture(scope="module")
def fitted(two_tastes: Dataset) -> Fitted:
    training = ~np.isin(two_tastes.ratings.items, NEW)
    rated = two_tastes.items.table[np.unique(two_tastes.ratings.items[training])]
    id_field = AttributeField(name=ID_FIELD, kind=FieldKind.CATEGORICAL)
    encoder = FeatureEncoder.fit((*two_tastes.schema.items.fields, id_field), rated)
    inputs = CollaborativeInputs(encoder, CONFIG)
    inputs.fit(two_tastes, training, encoder.encode(two_tastes.items.table))
    return Fitted(inputs, encoder, two_tastes, training)


@pytest.fixture(scope="module")
def reference(fitted: Fitted) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float32]]:
    """Biases and factors of all items: from ratings, predicted out of fold, and predicted by the regression."""
    found = factorise(fitted.dataset, fitted.training, CONFIG.factorisation)
    rated = found.counts > 0
    features = features_of(fitted)
    regression = ContentRegression.fit(features[rated], found.items[rated], found.counts[rated], CONFIG.content)
    known, as_new = shrunk_and_expected(fitted, found, fitted.training)
    return known, as_new, regression.predict(features)


def test_inputs_fitted_as_others_are_equal(fitted: Fitted) -> None:
    inputs = CollaborativeInputs(fitted.encoder, CONFIG)
    inputs.fit_as(fitted.inputs)
    inputs.fit(fitted.dataset, fitted.training, fitted.rows)
    for name, values in fitted.inputs.named_buffers():
        torch.testing.assert_close(inputs.get_buffer(name), values)
    assert inputs.state_dict().keys() == fitted.inputs.state_dict().keys()


def features_of(fitted: Fitted) -> csr_matrix:
    fields = tuple(field for field in fitted.encoder.fields if field.name != ID_FIELD)
    return similarity_features(fields, fitted.rows, CONFIG.content.similarity)


def shrunk_and_expected(
    fitted: Fitted, found: Factorisation, training: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The items' side of a factorisation, shrunk to out-of-fold predictions, and these predictions."""
    items = len(fitted.dataset.items)
    rated = np.isin(np.arange(items), fitted.dataset.ratings.items[fitted.training])
    order = np.random.default_rng(CONFIG.seed).random(items)[rated]
    expected = np.zeros_like(found.items)
    expected[rated] = predict_out_of_fold(
        features_of(fitted)[rated], found.items[rated], found.counts[rated], order, CONFIG.content
    )
    return found.with_items_shrunk_to(expected, fitted.dataset, training).items, expected


def values_of(
    inputs: CollaborativeInputs, rows: EncodedRows, out_of_fold: OutOfFold | None = None
) -> NDArray[np.float32]:
    """Biases and factors without the scale that the inputs give the factors."""
    found = inputs(rows, out_of_fold).inputs[:, : CONFIG.factorisation.rank + 1]
    return np.hstack([found[:, :1], found[:, 1:] / 3.0])


def out_of_fold(*, fold: int = 0, as_new: bool = True, seed: int = 0) -> OutOfFold:
    return OutOfFold(fold, as_new, torch.Generator().manual_seed(seed))


OLD = slice(0, 37)


class TestForward:
    def test_known_items_have_their_shrunk_biases_and_factors(
        self, fitted: Fitted, reference: tuple[np.ndarray, ...]
    ) -> None:
        actual = values_of(fitted.inputs, fitted.rows)
        np.testing.assert_allclose(actual[OLD], reference[0][OLD], atol=1e-5)

    def test_known_items_treated_as_new_have_out_of_fold_predictions_with_noise(
        self, fitted: Fitted, reference: tuple[np.ndarray, ...]
    ) -> None:
        known, as_new, _ = reference
        same_generator = out_of_fold()
        draws = np.stack([values_of(fitted.inputs, fitted.rows, same_generator) for _ in range(2000)])
        error = (known[OLD] - as_new[OLD]).std(axis=0)
        np.testing.assert_allclose(draws.mean(axis=0)[OLD], as_new[OLD], atol=6 * error.max() / np.sqrt(2000))
        np.testing.assert_allclose(draws.std(axis=0)[OLD], np.tile(error, (37, 1)), rtol=0.15)
        biases = fitted.inputs(fitted.rows, out_of_fold()).biases
        np.testing.assert_allclose(biases[OLD], as_new[OLD, 0], atol=1e-5)

    def test_known_items_treated_as_new_without_noise_have_out_of_fold_predictions(
        self, fitted: Fitted, reference: tuple[np.ndarray, ...]
    ) -> None:
        inputs = CollaborativeInputs(fitted.encoder, CONFIG.model_copy(update={"new_item_noise": 0.0}))
        inputs.fit(fitted.dataset, fitted.training, fitted.rows)
        actual = values_of(inputs, fitted.rows, out_of_fold())
        np.testing.assert_allclose(actual[OLD], reference[1][OLD], atol=1e-5)

    def test_noise_with_same_seed_is_the_same(self, fitted: Fitted) -> None:
        first, again, other = (values_of(fitted.inputs, fitted.rows, out_of_fold(seed=seed)) for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, again)
        assert (first != other).all()

    def test_new_items_have_predictions_from_their_attributes(
        self, fitted: Fitted, reference: tuple[np.ndarray, ...]
    ) -> None:
        assert (fitted.rows.fields[ID_FIELD][list(NEW)] == UNKNOWN).all()
        actual = values_of(fitted.inputs, fitted.rows)
        np.testing.assert_allclose(actual[list(NEW)], reference[2][list(NEW)], atol=1e-5)

    def test_biases_of_items_are_their_first_input(self, fitted: Fitted) -> None:
        item_inputs = fitted.inputs(fitted.rows)
        assert torch.equal(item_inputs.biases, item_inputs.inputs[:, 0])

    def test_counts_and_flags_of_items_say_how_many_ratings_they_have(self, fitted: Fitted) -> None:
        counts = np.bincount(fitted.dataset.ratings.items[fitted.training], minlength=40)
        item_inputs = fitted.inputs(fitted.rows)
        known = item_inputs.inputs[:, -2:]
        assert item_inputs.counts.tolist() == [*counts[:37], 0, 0, 0]
        np.testing.assert_allclose(known[:, 0], 0.2 * np.log1p(counts), rtol=1e-6)
        assert known[:, 1].tolist() == [1.0] * 37 + [0.0] * 3
        as_new = fitted.inputs(fitted.rows, out_of_fold())
        assert not as_new.inputs[:, -2:].any()
        assert not as_new.counts.any()

    def test_width_equals_the_number_of_inputs(self, fitted: Fitted) -> None:
        item_inputs = fitted.inputs(fitted.rows)
        assert item_inputs.inputs.shape == (40, fitted.inputs.width)
        assert item_inputs.inputs.dtype is item_inputs.biases.dtype is item_inputs.counts.dtype is torch.float32

    def test_inputs_of_items_without_known_attributes_are_finite(self, fitted: Fitted) -> None:
        blank = fitted.dataset.items.table[:2].with_columns(
            pl.lit("never seen").alias("id"),
            pl.lit(None, dtype=pl.List(pl.String)).alias("genre"),
            pl.lit(None, dtype=pl.Float64).alias("year"),
        )
        item_inputs = fitted.inputs(fitted.encoder.encode(blank))
        assert torch.isfinite(item_inputs.inputs).all()
        assert torch.isfinite(item_inputs.biases).all()
        assert not item_inputs.counts.any()


FEW_RATINGS = CONFIG.model_copy(update={"few_ratings": 1000})
"""All items have few ratings."""


@pytest.fixture(scope="module")
def few_ratings(fitted: Fitted) -> Fitted:
    """The same with few ratings for every item."""
    inputs = CollaborativeInputs(fitted.encoder, FEW_RATINGS)
    inputs.fit(fitted.dataset, fitted.training, fitted.rows)
    return replace(fitted, inputs=inputs)


class TestOutOfFold:
    @pytest.mark.parametrize("fold", range(USER_FOLDS))
    def test_inputs_for_a_fold_come_from_the_ratings_of_the_other_folds(self, few_ratings: Fitted, fold: int) -> None:
        others = few_ratings.training & (fold_of(few_ratings.dataset.ratings.users) != fold)
        whole, found = (
            factorise(few_ratings.dataset, ratings, CONFIG.factorisation) for ratings in (few_ratings.training, others)
        )
        expected, _ = shrunk_and_expected(few_ratings, found.aligned_to(whole), others)
        actual = values_of(few_ratings.inputs, few_ratings.rows, out_of_fold(fold=fold, as_new=False))
        np.testing.assert_allclose(actual[OLD], expected[OLD], atol=1e-5)
        counts = few_ratings.inputs(few_ratings.rows, out_of_fold(fold=fold, as_new=False)).counts
        assert counts.tolist() == found.counts.tolist()

    def test_inputs_for_a_fold_do_not_depend_on_its_ratings(self, few_ratings: Fitted) -> None:
        users, values = few_ratings.dataset.ratings.users, few_ratings.dataset.ratings.values
        dataset = replace(
            few_ratings.dataset,
            ratings=replace(few_ratings.dataset.ratings, values=np.where(fold_of(users) == 1, 6 - values, values)),
        )
        again = CollaborativeInputs(few_ratings.encoder, FEW_RATINGS)
        again.fit(dataset, few_ratings.training, few_ratings.rows)
        for fold, reached in ((1, False), (0, True)):
            before, after = (
                inputs(few_ratings.rows, out_of_fold(fold=fold, as_new=False)).biases[OLD]
                for inputs in (few_ratings.inputs, again)
            )
            # The factors are rotated towards those of all ratings, which changes the biases only by rounding.
            assert torch.allclose(before, after, atol=1e-5) is not reached

    def test_inputs_of_items_with_many_ratings_come_from_all_ratings(self, fitted: Fitted) -> None:
        expected = fitted.inputs(fitted.rows)
        assert (expected.counts[OLD] > 30).all()
        for fold in range(USER_FOLDS):
            actual = fitted.inputs(fitted.rows, out_of_fold(fold=fold, as_new=False))
            assert torch.equal(actual.inputs[OLD], expected.inputs[OLD])

    def test_inputs_of_item_rated_by_one_fold_alone_are_as_new_for_it(
        self, two_tastes: Dataset, few_ratings: Fitted
    ) -> None:
        ratings = two_tastes.ratings
        training = few_ratings.training & ((ratings.items != 5) | (fold_of(ratings.users) == 2))
        inputs = CollaborativeInputs(few_ratings.encoder, FEW_RATINGS)
        inputs.fit(two_tastes, training, few_ratings.rows)
        for fold, known in ((2, False), (1, True)):
            item_inputs = inputs(few_ratings.rows, out_of_fold(fold=fold, as_new=False))
            assert bool(item_inputs.counts[5]) is known
            assert bool(item_inputs.inputs[5, -1]) is known
        others = training & (fold_of(ratings.users) != 2)
        _, expected = shrunk_and_expected(few_ratings, factorise(two_tastes, others, CONFIG.factorisation), others)
        bias = inputs(few_ratings.rows, out_of_fold(fold=2, as_new=False)).biases[5]
        assert bias.item() == pytest.approx(expected[5, 0], abs=1e-5)


class TestFit:
    def test_predictions_out_of_fold_depend_on_the_seed_of_the_folds(self, fitted: Fitted) -> None:
        config = CONFIG.model_copy(update={"seed": 1, "new_item_noise": 0.0})
        inputs = CollaborativeInputs(fitted.encoder, config)
        inputs.fit(fitted.dataset, fitted.training, fitted.rows)
        assert not torch.equal(inputs.as_new, fitted.inputs.as_new)

    def test_fit_with_other_held_out_ratings_stays_the_same(self, fitted: Fitted) -> None:
        other = fitted.dataset.ratings.values.copy()
        other[~fitted.training] = 6 - other[~fitted.training]
        dataset = replace(fitted.dataset, ratings=replace(fitted.dataset.ratings, values=other))
        again = CollaborativeInputs(fitted.encoder, CONFIG)
        again.fit(dataset, fitted.training, fitted.rows)
        expected = dict(fitted.inputs.named_buffers())
        assert all(torch.equal(value, expected[name]) for name, value in again.named_buffers())

    def test_inputs_have_no_trained_parameters(self, fitted: Fitted) -> None:
        assert list(fitted.inputs.parameters()) == []

    def test_inputs_loaded_from_the_state_are_the_same(self, fitted: Fitted) -> None:
        loaded = CollaborativeInputs(fitted.encoder, CONFIG)
        loaded.load_state_dict(fitted.inputs.state_dict())
        expected, actual = (inputs(fitted.rows) for inputs in (fitted.inputs, loaded))
        for name, value in vars(actual).items():
            assert torch.equal(value, getattr(expected, name)), name

    def test_new_items_without_attribute_fields_have_the_mean_bias(self, two_tastes: Dataset) -> None:
        training = ~np.isin(two_tastes.ratings.items, NEW)
        id_field = AttributeField(name=ID_FIELD, kind=FieldKind.CATEGORICAL)
        encoder = FeatureEncoder.fit((id_field,), two_tastes.items.table[OLD])
        inputs, rows = CollaborativeInputs(encoder, CONFIG), encoder.encode(two_tastes.items.table)
        inputs.fit(two_tastes, training, rows)
        found = factorise(two_tastes, training, CONFIG.factorisation)
        rated = found.counts > 0
        expected = np.average(found.biases[rated], weights=1 / (0.1 + 0.8 / found.counts[rated]))
        np.testing.assert_allclose(inputs(rows).biases[list(NEW)], expected, atol=1e-4)


COMPONENTS = 5


@pytest.fixture(scope="module")
def inputs(fitted: Fitted) -> CollaborativeInputs:
    """Inputs with principal components of the attributes."""
    inputs = CollaborativeInputs(fitted.encoder, CONFIG.model_copy(update={"components": COMPONENTS}))
    inputs.fit(fitted.dataset, fitted.training, fitted.rows)
    return inputs


class TestComponents:
    def test_components_equal_the_normalised_projection_on_singular_vectors(
        self, inputs: CollaborativeInputs, fitted: Fitted
    ) -> None:
        features = features_of(fitted).toarray()
        directions = np.linalg.svd(features[OLD], full_matrices=False)[2][:COMPONENTS].T
        expected = features @ directions
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        actual = inputs(fitted.rows).components.numpy()
        # The sign of a singular vector is arbitrary; inner products do not depend on it.
        np.testing.assert_allclose(actual @ actual.T, expected @ expected.T, atol=1e-5)

    def test_components_of_a_known_item_are_those_of_a_new_item_with_its_attributes(
        self, inputs: CollaborativeInputs, fitted: Fitted
    ) -> None:
        renamed = fitted.dataset.items.table.with_columns(pl.concat_str(pl.lit("new "), "id").alias("id"))
        as_new = inputs(fitted.encoder.encode(renamed)).components
        torch.testing.assert_close(as_new, inputs(fitted.rows).components, atol=1e-5, rtol=1e-5)

    def test_no_components_by_default(self, fitted: Fitted) -> None:
        assert fitted.inputs(fitted.rows).components.shape == (40, 0)
