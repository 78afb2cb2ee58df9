"""The list for a visitor of whom nothing is known."""

from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from models.inputs.encoder import ID_FIELD
from models.inputs.similarity import attribute_cosines
from models.ranking.best import best_places
from models.ranking.catalogue import Catalogue

_PRIOR_COUNT = 20.0
"""Ratings at which an item's prediction counts half: before what backs it, and before the ratings since training."""

_DIVERSITY = 0.125
"""What an item loses that is just like one above it, as a share of the rating scale's length."""

_POOL = 10
"""The list is chosen from so many times its length of the best items."""


class PopularList:
    """Liked, popular and unlike each other: greedy maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998).

    Predictions are drawn towards what has been collected since training, where there is much of that, and towards the
    mean rating where few ratings back them; then each place goes to the item with
    the highest score less its greatest similarity (cosine of the attributes) to those above.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._model = catalogue.model

    def rows(self, allowed: NDArray[np.bool_], n: int) -> NDArray[np.int64]:
        """At most n rows of those that are allowed (bool [rows]), best first."""
        rows = np.flatnonzero(allowed)
        backed = self._backed_scores[rows]
        best = best_places(backed, self._catalogue.counts[rows], _POOL * n)
        pool, remaining = rows[best], backed[best]
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
    def _backed_scores(self) -> NDArray[np.float64]:
        """Of every row; they are the same for all of whom nothing is known."""
        catalogue, counts = self._catalogue, self._catalogue.counts
        user, adapted = catalogue.nobody
        with torch.inference_mode():
            scores = catalogue.scores(adapted, user, np.arange(len(catalogue)))[0].cpu().numpy()
        since = catalogue.statistics["collected_count"].to_numpy()
        means = catalogue.statistics["collected_mean"].fill_null(0.0).to_numpy()
        scores = (_PRIOR_COUNT * scores + since * means) / (_PRIOR_COUNT + since)
        mean = self._model.manifest.data.mean_rating
        return np.asarray(mean + (scores - mean) * counts / (counts + _PRIOR_COUNT))

    def _attribute_similarities(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Cosines of the attributes of some items; float64 [rows, rows], in [0, 1]."""
        encoder = self._model.manifest.item_encoder
        fields = tuple(field for field in encoder.fields if field.name != ID_FIELD)
        return attribute_cosines(fields, encoder.encode(self._catalogue.attributes(rows))).numpy()
