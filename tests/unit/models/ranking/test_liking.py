import pytest

from models.data.rating_scale import RatingScale
from models.ranking.liking import chosen_and_liked
from models.ranking.query import RankedItem

SCALE = RatingScale(minimum=1, maximum=5)


@pytest.mark.parametrize(
    ("rating", "likes", "scale", "expected"),
    [
        (4.0, 0.5, SCALE, 0.1),  # 0.2 · 0.5
        (4.0, None, SCALE, 0.15),  # 4 is at 3/4 of the scale
        (1.0, None, SCALE, 0.0002),  # P(like) is never 0, as in lists
        (None, None, SCALE, 0.2),  # a model of the first day
        (None, None, None, 0.2),  # a model without ratings
    ],
)
def test_score_of_a_ranked_item_is_the_product_of_both_probabilities(
    rating: float | None, likes: float | None, scale: RatingScale | None, expected: float
) -> None:
    item = RankedItem("a", None, rating, choice_probability=0.2, like_probability=likes, rank=1)

    assert chosen_and_liked(item, scale) == pytest.approx(expected)
