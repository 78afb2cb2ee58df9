"""A learner's predictions for batches of episodes: embed each distinct user and item once, adapt, predict."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.data.episodes import EpisodeBatch
from models.inputs.collaborative_inputs import TrainingView
from models.inputs.features import ID_FIELD, EncodedRows, FeatureEncoder
from models.learners.base import Learner, Support
from models.learners.heads.base import Predictions

_ALL = slice(None)


@dataclass(frozen=True)
class FieldDropout:
    """Makes fields unknown at random while training, so that the unknown values are learned too.

    Attributes:
        user_encoder: Of the users.
        item_encoder: Of the items.
        probability: Of each field of each user and item.
        keep_item_ids: Whether items keep their ids, by which collaborative inputs are looked up: items pretend to be
            new all together then, not one by one.
        generator: Draws.
    """

    user_encoder: FeatureEncoder
    item_encoder: FeatureEncoder
    probability: float
    keep_item_ids: bool
    generator: torch.Generator

    def users(self, rows: EncodedRows) -> EncodedRows:
        """Users with some fields unknown."""
        return self.user_encoder.drop_fields(rows, self.probability, self.generator)

    def items(self, rows: EncodedRows) -> EncodedRows:
        """Items with some fields unknown."""
        keep = ID_FIELD if self.keep_item_ids else None
        return self.item_encoder.drop_fields(rows, self.probability, self.generator, keep=keep)


@dataclass(frozen=True)
class EncodedData:
    """A data set's users and items, encoded and on the learner's device; rows are those of the tables."""

    users: EncodedRows
    items: EncodedRows
    device: torch.device

    def tensor(self, array: NDArray[np.generic]) -> Tensor:
        """An array of a batch as a tensor on the device; integers become int64, as indexing wants them."""
        tensor = torch.from_numpy(array)
        if self.device.type == "cuda":
            # From other memory a copy is never asynchronous.
            tensor = tensor.pin_memory()
        tensor = tensor.to(self.device, non_blocking=True)
        return tensor.long() if tensor.dtype is torch.int32 else tensor


@dataclass(frozen=True)
class AdaptedEpisodes:
    """Episodes after the local update, ready to be predicted or judged.

    Attributes:
        adapted: What the learner's `adapt` returned.
        users: float32 [B, user width], embedded.
        query_items: float32 [B, Q, item width], embedded.
    """

    adapted: Any
    users: Tensor
    query_items: Tensor

    def predictions(self, learner: Learner[Any]) -> Predictions:
        """Predict the query sets; anything where there is padding."""
        return learner.predict(self.adapted, self.users, self.query_items)

    def query_losses(self, learner: Learner[Any], ratings: Tensor, mask: Tensor) -> Tensor:
        """Each user's query loss `L'_i = 1/|H'_i| Σ_j loss(y_ij, ŷ_ij)` (MeLU, eq. 5); float32 [B].

        Args:
            learner: The learner that has adapted.
            ratings: float32 [B, Q].
            mask: bool [B, Q]; every user has at least one rating.
        """
        losses = learner.loss(self.adapted, self.users, self.query_items, ratings)
        return (losses * mask).sum(dim=1) / mask.sum(dim=1)


@dataclass(frozen=True)
class _EmbeddedEpisodes:
    """A batch of episodes before the local update: each distinct item is embedded once.

    Attributes:
        users: float32 [B, user width].
        items: float32 [distinct items, item width].
        support_slots: int64 [B, S], rows of `items`.
        support_ratings: float32 [B, S].
        support_mask: bool [B, S].
        query_slots: int64 [B, Q].
    """

    users: Tensor
    items: Tensor
    support_slots: Tensor
    support_ratings: Tensor
    support_mask: Tensor
    query_slots: Tensor

    def adapt(
        self, learner: Learner[Any], *, steps: int | None = None, rows: slice = _ALL, support_size: int | None = None
    ) -> AdaptedEpisodes:
        """Adapt to the support sets of some of the episodes, of which none is larger than `support_size`."""
        part = rows, slice(support_size)
        support = Support(
            users=self.users[rows],
            items=self._vectors(self.support_slots[part]),
            ratings=self.support_ratings[part],
            mask=self.support_mask[part],
        )
        return AdaptedEpisodes(
            learner.adapt(support, steps=steps), support.users, self._vectors(self.query_slots[rows])
        )

    def _vectors(self, slots: Tensor) -> Tensor:
        # Much faster than indexing with two dimensions, forward and backward.
        return self.items.index_select(0, slots.flatten()).view(*slots.shape, self.items.shape[1])


def _embed(
    learner: Learner[Any],
    data: EncodedData,
    batch: EpisodeBatch,
    *,
    dropout: FieldDropout | None,
    training: TrainingView | None,
) -> _EmbeddedEpisodes:
    # Found by numpy, because a GPU would have to wait for how many there are.
    item_slots = np.concatenate([batch.support_items, batch.query_items], axis=1)
    distinct, inverse = np.unique(item_slots, return_inverse=True)
    slots = data.tensor(inverse.reshape(item_slots.shape))
    users, items = data.users.take(data.tensor(batch.users)), data.items.take(data.tensor(distinct))
    if dropout is not None:
        users, items = dropout.users(users), dropout.items(items)
    support_size = batch.support_items.shape[1]
    return _EmbeddedEpisodes(
        users=learner.embed_users(users),
        items=learner.embed_items(items, training=training),
        support_slots=slots[:, :support_size],
        support_ratings=data.tensor(batch.support_ratings),
        support_mask=data.tensor(batch.support_mask),
        query_slots=slots[:, support_size:],
    )


def adapt_to_episodes(
    learner: Learner[Any],
    data: EncodedData,
    batch: EpisodeBatch,
    *,
    steps: int | None = None,
    dropout: FieldDropout | None = None,
    training: TrainingView | None = None,
) -> AdaptedEpisodes:
    """Embed a batch and adapt to each episode's support set.

    Args:
        learner: The learner.
        data: Where the batch's users and items are.
        batch: B episodes.
        steps: Local steps instead of the preset's; 0 for no adaptation.
        dropout: What corrupts the attributes, in training.
        training: In training, how the items are to be seen.
    """
    return _embed(learner, data, batch, dropout=dropout, training=training).adapt(learner, steps=steps)


def predict_episodes(
    learner: Learner[Any], data: EncodedData, batch: EpisodeBatch, *, steps: int | None = None
) -> Predictions:
    """Adapt to each episode's support set and predict its query set; anything where there is padding."""
    return adapt_to_episodes(learner, data, batch, steps=steps).predictions(learner)


def query_losses(
    learner: Learner[Any],
    data: EncodedData,
    batch: EpisodeBatch,
    *,
    dropout: FieldDropout | None = None,
    training: TrainingView | None = None,
) -> Tensor:
    """Adapt to each episode's support set and say how wrong its query set is predicted; float32 [B].

    The batch is embedded at once and adapted to in parts (`EpisodeBatch.parts`), which changes nothing but the time.
    Arguments are those of `adapt_to_episodes`.
    """
    embedded = _embed(learner, data, batch, dropout=dropout, training=training)
    ratings, mask = data.tensor(batch.query_ratings), data.tensor(batch.query_mask)
    losses = [
        embedded.adapt(learner, rows=rows, support_size=size).query_losses(learner, ratings[rows], mask[rows])
        for rows, size in batch.parts()
    ]
    return torch.cat(losses)
