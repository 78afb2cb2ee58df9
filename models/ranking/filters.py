"""Finding the items that have given attribute values."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.data.dataset import Entities
from models.data.schema import EntitySource
from models.fields import field_type

_Slices = tuple[NDArray[np.uint32], dict[str, slice]]


class AttributeFilters:
    """Finds the items that have given attribute values. A field is indexed at its first use."""

    def __init__(self, items: Entities, source: EntitySource) -> None:
        self._items = items
        self._source = source
        self._indexed: dict[str, _Slices] = {}

    def matching(self, where: Mapping[str, Sequence[str]]) -> NDArray[np.bool_]:
        """Which items have one of the values of every field; bool [items].

        Args:
            where: Field → values.

        Raises:
            ValueError: The items have no such field, or cannot be filtered by it.
        """
        allowed = np.ones(len(self._items), dtype=np.bool_)
        for name, values in where.items():
            rows, slices = self._index(name)
            has_one = np.zeros(len(self._items), dtype=np.bool_)
            for value in set(values) & slices.keys():
                has_one[rows[slices[value]]] = True
            allowed &= has_one
        return allowed

    def _index(self, name: str) -> _Slices:
        """The rows sorted by value, and the slice of each value."""
        if name not in self._indexed:
            self._indexed[name] = self._build_index(name)
        return self._indexed[name]

    def _build_index(self, name: str) -> _Slices:
        try:
            field = self._source.field(name)
        except KeyError as error:
            raise ValueError(f"{name!r} is not a field of the items") from error
        try:
            pairs = field_type(field).filter_values(self._items.table[name]).sort("value", "row")
        except ValueError as error:
            raise ValueError(f"{name!r}: {error}") from error
        counts = pairs.group_by("value", maintain_order=True).len()
        ends = np.cumsum(counts["len"].to_numpy()).tolist()
        slices = map(slice, [0, *ends], ends)
        return pairs["row"].to_numpy(), dict(zip(counts["value"].to_list(), slices, strict=False))
