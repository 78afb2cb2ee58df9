"""The declaration of a field in a schema."""

import re
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class FieldKind(StrEnum):
    """What a field's values are. Each kind is one class, found by `models.fields.field_type`."""

    CATEGORICAL = "categorical"
    MULTI_VALUED = "multi_valued"
    CONTINUOUS = "continuous"
    TEXT = "text"
    VECTOR = "vector"


class AttributeField(BaseModel):
    """One attribute of the users or the items.

    Attributes:
        name: What the API, the encoders and the artifact call it.
        column: The column of the files that holds it; the name itself unless given.
        kind: What its values are.
        min_count: A value that fewer of the training users or items have is not embedded: a network would learn those
            few by heart. Rare values still tell which items are similar.
        embed: Whether the field is an input of the network. Otherwise it only tells which items are similar
            (`models.inputs.similarity`): a plot or a writer is nearly the item's name.
        separators: The strings between the values of a multi-valued field or the numbers of a vector; the kind's own
            unless given.
        remove: A regular expression; what it matches is cut out of the column's text, such as the part that a person
            had in a film.
        dimensions: The length of a vector. A data set's reader fills it in, unless it is given.
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

    @field_validator("remove")
    @classmethod
    def _is_pattern(cls, remove: str | None) -> str | None:
        try:
            re.compile(remove or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return remove

    @model_validator(mode="before")
    @classmethod
    def _column_defaults_to_name(cls, data: Any) -> Any:  # noqa: ANN401 - pydantic hands over raw input
        if isinstance(data, dict) and not data.get("column"):
            return {**data, "column": data.get("name", "")}
        return data

    @property
    def description(self) -> str:
        """The kind for people, such as "categorical" or "vector of 384 numbers"."""
        return self.kind.value if self.dimensions is None else f"{self.kind.value} of {self.dimensions} numbers"

    def takes_values_of(self, other: "AttributeField") -> bool:
        """Whether this field can take the place of another: same kind, and same dimensions where both have them."""
        return self.kind == other.kind and (
            None in (self.dimensions, other.dimensions) or self.dimensions == other.dimensions
        )
