"""Choosing the questions to a user: about items, groups of items, attributes and pairs."""

from collections.abc import Collection
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.elicitation.question import Question, QuestionKind, Topic
from models.elicitation.strategy import Candidate
from models.elicitation.subject import Subject
from models.elicitation.values import ValueIndex
from models.ranking.best import best_places
from models.ranking.catalogue import Catalogue
from models.ranking.query import RankingQuery

_POPULAR = 2_000
"""Questions are about the items with the most ratings, at most this many. It bounds the time."""

_EXAMPLES = 5
"""How many items a question about an attribute shows at most."""


class Asking:
    """Chooses questions about a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def questions(
        self, query: RankingQuery, n: int, kinds: Collection[QuestionKind], skipped: Collection[Topic]
    ) -> list[Question]:
        """See `Recommender.ask`."""
        asked = {*skipped, *map(Topic.of_answer, query.answers)}
        allowed = self._catalogue.allowed(query.exclude, query.where)
        found = [
            self._question(subject, allowed)
            for subject in (self._attributes if QuestionKind.ATTRIBUTE in kinds else ())
            if allowed[subject.rows].any()
        ]
        found.sort(key=lambda question: -question.score)
        return [question for question in found if question.topic not in asked][:n]

    def _question(self, subject: Subject, allowed: NDArray[np.bool_]) -> Question:
        catalogue = self._catalogue
        most = max(int(catalogue.counts.max(initial=0)), 1)
        rows = subject.rows[allowed[subject.rows]][:_EXAMPLES].tolist()
        items = tuple(Candidate(*catalogue.name(row), float(catalogue.counts[row] / most)) for row in rows)
        score = float(catalogue.counts[subject.rows].mean() / most)
        return Question(subject.kind, items, score, subject.field, subject.value)

    @cached_property
    def _attributes(self) -> list[Subject]:
        catalogue = self._catalogue
        rows = np.flatnonzero(catalogue.allowed((), {}))
        counts = catalogue.counts[rows]
        rows = rows[best_places(counts.astype(np.float64), counts, _POPULAR)]
        table = catalogue.attributes(rows)
        index = ValueIndex(catalogue.model.schema.items, table, catalogue.counts[rows])
        return [replace(subject, rows=rows[subject.rows]) for subject in index.subjects()]
