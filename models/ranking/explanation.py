"""Why an item is recommended: the rating that raised it most, found by leaving out each rating in turn."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.ranking import Recommender
from models.ranking.query import RankingQuery

_MIN_EFFECT = 0.01
"""Smallest effect that counts as a reason, as a share of the rating scale's length. It decides which reasons are
shown, and shapes no model."""

_REFERENCE_ITEMS = 100
"""Items over which the mean effect of a rating is estimated, which bounds the time."""

_MAX_RATINGS = 50
"""Most ratings of a user who gets reasons. It bounds time and memory, because the model is adapted once without each
rating; and one of many ratings hardly changes a score."""


@dataclass(frozen=True)
class Reason:
    """The rating that raised a recommended item's score most.

    Attributes:
        item_id: The rated item.
        title: Its title, if it has one.
        rating: The user's rating of it.
        effect: How much the score of the recommended item falls without this rating, minus the mean fall over all
            items; in rating units.
    """

    item_id: str
    title: str | None
    rating: float
    effect: float


def explain(recommender: Recommender, query: RankingQuery, shown: Sequence[str]) -> dict[str, Reason]:
    """Find the rating that raised the score of each shown item most, compared with all items.

    The model is adapted once to all ratings and once without each of them, in one batch. The difference of an item's
    scores is the effect of the rating. This works for any learner. The mean effect over all items is subtracted: a
    high rating from a generous user raises all items alike, and so explains none of them.

    Args:
        recommender: The recommender that made the list.
        query: The query of the list. Ratings of items outside the catalogue are ignored.
        shown: Ids of the items to explain, all in the catalogue.

    Returns:
        Reasons by shown item. An item without a reason is missing. A user with more than 50 ratings gets none.
    """
    catalogue = recommender.catalogue
    rated = [(row, rating) for rating in query.ratings if (row := catalogue.row_of(rating.item_id)) is not None]
    if not shown or not 0 < len(rated) <= _MAX_RATINGS:
        return {}
    shown_rows = [row for item_id in shown if (row := catalogue.row_of(item_id)) is not None]
    scored = np.array([*shown_rows, *_spread_rows(catalogue.present)], dtype=np.int64)
    scores = _leave_one_out_scores(recommender, query, scored)
    shown_effects, all_effects = np.split(scores[-1] - scores[:-1], [len(shown)], axis=1)
    effects = shown_effects - all_effects.mean(axis=1, keepdims=True)
    scale = recommender.model.schema.rating_scale
    min_effect = _MIN_EFFECT * (scale.maximum - scale.minimum)
    reasons = {}
    for column, item_id in enumerate(shown):
        strongest = int(effects[:, column].argmax())
        if (effect := float(effects[strongest, column])) >= min_effect:
            row, rating = rated[strongest]
            reasons[item_id] = Reason(*catalogue.name(row), rating.rating, effect)
    return reasons


def _spread_rows(present: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Evenly spaced rows of the catalogue: 100 to 199 of them, or all if there are fewer."""
    rows = np.flatnonzero(present)
    return rows[:: max(1, len(rows) // _REFERENCE_ITEMS)]


def _leave_one_out_scores(
    recommender: Recommender, query: RankingQuery, scored: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Scores of some rows without each rating, then with all ratings; float32 [ratings + 1, scored]."""
    learner, catalogue = recommender.model.learner, recommender.catalogue
    with torch.no_grad():
        full = recommender.support([query])
        ratings = full.ratings.shape[1]
        variants = ratings + 1

        def repeated(values: Tensor | None) -> Tensor | None:
            return None if values is None else values.expand(variants, *values.shape[1:])

        support = replace(
            full,
            users=full.users[torch.zeros(variants, dtype=torch.long, device=full.ratings.device)],
            items=full.items[0].expand(variants),
            ratings=full.ratings.expand(variants, -1),
            mask=~torch.eye(variants, ratings, dtype=torch.bool, device=full.ratings.device),
            seen_items=None if full.seen_items is None else full.seen_items[0].expand(variants),
            seen_mask=repeated(full.seen_mask),
            times=repeated(full.times),
            now=repeated(full.now),
        )
        adapted = learner.adapt(support)
        scores = learner.predict(adapted, support.users, catalogue.vectors(scored).expand(variants)).score
    return np.asarray(scores.cpu().numpy())
