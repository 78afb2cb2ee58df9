from collections.abc import Mapping, Sequence

import numpy as np

from models.data.dataset import UNKNOWN_TIME, Dataset, Ratings
from models.data.entity_table import entity_table
from models.data.merging import merge_datasets
from models.data.schema import DatasetSchema
from models.fields import AttributeValue

SCHEMA = DatasetSchema.model_validate(
    {
        "name": "shop",
        "rating_scale": {"minimum": 1, "maximum": 5},
        "ratings": {"files": [{"path": "ratings.csv"}], "user": "user", "item": "item", "rating": "rating"},
        "users": {"fields": [{"name": "country", "kind": "categorical"}, {"name": "age", "kind": "continuous"}]},
    }
)


def dataset(
    users: Mapping[str, Mapping[str, AttributeValue]],
    items: Sequence[str],
    ratings: Sequence[tuple[str, str, float, int]],
    *,
    timed: bool = True,
) -> Dataset:
    user_table = entity_table(
        SCHEMA.users.fields, [(user_id, None, attributes) for user_id, attributes in users.items()]
    )
    item_table = entity_table((), [(item_id, f"title of {item_id}", {}) for item_id in items])
    return Dataset(
        schema=SCHEMA,
        users=user_table,
        items=item_table,
        ratings=Ratings.from_columns(
            user_count=len(users),
            users=np.array([user_table.row_of[user] for user, *_ in ratings], dtype=np.int32),
            items=np.array([item_table.row_of[item] for _, item, *_ in ratings], dtype=np.int32),
            values=np.array([value for *_, value, _ in ratings], dtype=np.float32),
            times=np.array([time for *_, time in ratings], dtype=np.int64) if timed else None,
        ),
    )


def rated(merged: Dataset) -> dict[tuple[str, str], float]:
    ratings = merged.ratings
    return {
        (merged.users.ids[user], merged.items.ids[item]): float(value)
        for user, item, value in zip(ratings.users, ratings.items, ratings.values, strict=True)
    }


def test_merge_datasets_has_the_users_items_and_ratings_of_both() -> None:
    newer = dataset({"b": {}}, ["x"], [("b", "x", 5, 10)])
    older = dataset({"c": {}, "a": {}}, ["y", "x"], [("a", "y", 1, 5), ("c", "x", 2, 5)])

    merged = merge_datasets(newer, older)

    assert merged.users.ids == ["b", "a", "c"]
    assert merged.items.ids == ["x", "y"]
    assert rated(merged) == {("b", "x"): 5, ("a", "y"): 1, ("c", "x"): 2}


def test_merge_datasets_two_ratings_of_an_item_keeps_the_later() -> None:
    newer = dataset({"a": {}}, ["x", "y"], [("a", "x", 5, 10), ("a", "y", 5, 10)])
    older = dataset({"a": {}}, ["x", "y"], [("a", "x", 1, 9), ("a", "y", 1, 11)])

    assert rated(merge_datasets(newer, older)) == {("a", "x"): 5, ("a", "y"): 1}


def times_of(merged: Dataset) -> dict[tuple[str, str], int]:
    ratings = merged.ratings
    assert ratings.times is not None
    return {
        (merged.users.ids[user], merged.items.ids[item]): int(time)
        for user, item, time in zip(ratings.users, ratings.items, ratings.times, strict=True)
    }


def test_merge_datasets_rating_of_unknown_time_counts_as_the_earlier() -> None:
    newer = dataset({"a": {}}, ["x"], [("a", "x", 5, 10)])
    older = dataset({"a": {}}, ["x"], [("a", "x", 1, 0)], timed=False)

    assert rated(merge_datasets(newer, older)) == {("a", "x"): 5}
    assert rated(merge_datasets(older, newer)) == {("a", "x"): 5}


def test_merge_datasets_both_with_times_keeps_the_times_of_the_ratings_kept() -> None:
    newer = dataset({"a": {}, "b": {}}, ["x", "y"], [("b", "x", 5, 10), ("a", "y", 5, 10)])
    older = dataset({"a": {}, "b": {}}, ["x", "y"], [("b", "x", 1, 9), ("a", "y", 1, 11), ("b", "y", 3, -5)])

    assert times_of(merge_datasets(newer, older)) == {("b", "x"): 10, ("a", "y"): 11, ("b", "y"): -5}


def test_merge_datasets_one_without_times_gives_its_ratings_the_unknown_time() -> None:
    newer = dataset({"a": {}}, ["x"], [("a", "x", 5, 10)])
    older = dataset({"a": {}}, ["y"], [("a", "y", 1, 0)], timed=False)

    assert times_of(merge_datasets(newer, older)) == {("a", "x"): 10, ("a", "y"): UNKNOWN_TIME}


def test_merge_datasets_again_leaves_unknown_times_unknown() -> None:
    newer = dataset({"a": {}}, ["x"], [("a", "x", 5, 10)])
    older = dataset({"a": {}}, ["y"], [("a", "y", 1, 0)], timed=False)
    rated_before_1970 = dataset({"a": {}}, ["y"], [("a", "y", 2, -5)])

    merged = merge_datasets(rated_before_1970, merge_datasets(newer, older))

    assert rated(merged) == {("a", "x"): 5, ("a", "y"): 2}
    assert times_of(merged) == {("a", "x"): 10, ("a", "y"): -5}


def test_merge_datasets_neither_with_times_has_none() -> None:
    newer = dataset({"a": {}}, ["x"], [("a", "x", 5, 0)], timed=False)
    older = dataset({"a": {}}, ["x", "y"], [("a", "x", 1, 0), ("a", "y", 1, 0)], timed=False)

    merged = merge_datasets(newer, older)

    assert merged.ratings.times is None
    assert rated(merged) == {("a", "x"): 5, ("a", "y"): 1}


def test_merge_datasets_attribute_of_the_older_alone_is_kept() -> None:
    newer = dataset({"a": {"country": "fr"}}, ["x"], [("a", "x", 5, 10)])
    older = dataset({"a": {"country": "jp", "age": 30.0}}, ["x"], [("a", "x", 1, 9)])

    (user,) = merge_datasets(newer, older).users.table.to_dicts()

    assert user == {"id": "a", "title": None, "country": "fr", "age": 30.0}


def test_merge_datasets_without_items_leaves_them_and_their_ratings_out() -> None:
    newer = dataset({"a": {}}, ["x"], [("a", "x", 5, 10)])
    older = dataset({"a": {}}, ["x", "gone"], [("a", "gone", 1, 9)])

    merged = merge_datasets(newer, older, without_items=["gone"])

    assert merged.items.ids == ["x"]
    assert rated(merged) == {("a", "x"): 5}
