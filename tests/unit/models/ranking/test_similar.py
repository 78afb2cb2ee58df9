from pathlib import Path

import numpy as np
import pytest

from models.artifact import load_artifact
from models.ranking import RankingQuery, Recommender
from models.ranking.filters import FieldFilter
from models.ranking.query import ItemInteraction
from models.ranking.similar import SimilarBy, SimilarItem, SimilarQuery, similar_items
from tests.unit.models.ranking.two_tastes import genres, ids, items_of


@pytest.fixture(scope="module")
def purchases(implicit_model_dir: Path) -> Recommender:
    """A recommender of a model of purchases, whose choices tell tastes."""
    model = load_artifact(implicit_model_dir)
    return Recommender(model, model.items)


def similar(recommender: Recommender, *item_ids: str, **options: object) -> list[SimilarItem]:
    return similar_items(recommender.catalogue, SimilarQuery(item_ids, **{"n": 8, **options}))


def test_comedy_is_like_comedies_by_attributes(recommender: Recommender) -> None:
    assert set(genres(similar(recommender, "i1", by=SimilarBy.ATTRIBUTES))) == {"comedy"}
    assert set(genres(similar(recommender, "i2", by=SimilarBy.ATTRIBUTES))) == {"horror"}


def test_items_that_the_same_people_buy_are_alike_by_taste(purchases: Recommender) -> None:
    assert set(genres(similar(purchases, "i1", by=SimilarBy.TASTE))) == {"comedy"}
    assert set(genres(similar(purchases, "i2", "i4", by=SimilarBy.TASTE))) == {"horror"}


def test_similarity_by_taste_follows_the_shares_of_those_who_chose_the_item(purchases: Recommender) -> None:
    # Among the other items, so that both shares are of the same items.
    bought = RankingQuery({}, [], n=40, interactions=[ItemInteraction("i1", "purchase")])
    nothing = RankingQuery({}, [], n=40, exclude=["i1"])
    given, always = (
        {item.item_id: item.choice_probability for item in purchases.recommend(query)} for query in (bought, nothing)
    )
    cosines = {item_id: given[item_id] / always[item_id] ** 0.5 for item_id in given}
    for item in similar(purchases, "i1", n=100, by=SimilarBy.TASTE):
        assert item.similarity == pytest.approx(cosines[item.item_id] / max(cosines.values()), rel=1e-3)


@pytest.mark.parametrize("by", SimilarBy)
def test_most_similar_item_comes_first(recommender: Recommender, by: SimilarBy) -> None:
    found = similar(recommender, "i1", by=by, n=100)
    similarities = [item.similarity for item in found]
    assert similarities == sorted(similarities, reverse=True)
    assert max(similarities) <= 1 + 1e-6
    assert [item.rank for item in found] == list(range(1, 40))


def test_seed_items_and_excluded_items_are_not_in_the_list(recommender: Recommender) -> None:
    found = ids(similar(recommender, "i1", "i3", exclude=["i5"], n=100))
    assert len(found) == 37
    assert not {"i1", "i3", "i5"} & set(found)


def test_filtered_list_has_matching_items_only(recommender: Recommender) -> None:
    assert set(genres(similar(recommender, "i1", where={"genre": FieldFilter(("horror",))}))) == {"horror"}


def test_similarity_by_attributes_to_two_items_is_the_mean_of_both(recommender: Recommender) -> None:
    def by_item(*seeds: str) -> dict[str, float]:
        found = similar(recommender, *seeds, n=100, by=SimilarBy.ATTRIBUTES)
        return {item.item_id: item.similarity for item in found}

    one, other, both = by_item("i1"), by_item("i2"), by_item("i1", "i2")
    for item_id, similarity in both.items():
        assert similarity == pytest.approx((one[item_id] + other[item_id]) / 2, abs=1e-5)


@pytest.mark.parametrize("by", SimilarBy)
def test_new_item_has_neighbours_at_once(purchases: Recommender, by: SimilarBy) -> None:
    new = items_of(purchases.model, ("new", {"genre": ["comedy"]}))
    assert set(genres(similar(purchases.with_changes(new, ()), "new", by=by))) == {"comedy"}


@pytest.mark.parametrize("by", SimilarBy)
def test_described_item_is_compared_like_a_new_item_with_these_attributes(
    recommender: Recommender, by: SimilarBy
) -> None:
    attributes = {"genre": ["horror"], "year": 1990.0}
    later = recommender.with_changes(items_of(recommender.model, ("new", attributes)), ())
    expected = similar(later, "new", by=by)
    described = similar(later, described=attributes, exclude=["new"], by=by)
    assert ids(described) == ids(expected)
    np.testing.assert_allclose([item.similarity for item in described], [item.similarity for item in expected], 1e-5)


def test_shared_values_are_those_in_common_with_a_seed_item(recommender: Recommender) -> None:
    found = similar(recommender, "i1", n=100)
    assert {item.item_id: dict(item.shared) for item in found} == {
        item.item_id: {"genre": ["comedy"]} if int(item.item_id[1:]) % 2 else {} for item in found
    }


@pytest.mark.parametrize("by", SimilarBy)
def test_diverse_list_mixes_what_is_less_similar(purchases: Recommender, by: SimilarBy) -> None:
    assert set(genres(similar(purchases, "i1", by=by, diversity=0.9))) == {"comedy", "horror"}


def test_unknown_seed_item_is_an_error_that_names_it(recommender: Recommender) -> None:
    with pytest.raises(KeyError, match="nothing"):
        similar(recommender, "i1", "nothing")


def test_no_seed_item_is_an_error(recommender: Recommender) -> None:
    with pytest.raises(ValueError, match="name an item"):
        similar(recommender)
