"""The interface of the kinds of fields: one class per kind, one instance per fitted field."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from models.fields.attribute_field import AttributeField
from models.fields.config import EncodingConfig, SimilarityConfig
from models.fields.values import AttributeValue


class InputLayer(nn.Module):
    """Turns a field's encoded values into inputs of a network; [rows, …] → float32 [rows, width].

    The encoded values determine some numbers, the columns, and every layer is a linear map of them. A learner that
    adapts the layer's weights to a user computes the columns once.

    Attributes:
        width: Number of inputs.
        column_count: Number of columns.
    """

    width: int
    column_count: int

    def columns(self, encoded: Tensor) -> Tensor:
        """The numbers that the layer maps; by default the encoded values; float32 [rows, column_count]."""
        return encoded

    def of_columns(self, columns: Tensor) -> Tensor:
        """Map columns. It gives what the layer gives for the encoded values; [rows, column_count] → [rows, width]."""
        inputs: Tensor = self(columns)
        return inputs


class BaseField(BaseModel, ABC):
    """A field of the users or items, fitted on training rows.

    Class attributes and class methods describe the kind before it is fitted; they take the field's declaration. Every
    field has an unknown value, which stands for missing values and for values that training did not see. Fitted fields
    are Pydantic models, because the manifest of an artifact holds them as JSON. A subclass adds `kind`, by which they
    are distinguished.

    Attributes:
        name: The name of the field.
        embed: Whether the field is an input of the network (`AttributeField.embed`).
        polars_type: The type of a column of values.
        takes_lists: Whether a file's column may hold lists.
        filterable: Whether items can be filtered by the values.
        ordered: Whether the values are numbers. They can order items by date, and items can be filtered by ranges.
        tree_columns_are_categories: Whether `tree_columns` are indices of categories.
    """

    model_config = ConfigDict(frozen=True)

    polars_type: ClassVar[pl.DataType]
    takes_lists: ClassVar[bool] = False
    filterable: ClassVar[bool] = False
    ordered: ClassVar[bool] = False
    tree_columns_are_categories: ClassVar[bool] = False

    name: str
    embed: bool = True

    @classmethod
    def check_declaration(cls, field: AttributeField) -> None:
        """Raise ValueError if the declaration has an option that this kind lacks."""
        if field.dimensions is not None:
            raise ValueError(f"{field.name}: a field of kind {field.kind.value} has no dimensions")

    @classmethod
    def complete(cls, field: AttributeField, raw: pl.Series) -> AttributeField:  # noqa: ARG003 - most kinds need no more
        """The declaration, completed from a column of a file (of texts or lists)."""
        return field

    @classmethod
    @abstractmethod
    def expected(cls, field: AttributeField) -> str:
        """What a value must be, for error messages, such as "a string"."""

    @classmethod
    @abstractmethod
    def check_value(cls, field: AttributeField, value: object) -> AttributeValue:
        """Convert a JSON value other than null to the form that the field declares.

        Raises:
            ValueError: The value does not fit the field. The message says what it must be.
        """

    @classmethod
    def parse(cls, field: AttributeField, raw: pl.Expr, *, is_list: bool) -> pl.Expr:  # noqa: ARG003 - see the kinds
        """The values of a file's column; null where a value is unknown or malformed.

        Args:
            field: The declaration.
            raw: Text without surrounding white space; null means unknown.
            is_list: Whether `raw` holds lists instead, with elements of any type.
        """
        return raw.cast(cls.polars_type, strict=False)

    @classmethod
    def collected(cls, values: pl.Expr) -> pl.Expr:
        """The value of an id that has several rows, as an aggregation of them: by default the first known one."""
        return values.drop_nulls().first()

    @classmethod
    def malformed(cls, raw: pl.Expr, parsed: pl.Expr) -> pl.Expr:
        """True where a file's column has an entry that is no value of this kind.

        Args:
            raw: The column as read.
            parsed: The result of `parse`.
        """
        return raw.is_not_null() & parsed.is_null()

    @classmethod
    def filter_values(cls, values: pl.Series) -> pl.DataFrame:
        """The categories by which items can be filtered.

        Args:
            values: The items' values.

        Returns:
            Columns `row` (of an item) and `value` (a string). An item may have several rows.

        Raises:
            ValueError: Items cannot be filtered by categories of this kind.
        """
        if not cls.filterable or cls.ordered:
            raise ValueError("items cannot be filtered by a field of this kind")
        return values.alias("value").to_frame().with_row_index("row").drop_nulls()

    @classmethod
    @abstractmethod
    def fit(cls, field: AttributeField, values: pl.Series, config: EncodingConfig) -> Self:
        """Fit the vocabulary, the scale or the length on the values of the training rows."""

    @abstractmethod
    def encode(self, values: Sequence[Any] | pl.Series) -> Tensor:
        """Encode the values of some rows; None, and a value that training did not see, are unknown."""

    @abstractmethod
    def forget(self, encoded: Tensor, dropped: Tensor) -> Tensor:
        """The encoded values, with the unknown value in the rows that `dropped` (bool [rows]) marks."""

    @property
    def category_count(self) -> int | None:
        """The number of categories that are embedded; None for a field without categories."""
        return None

    @abstractmethod
    def input_layer(self, *, embedding_dim: int, embedding_scale: float) -> InputLayer:
        """A new layer from the encoded values to inputs of the network. Its initial weights use torch's generator.

        Args:
            embedding_dim: Number of inputs per embedding.
            embedding_scale: Standard deviation of an embedding's initial weights.
        """

    @abstractmethod
    def similarity_variance(self, config: SimilarityConfig) -> float:
        """The prior variance of the field's effect on an item's ratings."""

    @abstractmethod
    def similarity_width(self, config: SimilarityConfig) -> int:
        """The number of columns of `similarity`."""

    @abstractmethod
    def similarity(self, encoded: Tensor, config: SimilarityConfig, *, rare: bool = True) -> Tensor:
        """Features whose inner products are the similarities of rows.

        Args:
            encoded: The encoded values.
            config: The settings of the features.
            rare: Whether values that are too rare to be embedded have columns. If not, they count as unknown.

        Returns:
            float64 [rows, width] on the CPU; sparse (COO) for kinds whose features are mostly 0. A row has length 1, or
            0 if its value is unknown and the kind has no column for that.
        """

    @abstractmethod
    def plausible_value(self, generator: np.random.Generator) -> AttributeValue:
        """A random value that a user or item might have, or None."""

    def tree_columns(self, encoded: Tensor, *, max_columns: int) -> NDArray[np.float64]:  # noqa: ARG002 - see the kinds
        """The field as columns for decision trees; float64 [rows, columns], NaN where a number is unknown.

        Args:
            encoded: The encoded values.
            max_columns: A field with more categories or numbers has no columns.
        """
        return np.empty((len(encoded), 0))
