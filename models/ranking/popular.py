"""The list for an unknown user, who has no ratings and no known attributes."""

import math
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from models.ranking.best import best_places
from models.ranking.catalogue import Catalogue
from models.ranking.diversity import diverse_places
from models.ranking.exploration import Exploration, draw_of
from models.ranking.liking import log_liking
from models.ranking.query import RankBy
from models.ranking.similarities import attribute_cosines

_PRIOR_COUNT = 20.0
"""Number of ratings made since training at which they count half, against the model's P(like). It shapes the list for
unknown users only, and no model."""

STRANGERS_DIVERSITY = math.log(1.5) / (1 + math.log(1.5))
"""The diversity of the list for unknown users, unless the query sets one. An item that equals an item above it comes
next only if it is 1.5 times as likely to be chosen and liked as an item that is unlike those above. It shapes no
model."""

_POOL = 10
"""The list is chosen from the items with the highest P(choose), this many times its length. It bounds the time, and the
memory for their similarities."""


class PopularList:
    """A diverse list (`diverse_places`) of what most people choose and like.

    An item's score is log P(choose) + log P(like) of the unknown user. Both follow the ratings made since
    training. The similarity of two items is the cosine of their attributes.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._model = catalogue.model

    def rows(
        self,
        allowed: NDArray[np.bool_],
        n: int,
        *,
        diversity: float = STRANGERS_DIVERSITY,
        added: NDArray[np.float32] | None = None,
        exploration: Exploration | None = None,
    ) -> NDArray[np.int64]:
        """At most n of the allowed rows, best first.

        Args:
            allowed: bool [rows].
            n: How many rows.
            diversity: As in `diverse_places`.
            added: float32 [rows], what is added to the score of each row; None for nothing.
            exploration: The draw that P(like) follows; None for no draw.
        """
        rows, counts = np.flatnonzero(allowed), self.catalogue.counts
        log_shares = self._log_shares if added is None else self._log_shares + added
        pool = rows[best_places(log_shares[rows], counts[rows], _POOL * n)]
        scores = log_shares[pool] + self._log_likes(pool, exploration)
        # So that equal scores are ordered by popularity.
        order = best_places(scores, counts[pool], len(pool))
        pool, scores = pool[order], scores[order]
        return pool[diverse_places(scores, attribute_cosines(self.catalogue, pool), n, diversity=diversity)]

    @cached_property
    def _log_shares(self) -> NDArray[np.float32]:
        """Log P(choose) of every row, up to a constant; float32 [rows]."""
        catalogue = self.catalogue
        with torch.inference_mode():
            user, adapted = catalogue.unknown_user
            logits = catalogue.scores(RankBy.CHOICE, adapted, user, np.arange(len(catalogue)))
        return np.asarray(logits[0].cpu().numpy())

    def _log_likes(self, rows: NDArray[np.int64], exploration: Exploration | None) -> NDArray[np.float64]:
        """Log P(like) of some rows, averaged with what the ratings made since training say; float64 [rows].

        0 from a model that predicts no ratings.

        The place of their mean on the scale, from 0 to 1, stands for the share of likes. It counts with every
        learner, because many learners ignore these ratings.
        """
        catalogue, learner = self.catalogue, self._model.learner
        if learner is None:
            return np.zeros(len(rows))
        scale = self._model.rating_scale
        with torch.inference_mode():
            user, adapted = catalogue.unknown_rater
            vectors, draw = catalogue.vectors(rows[None]), draw_of([exploration], rows[None], self._model.device)
            predictions = (
                learner.predict(adapted, user, vectors)
                if draw is None
                else learner.predict_drawn(adapted, user, vectors, draw)
            )
            likes = log_liking(predictions, scale)[0].exp().cpu().numpy().astype(np.float64)
        statistics = catalogue.statistics[rows]
        counts = statistics["new_rating_count"].to_numpy()
        means = statistics["new_rating_mean"].fill_null(scale.minimum).to_numpy()
        places = (means - scale.minimum) / (scale.maximum - scale.minimum)
        return np.asarray(np.log((_PRIOR_COUNT * likes + counts * places) / (_PRIOR_COUNT + counts)))
