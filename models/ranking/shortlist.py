"""Which items of a large catalogue are worth scoring exactly for a user."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.artifact import TrainedModel
from models.inputs.rows import TensorRows
from models.learners.base import ItemScorer, Support

_LANDMARKS = 64
_MAX_RATINGS = 80
"""Landmark users, who have rated from 1 to 80 items, as users in training have."""

_DIMENSIONS = 24
"""Principal components kept: with more, recall hardly grows and the scan takes longer (docs/results/speed.md)."""

_SAMPLE = 2048
"""Items that are scored exactly for every user, to find the user's weights."""

_THRESHOLD_SAMPLE = 16_384
"""Items whose proxies give the threshold. Sorting all proxies would take longer than everything else."""

_SHARE = 0.002
_MIN_ITEMS = 1_000
_TIMES = 10
"""Size of a shortlist: this share of all items, but at least 1,000, and ten times the items that are wanted."""

_SCORED_AT_ONCE = 32_768
"""Items, which bounds the memory."""

_SEED = 0
"""Of the landmark users and the samples: the same model always has the same shortlists."""


class ScoreSpace:
    """Features of items in which the scores of any user are nearly linear.

    The scores that some landmark users, adapted to random ratings, give an item say nearly all that a model can
    distinguish about it for ranking; a few principal components of them keep that. This holds for whatever learner, as
    users' models are small changes of one global model. (Cf. landmarks of the Nyström method, Williams & Seeger, NIPS
    2000.)
    """

    def __init__(self, model: TrainedModel, vectors: TensorRows, counts: NDArray[np.int64]) -> None:
        """Adapt the landmark users, and find the components.

        Args:
            model: The model.
            vectors: [items], embedded; at least one item.
            counts: int64 [items], training ratings of each: what landmark users rate is drawn in proportion.
        """
        generator = np.random.default_rng(_SEED)
        learner, scale = model.learner, model.schema.rating_scale
        fields = model.manifest.user_encoder.fields
        attributes = [{field.name: field.plausible_value(generator) for field in fields} for _ in range(_LANDMARKS)]
        shape = _LANDMARKS, _MAX_RATINGS
        rated = generator.choice(len(vectors), size=shape, p=(counts + 1) / (counts + 1).sum())
        levels = generator.integers(scale.level_count, size=shape)
        sizes = np.exp(generator.uniform(0, np.log(_MAX_RATINGS), size=_LANDMARKS))
        ratings = scale.rating_of(levels).astype(np.float32)
        self._users = learner.embed_users(model.manifest.user_encoder.encode_values(attributes).to(model.device))
        self._adapted = learner.adapt(
            Support(
                users=self._users,
                items=vectors.take(torch.from_numpy(rated).to(vectors.device)),
                ratings=torch.from_numpy(ratings).to(model.device),
                mask=torch.from_numpy(np.arange(_MAX_RATINGS) < sizes[:, None]).to(model.device),
            )
        )
        sample = torch.from_numpy(generator.choice(len(vectors), size=min(_SAMPLE, len(vectors)), replace=False))
        scores = learner.prepare(vectors[sample]).scores(self._adapted, self._users).T
        self._mean = scores.mean(dim=0)
        _, components = torch.linalg.eigh((scores - self._mean).T @ (scores - self._mean))
        self._components = components[:, -_DIMENSIONS:]

    def features(self, scorer: ItemScorer[Any, Any], count: int) -> Tensor:
        """A constant and the components of each of `count` items; float32 [1 + dimensions, items].

        One component after the other, a product with a user's weights reads them twice as fast as one item after the
        other.
        """
        features = self._mean.new_ones(1 + self._components.shape[1], count)
        for start in range(0, count, _SCORED_AT_ONCE):
            rows = torch.arange(start, min(start + _SCORED_AT_ONCE, count), device=self._mean.device)
            scores = scorer.scores(self._adapted, self._users, rows)
            features[1:, rows] = self._components.T @ (scores - self._mean.unsqueeze(1))
        return features


class Shortlist:
    """Chooses the items that may be a user's best, by a linear proxy of the user's scores.

    The user's scores of a fixed sample of items give the weights of the proxy by least squares; the proxy, one
    matrix-vector product, then goes through all items.
    """

    def __init__(self, model: TrainedModel, vectors: TensorRows, space: ScoreSpace, features: Tensor) -> None:
        """Draw the samples.

        Args:
            model: The model.
            vectors: [items], embedded.
            space: Where the features are from.
            features: float32 [1 + dimensions, items].
        """
        self.space = space
        self.features = features
        generator, count = np.random.default_rng(_SEED), len(vectors)
        self._drawn = generator.choice(count, size=min(_THRESHOLD_SAMPLE, count), replace=False)
        sample = torch.from_numpy(self._drawn[:_SAMPLE]).to(features.device)
        self._sample: ItemScorer[Any, Any] = model.learner.prepare(vectors[sample])
        self._inverse = torch.linalg.pinv(features[:, sample])

    def rows(self, adapted: object, users: TensorRows, allowed: NDArray[np.bool_], n: int) -> NDArray[np.int64]:
        """The allowed items worth scoring exactly.

        Args:
            adapted: What the learner's `adapt` returned for one user.
            users: [1], embedded.
            allowed: bool [items].
            n: How many of the best are wanted.

        Returns:
            Rising rows, at least n or all that are allowed.
        """
        weights = self._sample.scores(adapted, users)[0] @ self._inverse
        proxies = (weights @ self.features).cpu().numpy()
        proxies[~allowed] = -np.inf
        drawn = proxies[self._drawn]
        wanted = max(_MIN_ITEMS, _TIMES * n, int(_SHARE * len(proxies)))
        place = max(0, len(drawn) - max(1, wanted * len(drawn) // len(proxies)))
        rows = np.flatnonzero((proxies >= np.partition(drawn, place)[place]) & allowed)
        return rows if len(rows) >= n else np.flatnonzero(allowed)
