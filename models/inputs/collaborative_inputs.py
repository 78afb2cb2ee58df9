"""Collaborative inputs: biases and factors of items from ratings, or predicted from the attributes of a new item."""

from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F

from models.data.dataset import Dataset
from models.data.user_folds import USER_FOLDS, fold_of
from models.fields import UNKNOWN
from models.inputs.content_config import ContentConfig
from models.inputs.encoder import ID_FIELD, EncodedRows, FeatureEncoder
from models.inputs.factorisation import Factorisation, FactorisationConfig, factorise
from models.inputs.similarity import similarity_product, similarity_width


class CollaborativeConfig(BaseModel):
    """The choices of collaborative inputs.

    Attributes:
        factorisation: The factorisation of the ratings.
        content: The regression that predicts bias and factors of a new item from its attributes.
        factor_scale: Multiplies the factors, which the ridge keeps small, to the size of other inputs.
        count_scale: Multiplies log counts to the size of other inputs.
        few_ratings: Bias and factors of an item with at most this many ratings reveal each single rating. In training,
            its inputs come from the ratings of users in other folds.
        components: Principal components of the similarity features of an item; 0 for none. They let a learner see that
            two items share rare values, which a network on embedded fields does not see.
        new_item_noise: Noise on the inputs of items that are treated as new, relative to the error of predicting them
            from attributes. Without it, the network learns to recover a known item from its prediction.
        seed: Seed of the random folds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    factorisation: FactorisationConfig = FactorisationConfig()
    content: ContentConfig = ContentConfig()
    factor_scale: Annotated[float, Field(gt=0)] = 3.0
    count_scale: Annotated[float, Field(gt=0)] = 0.2
    few_ratings: Annotated[int, Field(ge=0)] = 30
    components: Annotated[int, Field(ge=0)] = 0
    new_item_noise: Annotated[float, Field(ge=0)] = 1.0
    seed: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True)
class OutOfFold:
    """The choice of the collaborative inputs for a training batch: those from the ratings of other users.

    With inputs from all ratings, an item with few ratings would reveal the ratings that are to be predicted.

    Attributes:
        fold: The fold of all users of the batch (`models.data.user_folds.fold_of`).
        as_new: Whether all items are treated as new, without ratings.
        generator: Draws the noise on items that are treated as new.
    """

    fold: int
    as_new: bool
    generator: torch.Generator


@dataclass(frozen=True)
class ItemInputs:
    """Collaborative inputs of some items.

    Attributes:
        biases: float32 [items], b_j, in rating units.
        counts: float32 [items], the number of ratings of each item; 0 for a new item.
        inputs: float32 [items, width]: bias, factors, log count, and 1 if the item has ratings.
        components: float32 [items, component_width], principal components of the attributes, of length 1: the inner
            product of two items is their similarity.
    """

    biases: Tensor
    counts: Tensor
    inputs: Tensor
    components: Tensor


class CollaborativeInputs(nn.Module):
    """Biases and factors of items as inputs of a network. The training of the network does not change them.

    Known items have biases and factors from a factorisation of the training ratings. A regression on the attributes
    predicts those of new items. In some training batches all items are treated as new: their inputs are out-of-fold
    predictions with noise.

    Attributes:
        width: Number of inputs of an item.
        component_width: Number of principal components of an item.
    """

    known: Tensor
    as_new: Tensor
    prediction_error: Tensor
    out_of_fold: Tensor
    out_of_fold_counts: Tensor
    counts: Tensor
    coefficients: Tensor
    intercepts: Tensor
    components: Tensor
    projection: Tensor

    def __init__(self, encoder: FeatureEncoder, config: CollaborativeConfig) -> None:
        """Allocate the buffers, which `fit` or a state dict fills.

        Args:
            encoder: The encoder of the items. It must have the field `id`.
            config: The choices.
        """
        super().__init__()
        self.config = config
        values = config.factorisation.rank + 1
        self.width = values + 2
        self._same_as: tuple[CollaborativeInputs, ...] = ()  # a tuple, because a module would become a part of this one
        self._fields = tuple(field for field in encoder.fields if field.name != ID_FIELD)
        (ids,) = (field for field in encoder.fields if field.name == ID_FIELD)
        similarity = config.content.similarity
        known_items = ids.similarity_width(similarity)  # one row per known id, and one for all new items
        self.register_buffer("known", torch.zeros(known_items, values))
        self.register_buffer("counts", torch.zeros(known_items))
        features = similarity_width(self._fields, similarity)
        self.register_buffer("coefficients", torch.zeros(features, values))
        self.register_buffer("intercepts", torch.zeros(values))
        self.component_width = min(config.components, features, known_items - 1)
        self.register_buffer("components", torch.zeros(known_items, self.component_width))
        self.register_buffer("projection", torch.zeros(features, self.component_width))
        # Only training needs these.
        self.register_buffer("as_new", torch.zeros(known_items, values), persistent=False)
        self.register_buffer("prediction_error", torch.zeros(values), persistent=False)
        self.register_buffer("out_of_fold", torch.zeros(USER_FOLDS, known_items, values), persistent=False)
        self.register_buffer("out_of_fold_counts", torch.zeros(USER_FOLDS, known_items), persistent=False)

    @classmethod
    def of(cls, encoder: FeatureEncoder, config: CollaborativeConfig | None) -> Self | None:
        """The inputs of a config; None without a config."""
        return None if config is None else cls(encoder, config)

    def fit_as(self, other: "CollaborativeInputs") -> None:
        """Let `fit` copy the values of another module, because a fit takes long.

        Args:
            other: A module of the same encoder and config. It must be fitted first.
        """
        self._same_as = (other,)

    def fit(self, dataset: Dataset, training: NDArray[np.bool_], rows: EncodedRows) -> None:
        """Factorise the training ratings, and learn to predict biases and factors from the attributes.

        Args:
            dataset: The data set.
            training: bool [ratings], the ratings that may be used.
            rows: All items of the data set, encoded.
        """
        if self._same_as:
            (other,) = self._same_as
            for name, buffer in other.named_buffers():
                self.get_buffer(name).copy_(buffer)
            return
        # scikit-learn and scipy are slow to import, and only training needs them.
        from models.inputs.content import (  # noqa: PLC0415
            ContentRegression,
            predict_out_of_fold,
            principal_directions,
            similarity_features,
        )

        content = self.config.content
        factorisation = factorise(dataset, training, self.config.factorisation)
        rated = np.flatnonzero(factorisation.counts)
        counts = factorisation.counts[rated]
        features = similarity_features(self._fields, rows, content.similarity)[rated]
        regression = ContentRegression.fit(features, factorisation.items[rated], counts, content)
        order = np.random.default_rng(self.config.seed).random(len(dataset.items))[rated]

        def shrunk(
            fitted: Factorisation, ratings: NDArray[np.bool_]
        ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
            """The items' side, shrunk towards out-of-fold predictions, and these predictions."""
            expected = np.zeros_like(fitted.items)
            expected[rated] = predict_out_of_fold(features, fitted.items[rated], fitted.counts[rated], order, content)
            return fitted.with_items_shrunk_to(expected, dataset, ratings).items[rated], expected[rated]

        values, as_new = shrunk(factorisation, training)
        index = rows.fields[ID_FIELD][torch.from_numpy(rated)].cpu()
        self.known[index] = _tensor(values).to(self.known)
        self.as_new[index] = _tensor(as_new).to(self.known)
        self.prediction_error.copy_(_tensor((values - as_new).std(axis=0)))
        self.counts[index] = _tensor(counts).to(self.known)
        # Inputs from many ratings do not reveal a single one. Aligning the factors of a fold would only add an error.
        many = counts > self.config.few_ratings
        for fold in range(USER_FOLDS):
            others = training & (fold_of(dataset.ratings.users) != fold)
            fitted = factorise(dataset, others, self.config.factorisation).aligned_to(factorisation)
            fold_values = np.where(many[:, None], values, shrunk(fitted, others)[0])
            fold_counts = np.where(many, counts, fitted.counts[rated])
            self.out_of_fold[fold, index] = _tensor(fold_values).to(self.known)
            self.out_of_fold_counts[fold, index] = _tensor(fold_counts).to(self.known)
        self.coefficients.copy_(_tensor(regression.coefficients))
        self.intercepts.copy_(_tensor(regression.intercepts))
        if self.component_width:
            self.projection.copy_(_tensor(principal_directions(features, self.component_width)))
            self.components[index] = self._project(rows.take(torch.from_numpy(rated).to(rows.fields[ID_FIELD].device)))

    def forward(self, rows: EncodedRows, out_of_fold: OutOfFold | None = None) -> ItemInputs:
        """The inputs of known items from the buffers, and the predicted inputs of new items.

        Args:
            rows: The items.
            out_of_fold: In training, the inputs to use; None otherwise. Training episodes have no new items; the inputs
                of one would be 0.
        """
        index = rows.fields[ID_FIELD]
        if out_of_fold is None:
            values, counts = self.known[index], self.counts[index]
        elif out_of_fold.as_new:
            values, counts = self.as_new[index], torch.zeros_like(self.counts[index])
        else:
            fold = out_of_fold.fold
            values, counts = self.out_of_fold[fold, index], self.out_of_fold_counts[fold, index]
        components = self.components[index]
        new = index == UNKNOWN
        # In training all items are known. A GPU would have to wait for the answer.
        if out_of_fold is None and new.any():
            new_rows = rows.take(new.nonzero()[:, 0])
            values[new] = self._predict(new_rows)
            components[new] = self._project(new_rows)
            counts = counts * ~new
        biases = values[:, 0]
        if out_of_fold is not None and out_of_fold.as_new:
            noise = torch.randn(values.shape, generator=out_of_fold.generator, device=out_of_fold.generator.device).to(
                values
            )
            values = values + self.config.new_item_noise * self.prediction_error * noise
        inputs = torch.cat(
            [
                values[:, :1],
                values[:, 1:] * self.config.factor_scale,
                torch.log1p(counts).unsqueeze(-1) * self.config.count_scale,
                (counts > 0).unsqueeze(-1),
            ],
            dim=-1,
        )
        return ItemInputs(biases, counts, inputs, components)

    def _predict(self, rows: EncodedRows) -> Tensor:
        """Biases and factors predicted from the attributes; those of the mean item if the items have no fields."""
        product = similarity_product(self._fields, rows, self.coefficients, self.config.content.similarity)
        return (product + self.intercepts.cpu()).to(self.known)

    def _project(self, rows: EncodedRows) -> Tensor:
        """Principal components of the attributes, of length 1; 0 without known attributes."""
        product = similarity_product(self._fields, rows, self.projection, self.config.content.similarity)
        return F.normalize(product.float(), dim=1).to(self.projection)


def _tensor(values: NDArray[np.number]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
