from collections.abc import Collection
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.data.entity_table import entity_table
from models.data.schema import EntitySource
from models.ranking.filters import AttributeFilters, FieldFilter

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
NUMBERS = st.integers(-3, 3).map(float)
ITEM = st.fixed_dictionaries(
    {},
    optional={
        "genre": st.none() | st.lists(VALUES, max_size=3),
        "language": st.none() | VALUES,
        "year": st.none() | NUMBERS,
    },
)
LISTS = {
    "any_of": st.none() | st.lists(VALUES | st.just("never"), max_size=2).map(tuple),
    "all_of": st.lists(VALUES, max_size=2).map(tuple),
    "none_of": st.lists(VALUES | st.just("never"), max_size=2).map(tuple),
}
TEXTS = NUMBERS | NUMBERS.map(str)
CATEGORIES = st.builds(FieldFilter, **LISTS)
RANGE = st.builds(
    FieldFilter,
    any_of=st.none() | st.lists(TEXTS, max_size=3).map(tuple),
    all_of=st.lists(TEXTS, max_size=2).map(tuple),
    none_of=st.lists(TEXTS, max_size=2).map(tuple),
    lowest=st.none() | NUMBERS,
    highest=st.none() | NUMBERS,
)
WHERE = st.fixed_dictionaries({}, optional={"genre": CATEGORIES, "language": CATEGORIES, "year": RANGE})


def filters_of(items: list[dict[str, Any]]) -> AttributeFilters:
    table = entity_table(SOURCE.fields, [(str(row), None, item) for row, item in enumerate(items)])
    return AttributeFilters(table, SOURCE)


def values_of(item: dict[str, Any], name: str) -> set[object]:
    """The values of a field of an item in their first spelling."""
    value = item.get(name)
    own = value if isinstance(value, list) else [] if value is None else [value]
    return {VALUE_OF.get(each, each) for each in own}


def fulfils(values: set[object], conditions: FieldFilter) -> bool:
    """Whether these values fulfil the conditions, said in another way than in the code."""

    def plain(given: Collection[str | float]) -> set[object]:
        return {VALUE_OF[each] if each in VALUE_OF else each if each == "never" else float(each) for each in given}

    numbers = [value for value in values if isinstance(value, float)]
    return (
        (conditions.any_of is None or not values.isdisjoint(plain(conditions.any_of)))
        and plain(conditions.all_of) <= values
        and values.isdisjoint(plain(conditions.none_of))
        and (conditions.lowest is None or any(number >= conditions.lowest for number in numbers))
        and (conditions.highest is None or any(number <= conditions.highest for number in numbers))
    )


@given(items=st.lists(ITEM, max_size=8), where=WHERE)
def test_filters_match_items_that_fulfil_all_conditions_however_values_are_spelt(
    items: list[dict[str, Any]], where: dict[str, FieldFilter]
) -> None:
    expected = [all(fulfils(values_of(item, name), own) for name, own in where.items()) for item in items]

    assert filters_of(items).matching(where).tolist() == expected


def test_item_without_a_value_fulfils_a_negation_alone() -> None:
    filters = filters_of([{}, {"genre": [], "language": None, "year": None}])
    value = {"genre": "Drama", "language": "Drama", "year": 1999.0}

    for name, own in value.items():
        assert filters.matching({name: FieldFilter(none_of=(own,))}).all()
        for conditions in (FieldFilter((own,)), FieldFilter(all_of=(own,)), FieldFilter(())):
            assert not filters.matching({name: conditions}).any()
    for bounds in ({"lowest": -np.inf}, {"highest": np.inf}):
        assert not filters.matching({"year": FieldFilter(**bounds)}).any()


def test_values_are_those_of_the_items_the_most_frequent_first() -> None:
    filters = filters_of([{"genre": ["b", "É"]}, {"genre": ["É"]}, {"genre": ["a"]}, {"language": "c"}])

    assert filters.values("genre") == ["É", "a", "b"]
    assert [filters.has("genre", value) for value in ("e", "B", "c", "")] == [True, True, False, False]
    assert filters_of([{}]).values("genre") == []


def test_kana_with_and_without_voicing_are_different_values() -> None:
    filters = filters_of([{"genre": ["バス"]}, {"genre": ["ハス"]}])

    assert filters.matching({"genre": FieldFilter(("バス",))}).tolist() == [True, False]


def test_filter_by_an_unknown_field_raises_value_error() -> None:
    with pytest.raises(ValueError, match="'director' is not a field of the items"):
        filters_of([]).matching({"director": FieldFilter(("x",))})


@pytest.mark.parametrize("name", ["plot", "image"])
def test_filter_by_a_field_without_categories_and_numbers_raises_value_error(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}': items cannot be filtered by a field of this kind"):
        filters_of([{}]).matching({name: FieldFilter(("1",))})


@pytest.mark.parametrize(
    ("name", "conditions", "said"),
    [
        ("genre", FieldFilter(highest=3.0), "'genre': has no numbers"),
        ("genre", FieldFilter((3.0,)), "'genre': 3.0 is a number, and the values are strings"),
        ("year", FieldFilter(("Drama",)), "'year': 'Drama' is not a finite number"),
        ("year", FieldFilter(none_of=("nan",)), "'year': 'nan' is not a finite number"),
    ],
)
def test_condition_that_the_field_does_not_have_raises_value_error(
    name: str, conditions: FieldFilter, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        filters_of([{}]).matching({name: conditions})
