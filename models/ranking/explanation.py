"""Why items are recommended: which of a user's ratings moved each item up most, by leaving each rating out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.learners.base import Support
from models.ranking import ItemRating, RankingQuery, Recommender

_LEAST_EFFECT = 0.01
"""A rating that raises an item's score by less, as a share of the rating scale's length, is no reason."""

_REFERENCE_ITEMS = 100
"""Items of the catalogue over which the effect of a rating on everything is averaged."""

_MOST_RATINGS = 50
"""Of more ratings than these hardly one decides by itself, and as many models would have to be adapted."""


@dataclass(frozen=True)
class Reason:
    """The rating without which an item would have lost the most.

    Attributes:
        item_id: Of the rated item.
        title: Its name, if it has one.
        rating: What the user gave it.
        effect: How much farther the recommended item's score falls without this rating than the catalogue's do on
            average, in rating units.
    """

    item_id: str
    title: str | None
    rating: float
    effect: float


def explain(recommender: Recommender, query: RankingQuery, shown: Sequence[str]) -> dict[str, Reason]:
    """For each shown item, the rating that raised its score over the others' most.

    The model is adapted once to all ratings and once without each of them, all in one batch; an item's score with a
    rating less its score without it is what that rating did for the item, whatever the learner. What it did for the
    catalogue on average is taken off: a rating that says that somebody is generous raises all items alike, and puts
    none of them into the list.

    Args:
        recommender: That recommended the items.
        query: What the user was recommended items by: attributes, ratings and time count.
        shown: Ids of the items to explain, all in the catalogue.

    Returns:
        By shown item. Items of which no single rating can honestly be named are missing, and all are if the user has
        more than 50 ratings.
    """
    rows = recommender.items.row_of
    known = [rating for rating in query.ratings if rating.item_id in rows]
    if not shown or not 0 < len(known) <= _MOST_RATINGS:
        return {}
    reference = _spread_over(recommender.items.ids, _REFERENCE_ITEMS)
    scores = _scores_without_each(recommender, query, known, [*shown, *reference])
    on_each, on_all = np.split(scores[-1] - scores[:-1], [len(shown)], axis=1)
    effects = on_each - on_all.mean(axis=1, keepdims=True)
    scale = recommender.model.schema.rating_scale
    least = _LEAST_EFFECT * (scale.maximum - scale.minimum)
    reasons = {}
    for column, item_id in enumerate(shown):
        strongest = int(effects[:, column].argmax())
        if (effect := float(effects[strongest, column])) >= least:
            rated = known[strongest]
            title = recommender.items.table["title"][rows[rated.item_id]]
            reasons[item_id] = Reason(rated.item_id, title, rated.rating, effect)
    return reasons


def _spread_over(ids: Sequence[str], count: int) -> Sequence[str]:
    """Ids at even distances: from so many to nearly twice as many, or all if there are fewer."""
    return ids[:: max(1, len(ids) // count)]


def _scores_without_each(
    recommender: Recommender, query: RankingQuery, ratings: Sequence[ItemRating], scored: Sequence[str]
) -> NDArray[np.float32]:
    """Scores of some items without each rating, then with all of them; float32 [ratings + 1, scored]."""
    model, items = recommender.model, recommender.items
    learner, manifest = model.learner, model.manifest
    count, variants = len(ratings), len(ratings) + 1
    rows = [items.row_of[item_id] for item_id in (*(rating.item_id for rating in ratings), *scored)]
    user = manifest.user_encoder.encode_values([query.attributes])
    with torch.no_grad():
        users = learner.embed_users(user.to(model.device))[torch.zeros(variants, dtype=torch.long)]
        vectors = learner.embed_items(manifest.item_encoder.encode(items.table[rows]).to(model.device))
        vectors = vectors.expand(variants)
        support = Support(
            users=users,
            items=vectors[:, :count],
            ratings=torch.tensor([rating.rating for rating in ratings], device=model.device).expand(variants, -1),
            mask=~torch.eye(variants, count, dtype=torch.bool, device=model.device),
            times=torch.tensor([rating.time for rating in ratings], device=model.device).expand(variants, -1),
            now=torch.tensor([query.now], device=model.device).expand(variants),
        )
        scores = learner.predict(learner.adapt(support), users, vectors[:, count:]).score
    return np.asarray(scores.cpu().numpy())
