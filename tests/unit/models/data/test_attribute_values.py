import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.data.attribute_values import fit_value, is_storable
from models.data.schema import FieldKind


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
        (FieldKind.CATEGORICAL, None, None),
    ],
)
def test_values_that_fit(kind: FieldKind, value: object, expected: object) -> None:
    assert fit_value(kind, value) == expected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (FieldKind.CATEGORICAL, 3),
        (FieldKind.CATEGORICAL, ["fr"]),
        (FieldKind.TEXT, "half \ud800"),
        (FieldKind.MULTI_VALUED, ["a", 1]),
        (FieldKind.MULTI_VALUED, {"a": 1}),
        (FieldKind.CONTINUOUS, "3"),
        (FieldKind.CONTINUOUS, True),
        (FieldKind.CONTINUOUS, math.nan),
        (FieldKind.CONTINUOUS, -math.inf),
        (FieldKind.CONTINUOUS, 10**400),
    ],
)
def test_values_that_do_not_fit(kind: FieldKind, value: object) -> None:
    with pytest.raises(ValueError, match=r"^must be"):
        fit_value(kind, value)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]).filter(lambda character: character != "\0")))
def test_all_proper_text_is_storable(text: str) -> None:
    assert is_storable(text)


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800", "a\udfff"])
def test_what_is_not_storable(text: str) -> None:
    assert not is_storable(text)
