from collections.abc import Sequence

import pytest

from models.artifact import TrainedModel
from models.data.answers import Answer, GroupAnswer, PairAnswer
from models.ranking import ItemRating, RankingQuery, Recommender
from models.ranking.explanation import Reason, explain
from models.ranking.query import RankBy
from tests.artifacts import with_closed_form

RATINGS = [ItemRating("i1", 5.0), ItemRating("i2", 1.0), ItemRating("i3", 4.0), ItemRating("i4", 2.0)]
ANSWERS = [GroupAnswer(("i11", "i13", "i16"), 4.5), PairAnswer("i15", "i18")]
"""About items that are not rated, because a rating of an item counts instead of what an answer says of it."""


@pytest.fixture(scope="module")
def recommender(model: TrainedModel) -> Recommender:
    return Recommender(model, model.items)


def reasons_for(recommender: Recommender, ratings: Sequence[ItemRating], shown: Sequence[str]) -> dict[str, Reason]:
    return explain(recommender, RankingQuery(attributes={}, ratings=ratings, n=0), shown)


def predicted(recommender: Recommender, ratings: Sequence[ItemRating], answers: Sequence[Answer]) -> dict[str, float]:
    """What orders all items in a list by ratings."""
    query = RankingQuery(attributes={}, ratings=ratings, n=0, answers=answers)
    rows = recommender.catalogue.rows_of(recommender.items.ids)
    (scores,) = recommender.predictions([query], rows[None]).score.tolist()
    return dict(zip(recommender.items.ids, scores, strict=True))


@pytest.mark.parametrize("takes_answers", [False, True])
@pytest.mark.parametrize("answers", [[], ANSWERS])
@pytest.mark.parametrize("ratings", [RATINGS, RATINGS[1::2], RATINGS[::2]])
def test_reason_is_the_liked_rating_with_the_largest_effect_or_else_the_disliked_one(
    model: TrainedModel, ratings: Sequence[ItemRating], answers: Sequence[Answer], *, takes_answers: bool
) -> None:
    recommender = Recommender(with_closed_form(model) if takes_answers else model, model.items)
    shown = ["i5", "i6", "i7", "i8"]
    everything = predicted(recommender, ratings, answers)
    effects, on_itself = {}, {}
    for place, rating in enumerate(ratings):
        without = predicted(recommender, [*ratings[:place], *ratings[place + 1 :]], answers)
        falls = {item_id: everything[item_id] - without[item_id] for item_id in recommender.items.ids}
        effects[rating.item_id] = {item_id: falls[item_id] - sum(falls.values()) / 40 for item_id in shown}
        on_itself[rating.item_id] = falls[rating.item_id]
    given = {rating.item_id: rating.rating for rating in ratings}
    liked = {item_id for item_id, rating in given.items() if rating >= 4}
    query = RankingQuery(attributes={}, ratings=ratings, n=0, rank_by=RankBy.RATING, answers=answers)
    reasons = explain(recommender, query, shown)
    for item_id in shown:
        like = {rated: effects[rated][item_id] for rated in liked if on_itself[rated] > 0}
        unlike = {rated: effects[rated][item_id] for rated in given.keys() - liked if on_itself[rated] <= 0}
        expected = next((each for each in (like, unlike) if max(each.values(), default=0) >= 0.04), None)
        assert (item_id in reasons) == (expected is not None)
        if expected is not None:
            strongest = max(expected, key=expected.__getitem__)
            reason = reasons[item_id]
            assert (reason.item_id, reason.rating, reason.liked) == (strongest, given[strongest], expected is like)
            assert reason.effect == pytest.approx(expected[strongest], abs=1e-4)


COMEDIES, HORROR = ["i5", "i7", "i29"], ["i6", "i8", "i28"]


@pytest.mark.parametrize(
    ("ratings", "explained", "reason"),
    [
        ([ItemRating("i1", 5.0)], COMEDIES, ("i1", True)),
        ([ItemRating("i2", 1.0)], COMEDIES, ("i2", False)),
        ([ItemRating("i1", 1.0)], HORROR, ("i1", False)),
        ([ItemRating("i1", 5.0), ItemRating("i2", 1.0), ItemRating("i4", 1.0)], COMEDIES, ("i1", True)),
        # Of a user without a rating of 4 or more, those above the mean are liked.
        ([ItemRating("i1", 3.0), ItemRating("i2", 1.0), ItemRating("i4", 1.0)], COMEDIES, ("i1", True)),
    ],
)
def test_reason_is_a_liked_item_of_the_same_genre_or_a_disliked_one_of_the_other(
    recommender: Recommender, ratings: Sequence[ItemRating], explained: Sequence[str], reason: tuple[str, bool]
) -> None:
    reasons = reasons_for(recommender, ratings, [*COMEDIES, *HORROR])
    assert {item_id: (found.item_id, found.liked) for item_id, found in reasons.items()} == dict.fromkeys(
        explained, reason
    )


def test_rating_above_the_mean_in_the_lower_half_of_the_scale_is_not_liked(recommender: Recommender) -> None:
    reasons = reasons_for(recommender, [ItemRating("i1", 2.0), ItemRating("i2", 1.0)], [*COMEDIES, *HORROR])
    found = {item_id: (reason.item_id, reason.liked) for item_id, reason in reasons.items()}
    assert found.items() >= dict.fromkeys(COMEDIES, ("i2", False)).items()
    assert not any(liked for _, liked in found.values())


def test_reason_has_title_and_rating_of_the_rated_item(recommender: Recommender) -> None:
    reason = reasons_for(recommender, [ItemRating("i1", 5.0)], ["i5"])["i5"]
    assert (reason.title, reason.rating) == ("Film 1", 5.0)


def test_rating_in_the_middle_is_no_reason(recommender: Recommender) -> None:
    assert reasons_for(recommender, [ItemRating("i1", 3.0), ItemRating("i2", 3.0)], [*COMEDIES, *HORROR]) == {}


@pytest.mark.parametrize(
    "ratings", [[], [ItemRating("gone", 5.0)], [ItemRating(f"i{item % 40}", 5.0) for item in range(51)]]
)
def test_explain_without_usable_ratings_gives_no_reasons(recommender: Recommender, ratings: list[ItemRating]) -> None:
    assert reasons_for(recommender, ratings, ["i5"]) == {}


def test_explain_without_shown_items_gives_no_reasons(recommender: Recommender) -> None:
    assert reasons_for(recommender, RATINGS, []) == {}


def test_explain_with_ratings_of_unknown_items_ignores_them(recommender: Recommender) -> None:
    shown = ["i5", "i7"]
    with_gone = reasons_for(recommender, [ItemRating("gone", 5.0), *RATINGS], shown)
    assert with_gone == reasons_for(recommender, RATINGS, shown)
