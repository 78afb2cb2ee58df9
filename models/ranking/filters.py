"""Finding the items whose attributes fulfil some conditions."""

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.data.dataset import Entities
from models.data.schema import EntitySource
from models.fields import AttributeField, field_type
from models.fields.folding import folded


@dataclass(frozen=True)
class FieldFilter:
    """Conditions on one field of an item. All of them must hold.

    An item without a value fulfils only `none_of`. Case and accents of texts do not matter. The values of a continuous
    field are numbers, or texts of numbers.

    Attributes:
        any_of: The item has one of these values; None for no condition.
        all_of: The item has all of these values.
        none_of: The item has none of these values.
        lowest: The item's number is at least this; None for no condition.
        highest: The item's number is at most this; None for no condition.
    """

    any_of: tuple[str | float, ...] | None = None
    all_of: tuple[str | float, ...] = ()
    none_of: tuple[str | float, ...] = ()
    lowest: float | None = None
    highest: float | None = None

    @property
    def has_range(self) -> bool:
        """Whether there is a condition that only numbers fulfil."""
        return self.lowest is not None or self.highest is not None


Filter = Mapping[str, FieldFilter]
"""Conditions by field of the items. An item must fulfil all of them."""


class _Index(ABC):
    """The values of one field of the items.

    Attributes:
        values: The categories as the items spell them, the most frequent first; empty for numbers.
    """

    values: Sequence[str]

    def matching(self, conditions: FieldFilter) -> NDArray[np.bool_]:
        """Which items fulfil the conditions; bool [items].

        Raises:
            ValueError: The field does not have such conditions.
        """
        allowed = self._in_range(conditions)
        if conditions.any_of is not None:
            allowed &= self._with_one(conditions.any_of)
        for value in conditions.all_of:
            if allowed.any():  # an item has few values, and the list may be long
                allowed &= self._with_one([value])
        if conditions.none_of:
            allowed &= ~self._with_one(conditions.none_of)
        return allowed

    @abstractmethod
    def has(self, value: str | float) -> bool:
        """Whether a condition by this value makes sense. ValueError if the field cannot have it."""

    @abstractmethod
    def _in_range(self, conditions: FieldFilter) -> NDArray[np.bool_]:
        """Which items are in the range of the conditions, all without a range; bool [items], new."""

    @abstractmethod
    def _with_one(self, values: Collection[str | float]) -> NDArray[np.bool_]:
        """Which items have one of the values; bool [items]."""


@dataclass(frozen=True)
class _Categories(_Index):
    """The values of a field with categories.

    Attributes:
        item_count: The number of items.
        rows: uint32 [pairs], the rows of the items, sorted by folded value.
        slices: By folded value, its part of `rows`.
        values: The values as the items spell them, the most frequent first.
    """

    item_count: int
    rows: NDArray[np.uint32]
    slices: Mapping[str, slice]
    values: Sequence[str]

    @classmethod
    def of(cls, declared: AttributeField, column: pl.Series) -> "_Categories":
        """The index of a column of the item table."""
        pairs = field_type(declared).filter_values(column)
        counts = pairs.group_by("value").len().sort("len", "value", descending=[True, False])
        values = counts["value"].to_list()
        spelt = pl.DataFrame({"value": values, "folded": list(map(folded, values))}, schema_overrides=_TEXTS)
        pairs = pairs.join(spelt, on="value").sort("folded", "row")
        counts = pairs.group_by("folded", maintain_order=True).len()
        ends = np.cumsum(counts["len"].to_numpy()).tolist()
        slices = map(slice, [0, *ends], ends)
        named = dict(zip(counts["folded"].to_list(), slices, strict=False))
        return cls(len(column), pairs["row"].to_numpy(), named, values)

    def has(self, value: str | float) -> bool:
        """Whether any item has the value."""
        return _category(value) in self.slices

    def _in_range(self, conditions: FieldFilter) -> NDArray[np.bool_]:
        if conditions.has_range:
            raise ValueError("has no numbers, so it has no ranges")
        return np.ones(self.item_count, dtype=np.bool_)

    def _with_one(self, values: Collection[str | float]) -> NDArray[np.bool_]:
        has_one = np.zeros(self.item_count, dtype=np.bool_)
        for value in set(map(_category, values)) & self.slices.keys():
            has_one[self.rows[self.slices[value]]] = True
        return has_one


@dataclass(frozen=True)
class _Numbers(_Index):
    """The values of a continuous field.

    Attributes:
        numbers: float64 [items], NaN for an item without a number.
        values: Empty: numbers are not named one by one.
    """

    numbers: NDArray[np.float64]
    values: Sequence[str] = ()

    def has(self, value: str | float) -> bool:
        """True: any number makes sense, whether an item has it or not. ValueError if the value is no number."""
        number(value)
        return True

    def _in_range(self, conditions: FieldFilter) -> NDArray[np.bool_]:
        allowed = np.ones(len(self.numbers), dtype=np.bool_)
        # A comparison with NaN is false.
        if conditions.lowest is not None:
            allowed &= self.numbers >= conditions.lowest
        if conditions.highest is not None:
            allowed &= self.numbers <= conditions.highest
        return allowed

    def _with_one(self, values: Collection[str | float]) -> NDArray[np.bool_]:
        return np.isin(self.numbers, [number(value) for value in values])


class AttributeFilters:
    """Finds the items whose attributes fulfil the conditions of a filter.

    A field is indexed at its first use.
    """

    def __init__(self, items: Entities, source: EntitySource) -> None:
        self._items = items
        self._source = source
        self._indexed: dict[str, _Index] = {}

    def matching(self, where: Filter) -> NDArray[np.bool_]:
        """Which items fulfil the conditions on every field; bool [items].

        Raises:
            ValueError: The items have no such field, or the field does not have such conditions.
        """
        allowed = np.ones(len(self._items), dtype=np.bool_)
        for name, conditions in where.items():
            index = self._index(name)
            try:
                allowed &= index.matching(conditions)
            except ValueError as error:
                raise ValueError(f"{name!r}: {error}") from error
        return allowed

    def has(self, name: str, value: str | float) -> bool:
        """Whether any item has this value of a field. Any number of a continuous field counts.

        Raises:
            ValueError: The items have no such field, or the field cannot have such a value.
        """
        return self._index(name).has(value)

    def values(self, name: str) -> Sequence[str]:
        """The categories of a field as the items spell them, the most frequent first; ValueError as in `matching`."""
        return self._index(name).values

    def _index(self, name: str) -> _Index:
        if name not in self._indexed:
            self._indexed[name] = self._build_index(name)
        return self._indexed[name]

    def _build_index(self, name: str) -> _Index:
        try:
            declared = self._source.field(name)
        except KeyError as error:
            raise ValueError(f"{name!r} is not a field of the items") from error
        column = self._items.table[name]
        if field_type(declared).ordered:
            return _Numbers(column.cast(pl.Float64).fill_null(math.nan).to_numpy())
        try:
            return _Categories.of(declared, column)
        except ValueError as error:
            raise ValueError(f"{name!r}: {error}") from error


def number(value: str | float) -> float:
    """A value of a continuous field, given as a number or as its text.

    Raises:
        ValueError: It is not a finite number.
    """
    try:
        given = float(value)
    except (ValueError, OverflowError):
        given = math.nan
    if not math.isfinite(given):
        raise ValueError(f"{value!r} is not a finite number")
    return given


def _category(value: str | float) -> str:
    """A value of a field with categories, folded.

    Raises:
        ValueError: It is a number.
    """
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is a number, and the values are strings")
    return folded(value)


_TEXTS = {"value": pl.String, "folded": pl.String}  # also of a field without values
