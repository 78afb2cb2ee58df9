from pathlib import Path

import pytest

from models.artifact import load_artifact
from models.ranking import ItemRating, RankingQuery, Recommender
from models.ranking.query import ItemInteraction, RankBy
from models.ranking.tastes import Tastes, tastes
from tests.unit.models.ranking.two_tastes import COMEDY_FAN, HORROR_FAN, NOTHING, items_of, shown_score


def of_ratings(recommender: Recommender, ratings: list[ItemRating]) -> Tastes:
    return tastes(recommender, RankingQuery(attributes={}, ratings=ratings, n=0), n=5)


def values(found: Tastes) -> tuple[list[str], list[str]]:
    return [taste.value for taste in found.likes], [taste.value for taste in found.dislikes]


@pytest.mark.parametrize(
    ("ratings", "liked", "disliked"), [(COMEDY_FAN, "comedy", "horror"), (HORROR_FAN, "horror", "comedy")]
)
def test_fan_of_a_genre_likes_it_and_dislikes_the_other(
    recommender: Recommender, ratings: list[ItemRating], liked: str, disliked: str
) -> None:
    assert values(of_ratings(recommender, ratings)) == ([liked], [disliked])


def test_shares_are_those_of_what_the_user_and_a_stranger_choose_and_like_next(recommender: Recommender) -> None:
    (liked,) = of_ratings(recommender, COMEDY_FAN).likes
    rated = [rating.item_id for rating in COMEDY_FAN]
    for query, share in (
        (RankingQuery(attributes={}, ratings=COMEDY_FAN, n=40), liked.share),
        (RankingQuery(**NOTHING, exclude=rated, n=40), liked.share_of_strangers),
    ):
        scores = {item.item_id: shown_score(item, RankBy.CHOICE) for item in recommender.recommend(query)}
        comedies = [score for item_id, score in scores.items() if int(item_id[1:]) % 2]
        assert len(comedies) == liked.items == 18
        assert sum(comedies) / sum(scores.values()) == pytest.approx(share, abs=0.01)


def test_stranger_has_no_tastes(recommender: Recommender) -> None:
    assert tastes(recommender, RankingQuery(**NOTHING, n=0), n=5) == Tastes([], [])


def test_rating_in_the_middle_of_the_scale_tells_no_taste(recommender: Recommender) -> None:
    assert of_ratings(recommender, [ItemRating("i1", 3.0)]) == Tastes([], [])


def test_user_who_dislikes_everything_likes_nothing(recommender: Recommender) -> None:
    everything = [ItemRating(f"i{item}", 1.0) for item in range(9)]
    assert of_ratings(recommender, everything).likes == []


def test_number_of_tastes_is_limited(recommender: Recommender) -> None:
    query = RankingQuery(attributes={}, ratings=COMEDY_FAN, n=0)
    assert tastes(recommender, query, n=0) == Tastes([], [])


@pytest.fixture(scope="module")
def few_horror_films(recommender: Recommender) -> Recommender:
    """A catalogue with four horror films, which do not have the years of the comedies."""
    others = [item_id for item_id in recommender.items.ids if int(item_id[1:]) % 2 == 0][4:]
    return recommender.with_changes(items_of(recommender.model), others)


def test_value_of_few_items_is_no_taste(few_horror_films: Recommender) -> None:
    liked, disliked = values(of_ratings(few_horror_films, HORROR_FAN))
    assert "horror" not in liked
    assert "comedy" in disliked


def test_decades_of_the_field_of_dates_are_values(few_horror_films: Recommender) -> None:
    disliked = of_ratings(few_horror_films, HORROR_FAN).dislikes
    assert ("year", "1990s") in {(taste.field, taste.value) for taste in disliked}


def test_buyer_of_comedies_likes_them_by_a_model_without_ratings(implicit_model_dir: Path) -> None:
    model = load_artifact(implicit_model_dir)
    bought = [ItemInteraction(item_id, "purchase") for item_id in ("i1", "i3", "i5")]
    query = RankingQuery(attributes={}, ratings=[], interactions=bought, n=0)
    assert values(tastes(Recommender(model, model.items), query, n=5)) == (["comedy"], ["horror"])
