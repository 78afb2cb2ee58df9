"""Exploration: lists by a draw from what is believed of each item, so that new items get a chance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.learners.heads.base import Draw
from models.ranking.catalogue import Catalogue
from models.ranking.query import RankBy, RankingQuery

_LEAST_DRAW = 1e-30
"""Numerical tolerance: it keeps the logarithm of a drawn share finite."""


@dataclass(frozen=True)
class Exploration:
    """One draw for one list (Thompson sampling, Thompson, Biometrika 25 (1933) 285; Chapelle & Li, NIPS 2011).

    Three things are drawn for each item, independently of other items. The strength e scales their standard deviations:

    - An item's share of all choices has a Gamma distribution (`ChoiceModel.warmed_up`). Its shape k is
      `popularity_prior` plus the number of ratings. With a draw G from Gamma(k), e · log(G/k) is added to
      log P(choose).
    - The vector z of an item that training did not see is predicted from its attributes. Let R be the covariance of the
      error of this prediction, g the vector of the user and u that of a stranger. Then the user's own preference for
      the item has the variance σ² = (g − u)ᵀ R (g − u). e σ ε − (e σ)²/2 is added, ε standard normal.
    - The user's rating is drawn by the learner (`Learner.predict_drawn`), and gives P(like).

    Attributes:
        strength: e, from 0 to 1.
        log_shares: float32 [rows], what is added to each row's log P(choose).
        deviations: float32 [rows], the standard normal deviation of each row's rating.
    """

    strength: float
    log_shares: NDArray[np.float32]
    deviations: NDArray[np.float32]

    @classmethod
    def of(cls, catalogue: Catalogue, query: RankingQuery, deviation: float) -> "Exploration":
        """The draw for a query.

        The same seed gives the same draw as long as the catalogue and its ratings are the same, in every process.
        Without a seed, each draw differs.

        Args:
            catalogue: The catalogue.
            query: The query.
            deviation: σ of its user.
        """
        generator = np.random.default_rng(query.seed)
        # Rows depend on the order in which items came into the catalogue; the order of the ids does not.
        rows = catalogue.rows_by_id
        shapes = share_shapes(catalogue)[rows]
        log_shares, deviations = np.zeros((2, len(catalogue)), dtype=np.float32)
        shares = generator.standard_gamma(shapes) / shapes
        spread = query.explore * deviation * (catalogue.trained_counts[rows] == 0)
        preferences = spread * generator.standard_normal(len(rows)) - spread**2 / 2
        log_shares[rows] = query.explore * np.log(shares.clip(min=_LEAST_DRAW)) + preferences
        deviations[rows] = generator.standard_normal(len(rows))
        return cls(query.explore, log_shares, deviations)


def explorations(catalogue: Catalogue, queries: Sequence[RankingQuery], adapted: Tensor) -> list[Exploration | None]:
    """The draws for the lists of B users; None for a list that does not explore. A list by ratings never explores.

    Args:
        catalogue: The catalogue.
        queries: The queries.
        adapted: float32 [B, D + K], the users' vectors g (`ChoiceModel.adapt`).
    """
    exploring = [query.explore > 0 and query.rank_by is RankBy.CHOICE for query in queries]
    if not any(exploring):
        return [None] * len(queries)
    own = catalogue.model.choice.taste(adapted - catalogue.unknown_user[1])
    variances = ((own @ catalogue.parts[0].unpredicted_covariance) * own).sum(dim=1)
    return [
        Exploration.of(catalogue, query, deviation) if explores else None
        for query, explores, deviation in zip(queries, exploring, variances.clamp(min=0).sqrt().tolist(), strict=True)
    ]


def share_shapes(catalogue: Catalogue) -> NDArray[np.float64]:
    """The shape k of the Gamma distribution of each row's share; float64 [rows].

    The first rating of an item that training did not see starts its clock, and says nothing (`ChoiceModel.warmed_up`).
    """
    new_counts = catalogue.counts - catalogue.trained_counts
    prior = catalogue.model.choice.config.popularity_prior
    return np.asarray(prior + catalogue.trained_counts + (new_counts - 1).clip(min=0))


def draw_of(drawn: Sequence[Exploration | None], rows: NDArray[np.int64], device: torch.device) -> Draw | None:
    """The draws for B users' rows (int64 [B, Q]); None if no list explores. Without exploration, e is 0."""
    if not any(drawn):
        return None
    deviations = np.zeros(rows.shape, dtype=np.float32)
    strengths = np.zeros((len(rows), 1), dtype=np.float32)
    for user, exploration in enumerate(drawn):
        if exploration is not None:
            deviations[user] = exploration.deviations[rows[user]]
            strengths[user] = exploration.strength
    return Draw(torch.from_numpy(deviations).to(device), torch.from_numpy(strengths).to(device))
