"""Checks of requests against the model's schema.

Each check returns the faults that it finds, so that one answer can name all of them.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.errors import FieldError, InvalidRequestError
from models.schema import AttributeValue, EntitySource, FieldKind, RatingScale

_FILTERABLE = (FieldKind.CATEGORICAL, FieldKind.MULTI_VALUED)


@dataclass(frozen=True)
class GivenRating:
    """A rating as a request gives it; without a time it was made just now."""

    item_id: str
    rating: float
    rated_at: datetime | None = None


def raise_faults(*faults: Sequence[FieldError]) -> None:
    """Raise InvalidRequestError if there are any faults."""
    if found := [fault for group in faults for fault in group]:
        raise InvalidRequestError(found)


def rating_faults(ratings: Sequence[GivenRating], scale: RatingScale, missing: Collection[str]) -> list[FieldError]:
    """Ratings off the scale, of items that are `missing` from the catalogue, and of one item twice."""
    faults = []
    seen: set[str] = set()
    for index, given in enumerate(ratings):
        where = f"ratings.{index}"
        if not scale.contains(given.rating):
            faults.append(FieldError(f"{where}.rating", f"must be on the scale from {scale}"))
        if given.item_id in missing:
            faults.append(FieldError(f"{where}.item_id", "is not in the catalogue"))
        if given.item_id in seen:
            faults.append(FieldError(f"{where}.item_id", "is rated twice in this request"))
        seen.add(given.item_id)
    return faults


def missing_faults(item_ids: Sequence[str], missing: Collection[str], *, where: str) -> list[FieldError]:
    """Items that are `missing` from the catalogue."""
    return [
        FieldError(f"{where}.{index}", "is not in the catalogue")
        for index, item_id in enumerate(item_ids)
        if item_id in missing
    ]


def attribute_faults(
    attributes: Mapping[str, object], source: EntitySource, *, where: str = "attributes"
) -> list[FieldError]:
    """Attributes that the schema does not know, or of the wrong type. Unknown values are no fault."""
    fields = {field.name: field for field in source.fields}
    faults = []
    for name, value in attributes.items():
        if name not in fields:
            known = ", ".join(fields) or "none"
            faults.append(FieldError(f"{where}.{name}", f"is not an attribute; known are: {known}"))
            continue
        try:
            fit_value(fields[name].kind, value)
        except ValueError as error:
            faults.append(FieldError(f"{where}.{name}", str(error)))
    return faults


def known_attributes(attributes: Mapping[str, object], source: EntitySource) -> dict[str, AttributeValue]:
    """Attributes as the model takes them, without those whose value is not known or does not fit the schema."""
    return {
        field.name: value
        for field in source.fields
        if (value := _fitting(field.kind, attributes.get(field.name))) is not None
    }


def filter_faults(filters: Mapping[str, Sequence[str]], source: EntitySource) -> list[FieldError]:
    """Filters by fields that the items do not have, or whose values are not categories."""
    filterable = [field.name for field in source.fields if field.kind in _FILTERABLE]
    known = ", ".join(filterable) or "none"
    return [
        FieldError(f"filter.{name}", f"items cannot be filtered by it; known are: {known}")
        for name in filters
        if name not in filterable
    ]


def fit_value(kind: FieldKind, value: object) -> AttributeValue:
    """An attribute's value in the form that its kind asks for.

    Raises:
        ValueError: If the value has another type; the message says which is expected.
    """
    if value is None:
        return None
    match kind:
        case FieldKind.CATEGORICAL | FieldKind.TEXT:
            return _text(value, "must be a string")
        case FieldKind.MULTI_VALUED:
            values = value if isinstance(value, list) else [value]
            return [_text(each, "must be a list of strings") for each in values]
        case FieldKind.CONTINUOUS:
            return _finite(value)


def _fitting(kind: FieldKind, value: object) -> AttributeValue:
    try:
        return fit_value(kind, value)
    except ValueError:
        return None


def _finite(value: object) -> float:
    # bool is an int to Python, and an int can exceed every float.
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise ValueError("must be a finite number")


def _text(value: object, otherwise: str) -> str:
    if not isinstance(value, str):
        raise ValueError(otherwise)
    if not is_storable(value):
        raise ValueError(f"{otherwise} of valid characters")
    return value


def is_storable(text: str) -> bool:
    """Whether databases can hold a text: JSON can spell the character 0 and halves of surrogate pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
