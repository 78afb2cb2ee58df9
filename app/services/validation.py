"""Checks of requests against the model's schema.

Each check returns the faults that it finds, so that one answer can name all of them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.errors import FieldError, InvalidRequestError
from models.data.attribute_values import fit_value
from models.data.schema import EntitySource, FieldKind, RatingScale

_FILTERABLE = (FieldKind.CATEGORICAL, FieldKind.MULTI_VALUED)


@dataclass(frozen=True)
class GivenRating:
    """A rating as a request gives it; without a time it was made just now."""

    item_id: str
    rating: float
    rated_at: datetime | None = None


def raise_if_invalid(*faults: Sequence[FieldError]) -> None:
    """Raise InvalidRequestError if there are any faults."""
    if found := [fault for group in faults for fault in group]:
        raise InvalidRequestError(found)


def rating_errors(ratings: Sequence[GivenRating], scale: RatingScale, missing: Collection[str]) -> list[FieldError]:
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


def missing_item_errors(item_ids: Sequence[str], missing: Collection[str], *, where: str) -> list[FieldError]:
    """Items that are `missing` from the catalogue."""
    return [
        FieldError(f"{where}.{index}", "is not in the catalogue")
        for index, item_id in enumerate(item_ids)
        if item_id in missing
    ]


def attribute_errors(
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


def filter_errors(filters: Mapping[str, Sequence[str]], source: EntitySource) -> list[FieldError]:
    """Filters by fields that the items do not have, or whose values are not categories."""
    filterable = [field.name for field in source.fields if field.kind in _FILTERABLE]
    known = ", ".join(filterable) or "none"
    return [
        FieldError(f"filter.{name}", f"items cannot be filtered by it; known are: {known}")
        for name in filters
        if name not in filterable
    ]
