"""Ranking a catalogue: adapt to the users, score the items, choose the best."""

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.artifact import TrainedModel
from models.data.dataset import Entities
from models.elicitation.fixed import strategy_scores
from models.elicitation.sequential import Asked, SequentialQuestions
from models.elicitation.strategy import Candidate, Strategy
from models.learners.base import Support
from models.learners.heads.base import Predictions
from models.ranking.best import best_places
from models.ranking.catalogue import Catalogue
from models.ranking.new_ratings import NewRatings
from models.ranking.popular import PopularList
from models.ranking.query import RankedBy, RankedItem, RankingQuery

_PREDICTED_AT_ONCE = 32
"""Users whose ratings are predicted together, which bounds the memory."""


class Recommender:
    """One model and one snapshot of a catalogue. It is immutable, so threads share it without locks."""

    def __init__(self, model: TrainedModel, items: Entities) -> None:
        """Encode and embed the whole catalogue."""
        self._set_catalogue(Catalogue.of(model, items))

    @classmethod
    def over(cls, catalogue: Catalogue) -> "Recommender":
        """Make a recommender of an existing catalogue."""
        recommender = cls.__new__(cls)
        recommender._set_catalogue(catalogue)
        return recommender

    def _set_catalogue(self, catalogue: Catalogue) -> None:
        self.model = catalogue.model
        self.catalogue = catalogue
        self._popular = PopularList(catalogue)

    @property
    def items(self) -> Entities:
        """The catalogue's items."""
        return self.catalogue.items

    def with_changes(self, changed: Entities, removed: Collection[str]) -> "Recommender":
        """The recommender over a changed catalogue. Only the changed items are encoded.

        Args:
            changed: New items, and items of the catalogue with new attributes.
            removed: Ids of items to remove; unknown ids are ignored.
        """
        return Recommender.over(self.catalogue.with_changes(changed, removed))

    def with_new_ratings(self, new_ratings: NewRatings) -> "Recommender":
        """The recommender with these ratings made since training, in place of those that it had."""
        return Recommender.over(self.catalogue.with_new_ratings(new_ratings))

    def recommend(self, query: RankingQuery) -> list[RankedItem]:
        """Recommend items to one user; see `recommend_many`."""
        (ranked,) = self.recommend_many([query])
        return ranked

    def recommend_many(self, queries: Sequence[RankingQuery]) -> list[list[RankedItem]]:
        """Recommend to each user the items with the highest expected ratings.

        Users are adapted and scored together. A user's list does not depend on the other users.

        Returns:
            One list per query, best first. An unknown user gets the list of `PopularList`.

        Raises:
            ValueError: A query's `where` names a field that the items do not have, or that cannot filter items.
        """
        ranked: list[list[RankedItem]] = []
        size = self.catalogue.users_at_once
        with torch.inference_mode():
            for start in range(0, len(queries), size):
                ranked += self._rank(queries[start : start + size])
        return ranked

    def ranked_by(self, query: RankingQuery) -> RankedBy:
        """What orders the list of a query."""
        return RankedBy.RATING if query.knows_something else RankedBy.POPULARITY

    def predicted_ratings(
        self, queries: Sequence[RankingQuery], item_ids: Sequence[Sequence[str]]
    ) -> list[list[float | None]]:
        """Predict ratings by the median, which minimises the absolute error (`Predictions.median`).

        Args:
            queries: The users.
            item_ids: For each user, the items whose ratings are predicted.

        Returns:
            For each user, one rating per item; None for an item outside the catalogue.
        """
        predicted: list[list[float | None]] = []
        for start in range(0, len(queries), _PREDICTED_AT_ONCE):
            part = slice(start, start + _PREDICTED_AT_ONCE)
            user_rows = [[self.catalogue.row_of(item_id) for item_id in user_ids] for user_ids in item_ids[part]]
            known = [[row for row in rows if row is not None] for rows in user_rows]
            medians = self.predictions(queries[part], _padded(known, np.int64)).median.tolist()
            for rows, values in zip(user_rows, map(iter, medians), strict=True):
                predicted.append([None if row is None else next(values) for row in rows])
        return predicted

    def predictions(self, queries: Sequence[RankingQuery], rows: NDArray[np.int64]) -> Predictions:
        """Predict the ratings of B users for rows of the catalogue (int64 [B, Q])."""
        with torch.inference_mode():
            support = self.support(queries)
            adapted = self.model.learner.adapt(support)
            return self.model.learner.predict(adapted, support.users, self.catalogue.vectors(rows))

    def candidates(
        self,
        *,
        strategy: Strategy,
        n: int,
        rated: Collection[str] = (),
        skipped: Collection[str] = (),
        exclude: Collection[str] = (),
        where: Mapping[str, Sequence[str]] | None = None,
        seed: int = 0,
    ) -> list[Candidate]:
        """The items to ask a user about next.

        Args:
            strategy: How to choose them.
            n: How many candidates to return at most.
            rated: Ids of items that the user has rated. They are no candidates. Unknown ids are ignored here and below.
            skipped: Ids of items that the user was asked about and could not rate. They are no candidates either.
            exclude: Ids of other items that are no candidates.
            where: Field → values; candidates have one of the values of every field.
            seed: Seed of the random strategy.

        Raises:
            ValueError: `where` names a field that the items do not have, or that cannot filter items.
        """
        allowed = self.catalogue.allowed({*rated, *skipped, *exclude}, where or {})
        if strategy is Strategy.SEQUENTIAL:
            asked = Asked.of_one(self._rows(set(rated)), self._rows(set(skipped) - set(rated)))
            (best,), (scores,) = self.questions.choose(asked, allowed[None], n)
        else:
            all_scores = strategy_scores(self.catalogue.statistics, strategy, seed=seed)
            rows = np.flatnonzero(allowed)
            best = rows[best_places(all_scores[rows], self.catalogue.counts[rows], n)]
            scores = all_scores[best]
        return [
            Candidate(*self.catalogue.name(row), score)
            for row, score in zip(best.tolist(), scores.tolist(), strict=True)
        ]

    @cached_property
    def questions(self) -> SequentialQuestions:
        """The strategy `sequential` over this catalogue; its rows are those of the catalogue."""
        trained_rows = self.model.items.row_of
        all_rows = np.arange(len(self.catalogue))
        exposure = self.model.exposure.over(
            [trained_rows.get(item_id) for item_id in self.catalogue.attributes(all_rows)["id"]]
        )
        new_item_counts = np.where(self.catalogue.trained_counts == 0, self.catalogue.counts, 0)
        return SequentialQuestions(
            exposure.with_ratings(new_item_counts, users=self.model.manifest.data.training_users),
            self.catalogue.statistics["rating_entropy"].to_numpy(),
            self.model.learner.last_layer(self.catalogue.vectors(all_rows)),
        )

    def _rows(self, item_ids: Collection[str]) -> NDArray[np.int64]:
        """The rows of those items that are in the catalogue, rising."""
        rows = (self.catalogue.row_of(item_id) for item_id in item_ids)
        return np.array(sorted(row for row in rows if row is not None), dtype=np.int64)

    def _rank(self, queries: Sequence[RankingQuery]) -> list[list[RankedItem]]:
        """Rank for B users at once."""
        learner, catalogue = self.model.learner, self.catalogue
        support = self.support(queries)
        adapted = learner.adapt(support)
        allowed = [catalogue.allowed(query.excluded, query.where) for query in queries]
        shortlisted = catalogue.shortlisted(adapted, support.users, allowed, [query.n for query in queries])
        chosen = []
        for query, (rows, scores), mask in zip(queries, shortlisted, allowed, strict=True):
            if self.ranked_by(query) is RankedBy.RATING:
                chosen.append(rows[best_places(scores, catalogue.counts[rows], query.n)])
            else:
                chosen.append(self._popular.rows(mask, query.n))
        # Ratings and probabilities are needed for the shown items only.
        shown = _padded(chosen, np.int64)
        predictions = learner.predict(adapted, support.users, catalogue.vectors(shown))
        means, likes = predictions.mean.tolist(), self._like_probabilities(predictions)
        return [
            self._listed(rows, means[place], likes[place], by_mean=self.ranked_by(query) is RankedBy.RATING)
            for place, (query, rows) in enumerate(zip(queries, chosen, strict=True))
        ]

    def support(self, queries: Sequence[RankingQuery]) -> Support[Any, Any]:
        """The support sets of the users: their ratings and skipped items, as far as the catalogue has the items."""
        row_of = self.catalogue.row_of
        known = [
            [(row, rating) for rating in query.ratings if (row := row_of(rating.item_id)) is not None]
            for query in queries
        ]
        device = self.model.device
        rows = [[row for row, _ in user_ratings] for user_ratings in known]
        ratings = _padded([[rating.rating for _, rating in user_ratings] for user_ratings in known], np.float32)
        times = _padded([[rating.time for _, rating in user_ratings] for user_ratings in known], np.int64)
        seen_items = seen_mask = None
        if any(query.skipped for query in queries):
            rated_ids = [{rating.item_id for rating in query.ratings} for query in queries]
            seen = [self._rows(set(query.skipped) - ids) for query, ids in zip(queries, rated_ids, strict=True)]
            seen_items = self.catalogue.vectors(_padded(seen, np.int64))
            seen_mask = torch.from_numpy(_padding_mask(seen)).to(device)
        attributes = self.model.manifest.user_encoder.encode_values([query.attributes for query in queries])
        return Support(
            users=self.model.learner.embed_users(attributes.to(device)),
            items=self.catalogue.vectors(_padded(rows, np.int64)),
            ratings=torch.from_numpy(ratings).to(device),
            mask=torch.from_numpy(_padding_mask(rows)).to(device),
            seen_items=seen_items,
            seen_mask=seen_mask,
            times=torch.from_numpy(times).to(device),
            now=torch.tensor([query.now for query in queries], device=device),
        )

    def _like_probabilities(self, predictions: Predictions) -> list[list[float | None]]:
        """The probability of each predicted item that the user likes it."""
        if predictions.probabilities is None:
            return [[None] * means.shape[0] for means in predictions.mean]
        scale = self.model.schema.rating_scale
        likes: list[list[float | None]] = (
            predictions.probabilities[..., scale.level(scale.liked_from) :].sum(dim=-1).tolist()
        )
        return likes

    def _listed(
        self, rows: NDArray[np.int64], means: list[float], likes: list[float | None], *, by_mean: bool
    ) -> list[RankedItem]:
        # The score chooses the items. The shown ratings order them, so that the two do not contradict each other.
        order = sorted(range(len(rows)), key=lambda place: -means[place]) if by_mean else range(len(rows))
        ranked = []
        for rank, place in enumerate(order, start=1):
            item_id, title = self.catalogue.name(int(rows[place]))
            ranked.append(RankedItem(item_id, title, means[place], likes[place], rank))
        return ranked


def _padded(rows: Sequence[Sequence[float] | NDArray[np.int64]], dtype: type) -> NDArray[Any]:
    """Sequences of different lengths as one array, padded with 0; [rows, longest]."""
    padded: NDArray[Any] = np.zeros((len(rows), max(map(len, rows), default=0)), dtype=dtype)
    for place, values in enumerate(rows):
        padded[place, : len(values)] = values
    return padded


def _padding_mask(rows: Sequence[Sequence[float] | NDArray[np.int64]]) -> NDArray[np.bool_]:
    """Where `_padded` has values and no padding; bool [rows, longest]."""
    lengths = np.array([len(values) for values in rows], dtype=np.int64)
    return np.arange(lengths.max(initial=0)) < lengths[:, None]
