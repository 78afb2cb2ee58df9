from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.data.dataset import UNKNOWN_TIME, Dataset, State
from models.data.episodes import Episode, EpisodeBatch, batches
from models.data.evaluation_episodes import Order, evaluation_episodes
from models.data.malformed import DataError
from models.data.splits import Split, SplitConfig
from models.data.training_episodes import TrainingEpisodes
from models.data.user_folds import fold_of, trains_combinations
from tests.unit.models.tiny_data import time_of, tiny_dataset, tiny_episode, with_times

ITEMS = 120


def dataset_of_counts(*counts: int) -> Dataset:
    """User u has rated the first `counts[u]` items; a rating tells whose it is and of what."""
    ratings = [(user, item, user + item / 1000) for user, count in enumerate(counts) for item in range(count)]
    return tiny_dataset(ratings, users=len(counts), items=ITEMS, states=[State.WARM] * len(ratings))


def episodes_of(dataset: Dataset, **options: object) -> list[Episode]:
    split = Split.of(dataset, SplitConfig())
    return evaluation_episodes(dataset, split, State.WARM, in_sample=True, **options)


def contents(episode: Episode) -> tuple[list[int], list[int]]:
    return episode.support_items.tolist(), episode.query_items.tolist()


class TestEvaluationEpisodes:
    def test_users_with_fewer_than_13_or_more_than_100_ratings_are_left_out(self) -> None:
        counts = {0: 12, 1: 13, 2: 50, 3: 100, 4: 101, 5: 0}
        assert [episode.user for episode in episodes_of(dataset_of_counts(*counts.values()))] == [1, 2, 3]

    def test_query_is_10_ratings_and_support_is_all_others(self) -> None:
        sizes = [
            (len(episode.support_items), len(episode.query_items))
            for episode in episodes_of(dataset_of_counts(13, 100))
        ]
        assert sizes == [(3, 10), (90, 10)]

    def test_support_and_query_have_every_rating_of_the_user_once(self) -> None:
        for episode in episodes_of(dataset_of_counts(13, 57, 100)):
            support, query = contents(episode)
            assert sorted(support + query) == list(range(len(support) + 10))

    def test_ratings_are_those_of_the_user_and_the_item(self) -> None:
        for episode in episodes_of(dataset_of_counts(20, 30)):
            np.testing.assert_allclose(episode.support_ratings, episode.user + episode.support_items / 1000)
            np.testing.assert_allclose(episode.query_ratings, episode.user + episode.query_items / 1000)

    def test_only_ratings_of_the_state_are_used(self) -> None:
        ratings = [(0, item, 3.0) for item in range(40)]
        states = [State.WARM if item % 2 else State.ITEM_COLD for item in range(40)]
        dataset = tiny_dataset(ratings, users=1, items=40, states=states)
        split = Split.of(dataset, SplitConfig())
        for state, remainder in ((State.WARM, 1), (State.ITEM_COLD, 0)):
            [episode] = evaluation_episodes(dataset, split, state, in_sample=True)
            support, query = contents(episode)
            assert episode.state is state
            assert {item % 2 for item in support + query} == {remainder}

    def test_warm_query_is_the_held_out_ratings(self) -> None:
        dataset = dataset_of_counts(12, 13, 50, 100, 70)
        split = Split.of(dataset, SplitConfig(seed=1, test_ratings=8))
        episodes = evaluation_episodes(dataset, split, State.WARM)
        [validation_user] = np.flatnonzero(split.validation_users)
        assert {episode.user for episode in episodes} == {1, 2, 3, 4} - {validation_user}
        for episode in episodes:
            rows = slice(*dataset.ratings.offsets[[episode.user, episode.user + 1]])
            test = split.test[rows]
            assert sorted(episode.query_items) == sorted(dataset.ratings.items[rows][test])
            assert sorted(episode.support_items) == sorted(dataset.ratings.items[rows][~test])

    def test_warm_users_without_held_out_ratings_are_left_out(self) -> None:
        dataset = dataset_of_counts(50, 50)
        split = Split.of(dataset, SplitConfig(test_ratings=0))
        assert evaluation_episodes(dataset, split, State.WARM) == []

    def test_draw_of_a_user_does_not_depend_on_other_users(self) -> None:
        dataset = dataset_of_counts(20, 30, 40)
        alone = episodes_of(dataset, users=np.array([False, True, False]))
        assert [contents(episode) for episode in alone] == [contents(episodes_of(dataset)[1])]

    def test_seed_determines_the_draw(self) -> None:
        dataset = dataset_of_counts(40)
        first, again, other = (contents(episodes_of(dataset, seed=seed)[0]) for seed in (0, 0, 1))
        assert first == again
        assert first != other

    def test_users_with_equal_ratings_have_different_draws(self) -> None:
        first, second = episodes_of(dataset_of_counts(40, 40))
        assert contents(first) != contents(second)

    def test_sizes_can_be_chosen(self) -> None:
        episodes = episodes_of(dataset_of_counts(4, 5, 6, 7), query_size=2, min_ratings=5, max_ratings=6)
        assert [(episode.user, len(episode.support_items), len(episode.query_items)) for episode in episodes] == [
            (1, 3, 2),
            (2, 4, 2),
        ]


class TestEvaluationEpisodesInOrderOfTime:
    def test_latest_ratings_are_the_query_and_all_earlier_ones_the_support(self) -> None:
        dataset = with_times(dataset_of_counts(5, 4))
        episodes = episodes_of(dataset, order=Order.TIME, query_size=2, min_ratings=4)
        assert [contents(episode) for episode in episodes] == [([0, 1, 2], [3, 4]), ([0, 1], [2, 3])]

    def test_rows_in_another_order_than_time_are_sorted(self) -> None:
        dataset = tiny_dataset(
            [(0, item, 3.0) for item in range(5)],
            users=1,
            items=5,
            states=[State.WARM] * 5,
            times=[50, 20, 40, 10, 30],
        )
        [episode] = episodes_of(dataset, order=Order.TIME, query_size=2, min_ratings=5)
        assert contents(episode) == ([3, 1, 4], [2, 0])
        assert episode.support_times.tolist() == [10, 20, 30]
        assert episode.query_times.tolist() == [40, 50]

    def test_ratings_of_the_same_time_keep_the_order_of_the_file(self) -> None:
        items = [4, 0, 3, 1, 2]
        dataset = tiny_dataset(
            [(0, item, 3.0) for item in items], users=1, items=5, states=[State.WARM] * 5, times=[7] * 5
        )
        [episode] = episodes_of(dataset, order=Order.TIME, query_size=2, min_ratings=5)
        assert contents(episode) == ([4, 0, 3], [1, 2])

    def test_ratings_of_unknown_time_come_first(self) -> None:
        dataset = tiny_dataset(
            [(0, item, 3.0) for item in range(4)],
            users=1,
            items=4,
            states=[State.WARM] * 4,
            times=[30, UNKNOWN_TIME, 20, UNKNOWN_TIME],
        )
        [episode] = episodes_of(dataset, order=Order.TIME, query_size=2, min_ratings=4)
        assert contents(episode) == ([1, 3], [2, 0])

    @given(st.integers(0, 1000), st.integers(1, 12))
    def test_warm_query_is_the_latest_held_out_ratings_and_support_all_before(self, seed: int, query_size: int) -> None:
        dataset = with_times(dataset_of_counts(13, 50, 100))
        split = Split.of(dataset, SplitConfig(seed=seed, test_ratings=8))
        episodes = evaluation_episodes(dataset, split, State.WARM, order=Order.TIME, query_size=query_size)
        assert len(episodes) == 2  # and one user to validate on
        for episode in episodes:
            user = slice(*dataset.ratings.offsets[[episode.user, episode.user + 1]])
            held_out = sorted(dataset.ratings.items[user][split.test[user]])
            support, query = contents(episode)
            assert query == held_out[-query_size:]
            assert support == list(range(query[0]))

    def test_episodes_in_order_of_time_do_not_depend_on_the_seed(self) -> None:
        dataset = with_times(dataset_of_counts(40))
        first, other = (contents(episodes_of(dataset, order=Order.TIME, seed=seed)[0]) for seed in (0, 1))
        assert first == other

    def test_data_set_without_times_is_an_error(self) -> None:
        with pytest.raises(DataError, match="have no times"):
            episodes_of(dataset_of_counts(40), order=Order.TIME)


class TestTimes:
    """The time of every rating stays with it."""

    @pytest.mark.parametrize("order", Order)
    def test_evaluation_episodes_have_the_times_of_their_ratings(self, order: Order) -> None:
        for episode in episodes_of(with_times(dataset_of_counts(20, 30)), order=order):
            support, query = contents(episode)
            assert episode.support_times.tolist() == [time_of(episode.user, item) for item in support]
            assert episode.query_times.tolist() == [time_of(episode.user, item) for item in query]

    def test_training_batches_have_the_times_of_their_ratings(self) -> None:
        dataset = with_times(dataset_of_counts(2, 30, 90))
        for batch in training_episodes(dataset).epoch(np.random.default_rng(0), 3):
            users = batch.users[:, None]
            expected = np.where(batch.support_mask, time_of(users, batch.support_items), 0)
            np.testing.assert_array_equal(batch.support_times, expected)
            expected = np.where(batch.query_mask, time_of(users, batch.query_items), 0)
            np.testing.assert_array_equal(batch.query_times, expected)

    def test_data_set_without_times_gives_episodes_without_times(self) -> None:
        dataset = dataset_of_counts(20)
        [episode] = episodes_of(dataset)
        [batch] = training_episodes(dataset).epoch(np.random.default_rng(0), 3)
        for part in (episode, batch):
            assert part.support_times is None
            assert part.query_times is None
        assert batch.now is None

    @pytest.mark.parametrize("kept", [slice(1, 3), np.array([False, True, True, False])])
    def test_part_of_the_support_keeps_its_ratings_and_times(self, kept: slice | np.ndarray) -> None:
        [episode] = episodes_of(with_times(dataset_of_counts(6)), order=Order.TIME, query_size=2, min_ratings=6)
        part = episode.with_support(kept)
        assert contents(part) == ([1, 2], [4, 5])
        assert part.support_ratings.tolist() == episode.support_ratings[1:3].tolist()
        assert part.support_times.tolist() == [time_of(0, 1), time_of(0, 2)]

    def test_batch_pads_times_with_0(self) -> None:
        batch = EpisodeBatch.of(
            episodes_of(with_times(dataset_of_counts(3, 4)), order=Order.TIME, query_size=2, min_ratings=3)
        )
        assert batch.support_times.tolist() == [[time_of(0, 0), 0], [time_of(1, 0), time_of(1, 1)]]
        assert batch.query_times.tolist() == [[time_of(0, 1), time_of(0, 2)], [time_of(1, 2), time_of(1, 3)]]

    def test_episode_without_times_beside_one_with_times_has_unknown_times(self) -> None:
        [timed] = episodes_of(with_times(dataset_of_counts(3)), order=Order.TIME, query_size=2, min_ratings=3)
        batch = EpisodeBatch.of([timed, tiny_episode(support=[(1, 2.0)], query=[(0, 1.0)])])
        assert batch.support_times.tolist() == [[time_of(0, 0)], [UNKNOWN_TIME]]
        assert batch.now.tolist() == [time_of(0, 1), UNKNOWN_TIME]

    def test_now_is_the_earliest_known_query_time(self) -> None:
        query_times = [[UNKNOWN_TIME, 30, 20], [50, 40], [UNKNOWN_TIME]]
        batch = EpisodeBatch.of(
            [
                replace(
                    tiny_episode(support=[], query=[(item, 1.0) for item in range(len(times))]),
                    support_times=np.array([], dtype=np.int64),
                    query_times=np.array(times, dtype=np.int64),
                )
                for times in query_times
            ]
        )
        assert batch.now.tolist() == [20, 40, UNKNOWN_TIME]


class TestEpisodeBatch:
    def test_padding_is_item_0_and_rating_0_and_false_in_the_mask(self) -> None:
        batch = EpisodeBatch.of(
            [
                tiny_episode(user=7, support=[(1, 4.0)], query=[(5, 1.0), (6, 2.0)]),
                tiny_episode(user=3, support=[(2, 5.0), (3, 3.0)], query=[(4, 4.0)]),
            ]
        )
        assert batch.users.tolist() == [7, 3]
        assert batch.support_items.tolist() == [[1, 0], [2, 3]]
        assert batch.support_ratings.tolist() == [[4.0, 0.0], [5.0, 3.0]]
        assert batch.support_mask.tolist() == [[True, False], [True, True]]
        assert batch.query_items.tolist() == [[5, 6], [4, 0]]
        assert batch.query_ratings.tolist() == [[1.0, 2.0], [4.0, 0.0]]
        assert batch.query_mask.tolist() == [[True, True], [True, False]]

    def test_batch_of_empty_support_sets_has_support_size_0(self) -> None:
        batch = EpisodeBatch.of([tiny_episode(support=[], query=[(0, 1.0)])] * 2)
        assert batch.support_items.shape == batch.support_mask.shape == (2, 0)

    @given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 5))
    def test_batches_have_every_episode_once_at_its_position(self, sizes: list[int], batch_size: int) -> None:
        episodes = [
            tiny_episode(user=user, support=[(item, 1.0) for item in range(size)], query=[(0, 1.0)])
            for user, size in enumerate(sizes)
        ]
        positions = []
        for places, batch in batches(episodes, batch_size):
            assert len(places) <= batch_size
            assert batch.users.tolist() == places.tolist()
            assert batch.support_mask.sum(axis=1).tolist() == [sizes[position] for position in places]
            positions += places.tolist()
        assert sorted(positions) == list(range(len(sizes)))


def training_episodes(dataset: Dataset, *, max_support: int = 80, max_query: int = 20) -> TrainingEpisodes:
    everything = np.ones(len(dataset.ratings), dtype=np.bool_)
    return TrainingEpisodes(dataset, everything, max_support=max_support, max_query=max_query)


def drawn_sizes(episodes: TrainingEpisodes, epochs: int) -> tuple[list[int], list[int]]:
    """The sizes of all support and query sets of some epochs."""
    generator = np.random.default_rng(0)
    drawn = [batch for _ in range(epochs) for batch in episodes.epoch(generator, 100)]
    return (
        [int(size) for batch in drawn for size in batch.support_mask.sum(axis=1)],
        [int(size) for batch in drawn for size in batch.query_mask.sum(axis=1)],
    )


def batch_of(sizes: list[int]) -> EpisodeBatch:
    support = [(item % ITEMS, 3.0) for item in range(max(sizes, default=0))]
    return EpisodeBatch.of([tiny_episode(support=support[:size], query=[(0, 3.0)]) for size in sizes])


class TestParts:
    @given(st.lists(st.integers(0, 100), min_size=1, max_size=40))
    def test_parts_have_every_row_once_and_fit_its_support_set(self, sizes: list[int]) -> None:
        parts = batch_of(sizes).parts()
        assert [row for rows, _ in parts for row in range(rows.start, rows.stop)] == list(range(len(sizes)))
        assert all(max(sizes[rows]) <= largest for rows, largest in parts)

    def test_parts_of_sorted_episodes_have_little_padding(self) -> None:
        sizes = [1] * 20 + [40] * 6 + [90] * 6
        assert batch_of(sizes).parts() == [(slice(0, 20), 1), (slice(20, 26), 40), (slice(26, 32), 90)]

    def test_parts_of_episodes_with_little_padding_are_one(self) -> None:
        assert batch_of([1, 2, 3, 10]).parts() == [(slice(0, 4), 10)]


def test_a_tenth_of_each_fold_trains_combinations() -> None:
    users = np.arange(400)
    chosen = fold_of(users[trains_combinations(users)])
    assert Counter(chosen.tolist()) == Counter(dict.fromkeys(range(4), 10))


class TestTrainingEpisodes:
    def test_epoch_draws_every_user_with_two_ratings_once(self) -> None:
        episodes = training_episodes(dataset_of_counts(5, 1, 2, 0, 9))
        users = [user for batch in episodes.epoch(np.random.default_rng(0), 2) for user in batch.users]
        assert sorted(users) == [0, 2, 4]
        assert episodes.users.tolist() == [0, 2, 4]

    def test_episodes_in_order_of_time_have_the_earliest_ratings_as_support(self) -> None:
        dataset = with_times(dataset_of_counts(*[12] * 20))
        every = np.ones(len(dataset.ratings), dtype=np.bool_)
        in_order = [
            np.mean(
                [
                    batch.support_times[row][batch.support_mask[row]].max(initial=0)
                    <= batch.query_times[row][batch.query_mask[row]].min()
                    for batch in TrainingEpisodes(
                        dataset, every, max_support=8, max_query=20, in_order_of_time=share
                    ).epoch(np.random.default_rng(0), 4)
                    for row in range(len(batch.users))
                ]
            )
            for share in (0.0, 1.0)
        ]
        assert in_order[0] < 0.7
        assert in_order[1] == 1.0

    def test_batches_have_the_size_asked_for(self) -> None:
        epoch = list(training_episodes(dataset_of_counts(*[3] * 28)).epoch(np.random.default_rng(0), 3))
        assert sorted(len(batch.users) for batch in epoch) == [1] * 4 + [3] * 8

    def test_users_of_a_batch_are_of_one_fold(self) -> None:
        for batch in training_episodes(dataset_of_counts(*[3] * 28)).epoch(np.random.default_rng(0), 3):
            assert len(set(fold_of(batch.users))) == 1

    def test_support_and_query_are_disjoint_ratings_of_the_user(self) -> None:
        episodes = training_episodes(dataset_of_counts(2, 30, 90))
        for batch in episodes.epoch(np.random.default_rng(0), 3):
            for row, user in enumerate(batch.users):
                support = batch.support_items[row][batch.support_mask[row]]
                query = batch.query_items[row][batch.query_mask[row]]
                together = np.concatenate([support, query])
                assert len(set(together)) == len(together)
                ratings = np.concatenate(
                    [
                        batch.support_ratings[row][batch.support_mask[row]],
                        batch.query_ratings[row][batch.query_mask[row]],
                    ]
                )
                np.testing.assert_allclose(ratings, user + together / 1000)

    def test_only_training_ratings_are_drawn(self) -> None:
        dataset = dataset_of_counts(40, 40)
        training = dataset.ratings.items % 2 == 0
        episodes = TrainingEpisodes(dataset, training, max_support=80, max_query=20)
        for batch in episodes.epoch(np.random.default_rng(0), 1):
            assert not (batch.support_items % 2).any()
            assert not (batch.query_items % 2).any()

    def test_support_and_query_sizes_are_at_most_the_largest(self) -> None:
        support, query = drawn_sizes(training_episodes(dataset_of_counts(60), max_support=10, max_query=4), 300)
        assert (min(support), max(support)) == (1, 10)
        assert set(query) == {4}

    def test_query_has_at_least_one_rating(self) -> None:
        support, query = drawn_sizes(training_episodes(dataset_of_counts(3)), 100)
        assert set(support) == {1, 2}
        assert all(size + asked == 3 for size, asked in zip(support, query, strict=True))

    def test_support_sizes_are_log_uniform(self) -> None:
        most, draws = 31, 4000
        support, _ = drawn_sizes(training_episodes(dataset_of_counts(*[60] * 100), max_support=most), draws // 100)
        counts = Counter(support)
        # P(s) = log((s + 1)/s) / log(most + 1): from 1, 2–3, 4–7, 8–15 and 16–31 ratings comes the same share.
        shares = [sum(counts[size] for size in range(2**power, 2 ** (power + 1))) / draws for power in range(5)]
        np.testing.assert_allclose(shares, 0.2, atol=4 * np.sqrt(0.2 * 0.8 / draws))

    def test_batch_is_sorted_by_support_size(self) -> None:
        episodes = TrainingEpisodes(dataset_of_counts(*[50] * 40), np.ones(2000, np.bool_), max_support=80, max_query=5)
        for batch in episodes.epoch(np.random.default_rng(0), 20):
            assert (np.diff(batch.support_mask.sum(axis=1)) >= 0).all()

    def test_generator_determines_the_draw(self) -> None:
        episodes = training_episodes(dataset_of_counts(40, 40, 40))
        first, again, other = (
            [batch.query_items.tolist() for batch in episodes.epoch(np.random.default_rng(seed), 2)]
            for seed in (0, 0, 1)
        )
        assert first == again
        assert first != other

    def test_no_user_with_two_ratings_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="no user has two ratings"):
            training_episodes(dataset_of_counts(1, 0, 1))
