"""Data sets and episodes of a few rows, written out in the tests."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from models.data.dataset import Dataset, Entities, Ratings, State
from models.data.episodes import Episode
from models.data.schema import DatasetSchema

Rated = Sequence[tuple[int, float]]
"""Item rows and their ratings."""


def time_of(user: int, item: int) -> int:
    """When the user rated the item: no two ratings have the same time, and a user rates items in the order of rows."""
    return 1_000_000_000 + 1000 * user + item


def with_times(dataset: Dataset) -> Dataset:
    """The data set, its ratings made at `time_of` their user and item."""
    ratings = dataset.ratings
    times = [time_of(int(user), int(item)) for user, item in zip(ratings.users, ratings.items, strict=True)]
    return replace(dataset, ratings=replace(ratings, times=np.array(times, dtype=np.int64)))


def tiny_schema(*, dated: bool = False) -> DatasetSchema:
    """Ratings from 1 to 5; users and items have no attributes, or items have a year by which they are new."""
    year = {"date": "year", "fields": [{"name": "year", "kind": "continuous"}]} if dated else {}
    return DatasetSchema.model_validate(
        {
            "name": "tiny",
            "rating_scale": {"minimum": 1, "maximum": 5},
            "ratings": {"files": [{"path": "ratings.csv"}], "user": "user", "item": "item", "rating": "rating"},
            "items": year,
        }
    )


def tiny_dataset(
    ratings: Sequence[tuple[int, int, float]],
    *,
    users: int,
    items: int,
    states: Sequence[State] | None = None,
    years: Sequence[float | None] | None = None,
    times: Sequence[int] | None = None,
) -> Dataset:
    """A data set of (user row, item row, rating); the users are called u0, u1, …, the items i0, i1, …"""
    columns = np.array(ratings, dtype=np.float64).reshape(-1, 3)
    dates = {} if years is None else {"year": pl.Series(years, dtype=pl.Float64)}
    return Dataset(
        schema=tiny_schema(dated=years is not None),
        users=named_entities("u", users),
        items=named_entities("i", items, **dates),
        ratings=Ratings.from_columns(
            user_count=users,
            users=columns[:, 0].astype(np.int32),
            items=columns[:, 1].astype(np.int32),
            values=columns[:, 2].astype(np.float32),
            times=None if times is None else np.array(times, dtype=np.int64),
            states=None if states is None else np.array(states, dtype=np.int8),
        ),
    )


def named_entities(prefix: str, count: int, **columns: pl.Series) -> Entities:
    """Users or items without titles, with the given attributes."""
    ids = [f"{prefix}{row}" for row in range(count)]
    return Entities(pl.DataFrame({"id": ids, "title": pl.Series([None] * count, dtype=pl.String), **columns}))


def tiny_episode(*, support: Rated, query: Rated, user: int = 0, state: State = State.WARM) -> Episode:
    """An episode of items and ratings written out."""

    def items(pairs: Rated) -> np.ndarray:
        return np.array([item for item, _ in pairs], dtype=np.int32)

    def values(pairs: Rated) -> np.ndarray:
        return np.array([rating for _, rating in pairs], dtype=np.float32)

    return Episode(
        state=state,
        user=user,
        support_items=items(support),
        support_ratings=values(support),
        query_items=items(query),
        query_ratings=values(query),
    )
