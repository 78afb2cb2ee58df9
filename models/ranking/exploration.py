"""Exploration: lists by a draw from what is believed of each item, so that new items get a chance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.learners.heads.base import Draw
from models.ranking.catalogue import Catalogue
from models.ranking.query import RankBy, RankingQuery

_LEAST_DRAW = 1e-30
"""Numerical tolerance: it keeps the logarithm of a drawn share finite."""


@dataclass(frozen=True)
class Exploration:
    """One draw for one list (Thompson sampling, Thompson, Biometrika 25 (1933) 285; Chapelle & Li, NIPS 2011).

    An item's share of all choices has a Gamma distribution (`ChoiceModel.warmed_up`). Its shape k is `popularity_prior`
    plus the number of ratings. So with a draw G from Gamma(k), `log P(choose) + log(G/k)` is drawn instead of
    log P(choose), and P(choose) is right on average. The user's rating is drawn by the learner
    (`Learner.predict_drawn`). The strength scales the standard deviation of both.

    Attributes:
        strength: e, from 0 to 1.
        log_shares: float32 [rows], e · log(G/k), what is added to each row's log P(choose).
        deviations: float32 [rows], ε, the standard normal deviation of each row's rating.
    """

    strength: float
    log_shares: NDArray[np.float32]
    deviations: NDArray[np.float32]

    @classmethod
    def of(cls, catalogue: Catalogue, query: RankingQuery) -> "Exploration | None":
        """The draw for a query; None if it asks for no exploration, or for a list by ratings.

        The same seed gives the same draw as long as the catalogue and its ratings are the same, in every process.
        Without a seed, every draw is another one.
        """
        if not query.explore or query.rank_by is RankBy.RATING:
            return None
        generator = np.random.default_rng(query.seed)
        # Rows depend on the order in which items came into the catalogue; the order of the ids does not.
        rows = catalogue.rows_by_id
        shapes = share_shapes(catalogue)[rows]
        log_shares, deviations = np.zeros((2, len(catalogue)), dtype=np.float32)
        draws = generator.standard_gamma(shapes) / shapes
        log_shares[rows] = query.explore * np.log(draws.clip(min=_LEAST_DRAW))
        deviations[rows] = generator.standard_normal(len(rows), dtype=np.float32)
        return cls(query.explore, log_shares, deviations)


def share_shapes(catalogue: Catalogue) -> NDArray[np.float64]:
    """The shape k of the Gamma distribution of each row's share; float64 [rows].

    The first rating of an item that training did not see starts its clock, and says nothing (`ChoiceModel.warmed_up`).
    """
    new_counts = catalogue.counts - catalogue.trained_counts
    prior = catalogue.model.choice.config.popularity_prior
    return np.asarray(prior + catalogue.trained_counts + (new_counts - 1).clip(min=0))


def draw_of(explorations: Sequence[Exploration | None], rows: NDArray[np.int64]) -> Draw | None:
    """The draws for B users' rows (int64 [B, Q]); None if no list explores. A list that does not has the strength 0."""
    if not any(explorations):
        return None
    deviations = np.zeros(rows.shape, dtype=np.float32)
    strengths = np.zeros((len(rows), 1), dtype=np.float32)
    for user, exploration in enumerate(explorations):
        if exploration is not None:
            deviations[user] = exploration.deviations[rows[user]]
            strengths[user] = exploration.strength
    return Draw(torch.from_numpy(deviations), torch.from_numpy(strengths))
