"""What every kind of field does: one class a kind, one instance a fitted field."""

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

    Attributes:
        width: Number of inputs.
    """

    width: int


class BaseField(BaseModel, ABC):
    """A field of the users or items, fitted on training rows.

    Class attributes and class methods say what holds for the kind before anything is fitted; they take the field's
    declaration. Every field has an unknown value. It stands for what a row lacks and for what training never saw.
    Fitted fields are Pydantic models because an artifact's manifest holds them as JSON; a subclass adds `kind`, which
    tells them apart.

    Attributes:
        name: The field's.
        embed: Whether it is an input of the network (`AttributeField.embed`).
        polars_type: The type of a column of its values.
        takes_lists: Whether a file's column may hold lists.
        filterable: Whether items can be filtered by its values.
        ordered: Whether its values say which of two items is newer.
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
        """The declaration with what it leaves to the data, from a column of a file (text, or lists)."""
        return field

    @classmethod
    @abstractmethod
    def expected(cls, field: AttributeField) -> str:
        """What a value has to be, for error messages, such as "a string"."""

    @classmethod
    @abstractmethod
    def check_value(cls, field: AttributeField, value: object) -> AttributeValue:
        """A value from JSON, other than null, in the form that the field asks for.

        Raises:
            ValueError: The value does not fit; the message says what it must be.
        """

    @classmethod
    def parse(cls, field: AttributeField, raw: pl.Expr, *, is_list: bool) -> pl.Expr:  # noqa: ARG003 - see the kinds
        """The values in a file's column; null where they are unknown or malformed.

        Args:
            field: The declaration.
            raw: Text without surrounding white space; null is unknown.
            is_list: Whether `raw` holds lists instead, of whatever a Parquet file's lists hold.
        """
        return raw.cast(cls.polars_type, strict=False)

    @classmethod
    def malformed(cls, raw: pl.Expr, parsed: pl.Expr) -> pl.Expr:
        """True where a file's column has something that is no value of this kind.

        Args:
            raw: The column as read.
            parsed: What `parse` made of it.
        """
        return raw.is_not_null() & parsed.is_null()

    @classmethod
    def filter_values(cls, values: pl.Series) -> pl.DataFrame:
        """The values by which items can be filtered.

        Args:
            values: The items' values.

        Returns:
            Columns `row` (of an item) and `value` (a string); an item may have several.

        Raises:
            ValueError: Items cannot be filtered by this kind.
        """
        if not cls.filterable:
            raise ValueError("items cannot be filtered by a field of this kind")
        return values.alias("value").to_frame().with_row_index("row").drop_nulls()

    @classmethod
    @abstractmethod
    def fit(cls, field: AttributeField, values: pl.Series, config: EncodingConfig) -> Self:
        """Learn vocabulary, scale or length from the values of the training rows."""

    @abstractmethod
    def encode(self, values: Sequence[Any] | pl.Series) -> Tensor:
        """Encode the values of some rows, None being unknown; a value that training did not see is no error."""

    @abstractmethod
    def forget(self, encoded: Tensor, dropped: Tensor) -> Tensor:
        """The encoded values with the unknown value in the rows where `dropped` (bool [rows]) is set."""

    @property
    def category_count(self) -> int | None:
        """How many categories are frequent enough to be embedded; None for a field that has no categories."""
        return None

    @abstractmethod
    def input_layer(self, *, embedding_dim: int, embedding_scale: float) -> InputLayer:
        """The layer between the encoded values and the network, with new weights from torch's generator.

        Args:
            embedding_dim: Number of inputs that an embedding makes.
            embedding_scale: Standard deviation of an embedding's initial weights.
        """

    @abstractmethod
    def similarity_variance(self, config: SimilarityConfig) -> float:
        """The prior variance of what the field tells of an item."""

    @abstractmethod
    def similarity_width(self, config: SimilarityConfig) -> int:
        """The number of columns of `similarity`."""

    @abstractmethod
    def similarity(self, encoded: Tensor, config: SimilarityConfig, *, rare: bool = True) -> Tensor:
        """Features whose inner product says how similar two rows are.

        Args:
            encoded: The encoded values.
            config: Of continuous fields.
            rare: Whether values that are too rare to be embedded have columns. Otherwise they count as unknown.

        Returns:
            float64 [rows, width] on the CPU, sparse (COO) where most of it is 0. A row has length 1, or 0 where nothing
            is known and the kind has no column for that.
        """

    @abstractmethod
    def plausible_value(self, generator: np.random.Generator) -> AttributeValue:
        """A value as some user or item might have it, or None."""

    def tree_columns(self, encoded: Tensor, *, max_columns: int) -> NDArray[np.float64]:  # noqa: ARG002 - see the kinds
        """The field as columns for decision trees; float64 [rows, columns], NaN where a number is unknown.

        Args:
            encoded: The encoded values.
            max_columns: A field of more categories or numbers has no columns.
        """
        return np.empty((len(encoded), 0))
