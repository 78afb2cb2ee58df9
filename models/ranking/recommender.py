"""Ranking a catalogue for users: adapt, score, take the best."""

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
from models.ranking.collected import Collected
from models.ranking.popular import PopularList
from models.ranking.query import RankedItem, RankingQuery

_PREDICTED_AT_ONCE = 32
"""Most users whose ratings are predicted together."""


class Recommender:
    """One model over one snapshot of a catalogue; immutable, so that threads share it without locks."""

    def __init__(self, model: TrainedModel, items: Entities) -> None:
        """Encode and embed the whole catalogue."""
        self._set_catalogue(Catalogue.of(model, items))

    @classmethod
    def over(cls, catalogue: Catalogue) -> "Recommender":
        """Recommend from a catalogue that is there already."""
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
        """The recommender over a changed catalogue; only the changed items are encoded.

        Args:
            changed: New items, and known ones with new attributes.
            removed: Ids of items that are gone; unknown ones are ignored.
        """
        return Recommender.over(self.catalogue.with_changes(changed, removed))

    def with_collected(self, collected: Collected) -> "Recommender":
        """The recommender that knows of these ratings made since training, besides those of training."""
        return Recommender.over(self.catalogue.with_collected(collected))

    def recommend(self, query: RankingQuery) -> list[RankedItem]:
        """The items that one user is expected to rate highest; see `recommend_many`."""
        (ranked,) = self.recommend_many([query])
        return ranked

    def recommend_many(self, queries: Sequence[RankingQuery]) -> list[list[RankedItem]]:
        """The items that each user is expected to rate highest.

        Users are adapted and scored together; each gets the list that he or she would get alone.

        Returns:
            A list a query, best first. To a visitor of whom nothing is known, a diverse list of popular items that are
            liked.

        Raises:
            ValueError: A query's `where` names a field that the items do not have.
        """
        ranked: list[list[RankedItem]] = []
        size = self.catalogue.users_at_once
        with torch.inference_mode():
            for start in range(0, len(queries), size):
                ranked += self._rank(queries[start : start + size])
        return ranked

    def predicted_ratings(
        self, queries: Sequence[RankingQuery], item_ids: Sequence[Sequence[str]]
    ) -> list[list[float | None]]:
        """What each user is expected to rate items of his or her own.

        These are the medians, which err least (`Predictions.median`).

        Returns:
            One an item and query; None of those that are not in the catalogue.
        """
        predicted: list[list[float | None]] = []
        for start in range(0, len(queries), _PREDICTED_AT_ONCE):
            part = slice(start, start + _PREDICTED_AT_ONCE)
            rows = [[self.catalogue.row_of(item_id) for item_id in own] for own in item_ids[part]]
            known = [[row for row in own if row is not None] for own in rows]
            medians = self.predictions(queries[part], _padded(known, np.int64)).median.tolist()
            for own, values in zip(rows, map(iter, medians), strict=True):
                predicted.append([None if row is None else next(values) for row in own])
        return predicted

    def predictions(self, queries: Sequence[RankingQuery], rows: NDArray[np.int64]) -> Predictions:
        """What each of B users is expected to rate rows of the catalogue; int64 [B, Q]."""
        with torch.inference_mode():
            support = self._support(queries)
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
            n: Most candidates to return.
            rated: What the user has rated; left out, as is what was skipped. Unknown ids are ignored everywhere.
            skipped: What the user was asked about and could not rate.
            exclude: Items to leave out.
            where: Field → values; only items with one of the values of every field.
            seed: Of the random strategy.

        Raises:
            ValueError: `where` names a field that the items do not have.
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
        """The strategy `sequential` over this catalogue, whose items' rows are the catalogue's."""
        trained = self.model.items.row_of
        everything = np.arange(len(self.catalogue))
        exposure = self.model.exposure.over(
            [trained.get(item_id) for item_id in self.catalogue.attributes(everything)["id"]]
        )
        new = np.where(self.catalogue.trained_counts == 0, self.catalogue.counts, 0)
        return SequentialQuestions(
            exposure.with_ratings(new, users=self.model.manifest.data.training_users),
            self.catalogue.statistics["rating_entropy"].to_numpy(),
            self.model.learner.last_layer(self.catalogue.vectors(everything)),
        )

    def _rows(self, item_ids: Collection[str]) -> NDArray[np.int64]:
        """Rows of the items that are in the catalogue, in their order."""
        rows = (self.catalogue.row_of(item_id) for item_id in item_ids)
        return np.array(sorted(row for row in rows if row is not None), dtype=np.int64)

    def _rank(self, queries: Sequence[RankingQuery]) -> list[list[RankedItem]]:
        """Rank for B users at once."""
        learner, catalogue = self.model.learner, self.catalogue
        support = self._support(queries)
        adapted = learner.adapt(support)
        allowed = [catalogue.allowed(query.left_out, query.where) for query in queries]
        contenders = catalogue.contenders(adapted, support.users, allowed, [query.n for query in queries])
        chosen = []
        for query, (rows, scores), own in zip(queries, contenders, allowed, strict=True):
            if query.knows_something:
                chosen.append(rows[best_places(scores, catalogue.counts[rows], query.n)])
            else:
                chosen.append(self._popular.rows(own, query.n))
        # Only what is shown needs more than its score: ratings and probabilities.
        shown = _padded(chosen, np.int64)
        predictions = learner.predict(adapted, support.users, catalogue.vectors(shown))
        means, likes = predictions.mean.tolist(), self._like_probabilities(predictions)
        return [
            self._listed(rows, means[place], likes[place], by_mean=query.knows_something)
            for place, (query, rows) in enumerate(zip(queries, chosen, strict=True))
        ]

    def _support(self, queries: Sequence[RankingQuery]) -> Support[Any, Any]:
        """The users and what they rated in the catalogue."""
        row_of = self.catalogue.row_of
        known = [
            [(row, rating) for rating in query.ratings if (row := row_of(rating.item_id)) is not None]
            for query in queries
        ]
        device = self.model.device
        rows = _padded([[row for row, _ in own] for own in known], np.int64)
        ratings = _padded([[rating.rating for _, rating in own] for own in known], np.float32)
        times = _padded([[rating.time for _, rating in own] for own in known], np.int64)
        mask = np.arange(rows.shape[1]) < np.array([[len(own)] for own in known])
        attributes = self.model.manifest.user_encoder.encode_values([query.attributes for query in queries])
        return Support(
            users=self.model.learner.embed_users(attributes.to(device)),
            items=self.catalogue.vectors(rows),
            ratings=torch.from_numpy(ratings).to(device),
            mask=torch.from_numpy(mask).to(device),
            times=torch.from_numpy(times).to(device),
            now=torch.tensor([query.now for query in queries], device=device),
        )

    def _like_probabilities(self, predictions: Predictions) -> list[list[float | None]]:
        """Of each prediction."""
        if predictions.probabilities is None:
            return [[None] * own.shape[0] for own in predictions.mean]
        scale = self.model.schema.rating_scale
        likes: list[list[float | None]] = (
            predictions.probabilities[..., scale.level(scale.liked_from) :].sum(dim=-1).tolist()
        )
        return likes

    def _listed(
        self, rows: NDArray[np.int64], means: list[float], likes: list[float | None], *, by_mean: bool
    ) -> list[RankedItem]:
        # What people see beside the items must not contradict their order; the score only chooses them.
        order = sorted(range(len(rows)), key=lambda place: -means[place]) if by_mean else range(len(rows))
        ranked = []
        for rank, place in enumerate(order, start=1):
            item_id, title = self.catalogue.name(int(rows[place]))
            ranked.append(RankedItem(item_id, title, means[place], likes[place], rank))
        return ranked


def _padded(rows: Sequence[Sequence[float] | NDArray[np.int64]], dtype: type) -> NDArray[Any]:
    """Sequences of different lengths as one array, filled up with 0; [rows, longest]."""
    padded: NDArray[Any] = np.zeros((len(rows), max(map(len, rows), default=0)), dtype=dtype)
    for place, own in enumerate(rows):
        padded[place, : len(own)] = own
    return padded
