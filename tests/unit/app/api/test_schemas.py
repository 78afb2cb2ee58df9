from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from app.api.schemas import EntityId, Moment, RatingRequest

ID: TypeAdapter[str] = TypeAdapter(EntityId)


@pytest.mark.parametrize("text", ["a", "x" * 128, "Zoë Ω 用户", "a:b", "a/b", "..", " "])
def test_id_with_valid_characters_is_accepted(text: str) -> None:
    assert ID.validate_python(text) == text


@pytest.mark.parametrize("text", ["", "x" * 129, "a\tb", "a\nb", "\0", "\x7f", "\x85", "\ud800", 5, None, ["a"]])
def test_id_with_invalid_characters_is_refused(text: object) -> None:
    with pytest.raises(ValidationError):
        ID.validate_python(text)


def test_rating_time_in_another_time_zone_is_converted_to_utc() -> None:
    rating = RatingRequest.model_validate({"item_id": "a", "rating": 5, "rated_at": "2026-01-01T01:00:00+02:00"})

    assert rating.rated_at == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert rating.record().rated_at == rating.rated_at


@pytest.mark.parametrize("moment", ["2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "yesterday", True])
def test_rating_time_that_is_invalid_is_refused(moment: object) -> None:
    with pytest.raises(ValidationError):
        RatingRequest.model_validate({"item_id": "a", "rating": 5, "rated_at": moment})


@pytest.mark.parametrize("moment", [0, 0.5, "0.5", "1700000000", "nan", "2026-01-01T00:00:00", True])
def test_moment_that_is_no_time_with_zone_is_refused(moment: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Moment).validate_python(moment)


def test_moment_in_another_time_zone_is_converted_to_utc() -> None:
    assert TypeAdapter(Moment).validate_python("2026-01-01T01:00:00+01:00") == datetime(2026, 1, 1, tzinfo=UTC)
