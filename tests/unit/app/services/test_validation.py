import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidRequestError
from app.services.validation import (
    attribute_errors,
    raise_if_invalid,
    rating_errors,
)
from app.storage.ratings import RatingRecord
from models.data.attribute_values import known_attributes
from models.data.rating_scale import RatingScale
from models.data.schema import EntitySource

SOURCE = EntitySource.model_validate(
    {
        "fields": [
            {"name": "country", "kind": "categorical"},
            {"name": "genre", "kind": "multi_valued"},
            {"name": "year", "kind": "continuous"},
            {"name": "plot", "kind": "text"},
        ]
    }
)
HALVES = RatingScale(minimum=0.5, maximum=5, step=0.5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["country", "genre", "year", "plot", "other"]), JSON))
def test_attribute_errors_of_known_attributes_is_empty(attributes: dict[str, object]) -> None:
    known = known_attributes(attributes, SOURCE)

    assert attribute_errors(known, SOURCE) == []
    assert known == known_attributes(known, SOURCE)


@given(st.dictionaries(st.text(max_size=5), JSON))
def test_attribute_errors_without_an_error_means_that_all_given_attributes_are_known(
    attributes: dict[str, object],
) -> None:
    errors = attribute_errors(attributes, SOURCE)

    given_names = {name for name, value in attributes.items() if value is not None}
    assert bool(errors) or set(known_attributes(attributes, SOURCE)) == given_names


class TestRatingErrors:
    @pytest.mark.parametrize("rating", [0.5, 1, 4.5, 5])
    def test_rating_errors_of_a_rating_on_the_scale_is_empty(self, rating: float) -> None:
        assert rating_errors([RatingRecord("a", rating)], HALVES, missing=()) == []

    @pytest.mark.parametrize("rating", [0, 0.75, 5.5, -1])
    def test_rating_errors_of_a_rating_off_the_scale_names_the_scale(self, rating: float) -> None:
        (error,) = rating_errors([RatingRecord("a", rating)], HALVES, missing=())

        assert error.field == "ratings.0.rating"
        assert "0.5 to 5 in steps of 0.5" in error.reason

    def test_rating_errors_names_all_errors_at_once(self) -> None:
        ratings = [RatingRecord("a", 9), RatingRecord("b", 1), RatingRecord("a", 1)]

        fields = [error.field for error in rating_errors(ratings, HALVES, missing={"b"})]

        assert fields == ["ratings.0.rating", "ratings.1.item_id", "ratings.2.item_id"]


def test_raise_if_invalid_raises_all_errors_together() -> None:
    raise_if_invalid([], [])
    first = attribute_errors({"x": 1}, SOURCE)
    second = attribute_errors({"y": 1}, SOURCE)

    with pytest.raises(InvalidRequestError) as error:
        raise_if_invalid(first, second)

    assert [error.field for error in error.value.errors] == ["attributes.x", "attributes.y"]
