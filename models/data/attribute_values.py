"""Attributes as they arrive, in JSON, and the form that a schema asks for."""

from collections.abc import Mapping

from models.data.schema import EntitySource
from models.fields import AttributeField, AttributeValue, field_type


def fit_value(field: AttributeField, value: object) -> AttributeValue:
    """An attribute's value in the form that its field asks for; None is unknown.

    Raises:
        ValueError: The value does not fit; the message says what it must be.
    """
    return None if value is None else field_type(field).check_value(field, value)


def known_attributes(attributes: Mapping[str, object], source: EntitySource) -> dict[str, AttributeValue]:
    """Attributes as the model takes them, without those whose value is not known or does not fit the schema."""
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
