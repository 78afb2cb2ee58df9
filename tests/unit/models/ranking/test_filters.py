from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.data.entity_table import entity_table
from models.data.schema import EntitySource
from models.ranking.filters import AttributeFilters

SOURCE = EntitySource.model_validate(
    {
        "fields": [
            {"name": "genre", "kind": "multi_valued"},
            {"name": "language", "kind": "categorical"},
            {"name": "year", "kind": "continuous"},
            {"name": "plot", "kind": "text"},
            {"name": "image", "kind": "vector", "dimensions": 2},
        ]
    }
)
SPELLINGS = {"Drama": ["Drama", "drama", "DRÄMA "], "Été": ["Été", "ete", "E\u0301TE"], "Straße": ["Straße", "strasse"]}
VALUE_OF = {spelling: value for value, spellings in SPELLINGS.items() for spelling in spellings}
VALUES = st.sampled_from(list(VALUE_OF))
ITEM = st.fixed_dictionaries(
    {}, optional={"genre": st.none() | st.lists(VALUES, max_size=3), "language": st.none() | VALUES}
)
WHERE = st.fixed_dictionaries(
    {}, optional={"genre": st.lists(VALUES, max_size=2), "language": st.lists(VALUES | st.just("never"), max_size=2)}
)


def filters_of(items: list[dict[str, Any]]) -> AttributeFilters:
    table = entity_table(SOURCE.fields, [(str(row), None, item) for row, item in enumerate(items)])
    return AttributeFilters(table, SOURCE)


@given(items=st.lists(ITEM, max_size=8), where=WHERE)
def test_filters_match_items_with_one_value_of_every_field_however_it_is_spelt(
    items: list[dict[str, Any]], where: dict[str, list[str]]
) -> None:
    def same(values: list[str] | tuple[()], accepted: list[str]) -> bool:
        return bool({VALUE_OF[value] for value in values} & {VALUE_OF.get(value, value) for value in accepted})

    expected = [
        ("genre" not in where or same(item.get("genre") or (), where["genre"]))
        and ("language" not in where or same([item["language"]] if item.get("language") else (), where["language"]))
        for item in items
    ]
    assert np.array_equal(filters_of(items).matching(where), np.array(expected, dtype=bool))


def test_values_are_those_of_the_items_the_most_frequent_first() -> None:
    filters = filters_of([{"genre": ["b", "É"]}, {"genre": ["É"]}, {"genre": ["a"]}, {"language": "c"}])

    assert filters.values("genre") == ["É", "a", "b"]
    assert [filters.has("genre", value) for value in ("e", "B", "c", "")] == [True, True, False, False]
    assert filters_of([{}]).values("genre") == []


def test_kana_with_and_without_voicing_are_different_values() -> None:
    filters = filters_of([{"genre": ["バス"]}, {"genre": ["ハス"]}])

    assert filters.matching({"genre": ["バス"]}).tolist() == [True, False]


def test_filter_by_an_unknown_field_raises_value_error() -> None:
    with pytest.raises(ValueError, match="'director' is not a field of the items"):
        filters_of([]).matching({"director": ["x"]})


@pytest.mark.parametrize("name", ["year", "plot", "image"])
def test_filter_by_a_field_without_categories_raises_value_error(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}': items cannot be filtered by a field of this kind"):
        filters_of([{}]).matching({name: ["1"]})
