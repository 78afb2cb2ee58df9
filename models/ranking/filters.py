"""Finding the items that have given attribute values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.data.dataset import Entities
from models.data.schema import EntitySource
from models.fields import field_type
from models.fields.folding import folded


@dataclass(frozen=True)
class _Index:
    """The values of one field.

    Attributes:
        rows: uint32 [pairs], the rows of the items, sorted by folded value.
        slices: By folded value, its part of `rows`.
        values: The values as the items spell them, the most frequent first.
    """

    rows: NDArray[np.uint32]
    slices: Mapping[str, slice]
    values: Sequence[str]


class AttributeFilters:
    """Finds the items that have given attribute values, whatever the case and the accents.

    A field is indexed at its first use.
    """

    def __init__(self, items: Entities, source: EntitySource) -> None:
        self._items = items
        self._source = source
        self._indexed: dict[str, _Index] = {}

    def matching(self, where: Mapping[str, Sequence[str]]) -> NDArray[np.bool_]:
        """Which items have one of the values of every field; bool [items].

        Args:
            where: Field → values.

        Raises:
            ValueError: The items have no such field, or cannot be filtered by it.
        """
        allowed = np.ones(len(self._items), dtype=np.bool_)
        for name, values in where.items():
            index = self._index(name)
            has_one = np.zeros(len(self._items), dtype=np.bool_)
            for value in set(map(folded, values)) & index.slices.keys():
                has_one[index.rows[index.slices[value]]] = True
            allowed &= has_one
        return allowed

    def has(self, name: str, value: str) -> bool:
        """Whether any item has this value of a field; ValueError as in `matching`."""
        return folded(value) in self._index(name).slices

    def values(self, name: str) -> Sequence[str]:
        """The values of a field as the items spell them, the most frequent first; ValueError as in `matching`."""
        return self._index(name).values

    def _index(self, name: str) -> _Index:
        if name not in self._indexed:
            self._indexed[name] = self._build_index(name)
        return self._indexed[name]

    def _build_index(self, name: str) -> _Index:
        try:
            field = self._source.field(name)
        except KeyError as error:
            raise ValueError(f"{name!r} is not a field of the items") from error
        try:
            pairs = field_type(field).filter_values(self._items.table[name])
        except ValueError as error:
            raise ValueError(f"{name!r}: {error}") from error
        counts = pairs.group_by("value").len().sort("len", "value", descending=[True, False])
        values = counts["value"].to_list()
        spelt = pl.DataFrame({"value": values, "folded": list(map(folded, values))}, schema_overrides=_TEXTS)
        pairs = pairs.join(spelt, on="value").sort("folded", "row")
        counts = pairs.group_by("folded", maintain_order=True).len()
        ends = np.cumsum(counts["len"].to_numpy()).tolist()
        slices = map(slice, [0, *ends], ends)
        return _Index(pairs["row"].to_numpy(), dict(zip(counts["folded"].to_list(), slices, strict=False)), values)


_TEXTS = {"value": pl.String, "folded": pl.String}  # also of a field without values
