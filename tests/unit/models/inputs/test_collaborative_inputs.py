from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pytest
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from models.data.dataset import Dataset
from models.data.episodes import USER_FOLDS, fold_of
from models.fields import UNKNOWN, AttributeField, FieldKind
from models.inputs.collaborative_inputs import CollaborativeConfig, CollaborativeInputs, OutOfFold
from models.inputs.content import ContentRegression, predict_out_of_fold, similarity_features
from models.inputs.content_config import ContentConfig
from models.inputs.encoder import ID_FIELD, EncodedRows, FeatureEncoder
from models.inputs.factorisation import Factorisation, FactorisationConfig, factorise

RANK = 2
INPUTS = CollaborativeConfig(factorisation=FactorisationConfig(rank=RANK))
CONFIG = ContentConfig()
NEW = (37, 38, 39)
"""The newest films have no training ratings, and so no ids that the encoder knows."""


@dataclass(frozen=True)
class Fitted:
    """Inputs fitted on the two-tastes data, and what they were fitted from."""

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
    inputs = CollaborativeInputs(encoder, INPUTS)
    inputs.fit(two_tastes, training, encoder.encode(two_tastes.items.table))
    return Fitted(inputs, encoder, two_tastes, training)


@pytest.fixture(scope="module")
def reference(fitted: Fitted) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float32]]:
    """Biases and factors of all items: by ratings, out of fold, and by the regression."""
    found = factorise(fitted.dataset, fitted.training, INPUTS.factorisation)
    rated = found.counts > 0
    features = features_of(fitted)
    regression = ContentRegression.fit(features[rated], found.items[rated], found.counts[rated], CONFIG)
    known, as_new = by_ratings_and_attributes(fitted, found, fitted.training)
    return known, as_new, regression.predict(features)


def features_of(fitted: Fitted) -> csr_matrix:
    fields = tuple(field for field in fitted.encoder.fields if field.name != ID_FIELD)
    return similarity_features(fields, fitted.rows, CONFIG.similarity)


def by_ratings_and_attributes(
    fitted: Fitted, found: Factorisation, training: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The items' side of a factorisation drawn towards what is expected of each out of fold, and that."""
    rated = fitted.dataset.ratings.items[fitted.training]
    rated = np.isin(np.arange(len(fitted.dataset.items)), rated)
    order = np.random.default_rng(INPUTS.seed).random(len(fitted.dataset.items))[rated]
    expected = np.zeros_like(found.items)
    expected[rated] = predict_out_of_fold(
        features_of(fitted)[rated], found.items[rated], found.counts[rated], order, CONFIG
    )
    return found.with_items_shrunk_to(expected, fitted.dataset, training).items, expected


def values_of(
    inputs: CollaborativeInputs, rows: EncodedRows, out_of_fold: OutOfFold | None = None
) -> NDArray[np.float32]:
    """Bias and factors, with the inputs' scale of the factors undone."""
    found = inputs(rows, out_of_fold).inputs[:, : RANK + 1]
    return np.hstack([found[:, :1], found[:, 1:] / 3.0])


def view(*, fold: int = 0, as_new: bool = True, seed: int = 0) -> OutOfFold:
    return OutOfFold(fold, as_new, torch.Generator().manual_seed(seed))


OLD = slice(0, 37)


class TestForward:
    def test_known_items_have_the_factorisation_shrunk_to_predictions(
        self, fitted: Fitted, reference: tuple[np.ndarray, ...]
    ) -> None:
        actual = values_of(fitted.inputs, fitted.rows)
        np.testing.assert_allclose(actual[OLD], reference[0][OLD], atol=1e-5)

    def test_known_items_as_new_have_noisy_out_of_fold_predictions(
        self, fitted: Fitted, reference: tuple[np.ndarray, ...]
    ) -> None:
        known, as_new, _ = reference
        same = view()
        draws = np.stack([values_of(fitted.inputs, fitted.rows, same) for _ in range(2000)])
        error = (known[OLD] - as_new[OLD]).std(axis=0)
        np.testing.assert_allclose(draws.mean(axis=0)[OLD], as_new[OLD], atol=6 * error.max() / np.sqrt(2000))
        np.testing.assert_allclose(draws.std(axis=0)[OLD], np.tile(error, (37, 1)), rtol=0.15)
        biases = fitted.inputs(fitted.rows, view()).biases
        np.testing.assert_allclose(biases[OLD], as_new[OLD, 0], atol=1e-5)

    def test_noise_is_drawn_from_the_generator(self, fitted: Fitted) -> None:
        first, again, other = (values_of(fitted.inputs, fitted.rows, view(seed=seed)) for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, again)
        assert (first != other).all()

    def test_new_items_have_what_their_attributes_predict(
        self, fitted: Fitted, reference: tuple[np.ndarray, ...]
    ) -> None:
        assert (fitted.rows.fields[ID_FIELD][list(NEW)] == UNKNOWN).all()
        actual = values_of(fitted.inputs, fitted.rows)
        np.testing.assert_allclose(actual[list(NEW)], reference[2][list(NEW)], atol=1e-5)

    def test_biases_are_the_first_input_in_rating_units(self, fitted: Fitted) -> None:
        found = fitted.inputs(fitted.rows)
        assert torch.equal(found.biases, found.inputs[:, 0])

    def test_counts_are_those_of_known_items_and_0_for_new_ones(self, fitted: Fitted) -> None:
        counts = np.bincount(fitted.dataset.ratings.items[fitted.training], minlength=40)
        found = fitted.inputs(fitted.rows)
        known = found.inputs[:, -2:]
        assert found.counts.tolist() == [*counts[:37], 0, 0, 0]
        np.testing.assert_allclose(known[:, 0], 0.2 * np.log1p(counts), rtol=1e-6)
        assert known[:, 1].tolist() == [1.0] * 37 + [0.0] * 3
        as_new = fitted.inputs(fitted.rows, view())
        assert not as_new.inputs[:, -2:].any()
        assert not as_new.counts.any()

    def test_width_is_what_comes_out(self, fitted: Fitted) -> None:
        found = fitted.inputs(fitted.rows)
        assert found.inputs.shape == (40, fitted.inputs.width)
        assert found.inputs.dtype is found.biases.dtype is torch.float32

    def test_items_of_unknown_everything_are_taken(self, fitted: Fitted) -> None:
        blank = fitted.dataset.items.table[:2].with_columns(
            pl.lit("never seen").alias("id"),
            pl.lit(None, dtype=pl.List(pl.String)).alias("genre"),
            pl.lit(None, dtype=pl.Float64).alias("year"),
        )
        found = fitted.inputs(fitted.encoder.encode(blank))
        assert torch.isfinite(found.inputs).all()


@pytest.fixture
def few_ratings(fitted: Fitted) -> Fitted:
    """The same, as if all items had few ratings."""
    config = INPUTS.model_copy(update={"few_ratings": 1000})
    inputs = CollaborativeInputs(fitted.encoder, config)
    inputs.fit(fitted.dataset, fitted.training, fitted.rows)
    return replace(fitted, inputs=inputs)


class TestOutOfFold:
    @pytest.mark.parametrize("fold", range(USER_FOLDS))
    def test_inputs_are_the_factorisation_of_the_other_folds_ratings(self, few_ratings: Fitted, fold: int) -> None:
        others = few_ratings.training & (fold_of(few_ratings.dataset.ratings.users) != fold)
        whole, fitted_fold = (
            factorise(few_ratings.dataset, own, INPUTS.factorisation) for own in (few_ratings.training, others)
        )
        expected, _ = by_ratings_and_attributes(few_ratings, fitted_fold.aligned_to(whole), others)
        actual = values_of(few_ratings.inputs, few_ratings.rows, view(fold=fold, as_new=False))
        np.testing.assert_allclose(actual[OLD], expected[OLD], atol=1e-5)
        counts = few_ratings.inputs(few_ratings.rows, view(fold=fold, as_new=False)).counts
        assert counts.tolist() == fitted_fold.counts.tolist()

    def test_ratings_of_a_fold_do_not_change_its_inputs(self, few_ratings: Fitted) -> None:
        users, values = few_ratings.dataset.ratings.users, few_ratings.dataset.ratings.values
        dataset = replace(
            few_ratings.dataset,
            ratings=replace(few_ratings.dataset.ratings, values=np.where(fold_of(users) == 1, 6 - values, values)),
        )
        again = CollaborativeInputs(few_ratings.encoder, few_ratings.inputs.config)
        again.fit(dataset, few_ratings.training, few_ratings.rows)
        for fold, reached in ((1, False), (0, True)):
            before, after = (
                own(few_ratings.rows, view(fold=fold, as_new=False)).biases[OLD] for own in (few_ratings.inputs, again)
            )
            # Turned towards all ratings' factors, the same biases come out to rounding.
            assert torch.allclose(before, after, atol=1e-5) is not reached

    def test_items_with_many_ratings_have_the_same_inputs_in_every_fold(self, fitted: Fitted) -> None:
        expected = fitted.inputs(fitted.rows)
        assert (expected.counts[OLD] > 30).all()
        for fold in range(USER_FOLDS):
            actual = fitted.inputs(fitted.rows, view(fold=fold, as_new=False))
            assert torch.equal(actual.inputs, expected.inputs)

    def test_item_that_only_the_fold_has_rated_is_as_new(self, two_tastes: Dataset, few_ratings: Fitted) -> None:
        ratings = two_tastes.ratings
        training = few_ratings.training & ((ratings.items != 5) | (fold_of(ratings.users) == 2))
        inputs = CollaborativeInputs(few_ratings.encoder, few_ratings.inputs.config)
        inputs.fit(two_tastes, training, few_ratings.rows)
        for fold, known in ((2, False), (1, True)):
            found = inputs(few_ratings.rows, view(fold=fold, as_new=False))
            assert bool(found.counts[5]) is known
            assert bool(found.inputs[5, -1]) is known
        others = training & (fold_of(ratings.users) != 2)
        _, expected = by_ratings_and_attributes(
            few_ratings, factorise(two_tastes, others, INPUTS.factorisation), others
        )
        own = inputs(few_ratings.rows, view(fold=2, as_new=False)).biases[5]
        assert own.item() == pytest.approx(expected[5, 0], abs=1e-5)


class TestFit:
    def test_only_training_ratings_matter(self, fitted: Fitted) -> None:
        other = fitted.dataset.ratings.values.copy()
        other[~fitted.training] = 6 - other[~fitted.training]
        dataset = replace(fitted.dataset, ratings=replace(fitted.dataset.ratings, values=other))
        again = CollaborativeInputs(fitted.encoder, INPUTS)
        again.fit(dataset, fitted.training, fitted.rows)
        expected = dict(fitted.inputs.named_buffers())
        assert all(torch.equal(value, expected[name]) for name, value in again.named_buffers())

    def test_nothing_of_it_is_trained(self, fitted: Fitted) -> None:
        assert list(fitted.inputs.parameters()) == []

    def test_state_dict_holds_all_that_serving_needs(self, fitted: Fitted) -> None:
        loaded = CollaborativeInputs(fitted.encoder, INPUTS)
        loaded.load_state_dict(fitted.inputs.state_dict())
        expected, actual = (own(fitted.rows) for own in (fitted.inputs, loaded))
        for name, value in vars(actual).items():
            assert torch.equal(value, getattr(expected, name)), name

    def test_new_items_without_attributes_have_the_mean_bias(self, two_tastes: Dataset) -> None:
        training = ~np.isin(two_tastes.ratings.items, NEW)
        id_field = AttributeField(name=ID_FIELD, kind=FieldKind.CATEGORICAL)
        encoder = FeatureEncoder.fit((id_field,), two_tastes.items.table[OLD])
        inputs, rows = CollaborativeInputs(encoder, INPUTS), encoder.encode(two_tastes.items.table)
        inputs.fit(two_tastes, training, rows)
        found = factorise(two_tastes, training, INPUTS.factorisation)
        rated = found.counts > 0
        expected = np.average(found.biases[rated], weights=1 / (0.1 + 0.8 / found.counts[rated]))
        np.testing.assert_allclose(inputs(rows).biases[list(NEW)], expected, atol=1e-4)
