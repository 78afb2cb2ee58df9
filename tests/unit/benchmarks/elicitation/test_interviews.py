"""Interviews of the benchmark: what people can answer, and what is measured of it."""

import numpy as np
import pytest

from benchmarks.elicitation.figures import Record, figures_of, pooled
from benchmarks.elicitation.interviews import ItemInterviewer, query_of
from benchmarks.elicitation.measuring import (
    ANSWERS,
    MEASURES,
    POINTS,
    SCREENS,
    UNKNOWN_NDCG,
    cell_name,
    list_ndcg,
    measured,
)
from benchmarks.elicitation.page import page
from benchmarks.elicitation.people import MIN_RATINGS, Person, draw, user_rows
from benchmarks.elicitation.strategies import NAMES, REFERENCE, Setting, interviewer
from models.artifact import TrainedModel
from models.data.answers import AttributeAnswer
from models.data.dataset import Dataset, State
from models.data.splits import Split
from models.elicitation.fixed import FixedQuestions
from models.metrics import MAE
from models.metrics.lists import LIST_NDCG
from models.ranking import ItemRating, Recommender


@pytest.fixture(scope="module")
def setting(two_tastes: Dataset, model: TrainedModel) -> Setting:
    return Setting(two_tastes, Split.of(two_tastes, model.split), model, Recommender(model, two_tastes.items))


@pytest.fixture(scope="module")
def people(setting: Setting) -> list[Person]:
    rows = user_rows(setting.dataset, setting.split, State.USER_COLD, most=4)
    return draw(setting.dataset, rows, setting.split, State.USER_COLD, seed=0)


def test_halves_are_disjoint_and_make_up_a_users_ratings(people: list[Person]) -> None:
    assert people
    for person in people:
        known, query = ({rating.item_id for rating in half} for half in (person.known, person.query))
        assert not known & query
        assert len(known | query) >= MIN_RATINGS
        assert len(query) - len(known) in (0, 1)
        assert person.liked == {rating.item_id for rating in person.query if rating.rating >= 4}


def test_questions_about_known_items_are_answered_and_others_skipped(setting: Setting, people: list[Person]) -> None:
    items = setting.recommender.items
    counts = np.zeros(len(items), dtype=np.int64)
    strategy = FixedQuestions(-np.arange(len(items), dtype=np.float64), counts)
    replies = ItemInterviewer(strategy, setting.recommender).interview(people, [3, 2])
    for person, said in zip(people, replies, strict=True):
        own = {rating.item_id: rating for rating in person.known}
        assert said == [own.get(item_id) for item_id in items.ids[:5]]


def test_query_has_the_answers_and_no_skips(people: list[Person]) -> None:
    rating, answer = ItemRating("i1", 5.0), AttributeAnswer("genre", "comedy", 4.0)
    query = query_of(people[0], [None, rating, None, answer], n=7)
    assert (query.ratings, query.answers, query.skipped, query.n) == ([rating], [answer], (), 7)


def test_list_ndcg_is_the_gain_by_that_of_the_best_list() -> None:
    assert list_ndcg([True, False, True], 2) == pytest.approx((1 + 1 / 2) / (1 + 1 / np.log2(3)))
    assert list_ndcg([True] * 10, 30) == pytest.approx(1.0)
    assert np.isnan(list_ndcg([False] * 10, 0))


def test_every_strategy_is_measured_and_is_on_the_page(setting: Setting, people: list[Person]) -> None:
    results = {
        name: pooled([measured(interviewer(name, setting, seed=0), setting.recommender, people)]) for name in NAMES
    }
    start = {name: cells[cell_name(SCREENS, 0)] for name, cells in results.items()}
    assert len({tuple(values[MAE.name]) for values in start.values()}) == 1
    last = results[REFERENCE][cell_name(SCREENS, POINTS[SCREENS][-1])]
    # The catalogue has forty items, so all is asked that can be answered.
    assert last[ANSWERS].tolist() == [len(person.known) for person in people]
    figures = figures_of(results, seeds=1, query=10.0, form=SCREENS)
    after = figures.strategies[REFERENCE][cell_name(SCREENS, 10)]
    assert set(after) == set(MEASURES) == {MAE.name, LIST_NDCG.name, UNKNOWN_NDCG, ANSWERS}
    text = page(Record(data={"two-tastes": figures}, milliseconds={"two-tastes": {"popularity": 1.25}}))
    assert all(name in text for name in NAMES)
    assert "| popularity | 1.2 |" in text
