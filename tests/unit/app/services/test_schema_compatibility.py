from app.services.schema_compatibility import schema_incompatibilities
from models.data.schema import (
    AttributeField,
    DatasetSchema,
    EntitySource,
    FieldKind,
    RatingScale,
    RatingsSource,
    SourceFile,
)


def schema(scale: tuple[float, float] = (1, 5), **items: FieldKind) -> DatasetSchema:
    fields = tuple(AttributeField(name=name, column=name, kind=kind) for name, kind in items.items())
    return DatasetSchema(
        name="any",
        rating_scale=RatingScale(minimum=scale[0], maximum=scale[1]),
        ratings=RatingsSource(user="user", item="item", rating="rating", files=(SourceFile(path="ratings.csv"),)),
        items=EntitySource(fields=fields),
    )


def test_the_same_schema_has_no_faults() -> None:
    assert schema_incompatibilities(schema(year=FieldKind.CONTINUOUS), schema(year=FieldKind.CONTINUOUS)) == []


def test_more_attributes_are_no_fault() -> None:
    assert (
        schema_incompatibilities(
            schema(year=FieldKind.CONTINUOUS, plot=FieldKind.TEXT), schema(year=FieldKind.CONTINUOUS)
        )
        == []
    )


def test_every_fault_is_named() -> None:
    new = schema((1, 10), year=FieldKind.CATEGORICAL)
    active = schema((1, 5), year=FieldKind.CONTINUOUS, genre=FieldKind.MULTI_VALUED)

    faults = {fault.field: fault.reason for fault in schema_incompatibilities(new, active)}

    assert faults == {
        "rating_scale": "is 1 to 10 in steps of 1, but 1 to 5 in steps of 1 in the active version",
        "items.year": "is categorical, but continuous in the active version",
        "items.genre": "is missing, but the active version has it",
    }
