"""Why items are recommended: the rating that raised each item most, found by leaving each rating out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.learners.base import Support
from models.ranking import Recommender
from models.ranking.query import ItemRating, RankingQuery

_MIN_EFFECT = 0.01
"""A rating that raises an item's score by less, as a share of the rating scale's length, is no reason."""

_REFERENCE_ITEMS = 100
"""Items of the catalogue over which the effect of a rating on all items is averaged."""

_MAX_RATINGS = 50
"""One of many ratings hardly decides anything by itself, and each needs a model of its own."""


@dataclass(frozen=True)
class Reason:
    """The rating without which an item would lose most.

    Attributes:
        item_id: The rated item.
        title: Its name, if it has one.
        rating: The user's rating of it.
        effect: How much more the recommended item's score falls without this rating than the scores of all items do on
            average, in rating units.
    """

    item_id: str
    title: str | None
    rating: float
    effect: float


def explain(recommender: Recommender, query: RankingQuery, shown: Sequence[str]) -> dict[str, Reason]:
    """For each shown item, the rating that raised its score most, compared with all items.

    The model is adapted once to all ratings and once without each of them, in one batch. The difference of an item's
    scores is the effect of the rating, whatever the learner. The mean effect on all items is subtracted: a rating that
    only shows a generous user raises all items alike, and puts none of them into the list.

    Args:
        recommender: The recommender that made the list.
        query: What the list was made from. Ratings of items outside the catalogue are ignored.
        shown: Ids of the items to explain, all in the catalogue.

    Returns:
        Reasons by shown item. An item for which no single rating is a reason is missing. All are missing for a user
        with more than 50 ratings.
    """
    catalogue = recommender.catalogue
    rated = [(row, rating) for rating in query.ratings if (row := catalogue.row_of(rating.item_id)) is not None]
    if not shown or not 0 < len(rated) <= _MAX_RATINGS:
        return {}
    shown_rows = [row for item_id in shown if (row := catalogue.row_of(item_id)) is not None]
    scored = np.array([*shown_rows, *_spread_rows(catalogue.present)], dtype=np.int64)
    scores = _scores_without_each(recommender, query, rated, scored)
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
    """Rows of the catalogue at equal distances: 100 to 199 of them, or all if there are fewer."""
    rows = np.flatnonzero(present)
    return rows[:: max(1, len(rows) // _REFERENCE_ITEMS)]


def _scores_without_each(
    recommender: Recommender,
    query: RankingQuery,
    rated: Sequence[tuple[int, ItemRating]],
    scored: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Scores of some rows without each rating, then with all ratings; float32 [ratings + 1, scored]."""
    model, catalogue = recommender.model, recommender.catalogue
    learner, device = model.learner, model.device
    variants = len(rated) + 1
    user = model.manifest.user_encoder.encode_values([query.attributes]).to(device)
    with torch.no_grad():
        users = learner.embed_users(user)[torch.zeros(variants, dtype=torch.long, device=device)]
        rows = np.array([row for row, _ in rated], dtype=np.int64)
        ratings = torch.tensor([rating.rating for _, rating in rated], device=device)
        times = torch.tensor([rating.time for _, rating in rated], device=device)
        support = Support(
            users=users,
            items=catalogue.vectors(rows).expand(variants),
            ratings=ratings.expand(variants, -1),
            mask=~torch.eye(variants, len(rated), dtype=torch.bool, device=device),
            times=times.expand(variants, -1),
            now=torch.tensor([query.now], device=device).expand(variants),
        )
        scores = learner.predict(learner.adapt(support), users, catalogue.vectors(scored).expand(variants)).score
    return np.asarray(scores.cpu().numpy())
