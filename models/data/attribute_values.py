"""Attributes as they arrive, in JSON, and the form that their field's kind asks for."""

import math
from collections.abc import Mapping

from models.data.schema import AttributeValue, EntitySource, FieldKind


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


def known_attributes(attributes: Mapping[str, object], source: EntitySource) -> dict[str, AttributeValue]:
    """Attributes as the model takes them, without those whose value is not known or does not fit the schema."""
    return {
        field.name: value
        for field in source.fields
        if (value := _fitting(field.kind, attributes.get(field.name))) is not None
    }


def is_storable(text: str) -> bool:
    """Whether files and databases can hold a text: JSON can spell the character 0 and halves of surrogate pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


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
