"""What is known of an item's reception: from its ratings where it has some, from its attributes where it has none."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from sklearn.decomposition import TruncatedSVD
from torch import Tensor, nn

from models.data.dataset import Dataset
from models.data.episodes import USER_FOLDS, fold_of
from models.inputs.content import (
    ContentRegression,
    likeness_features,
    likeness_width,
    neighbourhood_order,
    predict_out_of_fold,
)
from models.inputs.factorisation import Factorisation, factorise
from models.inputs.features import ID_FIELD, UNKNOWN, EncodedRows, FeatureEncoder

_FACTOR_SCALE = 3.0
"""Brings factors, which ridge regression keeps small, to the size of the other inputs."""

_COUNT_SCALE = 0.2
"""Brings log counts to that size."""

_CONTENT_WIDTH = 128
"""Principal components of the attributes; half as many were a little worse."""

_FEW_RATINGS = 30
"""An item with no more has a bias and factors in which each of its ratings can be told."""

_SEED = 0
"""Of the factors' start and of folds at random; alternating least squares comes to much the same from any start."""


@dataclass(frozen=True)
class TrainingView:
    """How items are seen while some users are trained on: by what others tell of them.

    Otherwise an item of few ratings would be known by the very ratings that are to be predicted.

    Attributes:
        fold: Of these users, all in the same one (`models.data.episodes.fold_of`).
        pretend_new: Whether the items pretend to have no ratings at all.
        generator: Draws what nobody would know of them then.
    """

    fold: int
    pretend_new: bool
    generator: torch.Generator


@dataclass(frozen=True)
class Reception:
    """What is known of the reception of some items.

    Attributes:
        biases: float32 [items], in rating units: how much better than the mean an item is rated.
        counts: float32 [items], how many ratings say so; 0 for a new item.
        inputs: float32 [items, width]: bias, factors, log count, and whether the item has ratings.
        content: float32 [items, content_width]: the attributes as a vector of length 1; likeness is its inner product.
    """

    biases: Tensor
    counts: Tensor
    inputs: Tensor
    content: Tensor


class CollaborativeInputs(nn.Module):
    """Biases and factors of items, as inputs of a network that never learns them itself.

    Known items have those of a factorisation of the training ratings. New ones have what a regression on their
    attributes predicts. In training, items also pretend to be new, with predictions made out of fold and noise on the
    inputs: without it, a network knows an item by its predictions and attributes, and its bias by heart. What users are
    told of an item of few ratings comes from the ratings of others (`TrainingView`).

    Attributes:
        width: Length of an item's inputs.
        content_width: Length of an item's content vector.
    """

    known: Tensor
    as_new: Tensor
    surprise: Tensor
    told_by_others: Tensor
    counts_of_others: Tensor
    counts: Tensor
    content: Tensor
    coefficients: Tensor
    intercepts: Tensor
    projection: Tensor

    def __init__(self, encoder: FeatureEncoder, *, rank: int) -> None:
        """Make room; `fit` or a state dict fills it.

        Args:
            encoder: Of the items; has the field `id`.
            rank: Number of factors.
        """
        super().__init__()
        self.width = rank + 3
        self._rank = rank
        self._fields = tuple(field for field in encoder.fields if field.name != ID_FIELD)
        (ids,) = (field for field in encoder.fields if field.name == ID_FIELD)
        known_items = len(ids.values) + 1  # type: ignore[union-attr]  # ids are categories
        self.register_buffer("known", torch.zeros(known_items, rank + 1))
        self.register_buffer("as_new", torch.zeros(known_items, rank + 1), persistent=False)
        self.register_buffer("surprise", torch.zeros(rank + 1), persistent=False)
        self.register_buffer("told_by_others", torch.zeros(USER_FOLDS, known_items, rank + 1), persistent=False)
        self.register_buffer("counts_of_others", torch.zeros(USER_FOLDS, known_items), persistent=False)
        self.register_buffer("counts", torch.zeros(known_items))
        features = max(likeness_width(self._fields), 1)
        self.content_width = min(_CONTENT_WIDTH, features, known_items - 1)
        self.register_buffer("content", torch.zeros(known_items, self.content_width))
        self.register_buffer("projection", torch.zeros(features, self.content_width))
        self.register_buffer("coefficients", torch.zeros(features, rank + 1))
        self.register_buffer("intercepts", torch.zeros(rank + 1))

    def fit(
        self,
        dataset: Dataset,
        training: NDArray[np.bool_],
        rows: EncodedRows,
    ) -> None:
        """Factorise the training ratings, and learn to predict that from the attributes.

        Args:
            dataset: The data set.
            training: bool [ratings], the ratings that may be used.
            rows: All items of the data set, encoded.
        """
        by_ratings = factorise(dataset, training, rank=self._rank, seed=_SEED)
        rated = np.flatnonzero(by_ratings.counts)
        features, counts = self._features(rows)[rated], by_ratings.counts[rated]
        regression = ContentRegression.fit(features, by_ratings.items[rated], counts)
        order = neighbourhood_order(dataset, np.random.default_rng(_SEED))[rated]

        def known(told: Factorisation, by: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
            """The items' side, and what would be expected of items without these ratings of theirs."""
            expected = np.zeros_like(told.items)
            expected[rated] = predict_out_of_fold(features, told.items[rated], told.counts[rated], order)
            return told.with_items_drawn_towards(expected, dataset, by).items[rated], expected[rated]

        values, as_new = known(by_ratings, training)
        index = rows.fields[ID_FIELD][torch.from_numpy(rated)].cpu()
        self.known[index] = _tensor(values).to(self.known)
        self.as_new[index] = _tensor(as_new).to(self.known)
        self.surprise.copy_(_tensor((values - as_new).std(axis=0)))
        self.counts[index] = _tensor(counts).to(self.known)
        # Of many ratings, one tells nothing of itself; and turning factors costs something.
        many = counts > _FEW_RATINGS
        for fold in range(USER_FOLDS):
            by = training & (fold_of(dataset.ratings.users) != fold)
            others = factorise(dataset, by, rank=self._rank, seed=_SEED).aligned_to(by_ratings)
            told = np.where(many[:, None], values, known(others, by)[0])
            self.told_by_others[fold, index] = _tensor(told).to(self.known)
            self.counts_of_others[fold, index] = _tensor(np.where(many, counts, others.counts[rated])).to(self.known)
        self.projection.copy_(_tensor(_principal_directions(features, self.content_width)))
        self.content[index] = self._project(features)
        self.coefficients.copy_(_tensor(regression.coefficients))
        self.intercepts.copy_(_tensor(regression.intercepts))

    def forward(self, rows: EncodedRows, training: TrainingView | None = None) -> Reception:
        """Look known items up, predict new ones.

        Args:
            rows: The items.
            training: In training, how they are to be seen.
        """
        index = rows.fields[ID_FIELD]
        if training is None:
            values, counts = self.known[index], self.counts[index]
        elif training.pretend_new:
            values, counts = self.as_new[index], torch.zeros_like(self.counts[index])
        else:
            values, counts = self.told_by_others[training.fold, index], self.counts_of_others[training.fold, index]
        new = index == UNKNOWN
        content = self.content[index]
        if new.any():
            features = self._features(rows)
            values = torch.where(new.unsqueeze(-1), self._predict(features), values)
            content = torch.where(new.unsqueeze(-1), self._project(features), content)
            counts = counts * ~new
        biases = values[:, 0]
        if training is not None and training.pretend_new:
            noise = torch.randn(values.shape, generator=training.generator, device=training.generator.device)
            values = values + self.surprise * noise.to(values)
        inputs = torch.cat(
            [
                values[:, :1],
                values[:, 1:] * _FACTOR_SCALE,
                torch.log1p(counts).unsqueeze(-1) * _COUNT_SCALE,
                (counts > 0).unsqueeze(-1),
            ],
            dim=-1,
        )
        return Reception(biases, counts, inputs, content)

    def _features(self, rows: EncodedRows) -> sparse.csr_matrix:
        """The attributes; items that have none share one constant feature, and so a new one gets the mean."""
        if not self._fields:
            return sparse.csr_matrix(np.ones((len(rows), 1)))
        return likeness_features(self._fields, rows)

    def _predict(self, features: sparse.csr_matrix) -> Tensor:
        regression = ContentRegression(self.coefficients.cpu().numpy(), self.intercepts.cpu().numpy())
        return torch.from_numpy(regression.predict(features)).to(self.known)

    def _project(self, features: sparse.csr_matrix) -> Tensor:
        projected = _tensor(features @ self.projection.cpu().numpy()).to(self.projection)
        return torch.nn.functional.normalize(projected, dim=1)


def _principal_directions(features: sparse.csr_matrix, count: int) -> NDArray[np.float64]:
    """The directions in which attributes differ most; float64 [features, count]."""
    if count == min(features.shape):
        return np.asarray(np.linalg.svd(features.toarray(), full_matrices=False)[2].T)
    return np.asarray(TruncatedSVD(count, n_iter=10, random_state=_SEED).fit(features).components_.T)


def _tensor(values: NDArray[np.number]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
