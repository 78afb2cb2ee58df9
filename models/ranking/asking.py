"""Choosing the questions to a user: about items, groups of items, attributes and pairs."""

from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from models.elicitation.asked import Asked
from models.elicitation.question import Question, QuestionKind, Topic
from models.elicitation.sequential import CHANCE_POWER
from models.elicitation.strategy import Candidate
from models.elicitation.subject import Subject
from models.elicitation.uncertainty import Uncertainty
from models.ranking.answered import answered
from models.ranking.best import best_places
from models.ranking.catalogue import Catalogue
from models.ranking.query import RankingQuery
from models.ranking.question_pool import Layer, QuestionPool

_SHORTLIST = 200
"""How many items are considered for a user: those that the user has most probably seen. It bounds the time, which
grows with its square."""

_EXAMPLES = 5
"""How many items a question about an attribute shows at most."""

Chances = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""Rows of the catalogue → P(seen) for a user."""


class Asking:
    """Chooses the questions with the highest product of the squared chance of an answer and what the answer teaches.

    It teaches the share of the variance that it removes, as in `SequentialQuestions`: of the posterior variance of the
    user's ratings, weighted by P(seen). An answer about a group, an attribute or a pair observes a linear combination
    of ratings, so the formula is the same. The questions of a page are chosen one after another, each after the
    expected effect of the former ones, so they do not overlap.

    A user can answer about a group or an attribute who has seen two of its items, and about a pair who has seen both.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.pool = QuestionPool(catalogue)

    def questions(
        self, query: RankingQuery, n: int, kinds: Collection[QuestionKind], skipped: Collection[Topic]
    ) -> list[Question]:
        """See `Recommender.ask`."""
        pool, permitted = self.pool, self._catalogue.allowed(query.exclude, query.where)
        chances = self._chances(query)
        items = self._items(query, permitted, chances)
        asked = {*skipped, *map(Topic.of_answer, query.answers)}
        places = np.array(
            [
                place
                for place, (subject, topic) in enumerate(zip(pool.subjects, pool.topics, strict=True))
                if subject.kind in kinds and topic not in asked and _concerns(subject, permitted)
            ],
            dtype=np.int64,
        )
        subjects = [*map(Subject.item, items.tolist()), *(pool.subjects[place] for place in places.tolist())]
        seen, targets = chances(items), np.arange(len(subjects)) < len(items)
        answerable = np.concatenate([seen, _chances_of_answers(subjects[len(items) :], chances)])
        answerable[targets] *= QuestionKind.ITEM in kinds
        options = pool.layer_of_items(items).append(pool.layer_of_subjects[places])
        told = self._told(query)
        uncertainty = Uncertainty.after(
            told.features[None],
            told.noise[None],
            options.features[None],
            options.noise[None],
            np.concatenate([seen, np.zeros(len(places))])[None],
        )
        found: list[Question] = []
        while len(found) < n and answerable.any():
            values = answerable**CHANCE_POWER * uncertainty.removed_shares()[0]
            best = int(values.argmax())
            score = min(float(values[best]), found[-1].score if found else 1.0)
            found.append(self._question(subjects[best], permitted, score))
            uncertainty.expect_answers(np.array([best]), answerable[[best]])
            answerable[best] = 0.0
        return found

    def _chances(self, query: RankingQuery) -> Chances:
        """P(seen) for a user, after the ratings and the skips."""
        rated = {rating.item_id for rating in query.ratings}
        rows_of, exposure = self._catalogue.rows_of, self.pool.exposure
        asked = Asked.of_one(rows_of(rated), rows_of(set(query.skipped) - rated))
        factors = exposure.fold_in(asked.items, asked.answered, asked.mask)
        return lambda rows: exposure.at(rows).probabilities(factors)[0]

    def _items(self, query: RankingQuery, permitted: NDArray[np.bool_], chances: Chances) -> NDArray[np.int64]:
        """The rows of the items that the user may be asked about and has most probably seen."""
        allowed = permitted.copy()
        allowed[self._catalogue.rows_of({*(rating.item_id for rating in query.ratings), *query.skipped})] = False
        rows = self.pool.best_known(allowed) if query.where else self.pool.items[allowed[self.pool.items]]
        return rows[best_places(chances(rows), self._catalogue.counts[rows], _SHORTLIST)]

    def _told(self, query: RankingQuery) -> Layer:
        """What the user has rated and answered, as the last layer sees it."""
        layer = self.pool.layer_of_items(self._catalogue.rows_of({rating.item_id for rating in query.ratings}))
        return layer.append(self.pool.layer_of_answers(answered(self._catalogue, query.answers)))

    def _question(self, subject: Subject, permitted: NDArray[np.bool_], score: float) -> Question:
        rows = subject.rows
        if subject.kind is QuestionKind.ATTRIBUTE:
            rows = rows[permitted[rows]][:_EXAMPLES]
        items = tuple(Candidate(*self._catalogue.name(row), score) for row in rows.tolist())
        return Question(subject.kind, items, score, subject.field, subject.value)


def _concerns(subject: Subject, permitted: NDArray[np.bool_]) -> bool:
    """Whether a question would show permitted items only; examples of an attribute can be left out."""
    inside = permitted[subject.rows]
    return bool(inside.any() if subject.kind is QuestionKind.ATTRIBUTE else inside.all())


def _chances_of_answers(subjects: list[Subject], chances: Chances) -> NDArray[np.float64]:
    """The probability that the user has seen two items of each subject; float64 [subjects].

    Of more than two items the number seen is taken for a Poisson variable.
    """
    if not subjects:
        return np.empty(0)
    lengths = [len(each.rows) for each in subjects]
    seen = np.split(chances(np.concatenate([each.rows for each in subjects])), np.cumsum(lengths)[:-1])
    expected = np.array([each.sum() for each in seen])
    poisson = 1 - np.exp(-expected) * (1 + expected)
    return np.where([each.kind is QuestionKind.PAIR for each in subjects], [each.prod() for each in seen], poisson)
