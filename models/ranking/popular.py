"""The list for an unknown user, who has no ratings and no known attributes."""

from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from models.inputs.encoder import ID_FIELD
from models.inputs.similarity import attribute_cosines
from models.ranking.best import best_places
from models.ranking.catalogue import Catalogue
from models.ranking.query import RankBy

_PRIOR_COUNT = 20.0
"""Number of an item's ratings at which its prediction counts half, against the mean rating and against the mean of the
ratings made since training. It shapes the list for unknown users only, and no model."""

_DIVERSITY = 0.125
"""Penalty of an item that equals an item above it, as a share of the rating scale's length. It shapes the list for
unknown users only, and no model."""

_POOL = 10
"""The list is chosen from the best items, this many times its length. It bounds the memory for their similarities."""


class PopularList:
    """A diverse list of popular, well-rated items: maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998).

    A score is first averaged with the item's ratings made since training. Then it is shrunk towards the mean rating,
    because few ratings support it little. Each place of the list goes to the item with the highest shrunk score, minus
    a penalty for its greatest similarity (cosine of the attributes) to an item above.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._model = catalogue.model

    def rows(self, allowed: NDArray[np.bool_], n: int) -> NDArray[np.int64]:
        """At most n of the allowed rows (bool [rows]), best first."""
        rows = np.flatnonzero(allowed)
        scores = self._shrunk_scores[rows]
        best = best_places(scores, self._catalogue.counts[rows], _POOL * n)
        pool, remaining = rows[best], scores[best]
        similarities = self._attribute_similarities(pool)
        scale = self._model.schema.rating_scale
        penalty = _DIVERSITY * (scale.maximum - scale.minimum)
        closest = np.full(len(pool), -np.inf)
        chosen: list[int] = []
        for _ in range(min(n, len(pool))):
            place = int(np.argmax(remaining - penalty * np.maximum(closest, 0.0)))
            chosen.append(place)
            remaining[place] = -np.inf
            closest = np.maximum(closest, similarities[place])
        return pool[chosen]

    @cached_property
    def _shrunk_scores(self) -> NDArray[np.float64]:
        """The shrunk score of every row, the same for all unknown users; float64 [rows]."""
        catalogue, counts = self._catalogue, self._catalogue.counts
        user, adapted = catalogue.unknown_user
        with torch.inference_mode():
            scores = catalogue.scores(RankBy.RATING, adapted, user, np.arange(len(catalogue)))[0].cpu().numpy()
        new_counts = catalogue.statistics["new_rating_count"].to_numpy()
        new_means = catalogue.statistics["new_rating_mean"].fill_null(0.0).to_numpy()
        scores = (_PRIOR_COUNT * scores + new_counts * new_means) / (_PRIOR_COUNT + new_counts)
        mean = self._model.manifest.data.mean_rating
        return np.asarray(mean + (scores - mean) * counts / (counts + _PRIOR_COUNT))

    def _attribute_similarities(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """The attribute cosines of some items; float64 [rows, rows], in [0, 1]."""
        encoder = self._model.manifest.item_encoder
        fields = tuple(field for field in encoder.fields if field.name != ID_FIELD)
        return attribute_cosines(fields, encoder.encode(self._catalogue.attributes(rows))).numpy()
