"""Validation of requests against the model's schema and the catalogue.

Each function returns the errors that it finds, so that one answer can name all of them.
"""

from collections.abc import Collection, Mapping, Sequence

from app.errors import FieldError, InvalidRequestError
from app.storage.interactions import InteractionRecord
from app.storage.ratings import RatingRecord
from app.suggestions import suggestion
from models.data.attribute_values import fit_value, known_attributes
from models.data.rating_scale import RatingScale
from models.data.schema import EntitySource
from models.fields import AttributeValue
from models.ranking.query import RankBy


def raise_if_invalid(*errors: Sequence[FieldError]) -> None:
    """Raise InvalidRequestError with all of these errors; do nothing if there are none."""
    if found := [error for group in errors for error in group]:
        raise InvalidRequestError(found)


def rating_errors(
    ratings: Sequence[RatingRecord], scale: RatingScale | None, missing: Collection[str]
) -> list[FieldError]:
    """Errors for ratings off the scale, items `missing` from the catalogue, and items that are rated twice.

    Without a scale, all ratings are errors.
    """
    if scale is None:
        reason = "the active model takes no ratings: send interactions"
        return [FieldError("ratings", reason)] if ratings else []
    errors = []
    seen: set[str] = set()
    for index, given in enumerate(ratings):
        where = f"ratings.{index}"
        if not scale.contains(given.rating):
            errors.append(FieldError(f"{where}.rating", f"must be on the scale from {scale}"))
        if given.item_id in missing:
            errors.append(FieldError(f"{where}.item_id", "is not in the catalogue"))
        if given.item_id in seen:
            errors.append(FieldError(f"{where}.item_id", "is rated twice in this request"))
        seen.add(given.item_id)
    return errors


def interaction_errors(
    interactions: Sequence[InteractionRecord],
    kinds: Collection[str],
    missing: Collection[str],
) -> list[FieldError]:
    """Errors for kinds that the model does not know, and for items `missing` from the catalogue."""
    errors = []
    for index, given in enumerate(interactions):
        where = f"interactions.{index}"
        if given.kind not in kinds:
            errors.append(FieldError(f"{where}.kind", f"is not a kind of interaction; known are: {', '.join(kinds)}"))
        if given.item_id in missing:
            errors.append(FieldError(f"{where}.item_id", "is not in the catalogue"))
    return errors


def rank_by_errors(rank_by: RankBy, *, predicts_ratings: bool) -> list[FieldError]:
    """An error for a list in the order of ratings by a model that predicts none."""
    if rank_by is RankBy.RATING and not predicts_ratings:
        return [FieldError("rank_by", "the active model predicts no ratings")]
    return []


def explore_errors(explore: float, rank_by: RankBy) -> list[FieldError]:
    """An error for a list in the order of ratings that is to explore."""
    if explore and rank_by is RankBy.RATING:
        return [FieldError("explore", "is for lists with rank_by=choice")]
    return []


def shown_field_errors(names: Sequence[str], source: EntitySource) -> list[FieldError]:
    """Errors for attributes to show that the schema lacks."""
    known = [field.name for field in source.fields]
    return [
        FieldError(f"fields.{index}", f"is not an attribute of the items; {suggestion(name, known)}")
        for index, name in enumerate(names)
        if name not in known
    ]


def missing_item_errors(item_ids: Sequence[str], missing: Collection[str], *, where: str) -> list[FieldError]:
    """Errors for items that are `missing` from the catalogue."""
    return [
        FieldError(f"{where}.{index}", "is not in the catalogue")
        for index, item_id in enumerate(item_ids)
        if item_id in missing
    ]


def attribute_errors(
    attributes: Mapping[str, object], source: EntitySource, *, where: str = "attributes"
) -> list[FieldError]:
    """Errors for attributes that the schema lacks, or whose type is wrong. An unknown value is not an error."""
    fields = {field.name: field for field in source.fields}
    errors = []
    for name, value in attributes.items():
        if name not in fields:
            known = ", ".join(fields) or "none"
            errors.append(FieldError(f"{where}.{name}", f"is not an attribute; known are: {known}"))
            continue
        try:
            fit_value(fields[name], value)
        except ValueError as error:
            errors.append(FieldError(f"{where}.{name}", str(error)))
    return errors


def duplicate_errors(ids: Sequence[str], *, where: str) -> list[FieldError]:
    """Errors for ids that occur twice. `where` is the field of an id, such as `items.{}.item_id`."""
    seen: set[str] = set()
    errors = []
    for index, each in enumerate(ids):
        if each in seen:
            errors.append(FieldError(where.format(index), "occurs twice in this request"))
        seen.add(each)
    return errors


def changed_attributes(
    stored: Mapping[str, AttributeValue], given: Mapping[str, object], source: EntitySource
) -> dict[str, AttributeValue]:
    """The stored attributes with the given ones, which must be valid, in their place. None removes an attribute."""
    kept = {name: value for name, value in stored.items() if name not in given}
    return kept | known_attributes(given, source)
