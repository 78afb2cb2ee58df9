import math

import pytest

from models.data.attribute_values import fit_value, known_attributes
from models.data.schema import EntitySource
from models.fields import AttributeField, FieldKind


def field_of(kind: FieldKind) -> AttributeField:
    return AttributeField(name="x", kind=kind, dimensions=2 if kind is FieldKind.VECTOR else None)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (FieldKind.CATEGORICAL, "fr", "fr"),
        (FieldKind.TEXT, "Once upon a time", "Once upon a time"),
        (FieldKind.MULTI_VALUED, ["a", "b"], ["a", "b"]),
        (FieldKind.MULTI_VALUED, "a", ["a"]),
        (FieldKind.MULTI_VALUED, [], []),
        (FieldKind.CONTINUOUS, 3, 3.0),
        (FieldKind.CONTINUOUS, -0.5, -0.5),
        (FieldKind.VECTOR, [1, -0.5], [1.0, -0.5]),
        (FieldKind.CATEGORICAL, None, None),
    ],
)
def test_fit_value_returns_what_fits(kind: FieldKind, value: object, expected: object) -> None:
    assert fit_value(field_of(kind), value) == expected


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        (FieldKind.CATEGORICAL, 3, "must be a string"),
        (FieldKind.CATEGORICAL, ["fr"], "must be a string"),
        (FieldKind.TEXT, "half \ud800", "must be a string of valid characters"),
        (FieldKind.MULTI_VALUED, ["a", 1], "must be a list of strings"),
        (FieldKind.MULTI_VALUED, {"a": 1}, "must be a list of strings"),
        (FieldKind.CONTINUOUS, "3", "must be a finite number"),
        (FieldKind.CONTINUOUS, True, "must be a finite number"),
        (FieldKind.CONTINUOUS, math.nan, "must be a finite number"),
        (FieldKind.CONTINUOUS, -math.inf, "must be a finite number"),
        (FieldKind.CONTINUOUS, 10**400, "must be a finite number"),
        (FieldKind.VECTOR, 1.0, "must be a list of 2 finite numbers"),
        (FieldKind.VECTOR, "[1, 2]", "must be a list of 2 finite numbers"),
        (FieldKind.VECTOR, [], "must be a list of 2 finite numbers"),
        (FieldKind.VECTOR, [1, "2"], "must be a list of 2 finite numbers"),
        (FieldKind.VECTOR, [1, None], "must be a list of 2 finite numbers"),
        (FieldKind.VECTOR, [1, math.inf], "must be a list of 2 finite numbers"),
        (FieldKind.VECTOR, [1, 2, 3], "must be a list of 2 finite numbers, not of 3"),
    ],
)
def test_fit_value_refuses_what_does_not_fit(kind: FieldKind, value: object, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$"):
        fit_value(field_of(kind), value)


def test_vector_without_declared_dimensions_may_have_any() -> None:
    assert fit_value(AttributeField(name="x", kind=FieldKind.VECTOR), [1, 2, 3]) == [1.0, 2.0, 3.0]


def test_known_attributes_leave_out_what_does_not_fit() -> None:
    source = EntitySource(fields=(field_of(FieldKind.VECTOR),))
    assert known_attributes({"x": [1, 2], "other": 1}, source) == {"x": [1.0, 2.0]}
    assert known_attributes({"x": [1, 2, 3]}, source) == known_attributes({"x": None}, source) == {}
