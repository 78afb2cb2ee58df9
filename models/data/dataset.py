"""A data set in memory: users, items, and what the users did as arrays sorted by user."""

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.data.schema import A_RATING, DatasetSchema

UNKNOWN_TIME = 0
"""Marks an unknown time, and is no setting. As 1 January 1970 it is earlier than any real rating."""


class State(IntEnum):
    """The four combinations of a known or new user with a known or new item."""

    WARM = 0
    USER_COLD = 1
    ITEM_COLD = 2
    USER_AND_ITEM_COLD = 3

    @property
    def label(self) -> str:
        """The name in files, reports and the API."""
        return self.name.lower()

    @classmethod
    def from_label(cls, label: str) -> "State":
        """The state with that label; KeyError if there is none."""
        return cls[label.upper()]


class Entities:
    """The users or the items: one row each, with id, title and attributes.

    Attributes:
        table: Columns `id` and `title` (strings; a title may be null), then one column per field of the schema, of
            the `polars_type` of its kind (`models.fields`). Null means unknown.
    """

    def __init__(self, table: pl.DataFrame) -> None:
        self.table = table

    def __len__(self) -> int:
        return self.table.height

    @cached_property
    def ids(self) -> list[str]:
        """The id of each row."""
        return self.table["id"].to_list()

    @cached_property
    def row_of(self) -> dict[str, int]:
        """The row of each id."""
        return {entity_id: row for row, entity_id in enumerate(self.ids)}


@dataclass(frozen=True)
class Ratings:
    """All ratings as arrays sorted by user row (CSR), so that the ratings of one user are a slice.

    An interaction stands among them as a rating without a value on the scale, with the weight of its kind instead. A
    user has at most one entry for an item: the rating if there is one, or else the interaction of the strongest kind.

    Attributes:
        offsets: int64 [users + 1]; the ratings of user row u are at `offsets[u]:offsets[u + 1]`.
        items: int32 [ratings], rows in the items table.
        values: float32 [ratings], on the schema's scale; of an interaction, the weight of its kind.
        times: int64 [ratings], seconds since 1970, `UNKNOWN_TIME` where unknown. None if the data set has no times.
        states: int8 [ratings], values of `State`. None if the data set has no state column.
        kinds: int8 [ratings], the place of each interaction's kind in `DatasetSchema.kinds`, `A_RATING` for a rating.
            None if all are ratings.
    """

    offsets: NDArray[np.int64]
    items: NDArray[np.int32]
    values: NDArray[np.float32]
    times: NDArray[np.int64] | None = None
    states: NDArray[np.int8] | None = None
    kinds: NDArray[np.int8] | None = None

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def users(self) -> NDArray[np.int32]:
        """int32 [ratings]: the user row of each rating."""
        counts = np.diff(self.offsets)
        return np.repeat(np.arange(len(counts), dtype=np.int32), counts)

    @cached_property
    def rated(self) -> NDArray[np.bool_]:
        """Bool [ratings]: set for a rating, unset for an interaction."""
        return np.ones(len(self), dtype=np.bool_) if self.kinds is None else np.asarray(self.kinds == A_RATING)

    @cached_property
    def chosen(self) -> NDArray[np.bool_]:
        """Bool [ratings]: unset for an interaction of an unwanted kind, set for all else."""
        return np.asarray(self.rated | (self.values > 0))

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
        kinds: NDArray[np.int8] | None = None,
    ) -> "Ratings":
        """Sort ratings by user; the ratings of one user keep their order."""
        order = np.argsort(users, kind="stable")
        offsets = np.zeros(user_count + 1, dtype=np.int64)
        np.cumsum(np.bincount(users, minlength=user_count), out=offsets[1:])
        return cls(
            offsets=offsets,
            items=items[order],
            values=values[order],
            times=None if times is None else times[order],
            states=None if states is None else states[order],
            kinds=None if kinds is None else kinds[order],
        )


@dataclass(frozen=True)
class Remark:
    """Something that a reader noticed and that is no error, in a sentence. A warning says what is probably wrong."""

    text: str
    is_warning: bool = False


@dataclass(frozen=True)
class Dataset:
    """A data set in memory; every rated item and every user with ratings has a row in its table.

    Attributes:
        remarks: What the reader of its files noticed.
    """

    schema: DatasetSchema
    users: Entities
    items: Entities
    ratings: Ratings
    remarks: tuple[Remark, ...] = ()

    @cached_property
    def liked(self) -> NDArray[np.bool_]:
        """Bool [ratings]: whether the user likes the item (`DatasetSchema.likes`)."""
        return self.schema.likes(self.ratings.values, self.ratings.kinds)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the contents; the same data have the same fingerprint on every machine."""
        digest = hashlib.sha256()
        for entities in (self.users, self.items):
            digest.update(entities.table.write_json().encode())
        ratings = self.ratings
        for array in (
            ratings.offsets,
            ratings.items,
            ratings.values,
            ratings.times,
            ratings.states,
            ratings.kinds,
        ):
            if array is not None:
                digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()
