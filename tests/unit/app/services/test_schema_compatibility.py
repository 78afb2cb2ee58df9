from app.services.schema_compatibility import schema_incompatibilities
from models.data.rating_scale import RatingScale
from models.data.schema import DatasetSchema, EntitySource, InteractionsSource, RatingsSource, SourceFile
from models.fields import AttributeField, FieldKind


def schema(scale: tuple[float, float] = (1, 5), **items: FieldKind) -> DatasetSchema:
    fields = tuple(AttributeField(name=name, column=name, kind=kind) for name, kind in items.items())
    return DatasetSchema(
        name="any",
        rating_scale=RatingScale(minimum=scale[0], maximum=scale[1]),
        ratings=RatingsSource(user="user", item="item", rating="rating", files=(SourceFile(path="ratings.csv"),)),
        items=EntitySource(fields=fields),
    )


def test_schema_incompatibilities_of_the_same_schema_is_empty() -> None:
    assert schema_incompatibilities(schema(year=FieldKind.CONTINUOUS), schema(year=FieldKind.CONTINUOUS)) == []


def test_schema_incompatibilities_with_more_attributes_is_empty() -> None:
    assert (
        schema_incompatibilities(
            schema(year=FieldKind.CONTINUOUS, plot=FieldKind.TEXT), schema(year=FieldKind.CONTINUOUS)
        )
        == []
    )


def test_schema_incompatibilities_names_every_difference() -> None:
    new = schema((1, 10), year=FieldKind.CATEGORICAL)
    active = schema((1, 5), year=FieldKind.CONTINUOUS, genre=FieldKind.MULTI_VALUED)

    errors = {error.field: error.reason for error in schema_incompatibilities(new, active)}

    assert errors == {
        "rating_scale": "is 1 to 10 in steps of 1, but 1 to 5 in steps of 1 in the active version",
        "items.year": "is categorical, but continuous in the active version",
        "items.genre": "is missing, but the active version has it",
    }


def test_schema_incompatibilities_names_missing_kinds_of_interactions() -> None:
    source = InteractionsSource(
        user="user", item="item", kind="what", kinds={"rent": 1.0, "dislike": -1.0}, files=(SourceFile(path="i.csv"),)
    )
    active = schema().model_copy(update={"interactions": source})

    errors = schema_incompatibilities(schema(), active)

    assert [error.field for error in errors] == ["interaction_kinds.rent"]
    assert schema_incompatibilities(active, active) == []


def test_schema_incompatibilities_names_other_dimensions() -> None:
    new, active = (
        schema().model_copy(
            update={"items": EntitySource(fields=(AttributeField(name="image", kind="vector", dimensions=dimensions),))}
        )
        for dimensions in (3, 2)
    )
    assert schema_incompatibilities(new, new) == []
    (error,) = schema_incompatibilities(new, active)
    assert (error.field, error.reason) == (
        "items.image",
        "is vector of 3 numbers, but vector of 2 numbers in the active version",
    )
