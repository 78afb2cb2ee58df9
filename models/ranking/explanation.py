"""Why an item is recommended: a rating that raised it, found by leaving out each rating in turn."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.inputs.rows import TensorRows
from models.learners.base import Support
from models.ranking import Recommender
from models.ranking.liking import log_liking
from models.ranking.query import RankBy, RankingQuery
from models.ranking.supports import QuerySupports

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
    """A rating that raised a recommended item's score.

    Attributes:
        item_id: The rated item.
        title: Its title, if it has one.
        rating: The user's rating of it.
        liked: True if the user likes the rated item and the recommended item is like it; False if the user dislikes the
            rated item and the recommended item is unlike it.
        effect: How much the score of the recommended item falls without this rating, minus the mean fall over all
            items; in rating units, or for a list by choice as a difference of logarithms of probabilities.
    """

    item_id: str
    title: str | None
    rating: float
    liked: bool
    effect: float


def explain(recommender: Recommender, query: RankingQuery, shown: Sequence[str]) -> dict[str, Reason]:
    """Find the rating that explains each shown item: a liked one that raised it, or else a disliked one that did.

    The model is adapted once to all ratings and once without each of them, in one batch. The difference of an item's
    scores is the effect of the rating. This works for any learner. The mean effect over all items is subtracted: a
    high rating from a generous user raises all items alike, and so explains none of them.

    Disliked are ratings in the lower half of the scale. Liked are ratings from the scale's `liked_from` on or, for a
    user who has none, those above the user's mean that are not disliked. A rating that raises its own item is higher
    than the model expected, so what it raises beyond the mean is like the rated item. A rating that lowers its own item
    raises what is unlike it. So a liked rating is a reason only if it raises its own item, and a disliked rating only
    if it lowers it.

    Args:
        recommender: The recommender that made the list.
        query: The query of the list. Ratings of items outside the catalogue are ignored.
        shown: Ids of the items to explain, all in the catalogue.

    Returns:
        Reasons by shown item: the liked rating with the largest effect, or if none has an effect, the disliked rating
        with the largest effect. An item without a reason is missing. A user with more than 50 ratings gets none.
    """
    catalogue = recommender.catalogue
    rated = [(row, rating) for rating in query.ratings if (row := catalogue.row_of(rating.item_id)) is not None]
    if not shown or not 0 < len(rated) <= _MAX_RATINGS:
        return {}
    shown_rows = [row for item_id in shown if (row := catalogue.row_of(item_id)) is not None]
    rated_rows = [row for row, _ in rated]
    scored = np.array([*shown_rows, *rated_rows, *_spread_rows(catalogue.present)], dtype=np.int64)
    scores = _leave_one_out_scores(recommender, query, scored)
    shown_effects, rated_effects, all_effects = np.split(
        scores[-1] - scores[:-1], [len(shown), len(shown) + len(rated)], axis=1
    )
    effects = shown_effects - all_effects.mean(axis=1, keepdims=True)
    raises_own_item = rated_effects.diagonal() > 0
    scale = recommender.model.schema.rating_scale
    values = np.array([rating.rating for _, rating in rated])
    liked = values >= scale.liked_from
    disliked = ~liked & (values < (scale.minimum + scale.maximum) / 2)
    if not liked.any():
        liked = (values > values.mean()) & ~disliked
    min_effect = _MIN_EFFECT * (scale.maximum - scale.minimum)
    reasons = {}
    for column, item_id in enumerate(shown):
        supports = effects[:, column] >= min_effect
        for is_liked, candidates in ((True, liked & raises_own_item), (False, disliked & ~raises_own_item)):
            if item_id not in reasons and (supports & candidates).any():
                strongest = int(np.where(candidates, effects[:, column], -np.inf).argmax())
                row, rating = rated[strongest]
                effect = float(effects[strongest, column])
                reasons[item_id] = Reason(*catalogue.name(row), rating.rating, is_liked, effect)
    return reasons


def _spread_rows(present: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Evenly spaced rows of the catalogue: 100 to 199 of them, or all if there are fewer."""
    rows = np.flatnonzero(present)
    return rows[:: max(1, len(rows) // _REFERENCE_ITEMS)]


def _leave_one_out_scores(
    recommender: Recommender, query: RankingQuery, scored: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Scores of some rows without each rating, then with all ratings; float32 [ratings + 1, scored].

    They are what orders the list: log P(choose) + log P(like) up to a constant, or predicted ratings.
    """
    model, catalogue = recommender.model, recommender.catalogue
    with torch.no_grad():
        supports = QuerySupports(catalogue, [query])
        rated = _without_each(supports.of(RankBy.RATING))
        rows = np.broadcast_to(scored, (len(rated.ratings), len(scored)))
        adapted = model.learner.adapt(rated)
        predictions = model.learner.predict(adapted, rated.users, catalogue.vectors(rows))
        scores = predictions.score
        if query.rank_by is RankBy.CHOICE:
            chosen = model.choice.adapt(_without_each(supports.of(RankBy.CHOICE)))
            logits = model.choice.logits(chosen, catalogue.choice_vectors(rows))
            scores = logits + log_liking(predictions, model.schema.rating_scale)
    return np.asarray(scores.cpu().numpy())


def _without_each(full: Support[Any, Any]) -> Support[Any, Any]:
    """The support set of one user without each rating, then with all of them."""
    ratings = full.ratings.shape[1]
    variants = ratings + 1

    def repeated(values: Tensor | None) -> Tensor | None:
        return None if values is None else values.expand(variants, *values.shape[1:])

    def repeated_items(items: TensorRows | None) -> TensorRows | None:
        return None if items is None else items[0].expand(variants)

    return replace(
        full,
        users=full.users[torch.zeros(variants, dtype=torch.long, device=full.ratings.device)],
        items=repeated_items(full.items),
        ratings=full.ratings.expand(variants, -1),
        mask=~torch.eye(variants, ratings, dtype=torch.bool, device=full.ratings.device),
        seen_items=repeated_items(full.seen_items),
        seen_mask=repeated(full.seen_mask),
        skipped_items=repeated_items(full.skipped_items),
        skipped_mask=repeated(full.skipped_mask),
        times=repeated(full.times),
        now=repeated(full.now),
    )
