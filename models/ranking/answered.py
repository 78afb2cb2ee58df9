"""What users answered, as combinations of the catalogue's items."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from models.data.answers import Answer, AttributeAnswer, GroupAnswer, PairAnswer
from models.elicitation.subject import AnswerArrays, AnsweredSubject, Subject
from models.elicitation.values import MOST_ITEMS
from models.learners.answers import AnswerKind, Answers
from models.ranking.catalogue import Catalogue
from models.ranking.query import RankBy

_RATED_ITEMS = 3
"""How many items of a group get its rating where a model takes ratings only: one answer is not to outweigh many
ratings."""


def as_ratings(answer: AnsweredSubject, *, middle: float, step: float) -> list[tuple[int, float]]:
    """Ratings of items that say about the same as an answer: rows and ratings.

    A few items of a group get its rating. Of a pair, one item is above the middle and the other below.

    Args:
        answer: The answer.
        middle: A neutral rating.
        step: How far the ratings of a pair are from it.
    """
    rows = answer.subject.rows.tolist()
    if answer.subject.answer_kind is AnswerKind.PAIR:
        return list(zip(rows, (middle + step, middle - step), strict=True))
    return [(row, answer.rating) for row in rows[:_RATED_ITEMS]]


def answered(catalogue: Catalogue, answers: Sequence[Answer]) -> list[AnsweredSubject]:
    """The answers, without those of which the catalogue has no item, or only one of the two items of a pair."""
    found = ((subject_of(catalogue, answer), answer) for answer in answers)
    return [
        AnsweredSubject(subject) if isinstance(answer, PairAnswer) else AnsweredSubject(subject, answer.rating)
        for subject, answer in found
        if subject is not None
    ]


def subject_of(catalogue: Catalogue, answer: Answer) -> Subject | None:
    """What an answer is about; None if the catalogue does not have its items."""
    match answer:
        case GroupAnswer(item_ids):
            rows = catalogue.rows_of(set(item_ids))
            return Subject.group(rows[np.argsort(-catalogue.counts[rows], kind="stable")]) if len(rows) else None
        case AttributeAnswer(name, value):
            rows = catalogue.best_known_with(name, value, MOST_ITEMS)
            return Subject.attribute(rows, catalogue.counts[rows], field=name, value=value) if len(rows) else None
        case PairAnswer(preferred, other):
            first, second = catalogue.row_of(preferred), catalogue.row_of(other)
            return None if first is None or second is None or first == second else Subject.pair(first, second)


def embedded_answers(
    catalogue: Catalogue, answers: Sequence[Sequence[AnsweredSubject]], rank_by: RankBy = RankBy.RATING
) -> Answers[Any]:
    """The answers of B users, embedded by a scoring model."""
    arrays = AnswerArrays.of(answers)
    items = catalogue.vectors(arrays.rows, rank_by)
    return arrays.embedded(items, lambda array: torch.from_numpy(array).to(catalogue.model.device))
