from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.artifact import TrainedModel
from models.data.entity_table import entity_table
from models.ranking.filters import AttributeFilters

VALUES = st.sampled_from(["a", "b", "c"])
ITEM = st.fixed_dictionaries(
    {},
    optional={"genre": st.none() | st.lists(VALUES, max_size=3), "year": st.none() | st.sampled_from([1990.0, 2000.0])},
)
WHERE = st.fixed_dictionaries(
    {},
    optional={
        "genre": st.lists(VALUES, max_size=2),
        "year": st.lists(st.sampled_from(["1990.0", "2000.0", "never"]), max_size=2),
    },
)


@given(items=st.lists(ITEM, max_size=8), where=WHERE)
def test_match_one_value_of_every_field(
    model: TrainedModel, items: list[dict[str, Any]], where: dict[str, list[str]]
) -> None:
    table = entity_table(model.schema.items.fields, [(str(row), None, item) for row, item in enumerate(items)])
    expected = [
        ("genre" not in where or bool(set(item.get("genre") or ()) & set(where["genre"])))
        and ("year" not in where or str(item.get("year")) in where["year"])
        for item in items
    ]
    assert np.array_equal(AttributeFilters(table, model.schema.items).matching(where), np.array(expected, dtype=bool))


def test_unknown_field_is_an_error(model: TrainedModel) -> None:
    with pytest.raises(ValueError, match="'director' is not a field of the items"):
        AttributeFilters(model.items, model.schema.items).matching({"director": ["x"]})
