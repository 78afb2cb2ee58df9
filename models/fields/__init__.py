"""The kinds of fields, one class per kind. All code that depends on a kind is in its class.

A new kind is one module with one class, a member of `FieldKind`, and an entry in `AnyField`. This package imports
nothing else from `models`.
"""

from typing import Annotated, get_args

from pydantic import Field

from models.fields.attribute_field import AttributeField, FieldKind, TextEncoder
from models.fields.base import BaseField, InputLayer
from models.fields.categorical import CategoricalField
from models.fields.config import EncodingConfig, SimilarityConfig
from models.fields.continuous import ContinuousField
from models.fields.multi_valued import MultiValuedField
from models.fields.sentence_text import SentenceTextField
from models.fields.text import TextField
from models.fields.values import AttributeValue
from models.fields.vector import VectorField
from models.fields.vocabulary import UNKNOWN

AnyField = Annotated[
    CategoricalField | MultiValuedField | ContinuousField | TextField | SentenceTextField | VectorField,
    Field(discriminator="kind"),
]
"""A fitted field of any kind."""

_TYPES: dict[str, type[BaseField]] = {
    kind_class.model_fields["kind"].default: kind_class for kind_class in get_args(get_args(AnyField)[0])
}


def field_type(field: AttributeField) -> type[BaseField]:
    """The class that encodes a field: that of its kind, or of the sentence encoder for a text that asks for it."""
    return _TYPES[TextEncoder.SENTENCE if field.encoder is TextEncoder.SENTENCE else field.kind]


__all__ = [
    "UNKNOWN",
    "AnyField",
    "AttributeField",
    "AttributeValue",
    "BaseField",
    "CategoricalField",
    "ContinuousField",
    "EncodingConfig",
    "FieldKind",
    "InputLayer",
    "MultiValuedField",
    "SentenceTextField",
    "SimilarityConfig",
    "TextEncoder",
    "TextField",
    "VectorField",
    "field_type",
]
