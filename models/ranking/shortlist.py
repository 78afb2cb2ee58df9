"""Choosing the items of a large catalogue that are scored exactly for a user (docs/decisions/0007)."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.artifact import TrainedModel
from models.data.rating_scale import RatingScale
from models.inputs.rows import TensorRows
from models.learners.base import AnyScoringModel, ItemScorer, Support

_LANDMARKS = 64
"""Landmark users. More of them cost time and memory when a catalogue is built, and hardly raise the recall."""

_MAX_RATINGS = 80
"""Most ratings of a landmark user. They have from 1 to 80 ratings, like the users in training."""

_DIMENSIONS = 24
"""Principal components of the scores. With more, the recall hardly grows and a scan takes longer
(docs/results/speed.md)."""

_SAMPLE = 2048
"""Items that are scored exactly for every user, to fit the user's weights. It bounds the time of a request."""

_THRESHOLD_SAMPLE = 16_384
"""Items whose proxies give the threshold. It bounds the time: sorting all proxies would take most of a request."""

_SHARE = 0.002
"""Least size of a shortlist as a share of all items. Size is time against recall (docs/results/speed.md)."""

_MIN_ITEMS = 1_000
"""Least size of a shortlist."""

_TIMES = 10
"""Least size of a shortlist as a multiple of the items that are wanted."""

_SCORED_AT_ONCE = 32_768
"""Items that are scored at once, which bounds the memory."""

_SEED = 0
"""Seed of the landmark users and of the samples. It is fixed, so that a model always has the same shortlists."""


class ScoreSpace:
    """Features of items in which the scores of any user are nearly linear.

    Landmark users are made-up users, adapted to random ratings. An item's features are the first principal components
    of the scores that the landmark users give it. The scores of other users are nearly linear in these, for any
    learner, because a user's model is a small change of one global model. (Cf. landmarks of the Nyström method,
    Williams & Seeger, NIPS 2000.)
    """

    def __init__(
        self, model: TrainedModel, scoring: AnyScoringModel, vectors: TensorRows, counts: NDArray[np.int64]
    ) -> None:
        """Adapt the landmark users, and find the components.

        Args:
            model: The model.
            scoring: The part of it that scores.
            vectors: [items], embedded by that; at least one item.
            counts: int64 [items], the number of training ratings of each item. Landmark users rate items in
                proportion to it.
        """
        generator = np.random.default_rng(_SEED)
        fields = model.manifest.user_encoder.fields
        attributes = [{field.name: field.plausible_value(generator) for field in fields} for _ in range(_LANDMARKS)]
        shape = _LANDMARKS, _MAX_RATINGS
        rated = generator.choice(len(vectors), size=shape, p=(counts + 1) / (counts + 1).sum())
        scale, kinds = model.schema.rating_scale, len(model.schema.kinds)
        drawn: NDArray[Any] = (
            generator.integers(kinds, size=shape) if scale is None else _random_ratings(scale, shape, generator)
        )
        sizes = np.exp(generator.uniform(0, np.log(_MAX_RATINGS), size=_LANDMARKS))
        self._users = scoring.embed_users(model.manifest.user_encoder.encode_values(attributes).to(model.device))
        items = vectors.take(torch.from_numpy(rated).to(vectors.device))
        mask = torch.from_numpy(np.arange(_MAX_RATINGS) < sizes[:, None]).to(model.device)
        values = torch.from_numpy(drawn).to(model.device)
        if scale is None:
            support = Support(
                self._users,
                items,
                ratings=torch.zeros(shape, device=model.device),
                mask=torch.zeros_like(mask),
                interaction_items=items,
                interaction_kinds=values,
                interaction_mask=mask,
            )
        else:
            support = Support(self._users, items, values.float(), mask)
        self._adapted = scoring.adapt(support)
        sample = torch.from_numpy(generator.choice(len(vectors), size=min(_SAMPLE, len(vectors)), replace=False))
        scores = scoring.prepare(vectors[sample]).scores(self._adapted, self._users).T
        self._mean = scores.mean(dim=0)
        _, components = torch.linalg.eigh((scores - self._mean).T @ (scores - self._mean))
        self._components = components[:, -_DIMENSIONS:]

    def features(self, scorer: ItemScorer[Any, Any], count: int) -> Tensor:
        """A constant and the components of each of `count` items; float32 [1 + dimensions, items].

        In this order a product with a user's weights is twice as fast as with one item after the other.
        """
        features = self._mean.new_ones(1 + self._components.shape[1], count)
        for start in range(0, count, _SCORED_AT_ONCE):
            rows = torch.arange(start, min(start + _SCORED_AT_ONCE, count), device=self._mean.device)
            scores = scorer.scores(self._adapted, self._users, rows)
            features[1:, rows] = self._components.T @ (scores - self._mean.unsqueeze(1))
        return features


def _random_ratings(scale: RatingScale, shape: tuple[int, int], generator: np.random.Generator) -> NDArray[np.float64]:
    """Ratings that are all equally probable."""
    if scale.step is None:
        return generator.uniform(scale.minimum, scale.maximum, size=shape)
    return scale.rating_of(generator.integers(scale.level_count, size=shape))


class Shortlist:
    """Chooses the items that may be among a user's best, by a linear proxy of the user's scores.

    The weights of the proxy are fitted by least squares to the user's scores of a fixed sample of items. The proxy of
    all items is then one matrix-vector product.
    """

    def __init__(self, scoring: AnyScoringModel, vectors: TensorRows, space: ScoreSpace, features: Tensor) -> None:
        """Draw the samples.

        Args:
            scoring: The model that scores.
            vectors: [items], embedded by it.
            space: The space of the features.
            features: float32 [1 + dimensions, items].
        """
        self.space = space
        self.features = features
        generator, count = np.random.default_rng(_SEED), len(vectors)
        self._drawn = generator.choice(count, size=min(_THRESHOLD_SAMPLE, count), replace=False)
        sample = torch.from_numpy(self._drawn[:_SAMPLE]).to(features.device)
        self._sample: ItemScorer[Any, Any] = scoring.prepare(vectors[sample])
        self._inverse = torch.linalg.pinv(features[:, sample])

    def rows(
        self,
        adapted: object,
        users: TensorRows,
        allowed: NDArray[np.bool_],
        n: int,
        added: NDArray[np.float32] | None = None,
    ) -> NDArray[np.int64]:
        """The allowed items that are scored exactly.

        Args:
            adapted: What the model's `adapt` returned for one user.
            users: [1], embedded.
            allowed: bool [items].
            n: How many of the best items are wanted.
            added: float32 [items], what rules and a draw add to the scores; None for nothing.

        Returns:
            Rising rows: at least n of them, or all allowed rows if there are fewer. They have the items that may be the
            best with `added` and those that may be without it. So a rule may raise any number of items, and hardly
            changes P(choose), which compares an item with the others.
        """
        weights = self._sample.scores(adapted, users)[0] @ self._inverse
        proxies = (weights @ self.features).cpu().numpy()
        proxies[~allowed] = -np.inf
        best = self._highest(proxies, n)
        if added is not None:
            proxies += added
            best |= self._highest(proxies, n)
        rows = np.flatnonzero(best & allowed)
        return rows if len(rows) >= n else np.flatnonzero(allowed)

    def _highest(self, proxies: NDArray[np.float32], n: int) -> NDArray[np.bool_]:
        """Bool [items], about as many items with the highest proxies as a list of n items needs."""
        drawn = proxies[self._drawn]
        wanted = max(_MIN_ITEMS, _TIMES * n, int(_SHARE * len(proxies)))
        place = max(0, len(drawn) - max(1, wanted * len(drawn) // len(proxies)))
        return np.asarray(proxies >= np.partition(drawn, place)[place])
