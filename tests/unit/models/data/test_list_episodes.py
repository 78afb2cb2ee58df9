import numpy as np
import pytest

from models.data.dataset import Dataset, State
from models.data.evaluation_episodes import Order
from models.data.list_episodes import ListEpisodes, list_episodes
from models.data.malformed import DataError
from models.data.splits import Split, SplitConfig
from tests.unit.models.tiny_data import tiny_dataset, with_times

NEW_ITEMS = (40, 41, 42)
USERS = 12


def history(user: int, count: int, *, liked: int = 40, new: int = 0) -> list[tuple[int, int, float]]:
    """`count` ratings of known items, of which the first `liked` are likes, and `new` likes of new items."""
    known = [(user, item, 5.0 if item < liked else 2.0) for item in range(count)]
    return known + [(user, item, 4.0) for item in NEW_ITEMS[:new]] + [(user, NEW_ITEMS[2], 1.0)]


def dataset_of(*histories: list[tuple[int, int, float]]) -> Dataset:
    """One new user per history, and a warm user (the last one)."""
    warm = len(histories)
    ratings = [rating for one in histories for rating in one] + [(warm, item, 4.0) for item in range(30)]
    states = [
        State.WARM if user == warm else State.USER_AND_ITEM_COLD if item in NEW_ITEMS else State.USER_COLD
        for user, item, _ in ratings
    ]
    return tiny_dataset(ratings, users=warm + 1, items=43, states=states)


def drawn(dataset: Dataset, **options: object) -> ListEpisodes:
    return list_episodes(dataset, Split.of(dataset, SplitConfig()), **options)


LONG = dataset_of(*(history(user, 30 + user % 3, liked=20 + user, new=user % 3) for user in range(USERS)))


class TestEpisodes:
    def test_support_is_never_relevant(self) -> None:
        for episode in drawn(LONG).catalogue + drawn(LONG).new_items:
            assert not np.isin(episode.support_items, episode.query_items).any()
            assert len(episode.support_items) == 20

    def test_relevant_items_are_liked_later_or_new_and_all_of_them(self) -> None:
        for episode in drawn(LONG).catalogue:
            liked = set(range(20 + episode.user)) | set(NEW_ITEMS[: episode.user % 3])
            known = set(range(30 + episode.user % 3)) | set(NEW_ITEMS)
            expected = (liked & known) - set(episode.support_items.tolist())
            assert set(episode.query_items.tolist()) == expected
            assert len(episode.query_items) == len(expected)

    def test_relevant_new_items_are_a_table_of_their_own(self) -> None:
        episodes = {episode.user: episode for episode in drawn(LONG).new_items}
        assert set(episodes) == {user for user in range(USERS) if user % 3}
        for user, episode in episodes.items():
            assert episode.query_items.tolist() == list(NEW_ITEMS[: user % 3])

    def test_shortened_support_keeps_the_start_of_the_order(self) -> None:
        for episode in drawn(LONG).catalogue:
            assert episode.with_support(slice(3)).support_items.tolist() == episode.support_items[:3].tolist()

    def test_order_depends_on_the_seed_and_not_on_the_other_users(self) -> None:
        fewer = dataset_of(history(0, 30, liked=20))
        first, again, other = drawn(LONG).catalogue[0], drawn(fewer).catalogue[0], drawn(LONG, seed=1).catalogue[0]
        assert first.support_items.tolist() == again.support_items.tolist()
        assert first.support_items.tolist() != other.support_items.tolist()

    def test_order_of_time_starts_with_the_earliest_ratings(self) -> None:
        for episode in drawn(with_times(LONG), order=Order.TIME).catalogue:
            assert episode.support_items.tolist() == list(range(20))

    def test_order_of_time_without_times_is_refused(self) -> None:
        with pytest.raises(DataError, match="have no times"):
            drawn(LONG, order=Order.TIME)

    def test_validation_users_have_warm_episodes_without_new_items(self) -> None:
        users = np.arange(USERS + 1) == USERS
        episodes = drawn(LONG, users=users)
        assert [episode.user for episode in episodes.catalogue] == [USERS]
        assert episodes.catalogue[0].state is State.WARM
        assert episodes.new_items == []


class TestUsers:
    def test_user_with_fewer_than_25_ratings_is_left_out(self) -> None:
        episodes = drawn(dataset_of(history(0, 24), history(1, 25), history(2, 26)))
        assert episodes.sizes[-1] == 20
        assert [episode.user for episode in episodes.catalogue] == [1, 2]

    def test_user_with_fewer_than_three_relevant_items_is_left_out(self) -> None:
        # All of the 25 known items are disliked, so that new items alone are relevant.
        none, two = history(0, 30, liked=0), history(1, 30, liked=0, new=2)
        episodes = drawn(dataset_of(none, two, history(2, 30), history(3, 30)))
        assert [episode.user for episode in episodes.catalogue] == [2, 3]
        assert [episode.user for episode in episodes.new_items] == [1]

    def test_sizes_end_where_half_of_the_users_would_be_lost(self) -> None:
        short, long = [history(user, 12) for user in range(3)], [history(user, 25) for user in range(3, 5)]
        assert drawn(dataset_of(*short, *long)).sizes == (0, 1, 3, 5)
        assert drawn(dataset_of(*short[:2], *[history(user, 25) for user in range(2, 4)])).sizes == (0, 1, 3, 5, 10, 20)

    def test_data_without_new_users_have_no_episodes(self) -> None:
        episodes = drawn(dataset_of())
        assert (episodes.catalogue, episodes.new_items) == ([], [])
