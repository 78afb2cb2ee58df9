"""Ranking a catalogue: adapt to the users, score the items, choose the best."""

from collections.abc import Collection, Sequence
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray

from models.artifact import TrainedModel
from models.data.dataset import Entities
from models.elicitation.asked import Asked
from models.elicitation.base import QuestionStrategy
from models.elicitation.question import Question, QuestionKind, Topic
from models.elicitation.registry import STRATEGIES
from models.elicitation.strategy import Candidate, Strategy
from models.learners.heads.base import Draw, Predictions
from models.ranking.asking import Asking
from models.ranking.best import best_places
from models.ranking.catalogue import Catalogue
from models.ranking.diversity import diverse_places
from models.ranking.exploration import draw_of, explorations
from models.ranking.figures import Figures, Predicted
from models.ranking.filters import Filter
from models.ranking.known_items import CatalogueKnowledge
from models.ranking.new_ratings import NewRatings
from models.ranking.padding import padded
from models.ranking.popular import PopularList
from models.ranking.query import RankBy, RankedBy, RankedItem, RankingQuery
from models.ranking.rules import Eligible
from models.ranking.scored import Scored
from models.ranking.similarities import similarities
from models.ranking.strangers import strangers_rows
from models.ranking.supports import QuerySupports

_CONSIDERED_TIMES, _LEAST_CONSIDERED = 5, 50
"""How many items are considered for a list of n items: those with the highest P(choose), of which P(like) chooses. With
50 items for a list of 10, lists of new users are those of the whole catalogue (docs/decisions/0021-choice-model.md)."""

_PREDICTED_AT_ONCE = 32
"""Users whose ratings are predicted together, which bounds the memory."""


def _considered(n: int) -> int:
    """How many items are considered for a list of n items."""
    return max(_CONSIDERED_TIMES * n, _LEAST_CONSIDERED) if n else 0


class Recommender:
    """One model and one snapshot of a catalogue. It is immutable, so threads share it without locks."""

    def __init__(
        self,
        model: TrainedModel,
        items: Entities,
        new_ratings: NewRatings = MappingProxyType({}),
        hidden: Collection[str] = (),
    ) -> None:
        """Encode and embed the whole catalogue; see `Catalogue.of`."""
        self._set_catalogue(Catalogue.of(model, items, new_ratings, hidden))

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
        self._asking = Asking(catalogue)
        self._known_items = CatalogueKnowledge(catalogue, self._asking.pool)
        self._strategies: dict[Strategy, QuestionStrategy] = {}

    @property
    def items(self) -> Entities:
        """The catalogue's items."""
        return self.catalogue.items

    def with_changes(self, changed: Entities, removed: Collection[str], hidden: Collection[str] = ()) -> "Recommender":
        """The recommender over a changed catalogue; see `Catalogue.with_changes`."""
        return Recommender.over(self.catalogue.with_changes(changed, removed, hidden))

    def with_new_ratings(self, new_ratings: NewRatings) -> "Recommender":
        """The recommender with these ratings made since training, in place of those that it had."""
        return Recommender.over(self.catalogue.with_new_ratings(new_ratings))

    def recommend(self, query: RankingQuery) -> list[RankedItem]:
        """Recommend items to one user; see `recommend_many`."""
        (ranked,) = self.recommend_many([query])
        return ranked

    def recommend_many(self, queries: Sequence[RankingQuery]) -> list[list[RankedItem]]:
        """Recommend items to each user, in the order that `RankingQuery.rank_by` asks for.

        Users are adapted and scored together. A user's list does not depend on the other users.

        Returns:
            One list per query, best first. An unknown user gets the list of `PopularList`.

        Raises:
            ValueError: A query's `where` names a field that the items do not have, or conditions that the field does
                not have; or its list is to be ordered by ratings, and the model predicts none.
        """
        ranked: dict[int, list[RankedItem]] = {}
        size = self.catalogue.users_at_once
        with torch.inference_mode():
            for rank_by in RankBy:
                places = [place for place, query in enumerate(queries) if query.rank_by is rank_by]
                for start in range(0, len(places), size):
                    together = places[start : start + size]
                    lists = self._rank(rank_by, [queries[place] for place in together])
                    ranked.update(zip(together, lists, strict=True))
        return [ranked[place] for place in range(len(queries))]

    def ranked_by(self, query: RankingQuery) -> RankedBy:
        """What orders the list of a query."""
        if query.knows_something:
            return RankedBy(query.rank_by)
        return RankedBy.POPULARITY if query.leading is None else query.leading.ranked_by

    def predicted_ratings(
        self, queries: Sequence[RankingQuery], item_ids: Sequence[Sequence[str]]
    ) -> list[list[float | None]]:
        """Predict ratings by the median, which minimises the absolute error (`Predictions.median`).

        Args:
            queries: The users.
            item_ids: For each user, the items whose ratings are predicted.

        Returns:
            For each user, one rating per item; None for an item outside the catalogue, and for all items if the model
            predicts no ratings.
        """
        if self.model.learner is None:
            return [[None] * len(user_ids) for user_ids in item_ids]
        predicted: list[list[float | None]] = []
        for start in range(0, len(queries), _PREDICTED_AT_ONCE):
            part = slice(start, start + _PREDICTED_AT_ONCE)
            user_rows = [[self.catalogue.row_of(item_id) for item_id in user_ids] for user_ids in item_ids[part]]
            known = [[row for row in rows if row is not None] for rows in user_rows]
            medians = self.predictions(queries[part], padded(known, np.int64)).median.tolist()
            for rows, values in zip(user_rows, map(iter, medians), strict=True):
                predicted.append([None if row is None else next(values) for row in rows])
        return predicted

    def predictions(self, queries: Sequence[RankingQuery], rows: NDArray[np.int64]) -> Predictions:
        """Predict the ratings of B users for rows of the catalogue (int64 [B, Q]).

        Raises:
            ValueError: The model predicts no ratings.
        """
        learner = self.model.learner
        if learner is None:
            raise ValueError(f"{self.model.version} predicts no ratings")
        with torch.inference_mode():
            support, adapted = QuerySupports(self.catalogue, queries).adapted(RankBy.RATING)
            return learner.predict(adapted, support.users, self.catalogue.vectors(rows))

    def candidates(
        self,
        *,
        strategy: Strategy,
        n: int,
        rated: Collection[str] = (),
        skipped: Collection[str] = (),
        exclude: Collection[str] = (),
        where: Filter = MappingProxyType({}),
        seed: int = 0,
    ) -> list[Candidate]:
        """The items to ask a user about next.

        Args:
            strategy: How to choose them.
            n: How many candidates to return at most.
            rated: Ids of items that the user has rated. They are no candidates. Unknown ids are ignored here and below.
            skipped: Ids of items that the user was asked about and could not rate. They are no candidates either.
            exclude: Ids of other items that are no candidates.
            where: Conditions that candidates fulfil.
            seed: Seed of the random strategy.

        Raises:
            ValueError: `where` names a field that the items do not have, or conditions that the field does not have.
        """
        allowed = self.catalogue.allowed({*rated, *skipped, *exclude}, where)
        asked = Asked.of_one(self.catalogue.rows_of(rated), self.catalogue.rows_of(set(skipped) - set(rated)))
        (best,), (scores,) = self.questions(strategy).with_seed(seed).choose(asked, allowed[None], n)
        return [
            Candidate(*self.catalogue.name(row), score)
            for row, score in zip(best.tolist(), scores.tolist(), strict=True)
        ]

    def ask(
        self,
        query: RankingQuery,
        *,
        n: int,
        kinds: Collection[QuestionKind] = tuple(QuestionKind),
        skipped: Collection[Topic] = (),
    ) -> list[Question]:
        """The questions to ask a user next, about items, groups of items, attributes and pairs.

        Args:
            query: The user: the ratings, answers and skipped items so far, none of which are asked about again, and
                the conditions of the items (`exclude`, `where`).
            n: How many questions to return at most.
            kinds: What they may be about.
            skipped: What the user was asked about, other than items, and could not answer.

        Returns:
            The best first, with falling scores.

        Raises:
            ValueError: `query.where` names a field that the items do not have, or conditions that the field does not
                have.
        """
        return self._asking.questions(query, n, kinds, skipped)

    def questions(self, strategy: Strategy) -> QuestionStrategy:
        """A strategy over this catalogue, made when it is first used; its rows are those of the catalogue."""
        if strategy not in self._strategies:
            self._strategies[strategy] = STRATEGIES[strategy](self._known_items)
        return self._strategies[strategy]

    def _rank(self, rank_by: RankBy, queries: Sequence[RankingQuery]) -> list[list[RankedItem]]:
        """Rank for B users at once."""
        catalogue = self.catalogue
        supports = QuerySupports(catalogue, queries)
        support, adapted = supports.adapted(RankBy.CHOICE)
        candidates = [
            Eligible.of(catalogue, query, exploration)
            for query, exploration in zip(queries, explorations(catalogue, queries, adapted), strict=True)
        ]
        ns = [_considered(query.n) for query in queries]
        chosen = Scored.of(catalogue, RankBy.CHOICE, support, adapted, candidates, ns)
        rated = None
        if rank_by is RankBy.RATING:
            ns = [query.n for query in queries]
            rated = Scored.of(catalogue, rank_by, *supports.adapted(rank_by), candidates, ns)
        considered = [
            self._considered_rows(query, eligible, *shortlist)
            for query, eligible, shortlist in zip(queries, candidates, (rated or chosen).shortlists, strict=True)
        ]
        # Ratings are predicted for the considered items only.
        rows = padded(considered, np.int64)
        log_shares = chosen.log_shares(self.model.choice, catalogue.choice_vectors(rows))
        draw = draw_of([eligible.exploration for eligible in candidates], rows, self.model.device)
        figures = Figures.of(self.model, rank_by, log_shares, self._predicted(supports, rated, rows, draw))
        return [
            self._listed(query, eligible, user_rows, figures, place)
            for place, (query, eligible, user_rows) in enumerate(zip(queries, candidates, considered, strict=True))
        ]

    def _considered_rows(
        self, query: RankingQuery, eligible: Eligible, rows: NDArray[np.int64], scores: NDArray[np.float32]
    ) -> NDArray[np.int64]:
        """The rows among which the list of a query is chosen, the best first; with the pinned ones."""
        if query.knows_something:
            raised = scores if eligible.added is None else scores + eligible.added[rows]
            best = rows[best_places(raised, self.catalogue.counts[rows], _considered(query.n))]
        else:
            best = strangers_rows(self._popular, query, eligible)
        missing = [row for row in eligible.pinned if row not in best]
        return np.concatenate([best, np.array(missing, dtype=np.int64)])

    def _predicted(
        self, supports: QuerySupports, rated: Scored | None, rows: NDArray[np.int64], draw: Draw | None
    ) -> Predicted | None:
        """The predicted ratings of B users for some rows (int64 [B, Q]); None from a model that predicts none."""
        learner = self.model.learner
        if learner is None:
            return None
        support, adapted = supports.adapted(RankBy.RATING) if rated is None else (rated.support, rated.adapted)
        vectors = self.catalogue.vectors(rows)
        shown = learner.predict(adapted, support.users, vectors)
        if draw is None:
            return Predicted(shown, shown)
        return Predicted(shown, learner.predict_drawn(adapted, support.users, vectors, draw))

    def _listed(
        self, query: RankingQuery, eligible: Eligible, rows: NDArray[np.int64], figures: Figures, place: int
    ) -> list[RankedItem]:
        """One user's list of the considered rows."""
        means = figures.means[place]
        added = np.zeros(len(rows)) if eligible.added is None else eligible.added[rows]
        order = np.arange(len(rows))
        if query.knows_something:
            scores = figures.scores[place, : len(rows)] + added
            if query.diversity:
                order = diverse_places(scores, similarities(self.catalogue, rows), query.n, diversity=query.diversity)
            else:
                order = best_places(scores, self.catalogue.counts[rows], query.n)
        if self.ranked_by(query) is RankedBy.RATING:
            # The score chooses the items. The shown ratings order them, so that the two do not contradict each other.
            shown = np.array(means, dtype=np.float64)[order] + added[order]
            order = order[np.argsort(-shown, kind="stable")]
        if eligible.pinned:
            first = [int(np.flatnonzero(rows == row)[0]) for row in eligible.pinned]
            order = np.array([*first, *(column for column in order.tolist() if column not in first)])[: query.n]
        shares, likes = figures.shares[place], figures.likes[place]
        listed = zip(order.tolist(), rows[order].tolist(), strict=True)
        return [
            RankedItem(*self.catalogue.name(row), means[column], shares[column], likes[column], rank)
            for rank, (column, row) in enumerate(listed, start=1)
        ]
