"""A batch of training episodes of which each worker adapts to its share."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.data.episodes import parts_of
from models.inputs.rows import TensorRows
from models.learners.base import Support
from models.learners.episode_predictions import AdaptedEpisodes, EmbeddedEpisodes
from models.workers import Share


@dataclass(frozen=True)
class SharedEpisodes:
    """An `OuterBatch`: this worker adapts to its share of the users, and what is known of each user is put together.

    Every worker embeds all items of the batch, so that it draws the same numbers as the others.

    Attributes:
        own: The episodes of the share.
        share: Which users they are.
        weights: float32 [B], how much the mean query loss of each of all users counts.
    """

    own: EmbeddedEpisodes
    share: Share
    weights: Tensor

    @classmethod
    def of(cls, episodes: EmbeddedEpisodes, sizes: NDArray[np.int64], share: Share) -> Self:
        """The share of a batch that was embedded; its support sizes are int64 [B]."""
        parts = parts_of(sizes[share.rows])
        return cls(episodes.only(share.rows, parts), share, episodes.weights)

    @property
    def own_shares(self) -> Tensor:
        """The share that each user of this worker has in the weights of all users."""
        return self.own.weights / self.weights.sum() * self.share.counts

    def adapt(self, *, steps: int | None = None) -> AdaptedEpisodes:
        """Adapt to the support sets of the users of this worker."""
        return self.own.adapt(steps=steps)

    def all_ratings(self) -> Support[TensorRows, TensorRows]:
        """The support and the query ratings of each user of this worker as one support set."""
        return self.own.all_ratings()

    def query_losses(self, *, steps: int | None = None) -> Tensor:
        """Each user's mean query loss after the local update; float32 [B]."""
        return self.share.of_all(self.own.query_losses(steps=steps))

    def support_losses(self, *, steps: int | None = None) -> Tensor:
        """Each user's mean support loss after `steps` local steps; float32 [B], 0 for an empty support set."""
        return self.share.of_all(self.own.support_losses(steps=steps))

    @property
    def has_support(self) -> Tensor:
        """Which users have a support loss; bool [B]."""
        return self.share.of_all(self.own.has_support.float()).bool()

    def query_entropies(self, *, steps: int | None = None) -> Tensor:
        """Each user's mean entropy of the distributions predicted for the query set, in nats; float32 [B]."""
        return self.share.of_all(self.own.query_entropies(steps=steps))
