"""Lists by a ranker whose scores are known."""

import numpy as np
import pytest

from models.baselines.lists.popularity import SameForEverybody
from models.data.dataset import State
from models.data.episodes import EpisodeBatch
from models.data.splits import Split, SplitConfig
from models.evaluation.batch_runner import BatchRunner
from models.evaluation.lists import measuring
from models.evaluation.lists.measuring import RankedCatalogue, measure_lists, new_items
from tests.unit.models.tiny_data import tiny_dataset, tiny_episode

ITEMS = 14
CATALOGUE = RankedCatalogue(
    ranked=np.ones(ITEMS, dtype=np.bool_), counts=np.zeros(ITEMS, dtype=np.int64), information=np.zeros(ITEMS)
)
FIRST_ITEMS_FIRST = SameForEverybody(-np.arange(ITEMS, dtype=np.float32))


def ndcg(places: list[int], relevant: int) -> float:
    """Of hits at these places, from 0."""
    return float(sum(1 / np.log2(place + 2) for place in places) / sum(1 / np.log2(n + 2) for n in range(relevant)))


def test_support_is_not_ranked_and_only_its_first_ratings_are_known() -> None:
    episode = tiny_episode(user=3, support=[(0, 5.0), (1, 5.0), (2, 1.0)], query=[(4, 5.0), (13, 5.0)])
    places = {0: 4, 1: 3, 3: 1}  # of item 4, behind the items before it that are not in the support
    for size, place in places.items():
        found = measure_lists(FIRST_ITEMS_FIRST, [episode], CATALOGUE, size=size)
        assert found.users.tolist() == [3]
        assert found.values["list_ndcg@10"].tolist() == pytest.approx([ndcg([place], 2)])
        assert found.values["recall@10"].tolist() == [1 / 2]


def test_items_that_are_not_ranked_are_in_no_list() -> None:
    ranked = np.isin(np.arange(ITEMS), [4, 9, 13])
    episode = tiny_episode(support=[(4, 5.0)], query=[(13, 5.0)])
    found = measure_lists(FIRST_ITEMS_FIRST, [episode] * 2, CATALOGUE.only(ranked), size=1)
    assert found.values["list_ndcg@10"].tolist() == pytest.approx([ndcg([1], 1)] * 2)
    # Two of ten places are filled, for both users alike.
    assert found.over_all == {"distinct_items@10": 2.0, "list_similarity@10": pytest.approx(0.2)}


def test_equal_scores_are_ordered_by_the_number_of_ratings() -> None:
    counts = np.arange(ITEMS)
    catalogue = RankedCatalogue(CATALOGUE.ranked, counts, CATALOGUE.information)
    episode = tiny_episode(support=[], query=[(12, 5.0)])
    found = measure_lists(SameForEverybody(np.zeros(ITEMS, dtype=np.float32)), [episode], catalogue, size=0)
    assert found.values["list_ndcg@10"].tolist() == pytest.approx([ndcg([1], 1)])


def test_users_keep_their_order_in_several_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "_SCORES_AT_ONCE", 2 * ITEMS)
    episodes = [tiny_episode(user=user, support=[(user, 5.0)] * (user % 2), query=[(7, 5.0)]) for user in range(5)]
    done: list[int] = []
    found = measure_lists(FIRST_ITEMS_FIRST, episodes, CATALOGUE, size=1, runner=BatchRunner(batch_done=done.append))
    assert found.users.tolist() == list(range(5))
    assert found.values["list_ndcg@10"].tolist() == pytest.approx([ndcg([7 - user % 2], 1) for user in range(5)])
    assert done == [2, 2, 1]


def test_ranker_sees_no_more_than_the_first_ratings() -> None:
    class Recording:
        gives_logits = False

        def scores(self, batch: EpisodeBatch) -> np.ndarray:
            self.support = batch.support_items
            return np.zeros((len(batch.users), ITEMS), dtype=np.float32)

    ranker = Recording()
    measure_lists(ranker, [tiny_episode(support=[(5, 1.0), (6, 1.0)], query=[(7, 5.0)])], CATALOGUE, size=1)
    assert ranker.support.tolist() == [[5]]


def test_catalogue_counts_training_ratings_and_their_users() -> None:
    dataset = tiny_dataset([(0, 0, 5), (1, 0, 1), (2, 0, 3), (2, 1, 4)], users=3, items=3)
    catalogue = RankedCatalogue.of(dataset, np.array([True, True, False, False]))
    assert catalogue.counts.tolist() == [2, 0, 0]
    assert catalogue.information.tolist() == pytest.approx([0.0, np.log2(3), np.log2(3)])
    assert catalogue.ranked.all()


def test_new_items_are_the_rated_ones_of_the_cold_states() -> None:
    ratings = [(0, 0, 5), (0, 1, 5), (1, 2, 5), (1, 0, 5)]
    states = [State.WARM, State.ITEM_COLD, State.USER_AND_ITEM_COLD, State.USER_COLD]
    dataset = tiny_dataset(ratings, users=2, items=4, states=states)
    assert new_items(dataset, Split.of(dataset, SplitConfig())).tolist() == [False, True, True, False]
