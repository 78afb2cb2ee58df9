"""What users answered, as combinations of the catalogue's items."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from models.artifact import TrainedModel
from models.data.answers import Answer, AttributeAnswer, GroupAnswer, PairAnswer
from models.elicitation.question import QuestionKind
from models.elicitation.subject import AnswerArrays, AnsweredSubject, Subject
from models.elicitation.values import MOST_ITEMS
from models.learners.answers import AnswerKind, Answers
from models.ranking.catalogue import Catalogue
from models.ranking.query import RankBy

_RATED_ITEMS = 3
"""How many items of a group get its rating where a model takes ratings only: one answer is not to outweigh many
ratings."""


def as_ratings(answers: Sequence[AnsweredSubject], model: TrainedModel, rank_by: RankBy) -> list[tuple[int, float]]:
    """Ratings that say about the same as answers, for a scoring model that takes ratings only: rows and ratings.

    A few items of a group get its rating. Of a pair, the preferred item gets a rating of a quarter of the scale above
    the mean, and the other of a quarter below.

    The choice model takes a rating for a choice. So it is told only of groups that the user likes, and of preferred
    items. An attribute value stands for too many items: the best known of them are not what this user would choose.
    """
    scale, mean = model.schema.rating_scale, model.manifest.data.mean_rating
    if scale is None:
        return [(int(each.subject.rows[0]), 0.0) for each in answers if each.subject.answer_kind is AnswerKind.PAIR]
    middle = (scale.minimum + scale.maximum) / 2 if mean is None else mean
    step = (scale.maximum - scale.minimum) / 4
    said: list[tuple[int, float]] = []
    for each in answers:
        if rank_by is RankBy.CHOICE and each.subject.kind is QuestionKind.ATTRIBUTE:
            continue
        rows = each.subject.rows.tolist()
        if each.subject.answer_kind is AnswerKind.PAIR:
            above, below = scale.nearest(np.array([middle + step, middle - step])).tolist()
            said += zip(rows, (above, below), strict=True)
        else:
            said += ((row, each.rating) for row in rows[:_RATED_ITEMS])
    lowest = scale.liked_from if rank_by is RankBy.CHOICE else scale.minimum
    return [(row, rating) for row, rating in said if rating >= lowest]


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
