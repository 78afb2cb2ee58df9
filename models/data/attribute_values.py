"""Converting attributes from JSON to the form that a schema declares."""

from collections.abc import Mapping

from models.data.schema import EntitySource
from models.fields import AttributeField, AttributeValue, field_type


def fit_value(field: AttributeField, value: object) -> AttributeValue:
    """The value of an attribute in the form that its field declares; None means unknown.

    Raises:
        ValueError: The value does not fit the field. The message says what it must be.
    """
    return None if value is None else field_type(field).check_value(field, value)


def known_attributes(attributes: Mapping[str, object], source: EntitySource) -> dict[str, AttributeValue]:
    """The attributes in the form that the schema declares, without unknown values and values that do not fit."""
    return {
        field.name: value
        for field in source.fields
        if (value := _fitting(field, attributes.get(field.name))) is not None
    }


def _fitting(field: AttributeField, value: object) -> AttributeValue:
    try:
        return fit_value(field, value)
    except ValueError:
        return None
