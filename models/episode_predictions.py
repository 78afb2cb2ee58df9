"""A learner's predictions for batches of episodes: embed each distinct user and item once, adapt, predict."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.data.episodes import EpisodeBatch
from models.features import EncodedRows, FeatureEncoder
from models.learner import Learner, Support


@dataclass(frozen=True)
class FieldDropout:
    """Makes fields unknown at random while training, so that the unknown values are learned too."""

    user_encoder: FeatureEncoder
    item_encoder: FeatureEncoder
    probability: float
    generator: torch.Generator

    def users(self, rows: EncodedRows) -> EncodedRows:
        """Users with some fields unknown."""
        return self.user_encoder.drop_fields(rows, self.probability, self.generator)

    def items(self, rows: EncodedRows) -> EncodedRows:
        """Items with some fields unknown."""
        return self.item_encoder.drop_fields(rows, self.probability, self.generator)


@dataclass(frozen=True)
class EncodedData:
    """A data set's users and items, encoded and on the learner's device; rows are those of the tables."""

    users: EncodedRows
    items: EncodedRows
    device: torch.device

    def tensor(self, array: NDArray[np.generic]) -> Tensor:
        """An array of a batch as a tensor on the device; integers become int64, as indexing wants them."""
        tensor = torch.from_numpy(array).to(self.device, non_blocking=True)
        return tensor.long() if tensor.dtype is torch.int32 else tensor


def predict_episodes(
    learner: Learner[Any],
    data: EncodedData,
    batch: EpisodeBatch,
    *,
    steps: int | None = None,
    dropout: FieldDropout | None = None,
) -> Tensor:
    """Adapt to each episode's support set and predict its query set.

    Args:
        learner: The learner.
        data: Where the batch's users and items are.
        batch: B episodes.
        steps: Local steps instead of the preset's; 0 for no adaptation.
        dropout: What corrupts the attributes, in training.

    Returns:
        float32 [B, Q] expected ratings, not clipped; anything where there is padding.
    """
    support_size = batch.support_items.shape[1]
    item_slots = data.tensor(np.concatenate([batch.support_items, batch.query_items], axis=1))
    distinct, slots = torch.unique(item_slots, return_inverse=True)
    users, items = data.users.take(data.tensor(batch.users)), data.items.take(distinct)
    if dropout is not None:
        users, items = dropout.users(users), dropout.items(items)
    user_vectors, item_vectors = learner.embed_users(users), learner.embed_items(items)[slots]
    support = Support(
        users=user_vectors,
        items=item_vectors[:, :support_size],
        ratings=data.tensor(batch.support_ratings),
        mask=data.tensor(batch.support_mask),
    )
    adapted = learner.adapt(support, steps=steps)
    return learner.predict(adapted, user_vectors, item_vectors[:, support_size:])
