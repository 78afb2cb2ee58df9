"""A learner on batches of episodes: embed each distinct user and item once, adapt, predict."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.data.episodes import EpisodeBatch
from models.data.user_folds import trains_combinations
from models.inputs.collaborative_inputs import OutOfFold
from models.inputs.encoder import ID_FIELD, EncodedRows, FeatureEncoder
from models.inputs.rows import TensorRows
from models.learners.base import AnyLearner, Support
from models.learners.heads.base import Predictions

_ALL = slice(None)

_SMALLEST_PROBABILITY = 1e-12
"""Probabilities are cut off here in an entropy, so that its gradient is finite."""


@dataclass(frozen=True)
class FieldDropout:
    """Makes fields unknown at random in training, so that the unknown values are learned too.

    Attributes:
        user_encoder: Encoded the users.
        item_encoder: Encoded the items.
        probability: Of each field of each user and item.
        keep_item_ids: Whether items keep their ids. Collaborative inputs are looked up by id, and items are treated as
            new all together, not one by one.
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
        """An array of a batch as a tensor on the device; integers become int64, which indexing needs."""
        tensor = torch.from_numpy(array)
        if self.device.type == "cuda":
            # Copies from other memory are never asynchronous.
            tensor = tensor.pin_memory()
        tensor = tensor.to(self.device, non_blocking=True)
        return tensor.long() if tensor.dtype is torch.int32 else tensor


@dataclass(frozen=True)
class EpisodeTensors:
    """A batch of B episodes as tensors on the learner's device.

    Attributes:
        users: int64 [B], rows of the users.
        items: int64 [slots], rows of the items that are embedded.
        support_slots: int64 [B, S], places in `items`.
        support_ratings: float32 [B, S].
        support_mask: bool [B, S], the ratings of the support sets. Interactions are left out, because learners predict
            from ratings.
        query_slots: int64 [B, Q], places in `items`.
        query_ratings: float32 [B, Q].
        query_mask: bool [B, Q]; every user has at least one rating.
        support_sizes: int64 [B], the support sizes, which the host knows.
        parts: Rows to adapt to together, and the size of their largest support set (`EpisodeBatch.parts`).
        support_times: int64 [B, S], or None without times.
        now: int64 [B], or None without times.
    """

    users: Tensor
    items: Tensor
    support_slots: Tensor
    support_ratings: Tensor
    support_mask: Tensor
    query_slots: Tensor
    query_ratings: Tensor
    query_mask: Tensor
    support_sizes: NDArray[np.int64]
    parts: list[tuple[slice, int]]
    support_times: Tensor | None
    now: Tensor | None

    @classmethod
    def of(cls, batch: EpisodeBatch, data: EncodedData) -> "EpisodeTensors":
        """Copy a batch to the device; each distinct item has one slot."""
        # numpy finds the distinct items, because a GPU would have to wait for their number.
        item_slots = np.concatenate([batch.support_items, batch.query_items], axis=1)
        distinct, inverse = np.unique(item_slots, return_inverse=True)
        slots = data.tensor(inverse.reshape(item_slots.shape))
        support_size, now = batch.support_items.shape[1], batch.now
        return cls(
            users=data.tensor(batch.users),
            items=data.tensor(distinct),
            support_slots=slots[:, :support_size],
            support_ratings=data.tensor(batch.support_ratings),
            support_mask=data.tensor(batch.support_rated),
            query_slots=slots[:, support_size:],
            query_ratings=data.tensor(batch.query_ratings),
            query_mask=data.tensor(batch.query_mask),
            support_sizes=batch.support_mask.sum(axis=1),
            parts=batch.parts(),
            support_times=None if batch.support_times is None else data.tensor(batch.support_times),
            now=None if now is None else data.tensor(now),
        )


@dataclass(frozen=True)
class AdaptedEpisodes:
    """Episodes after the local update.

    Attributes:
        learner: The learner that has adapted.
        adapted: What its `adapt` returned.
        users: [B], embedded.
        query_items: [B, Q], embedded.
    """

    learner: AnyLearner
    adapted: Any
    users: TensorRows
    query_items: TensorRows

    def predictions(self) -> Predictions:
        """Predictions of the query sets; any values where there is padding."""
        return self.learner.predict(self.adapted, self.users, self.query_items)

    def query_losses(self, ratings: Tensor, mask: Tensor) -> Tensor:
        """Each user's query loss `L'_i = 1/|H'_i| Σ_j loss(y_ij, ŷ_ij)` (MeLU, eq. 5); float32 [B].

        Args:
            ratings: float32 [B, Q].
            mask: bool [B, Q]; every user has at least one rating.
        """
        losses = self.learner.loss(self.adapted, self.users, self.query_items, ratings)
        return (losses * mask).sum(dim=1) / mask.sum(dim=1)

    def query_entropies(self, mask: Tensor) -> Tensor:
        """Each user's mean entropy of the distributions predicted for the query set, in nats; float32 [B].

        Args:
            mask: bool [B, Q]; every user has at least one rating.

        Raises:
            ValueError: The learner predicts no distributions.
        """
        distribution = self.predictions().distribution
        if distribution is None:
            raise ValueError("the learner predicts no distributions over the ratings, so there is no entropy")
        # Rounding may make a probability 0 or negative. There p ln p counts as 0, without a gradient.
        probabilities = distribution.probabilities.clamp(min=_SMALLEST_PROBABILITY)
        entropies = -(probabilities * probabilities.log()).sum(dim=-1)
        return (entropies * mask).sum(dim=1) / mask.sum(dim=1)


@dataclass(frozen=True)
class EmbeddedEpisodes:
    """A batch of B episodes before the local update; each distinct item is embedded once.

    Attributes:
        learner: The learner that has embedded them.
        users: [B], embedded.
        items: [distinct items], embedded.
        support_slots: int64 [B, S], rows of `items`.
        support_ratings: float32 [B, S].
        support_mask: bool [B, S].
        query_slots: int64 [B, Q], rows of `items`.
        query_ratings: float32 [B, Q].
        query_mask: bool [B, Q]; every user has at least one rating.
        parts: Rows to adapt to together, and the size of their largest support set (`EpisodeBatch.parts`).
        weights: float32 [B], how much each user's mean query loss counts in an outer update.
        support_times: int64 [B, S], or None without times.
        now: int64 [B], or None without times.
        trains_combinations: bool [B], as in `Support`; None outside training.
    """

    learner: AnyLearner
    users: TensorRows
    items: TensorRows
    support_slots: Tensor
    support_ratings: Tensor
    support_mask: Tensor
    query_slots: Tensor
    query_ratings: Tensor
    query_mask: Tensor
    parts: list[tuple[slice, int]]
    weights: Tensor
    support_times: Tensor | None
    now: Tensor | None
    trains_combinations: Tensor | None

    @property
    def own_shares(self) -> Tensor:
        """The share of each user in the weights of all; float32 [B]."""
        return self.weights / self.weights.sum()

    def only(self, rows: slice | NDArray[np.int64], parts: list[tuple[slice, int]]) -> "EmbeddedEpisodes":
        """Some of the episodes, with all items.

        Args:
            rows: Which episodes.
            parts: Of these episodes, as in the attribute.
        """

        def taken(values: Tensor | None) -> Tensor | None:
            return None if values is None else values[rows]

        return replace(
            self,
            users=self.users[rows],
            support_slots=self.support_slots[rows],
            support_ratings=self.support_ratings[rows],
            support_mask=self.support_mask[rows],
            query_slots=self.query_slots[rows],
            query_ratings=self.query_ratings[rows],
            query_mask=self.query_mask[rows],
            parts=parts,
            weights=self.weights[rows],
            support_times=taken(self.support_times),
            now=taken(self.now),
            trains_combinations=taken(self.trains_combinations),
        )

    def adapt(
        self, *, steps: int | None = None, rows: slice = _ALL, support_size: int | None = None
    ) -> AdaptedEpisodes:
        """Adapt to the support sets of some of the episodes.

        Args:
            steps: Local steps instead of the preset's; 0 for no adaptation.
            rows: Which of the episodes.
            support_size: Size of their largest support set; what lies beyond is padding.
        """
        part = rows, slice(support_size)
        users = self.users[rows]
        support = Support(
            users=users,
            items=self.items.take(self.support_slots[part]),
            ratings=self.support_ratings[part],
            mask=self.support_mask[part],
            times=None if self.support_times is None else self.support_times[part],
            now=None if self.now is None else self.now[rows],
            trains_combinations=None if self.trains_combinations is None else self.trains_combinations[rows],
        )
        adapted = self.learner.adapt(support, steps=steps)
        return AdaptedEpisodes(self.learner, adapted, users, self.items.take(self.query_slots[rows]))

    def all_ratings(self) -> Support[TensorRows, TensorRows]:
        """The support and the query ratings of each user as one support set, without times."""
        return Support(
            users=self.users,
            items=self.items.take(torch.cat([self.support_slots, self.query_slots], dim=1)),
            ratings=torch.cat([self.support_ratings, self.query_ratings], dim=1),
            mask=torch.cat([self.support_mask, self.query_mask], dim=1),
        )

    def query_losses(self, *, steps: int | None = None) -> Tensor:
        """Each user's mean query loss after the local update; float32 [B].

        The episodes are adapted to in parts, which changes nothing but the time.
        """
        losses = [
            self.adapt(steps=steps, rows=rows, support_size=size).query_losses(
                self.query_ratings[rows], self.query_mask[rows]
            )
            for rows, size in self.parts
        ]
        return torch.cat(losses)

    def query_entropies(self, *, steps: int | None = None) -> Tensor:
        """Each user's mean entropy of the distributions predicted for the query set, in nats; float32 [B].

        Raises:
            ValueError: The learner predicts no distributions.
        """
        entropies = [
            self.adapt(steps=steps, rows=rows, support_size=size).query_entropies(self.query_mask[rows])
            for rows, size in self.parts
        ]
        return torch.cat(entropies)

    @property
    def has_support(self) -> Tensor:
        """Which users have a support loss; bool [B]."""
        return self.support_mask.any(dim=1)

    def support_losses(self, *, steps: int | None = None) -> Tensor:
        """Each user's mean support loss after `steps` local steps; float32 [B], 0 for an empty support set."""
        episodes = self.adapt(steps=steps)
        items, mask = self.items.take(self.support_slots), self.support_mask
        losses = self.learner.loss(episodes.adapted, self.users, items, self.support_ratings)
        return (losses * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)


def embed_episodes(
    learner: AnyLearner,
    data: EncodedData,
    batch: EpisodeBatch | EpisodeTensors,
    *,
    weights: Tensor | None = None,
    dropout: FieldDropout | None = None,
    out_of_fold: OutOfFold | None = None,
) -> EmbeddedEpisodes:
    """Embed the users and items of a batch.

    Args:
        learner: The learner.
        data: The encoded users and items. The batch names their rows.
        batch: B episodes.
        weights: float32 [B], how much each user counts in an outer update; all the same by default.
        dropout: In training, makes fields unknown.
        out_of_fold: In training, the choice of the collaborative inputs; None otherwise.
    """
    tensors = EpisodeTensors.of(batch, data) if isinstance(batch, EpisodeBatch) else batch
    users, items = data.users.take(tensors.users), data.items.take(tensors.items)
    if dropout is not None:
        users, items = dropout.users(users), dropout.items(items)
    return EmbeddedEpisodes(
        learner=learner,
        users=learner.embed_users(users),
        items=learner.embed_items(items, out_of_fold=out_of_fold),
        support_slots=tensors.support_slots,
        support_ratings=tensors.support_ratings,
        support_mask=tensors.support_mask,
        query_slots=tensors.query_slots,
        query_ratings=tensors.query_ratings,
        query_mask=tensors.query_mask,
        parts=tensors.parts,
        weights=tensors.support_ratings.new_ones(len(tensors.users)) if weights is None else weights,
        support_times=tensors.support_times,
        now=tensors.now,
        trains_combinations=None if out_of_fold is None else trains_combinations(tensors.users),
    )


def predict_episodes(
    learner: AnyLearner, data: EncodedData, batch: EpisodeBatch, *, steps: int | None = None
) -> Predictions:
    """Adapt to each episode's support set and predict its query set; any values where there is padding."""
    return embed_episodes(learner, data, batch).adapt(steps=steps).predictions()
