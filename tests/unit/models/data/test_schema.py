import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.data.schema import RatingScale

SCALES = [
    RatingScale(minimum=1, maximum=5),
    RatingScale(minimum=0.5, maximum=5, step=0.5),
    RatingScale(minimum=-10, maximum=10, step=0.25),
    RatingScale(minimum=0, maximum=1, step=0.1),
]


@pytest.mark.parametrize("scale", SCALES, ids=str)
class TestRatingScale:
    def test_all_ratings_are_on_the_scale_and_have_the_levels_from_0(self, scale: RatingScale) -> None:
        ratings = scale.all_ratings
        assert len(ratings) == scale.level_count
        assert (ratings[0], ratings[-1]) == pytest.approx((scale.minimum, scale.maximum))
        assert all(scale.contains(rating) for rating in ratings)
        assert scale.levels_of(ratings).tolist() == list(range(scale.level_count))
        assert [scale.level(rating) for rating in ratings] == list(range(scale.level_count))

    def test_arrays_and_tensors_have_the_same_levels_and_ratings(self, scale: RatingScale) -> None:
        ratings = scale.all_ratings.astype(np.float32)
        levels, tensor_levels = scale.levels_of(ratings), scale.levels_of(torch.from_numpy(ratings))
        assert levels.dtype == np.int64
        assert tensor_levels.dtype is torch.int64
        assert levels.tolist() == tensor_levels.tolist()
        np.testing.assert_allclose(scale.rating_of(tensor_levels).numpy(), scale.rating_of(levels), rtol=1e-6)
        np.testing.assert_array_equal(scale.nearest(torch.from_numpy(ratings)).numpy(), scale.nearest(ratings))

    @given(st.lists(st.floats(-30, 30), min_size=1))
    def test_nearest_is_the_rating_at_the_smallest_distance(self, scale: RatingScale, values: list[float]) -> None:
        distances = np.abs(np.array(values)[:, None] - scale.all_ratings)
        found = np.abs(np.array(values) - scale.nearest(np.array(values)))
        np.testing.assert_allclose(found, distances.min(axis=1), atol=1e-9)

    def test_values_outside_the_scale_have_the_nearest_level(self, scale: RatingScale) -> None:
        outside = np.array([scale.minimum - 7, scale.maximum + 7], dtype=np.float32)
        assert scale.levels_of(outside).tolist() == [0, scale.level_count - 1]

    def test_nearest_keeps_the_type(self, scale: RatingScale) -> None:
        assert scale.nearest(np.array([1.0], dtype=np.float32)).dtype == np.float32
        assert scale.nearest(torch.tensor([1.0])).dtype is torch.float32


def test_rating_scale_levels_in_between_have_ratings_in_between() -> None:
    assert RatingScale(minimum=1, maximum=5, step=0.5).rating_of(np.array([0.0, 0.5, 8.0])).tolist() == [1.0, 1.25, 5.0]
