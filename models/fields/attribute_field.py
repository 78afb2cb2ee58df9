"""A field as a schema declares it."""

import re
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class FieldKind(StrEnum):
    """The kind of a field's values. `models.fields.field_type` returns the class of a kind."""

    CATEGORICAL = "categorical"
    MULTI_VALUED = "multi_valued"
    CONTINUOUS = "continuous"
    TEXT = "text"
    VECTOR = "vector"


class TextEncoder(StrEnum):
    """How a text becomes numbers.

    Attributes:
        WORDS: As the words in it (`models.fields.text`).
        SENTENCE: As its meaning, a vector from a language model (`models.fields.sentence_text`).
    """

    WORDS = "words"
    SENTENCE = "sentence"


class AttributeField(BaseModel):
    """One attribute of the users or the items.

    Attributes:
        name: The name in the API, the encoders and the artifact.
        column: The column of the files; the name by default.
        kind: The kind of the values.
        min_count: A value that fewer training users or items have is not embedded, because a network would memorise
            these few. Rare values still count in the similarity of items.
        embed: Whether the field is an input of the network. If not, it only counts in the similarity of items
            (`models.inputs.similarity`). A plot or a writer, for example, identifies an item almost uniquely.
        separators: The strings between the values of a multi-valued field or between the numbers of a vector; the
            defaults of the kind if empty.
        remove: A regular expression. Its matches are removed from the column's text, such as the role of a person in a
            film.
        dimensions: The length of a vector. If it is not given, the reader of the data set fills it in.
        encoder: How a text becomes numbers; by default as words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1)]
    column: str = ""
    kind: FieldKind
    min_count: Annotated[int, Field(ge=1)] = 1
    embed: bool = True
    separators: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    remove: str | None = None
    dimensions: Annotated[int, Field(ge=1)] | None = None
    encoder: TextEncoder | None = None

    @field_validator("remove")
    @classmethod
    def _is_pattern(cls, remove: str | None) -> str | None:
        try:
            re.compile(remove or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return remove

    @model_validator(mode="after")
    def _only_a_text_has_an_encoder(self) -> Self:
        if self.encoder is not None and self.kind is not FieldKind.TEXT:
            raise ValueError(f"{self.name}: a field of kind {self.kind.value} has no encoder")
        return self

    @model_validator(mode="before")
    @classmethod
    def _column_defaults_to_name(cls, data: Any) -> Any:  # noqa: ANN401 - pydantic hands over raw input
        if isinstance(data, dict) and not data.get("column"):
            return {**data, "column": data.get("name", "")}
        return data

    @property
    def description(self) -> str:
        """The kind in words, such as "categorical" or "vector of 384 numbers"."""
        return self.kind.value if self.dimensions is None else f"{self.kind.value} of {self.dimensions} numbers"

    def takes_values_of(self, other: "AttributeField") -> bool:
        """Whether both fields take the same values: the same kind and, if both have dimensions, the same dimensions."""
        return self.kind == other.kind and (
            None in (self.dimensions, other.dimensions) or self.dimensions == other.dimensions
        )
