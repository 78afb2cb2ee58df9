"""What is known after an interview, measured: the error of the predictions, and the list."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.elicitation.interviews import Interviewer, Reply, query_of
from benchmarks.elicitation.people import Person
from models.metrics import MAE, measure_caption
from models.metrics.lists import LIST_LENGTH, LIST_NDCG
from models.ranking import RankingQuery, Recommender

ANSWERS = "answers"
"""The number of questions that were answered."""

UNKNOWN_NDCG = "list_ndcg@10_unknown"
"""The nDCG@10 of the list without any item that the user can answer about, asked or not."""

MEASURES = (MAE.name, LIST_NDCG.name, UNKNOWN_NDCG, ANSWERS)

CAPTIONS = {
    MAE.name: measure_caption(MAE.name),
    LIST_NDCG.name: LIST_NDCG.title,
    UNKNOWN_NDCG: f"{LIST_NDCG.title} without known items",
    ANSWERS: "answered questions",
}
"""The measures as the page names them."""

ONE_BY_ONE, SCREENS = "one by one", "screens"
"""The two forms of an interview: each question follows from the former reply, or each screen of ten does."""

POINTS = {ONE_BY_ONE: (0, 1, 2, 3, 5, 10, 20), SCREENS: (0, 5, 10, 20, 30, 40)}
"""After how many questions of each form is measured. Five are the first half of the first screen."""

SCREEN = 10

Values = dict[str, NDArray[np.float64]]
"""By measure, one value a person; NaN where the measure is undefined."""


def cell_name(form: str, questions: int) -> str:
    """The name of what is measured after some questions, such as `screens 10`."""
    return f"{form} {questions}"


def measured(interviewer: Interviewer, recommender: Recommender, people: Sequence[Person]) -> dict[str, Values]:
    """By cell, the values after each number of questions of both forms."""
    cells: dict[str, Values] = {}
    found: dict[tuple[tuple[Reply, ...], ...], Values] = {}
    for form, points in POINTS.items():
        sizes = [1] * points[-1] if form == ONE_BY_ONE else [SCREEN] * (points[-1] // SCREEN)
        replies = interviewer.interview(people, sizes)
        for questions in points:
            so_far = [of_person[:questions] for of_person in replies]
            # A fixed strategy has the same questions in both forms.
            key = tuple(tuple(of_person) for of_person in so_far)
            if key not in found:
                found[key] = values_after(recommender, people, so_far)
            cells[cell_name(form, questions)] = found[key]
    return cells


def values_after(recommender: Recommender, people: Sequence[Person], replies: Sequence[Sequence[Reply]]) -> Values:
    """The values of all measures after each person's replies."""
    queries = [query_of(person, said, n=LIST_LENGTH) for person, said in zip(people, replies, strict=True)]
    known = [[rating.item_id for rating in person.known] for person in people]
    without_known = [replace(query, exclude=ids) for query, ids in zip(queries, known, strict=True)]
    query_ids = [[rating.item_id for rating in person.query] for person in people]
    predicted = recommender.predicted_ratings(queries, query_ids)
    errors = [
        np.abs(np.array(own, dtype=np.float64) - [rating.rating for rating in person.query])
        for own, person in zip(predicted, people, strict=True)
    ]
    return {
        MAE.name: np.array([own.mean() for own in errors]),
        LIST_NDCG.name: _list_ndcgs(recommender, people, queries),
        UNKNOWN_NDCG: _list_ndcgs(recommender, people, without_known),
        ANSWERS: np.array([float(sum(reply is not None for reply in said)) for said in replies]),
    }


def _list_ndcgs(
    recommender: Recommender, people: Sequence[Person], queries: Sequence[RankingQuery]
) -> NDArray[np.float64]:
    return np.array(
        [
            list_ndcg([item.item_id in person.liked for item in ranked], len(person.liked))
            for ranked, person in zip(recommender.recommend_many(queries), people, strict=True)
        ]
    )


def list_ndcg(hits: Sequence[bool], relevant: int) -> float:
    """The nDCG@10 of one list (`LIST_NDCG`); NaN for a person without relevant items."""
    if not relevant:
        return float("nan")
    discounts = 1.0 / np.log2(np.arange(2, LIST_LENGTH + 2))
    return float(discounts[: len(hits)][np.array(hits, dtype=np.bool_)].sum() / discounts[:relevant].sum())
