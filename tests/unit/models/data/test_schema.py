import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.data.rating_scale import RatingScale

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


CONTINUOUS = RatingScale(minimum=-10, maximum=10, continuous=True)


class TestFineScales:
    def test_continuous_scale_contains_every_number_between_its_ends(self) -> None:
        assert all(CONTINUOUS.contains(rating) for rating in (-10, 3.14, 3.14159, 10))
        assert not any(CONTINUOUS.contains(rating) for rating in (11, -10.001, float("nan"), float("inf")))

    def test_continuous_scale_has_no_levels(self) -> None:
        assert str(CONTINUOUS) == "-10 to 10, continuous"
        assert CONTINUOUS.liked_from == 5
        assert not CONTINUOUS.has_at_most(1000)
        assert CONTINUOUS.nearest(np.array([-11, 3.14, 12])).tolist() == [-10, 3.14, 10]
        with pytest.raises(ValueError, match="the scale from -10 to 10, continuous has no levels"):
            CONTINUOUS.levels_of(np.array([1.0]))

    def test_fine_scale_contains_its_ratings_in_float32_and_no_others(self) -> None:
        scale = RatingScale(minimum=-10, maximum=10, step=0.01)
        assert scale.level_count == 2001
        assert all(scale.contains(float(rating)) for rating in scale.all_ratings.astype(np.float32))
        assert not any(scale.contains(rating) for rating in (3.145, 3.1405, 10.01))

    def test_scales_survive_json(self) -> None:
        for scale in (*SCALES, CONTINUOUS):
            assert RatingScale.model_validate_json(scale.model_dump_json()) == scale

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"continuous": True, "step": 0.5}, "a continuous scale has no step"),
            ({"step": None}, "needs a step, or `continuous = true`"),
            ({"step": 1e-6}, "too small .* use `continuous = true`"),
            ({"maximum": float("inf"), "continuous": True}, "finite"),
            ({"minimum": 10}, "the minimum, 10, must lie below the maximum, 10"),
            ({"minimum": float("nan")}, "finite"),
            ({"step": 0}, "the step must be above 0, not 0"),
            ({"step": -1}, "the step must be above 0, not -1"),
            ({"step": float("nan")}, "finite"),
            ({"step": 11}, "no whole number of steps of 11 leads from 0 to 10"),
            ({"step": 0.3}, "no whole number of steps of 0.3 leads from 0 to 10"),
            ({"liked_from": 10.5}, "liked_from, 10.5, must lie on the scale from 0 to 10"),
            ({"liked_from": -1, "continuous": True}, "liked_from, -1, must lie on the scale from 0 to 10"),
            ({"liked_from": float("nan")}, "finite"),
        ],
    )
    def test_contradicting_scale_is_refused(self, values: dict[str, object], message: str) -> None:
        with pytest.raises(ValidationError, match=message):
            RatingScale.model_validate({"minimum": 0, "maximum": 10, **values})


def test_liked_from_by_default_has_no_rounding_error() -> None:
    assert str(RatingScale(minimum=1, maximum=10, step=0.2).liked_from) == "7.8"


def test_rating_scale_levels_in_between_have_ratings_in_between() -> None:
    assert RatingScale(minimum=1, maximum=5, step=0.5).rating_of(np.array([0.0, 0.5, 8.0])).tolist() == [1.0, 1.25, 5.0]
