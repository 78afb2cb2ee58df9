"""A data set in memory: users, items, and ratings as arrays sorted by user."""

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.data.schema import DatasetSchema


class State(IntEnum):
    """The four cells existing/new user × existing/new item."""

    WARM = 0
    USER_COLD = 1
    ITEM_COLD = 2
    USER_AND_ITEM_COLD = 3

    @property
    def label(self) -> str:
        """The name that files, reports and the API use."""
        return self.name.lower()

    @classmethod
    def from_label(cls, label: str) -> "State":
        """The state of that name; KeyError where there is none."""
        return cls[label.upper()]


class Entities:
    """The users or the items: ids and attributes, one row each.

    Attributes:
        table: Columns `id` and `title` (strings; a title may be null), then one column a field of the schema:
            strings for categorical and text fields, lists of strings for multi-valued ones, Float64 for
            continuous ones. Null is unknown.
    """

    def __init__(self, table: pl.DataFrame) -> None:
        self.table = table

    def __len__(self) -> int:
        return self.table.height

    @cached_property
    def ids(self) -> list[str]:
        """The ids by row."""
        return self.table["id"].to_list()

    @cached_property
    def row_of(self) -> dict[str, int]:
        """The row of each id."""
        return {entity_id: row for row, entity_id in enumerate(self.ids)}


@dataclass(frozen=True)
class Ratings:
    """All ratings as arrays sorted by user row (CSR), so that one user's are a slice.

    Attributes:
        offsets: int64 [users + 1]; the ratings of user row u are `offsets[u]:offsets[u + 1]`.
        items: int32 [ratings], rows in the items table.
        values: float32 [ratings], on the schema's scale.
        times: int64 [ratings], seconds since 1970, or None where the data set has no times.
        states: int8 [ratings], values of `State`, or None where the data set has no state column.
    """

    offsets: NDArray[np.int64]
    items: NDArray[np.int32]
    values: NDArray[np.float32]
    times: NDArray[np.int64] | None = None
    states: NDArray[np.int8] | None = None

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def users(self) -> NDArray[np.int32]:
        """int32 [ratings]: the user row of each rating."""
        counts = np.diff(self.offsets)
        return np.repeat(np.arange(len(counts), dtype=np.int32), counts)

    @classmethod
    def from_columns(
        cls,
        *,
        user_count: int,
        users: NDArray[np.int32],
        items: NDArray[np.int32],
        values: NDArray[np.float32],
        times: NDArray[np.int64] | None = None,
        states: NDArray[np.int8] | None = None,
    ) -> "Ratings":
        """Sort ratings given in any order by user; a user's own ratings keep their order."""
        order = np.argsort(users, kind="stable")
        offsets = np.zeros(user_count + 1, dtype=np.int64)
        np.cumsum(np.bincount(users, minlength=user_count), out=offsets[1:])
        return cls(
            offsets=offsets,
            items=items[order],
            values=values[order],
            times=None if times is None else times[order],
            states=None if states is None else states[order],
        )


@dataclass(frozen=True)
class Dataset:
    """A data set as read: every id that a rating names has a row in its table."""

    schema: DatasetSchema
    users: Entities
    items: Entities
    ratings: Ratings

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the contents, the same wherever and whenever the same data are read."""
        digest = hashlib.sha256()
        for entities in (self.users, self.items):
            digest.update(entities.table.write_json().encode())
        for array in (self.ratings.offsets, self.ratings.items, self.ratings.values, self.ratings.states):
            if array is not None:
                digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()
