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
from models.inputs.collaborative_inputs import CollaborativeInputs, TrainingView
from models.inputs.content import ContentRegression, predict_out_of_fold, similarity_features
from models.inputs.content_config import ContentConfig
from models.inputs.encoder import ID_FIELD, EncodedRows, FeatureEncoder
from models.inputs.factorisation import Factorisation, factorise

RANK = 2
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
    inputs = CollaborativeInputs(encoder, rank=RANK)
    inputs.fit(two_tastes, training, encoder.encode(two_tastes.items.table))
    return Fitted(inputs, encoder, two_tastes, training)


@pytest.fixture(scope="module")
def reference(fitted: Fitted) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float32]]:
    """Biases and factors of all items: by ratings, out of fold, and by the regression."""
    found = factorise(fitted.dataset, fitted.training, rank=RANK, seed=0)
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
    years = fitted.dataset.items.table["year"].to_numpy()[rated]
    expected = np.zeros_like(found.items)
    expected[rated] = predict_out_of_fold(
        features_of(fitted)[rated], found.items[rated], found.counts[rated], years, CONFIG
    )
    return found.with_items_drawn_towards(expected, fitted.dataset, training).items, expected


def values_of(
    inputs: CollaborativeInputs, rows: EncodedRows, training: TrainingView | None = None
) -> NDArray[np.float32]:
    """Bias and factors, with the inputs' scale of the factors undone."""
    found = inputs(rows, training).inputs[:, : RANK + 1]
    return np.hstack([found[:, :1], found[:, 1:] / 3.0])


def view(*, fold: int = 0, pretend_new: bool = True, seed: int = 0) -> TrainingView:
    return TrainingView(fold, pretend_new, torch.Generator().manual_seed(seed))


OLD = slice(0, 37)


class TestForward:
    def test_known_items_have_what_their_ratings_tell(self, fitted: Fitted, reference: tuple[np.ndarray, ...]) -> None:
        actual = values_of(fitted.inputs, fitted.rows)
        np.testing.assert_allclose(actual[OLD], reference[0][OLD], atol=1e-5)

    def test_known_items_that_pretend_to_be_new_have_what_others_tell_of_them(
        self, fitted: Fitted, reference: tuple[np.ndarray, ...]
    ) -> None:
        known, as_new, _ = reference
        same = view()
        draws = np.stack([values_of(fitted.inputs, fitted.rows, same) for _ in range(2000)])
        surprise = (known[OLD] - as_new[OLD]).std(axis=0)
        np.testing.assert_allclose(draws.mean(axis=0)[OLD], as_new[OLD], atol=6 * surprise.max() / np.sqrt(2000))
        np.testing.assert_allclose(draws.std(axis=0)[OLD], np.tile(surprise, (37, 1)), rtol=0.15)
        biases = fitted.inputs(fitted.rows, view()).biases
        np.testing.assert_allclose(biases[OLD], as_new[OLD, 0], atol=1e-5)

    def test_noise_is_drawn_from_the_generator(self, fitted: Fitted) -> None:
        first, again, other = (values_of(fitted.inputs, fitted.rows, view(seed=seed)) for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, again)
        assert (first != other).all()

    def test_new_items_have_what_their_attributes_tell(self, fitted: Fitted, reference: tuple[np.ndarray, ...]) -> None:
        assert (fitted.rows.fields[ID_FIELD][list(NEW)] == UNKNOWN).all()
        actual = values_of(fitted.inputs, fitted.rows)
        np.testing.assert_allclose(actual[list(NEW)], reference[2][list(NEW)], atol=1e-5)

    def test_biases_are_the_first_input_in_rating_units(self, fitted: Fitted) -> None:
        reception = fitted.inputs(fitted.rows)
        assert torch.equal(reception.biases, reception.inputs[:, 0])

    def test_only_known_items_tell_that_they_have_ratings_and_how_many(self, fitted: Fitted) -> None:
        counts = np.bincount(fitted.dataset.ratings.items[fitted.training], minlength=40)
        reception = fitted.inputs(fitted.rows)
        known = reception.inputs[:, -2:]
        assert reception.counts.tolist() == [*counts[:37], 0, 0, 0]
        np.testing.assert_allclose(known[:, 0], 0.2 * np.log1p(counts), rtol=1e-6)
        assert known[:, 1].tolist() == [1.0] * 37 + [0.0] * 3
        pretending = fitted.inputs(fitted.rows, view())
        assert not pretending.inputs[:, -2:].any()
        assert not pretending.counts.any()

    def test_width_is_what_comes_out(self, fitted: Fitted) -> None:
        reception = fitted.inputs(fitted.rows)
        assert reception.inputs.shape == (40, fitted.inputs.width)
        assert reception.content.shape == (40, fitted.inputs.content_width)
        assert reception.inputs.dtype is reception.biases.dtype is reception.content.dtype is torch.float32

    def test_content_has_length_1_and_its_inner_product_is_similarity(self, fitted: Fitted) -> None:
        content = fitted.inputs(fitted.rows).content
        torch.testing.assert_close(content.norm(dim=1), torch.ones(40))
        similarity = content @ content.T
        # Films 10 and 12 share the genre and nearly the year, 10 and 11 only nearly the year, 10 and 31 nothing.
        assert similarity[10, 12] > similarity[10, 11] > similarity[10, 31]

    def test_items_of_unknown_everything_are_taken(self, fitted: Fitted) -> None:
        blank = fitted.dataset.items.table[:2].with_columns(
            pl.lit("never seen").alias("id"),
            pl.lit(None, dtype=pl.List(pl.String)).alias("genre"),
            pl.lit(None, dtype=pl.Float64).alias("year"),
        )
        reception = fitted.inputs(fitted.encoder.encode(blank))
        assert torch.isfinite(reception.inputs).all()
        assert torch.isfinite(reception.content).all()


@pytest.fixture
def few_ratings(fitted: Fitted, monkeypatch: pytest.MonkeyPatch) -> Fitted:
    """The same, as if all items had few ratings."""
    monkeypatch.setattr("models.inputs.collaborative_inputs._FEW_RATINGS", 1000)
    inputs = CollaborativeInputs(fitted.encoder, rank=RANK)
    inputs.fit(fitted.dataset, fitted.training, fitted.rows)
    return replace(fitted, inputs=inputs)


class TestToldByOthers:
    @pytest.mark.parametrize("fold", range(USER_FOLDS))
    def test_is_the_factorisation_of_the_other_folds_ratings(self, few_ratings: Fitted, fold: int) -> None:
        others = few_ratings.training & (fold_of(few_ratings.dataset.ratings.users) != fold)
        whole, told = (factorise(few_ratings.dataset, own, rank=RANK, seed=0) for own in (few_ratings.training, others))
        expected, _ = by_ratings_and_attributes(few_ratings, told.aligned_to(whole), others)
        actual = values_of(few_ratings.inputs, few_ratings.rows, view(fold=fold, pretend_new=False))
        np.testing.assert_allclose(actual[OLD], expected[OLD], atol=1e-5)
        counts = few_ratings.inputs(few_ratings.rows, view(fold=fold, pretend_new=False)).counts
        assert counts.tolist() == told.counts.tolist()

    def test_what_a_fold_rates_does_not_reach_it(self, few_ratings: Fitted) -> None:
        users, values = few_ratings.dataset.ratings.users, few_ratings.dataset.ratings.values
        dataset = replace(
            few_ratings.dataset,
            ratings=replace(few_ratings.dataset.ratings, values=np.where(fold_of(users) == 1, 6 - values, values)),
        )
        again = CollaborativeInputs(few_ratings.encoder, rank=RANK)
        again.fit(dataset, few_ratings.training, few_ratings.rows)
        for fold, reached in ((1, False), (0, True)):
            before, after = (
                own(few_ratings.rows, view(fold=fold, pretend_new=False)).biases[OLD]
                for own in (few_ratings.inputs, again)
            )
            # Turned towards all ratings' factors, the same biases come out to rounding.
            assert torch.allclose(before, after, atol=1e-5) is not reached

    def test_items_of_many_ratings_are_what_all_ratings_tell(self, fitted: Fitted) -> None:
        expected = fitted.inputs(fitted.rows)
        assert (expected.counts[OLD] > 30).all()
        for fold in range(USER_FOLDS):
            actual = fitted.inputs(fitted.rows, view(fold=fold, pretend_new=False))
            assert torch.equal(actual.inputs, expected.inputs)

    def test_an_item_that_only_the_fold_has_rated_is_as_new(self, two_tastes: Dataset, few_ratings: Fitted) -> None:
        ratings = two_tastes.ratings
        training = few_ratings.training & ((ratings.items != 5) | (fold_of(ratings.users) == 2))
        inputs = CollaborativeInputs(few_ratings.encoder, rank=RANK)
        inputs.fit(two_tastes, training, few_ratings.rows)
        for fold, known in ((2, False), (1, True)):
            reception = inputs(few_ratings.rows, view(fold=fold, pretend_new=False))
            assert bool(reception.counts[5]) is known
            assert bool(reception.inputs[5, -1]) is known
        others = training & (fold_of(ratings.users) != 2)
        _, expected = by_ratings_and_attributes(few_ratings, factorise(two_tastes, others, rank=RANK, seed=0), others)
        own = inputs(few_ratings.rows, view(fold=2, pretend_new=False)).biases[5]
        assert own.item() == pytest.approx(expected[5, 0], abs=1e-5)


class TestFit:
    def test_only_training_ratings_matter(self, fitted: Fitted) -> None:
        other = fitted.dataset.ratings.values.copy()
        other[~fitted.training] = 6 - other[~fitted.training]
        dataset = replace(fitted.dataset, ratings=replace(fitted.dataset.ratings, values=other))
        again = CollaborativeInputs(fitted.encoder, rank=RANK)
        again.fit(dataset, fitted.training, fitted.rows)
        expected = dict(fitted.inputs.named_buffers())
        assert all(torch.equal(value, expected[name]) for name, value in again.named_buffers())

    def test_nothing_of_it_is_trained(self, fitted: Fitted) -> None:
        assert list(fitted.inputs.parameters()) == []

    def test_state_dict_holds_all_that_serving_needs(self, fitted: Fitted) -> None:
        loaded = CollaborativeInputs(fitted.encoder, rank=RANK)
        loaded.load_state_dict(fitted.inputs.state_dict())
        expected, actual = (own(fitted.rows) for own in (fitted.inputs, loaded))
        for name, value in vars(actual).items():
            assert torch.equal(value, getattr(expected, name)), name

    def test_items_without_attributes_are_expected_to_be_like_the_mean_item(self, two_tastes: Dataset) -> None:
        training = ~np.isin(two_tastes.ratings.items, NEW)
        id_field = AttributeField(name=ID_FIELD, kind=FieldKind.CATEGORICAL)
        encoder = FeatureEncoder.fit((id_field,), two_tastes.items.table[OLD])
        inputs, rows = CollaborativeInputs(encoder, rank=RANK), encoder.encode(two_tastes.items.table)
        inputs.fit(two_tastes, training, rows)
        found = factorise(two_tastes, training, rank=RANK, seed=0)
        rated = found.counts > 0
        expected = np.average(found.biases[rated], weights=1 / (0.1 + 0.8 / found.counts[rated]))
        np.testing.assert_allclose(inputs(rows).biases[list(NEW)], expected, atol=1e-4)
