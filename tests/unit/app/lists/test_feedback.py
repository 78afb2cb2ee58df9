"""What counts of what a user did and saw."""

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from app.lists.feedback import item_interactions, lowered_by_seeing
from app.storage.interactions import InteractionRecord
from models.data.merging import without_repetitions
from models.ranking.query import ItemInteraction

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
KINDS = {"view": 0.2, "purchase": 1.0, "dislike": -1.0}


def at(hours: int, item_id: str, kind: str) -> InteractionRecord:
    return InteractionRecord(item_id, kind, NOON + timedelta(hours=hours))


def test_item_falls_by_half_for_each_time_that_it_was_seen_and_never_to_zero() -> None:
    seldom, often = lowered_by_seeing({"i1": 1.5, "i2": 9_000.0}, ["i1"])

    assert (seldom.item_ids, seldom.factor) == (["i1"], 0.5**2.5)
    assert (often.item_ids, often.factor > 0) == (["i2"], True)


def test_item_interactions_without_a_time_or_from_the_future_count_as_of_now() -> None:
    future = InteractionRecord("i2", "view", datetime.now(UTC) + timedelta(days=1))

    counted = item_interactions([InteractionRecord("i1", "view", None), future], KINDS)

    assert all(abs(each.time - datetime.now(UTC).timestamp()) < 3600 for each in counted)


def test_item_interactions_of_kinds_that_the_model_does_not_know_do_not_count() -> None:
    counted = item_interactions([at(0, "i1", "view"), at(1, "i1", "rent"), at(0, "i2", "rent")], KINDS)

    assert counted == [ItemInteraction("i1", "view", int(NOON.timestamp()))]


@given(
    st.lists(
        st.tuples(st.sampled_from(["i1", "i2"]), st.sampled_from(list(KINDS)), st.integers(0, 10_000)),
        unique_by=lambda each: each[2],
        max_size=8,
    )
)
def test_item_interactions_count_as_in_training(drawn: list[tuple[str, str, int]]) -> None:
    interactions = [at(hours, item_id, kind) for item_id, kind, hours in drawn if hours < 2000]
    rows = [
        ("u", each.item_id, KINDS[each.kind], list(KINDS).index(each.kind), int(each.occurred_at.timestamp()))
        for each in interactions
        if each.occurred_at is not None
    ]
    table = pl.DataFrame(
        rows,
        {"user": pl.String, "item": pl.String, "value": pl.Float64, "kind": pl.Int8, "time": pl.Int64},
        orient="row",
    )

    counted = item_interactions(interactions, KINDS)

    expected = without_repetitions(table)
    assert {each.item_id: (each.kind, each.time) for each in counted} == {
        item: (list(KINDS)[kind], time) for item, kind, time in expected.select("item", "kind", "time").iter_rows()
    }
    assert [each.time for each in counted] == sorted(each.time for each in counted)
