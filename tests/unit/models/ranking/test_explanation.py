from collections.abc import Sequence

import pytest

from models.artifact import TrainedModel
from models.ranking import ItemRating, RankingQuery, Recommender
from models.ranking.explanation import Reason, explain

RATINGS = [ItemRating("i1", 5.0), ItemRating("i2", 1.0), ItemRating("i3", 4.0), ItemRating("i4", 2.0)]


@pytest.fixture(scope="module")
def recommender(model: TrainedModel) -> Recommender:
    return Recommender(model, model.items)


def reasons_for(recommender: Recommender, ratings: Sequence[ItemRating], shown: Sequence[str]) -> dict[str, Reason]:
    return explain(recommender, RankingQuery(attributes={}, ratings=ratings, n=0), shown)


def predicted(recommender: Recommender, ratings: Sequence[ItemRating]) -> dict[str, float]:
    """The predicted ratings of all items, from a list of recommendations."""
    listed = recommender.recommend(RankingQuery(attributes={}, ratings=ratings, n=40, include_rated=True))
    return {item.item_id: item.predicted_rating for item in listed}


def test_effect_equals_the_difference_without_the_rating(recommender: Recommender) -> None:
    shown = ["i5", "i6", "i7", "i8"]
    everything = predicted(recommender, RATINGS)
    effects = []
    for place in range(len(RATINGS)):
        without = predicted(recommender, RATINGS[:place] + RATINGS[place + 1 :])
        on_all = sum(everything[item_id] - without[item_id] for item_id in recommender.items.ids) / 40
        effects.append({item_id: everything[item_id] - without[item_id] - on_all for item_id in shown})
    reasons = reasons_for(recommender, RATINGS, shown)
    for item_id in shown:
        strongest = max(range(len(RATINGS)), key=lambda place: effects[place][item_id])
        effect = effects[strongest][item_id]
        assert (item_id in reasons) == (effect >= 0.04)
        if item_id in reasons:
            assert (reasons[item_id].item_id, reasons[item_id].rating) == (
                RATINGS[strongest].item_id,
                RATINGS[strongest].rating,
            )
            assert reasons[item_id].effect == pytest.approx(effect, abs=1e-4)


def test_reason_of_a_comedy_is_the_rated_comedy(recommender: Recommender) -> None:
    comedies, horror = ["i5", "i7", "i39"], ["i6", "i8", "i38"]
    reasons = reasons_for(recommender, [ItemRating("i1", 5.0)], [*comedies, *horror])
    assert set(reasons) == set(comedies)
    assert {(reason.item_id, reason.title, reason.rating) for reason in reasons.values()} == {("i1", "Film 1", 5.0)}


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
