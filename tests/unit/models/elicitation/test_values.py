"""The attribute values that questions can be about, and what users would answer about them."""

import numpy as np
import polars as pl
import pytest

from models.data.rating_scale import RatingScale
from models.data.schema import EntitySource
from models.elicitation.question import QuestionKind
from models.elicitation.values import ValueIndex

SOURCE = EntitySource.model_validate(
    {
        "fields": [{"name": "genre", "kind": "multi_valued"}, {"name": "year", "kind": "continuous"}],
        "date": "year",
    }
)
SCALE = RatingScale(minimum=1, maximum=5)


def index(genres: list[list[str]], years: list[float | None], counts: list[int]) -> ValueIndex:
    table = pl.DataFrame(
        {"genre": pl.Series(genres, dtype=pl.List(pl.String)), "year": pl.Series(years, dtype=pl.Float64)}
    )
    return ValueIndex(SOURCE, table, np.array(counts))


@pytest.fixture(scope="module")
def films() -> ValueIndex:
    """Six crime films, of which the first five are dramas too; four of the eighties, one without a year."""
    genres = [["crime", "drama"]] * 5 + [["crime"]]
    return index(genres, [1980, 1985, 1989, 1989, 1990, None], [1, 5, 3, 3, 0, 9])


def test_values_are_those_that_five_items_have(films: ValueIndex) -> None:
    assert films.values == [("genre", "crime"), ("genre", "drama")]


def test_subject_has_the_best_known_items_first_and_weights_by_popularity(films: ValueIndex) -> None:
    crime, _ = films.subjects()

    assert crime.kind is QuestionKind.ATTRIBUTE
    assert crime.rows.tolist() == [5, 1, 2, 3, 0, 4]
    np.testing.assert_allclose(crime.weights, np.array([10, 6, 4, 4, 2, 1]) / 27, rtol=1e-6)


def test_decade_is_a_value() -> None:
    eighties = index([["crime"]] * 6, [1980, 1985, 1989, 1981, 1982, 1990], [1] * 6)

    assert ("year", "1980s") in eighties.values
    assert ("year", "1990s") not in eighties.values


def test_answers_are_the_rounded_means_of_two_ratings_or_more(films: ValueIndex) -> None:
    answers = films.answers(np.array([5, 0, 1]), np.array([5.0, 4.0, 4.0]), SCALE)

    assert answers == {0: 4.0, 1: 4.0}


def test_user_with_one_rating_of_a_group_cannot_answer(films: ValueIndex) -> None:
    assert films.answers(np.array([5, 0]), np.array([5.0, 3.0]), SCALE) == {0: 4.0}
    assert films.answers(np.array([], dtype=np.int64), np.array([]), SCALE) == {}


def test_shares_count_the_items_that_have_each_value(films: ValueIndex) -> None:
    np.testing.assert_allclose(films.share_with(np.array([0, 5])), [1.0, 0.5])


def test_items_without_values_have_no_subjects() -> None:
    assert index([[]] * 3, [None] * 3, [1, 2, 3]).subjects() == []
