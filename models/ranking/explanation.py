"""Why an item is recommended: what the user did that raised it, found by leaving out each rating and interaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.artifact import TrainedModel
from models.data.schema import DatasetSchema
from models.inputs.rows import TensorRows
from models.learners.base import Support
from models.ranking import Recommender
from models.ranking.liking import log_liking
from models.ranking.query import ItemInteraction, ItemRating, RankBy, RankingQuery
from models.ranking.supports import QuerySupports

_MIN_EFFECT = 0.01
"""Smallest effect that counts as a reason, as a share of the rating scale's length. It decides which reasons are
shown, and shapes no model."""

_REFERENCE_ITEMS = 100
"""Items over which the mean effect of a rating is estimated, which bounds the time."""

_MAX_FEEDBACK = 50
"""Most ratings and interactions of a user who gets reasons. It bounds time and memory, because the model is adapted
once without each of them; and one of many hardly changes a score."""


@dataclass(frozen=True)
class Reason:
    """A rating or an interaction that raised a recommended item's score.

    Attributes:
        item_id: The item that the user rated, or with which the user interacted.
        title: Its title, if it has one.
        rating: The user's rating of it; None for an interaction.
        kind: The kind of the interaction; None for a rating.
        liked: True if the user likes that item and the recommended item is like it; False if the user dislikes that
            item and the recommended item is unlike it.
        effect: How much the score of the recommended item falls without it, minus the mean fall over all
            items; in rating units, or for a list by choice as a difference of logarithms of probabilities.
    """

    item_id: str
    title: str | None
    rating: float | None
    kind: str | None
    liked: bool
    effect: float


def explain(recommender: Recommender, query: RankingQuery, shown: Sequence[str]) -> dict[str, Reason]:
    """Find the rating that explains each shown item: a liked one that raised it, or else a disliked one that did.

    The model is adapted once to all ratings and once without each of them, in one batch. The difference of an item's
    scores is the effect of the rating. This works for any learner. The mean effect over all items is subtracted: a
    high rating from a generous user raises all items alike, and so explains none of them.

    Disliked are ratings in the lower half of the scale and kinds of interactions with a negative weight. Liked are
    kinds with a positive weight and ratings from the scale's `liked_from` on or, for a user who has neither, ratings
    above the user's mean that are not disliked. A rating that raises its own item is higher
    than the model expected, so what it raises beyond the mean is like the rated item. A rating that lowers its own item
    raises what is unlike it. So a liked item is a reason only if it raises its own score, and a disliked one only
    if it lowers it.

    Args:
        recommender: The recommender that made the list.
        query: The query of the list. Items outside the catalogue are ignored.
        shown: Ids of the items to explain, all in the catalogue.

    Returns:
        Reasons by shown item: the liked item with the largest effect, or if none has an effect, the disliked item
        with the largest effect. An item without a reason is missing. A user with more than 50 ratings and
        interactions gets none.
    """
    catalogue = recommender.catalogue
    feedback = _feedback(recommender, query)
    if not shown or not 0 < len(feedback) <= _MAX_FEEDBACK:
        return {}
    shown_rows = [row for item_id in shown if (row := catalogue.row_of(item_id)) is not None]
    scored = np.array([*shown_rows, *(row for row, _ in feedback), *_spread_rows(catalogue.present)], dtype=np.int64)
    ratings = sum(isinstance(each, ItemRating) for _, each in feedback)
    scores = _leave_one_out_scores(recommender, query, scored, ratings=ratings, variants=len(feedback) + 1)
    shown_effects, own_effects, all_effects = np.split(
        scores[-1] - scores[:-1], [len(shown), len(shown) + len(feedback)], axis=1
    )
    effects = shown_effects - all_effects.mean(axis=1, keepdims=True)
    raises_own_item = own_effects.diagonal() > 0
    liked, disliked = _opinions(recommender.model.schema, [each for _, each in feedback])
    min_effect = _MIN_EFFECT * _unit(recommender.model)
    reasons = {}
    for column, item_id in enumerate(shown):
        supports = effects[:, column] >= min_effect
        for is_liked, candidates in ((True, liked & raises_own_item), (False, disliked & ~raises_own_item)):
            if item_id not in reasons and (supports & candidates).any():
                strongest = int(np.where(candidates, effects[:, column], -np.inf).argmax())
                row, cause = feedback[strongest]
                reasons[item_id] = Reason(
                    *catalogue.name(row),
                    rating=cause.rating if isinstance(cause, ItemRating) else None,
                    kind=None if isinstance(cause, ItemRating) else cause.kind,
                    liked=is_liked,
                    effect=float(effects[strongest, column]),
                )
    return reasons


_Feedback = ItemRating | ItemInteraction
"""What a user did with an item."""


def _feedback(recommender: Recommender, query: RankingQuery) -> list[tuple[int, _Feedback]]:
    """The ratings, then the interactions, that the list follows, with the rows of their items."""
    row_of, kinds = recommender.catalogue.row_of, recommender.model.schema.kinds
    everything: list[_Feedback] = [*query.ratings, *query.counted_interactions(kinds)]
    return [(row, each) for each in everything if (row := row_of(each.item_id)) is not None]


def _opinions(schema: DatasetSchema, feedback: Sequence[_Feedback]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which of the ratings and interactions are of liked items, and which of disliked ones; bool [feedback] each."""
    scale = schema.rating_scale
    rated = np.array([isinstance(each, ItemRating) for each in feedback])
    values = np.array([each.rating if isinstance(each, ItemRating) else schema.kinds[each.kind] for each in feedback])
    liked, disliked = ~rated & (values > 0), ~rated & (values < 0)
    if scale is not None:
        liked |= rated & (values >= scale.liked_from)
        disliked |= rated & ~liked & (values < (scale.minimum + scale.maximum) / 2)
        if not liked.any() and rated.any():
            liked = rated & (values > values[rated].mean()) & ~disliked
    return liked, disliked


def _unit(model: TrainedModel) -> float:
    """The length of the rating scale; 1 for a model without ratings, whose scores are logarithms of probabilities."""
    scale = model.schema.rating_scale
    return 1.0 if scale is None else scale.maximum - scale.minimum


def _spread_rows(present: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Evenly spaced rows of the catalogue: 100 to 199 of them, or all if there are fewer."""
    rows = np.flatnonzero(present)
    return rows[:: max(1, len(rows) // _REFERENCE_ITEMS)]


def _leave_one_out_scores(
    recommender: Recommender, query: RankingQuery, scored: NDArray[np.int64], *, ratings: int, variants: int
) -> NDArray[np.float32]:
    """Scores of some rows without each rating and interaction, then with all of them; float32 [variants, scored].

    They are what orders the list: log P(choose) + log P(like) up to a constant, or predicted ratings.
    """
    model, catalogue = recommender.model, recommender.catalogue
    with torch.no_grad():
        supports = QuerySupports(catalogue, [query])
        rows = np.broadcast_to(scored, (variants, len(scored)))
        scores = torch.zeros(variants, len(scored), device=model.device)
        if model.learner is not None:
            rated = _without_each(supports.of(RankBy.RATING), ratings)
            predictions = model.learner.predict(model.learner.adapt(rated), rated.users, catalogue.vectors(rows))
            by_rating = query.rank_by is RankBy.RATING
            scores = predictions.score if by_rating else log_liking(predictions, model.rating_scale)
        if query.rank_by is RankBy.CHOICE:
            chosen = model.choice.adapt(_without_each(supports.of(RankBy.CHOICE), ratings))
            scores = scores + model.choice.logits(chosen, catalogue.choice_vectors(rows))
    return np.asarray(scores.cpu().numpy())


def _without_each(full: Support[Any, Any], ratings: int) -> Support[Any, Any]:
    """The support set of one user without each rating, then without each interaction, then with all of them.

    Only the first `ratings` of the support set's ratings are left out. Others stand for answers, which always stay.
    """
    variants = ratings + (0 if full.interaction_mask is None else full.interaction_mask.shape[1]) + 1
    left_out = torch.eye(variants, dtype=torch.bool, device=full.ratings.device)
    mask = full.mask.repeat(variants, 1)
    mask[:, :ratings] = ~left_out[:, :ratings]

    def repeated(values: Tensor | None) -> Tensor | None:
        return None if values is None else values.expand(variants, *values.shape[1:])

    def repeated_items(items: TensorRows | None) -> TensorRows | None:
        return None if items is None else items[0].expand(variants)

    return replace(
        full,
        users=full.users[torch.zeros(variants, dtype=torch.long, device=full.ratings.device)],
        items=repeated_items(full.items),
        ratings=full.ratings.expand(variants, -1),
        mask=mask,
        interaction_items=repeated_items(full.interaction_items),
        interaction_kinds=repeated(full.interaction_kinds),
        interaction_mask=None if full.interaction_mask is None else ~left_out[:, ratings:-1],
        interaction_times=repeated(full.interaction_times),
        skipped_items=repeated_items(full.skipped_items),
        skipped_mask=repeated(full.skipped_mask),
        times=repeated(full.times),
        now=repeated(full.now),
        answers=full.answers
        and replace(
            full.answers,
            items=full.answers.items[0].expand(variants),
            weights=full.answers.weights.expand(variants, -1, -1),
            values=full.answers.values.expand(variants, -1),
            kinds=full.answers.kinds.expand(variants, -1),
            mask=full.answers.mask.expand(variants, -1),
        ),
    )
