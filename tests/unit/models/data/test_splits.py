import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.data.dataset import Dataset, State
from models.data.splits import Split, SplitConfig, new_by_id
from tests.unit.models.tiny_data import tiny_dataset

USERS, ITEMS = 40, 20


def all_rated_by_all(*, years: list[float | None] | None = None, states: list[State] | None = None) -> Dataset:
    ratings = [(user, item, 1.0 + (user + item) % 5) for user in range(USERS) for item in range(ITEMS)]
    return tiny_dataset(ratings, users=USERS, items=ITEMS, years=years, states=states)


def new_users(dataset: Dataset, split: Split) -> NDArray[np.int32]:
    return np.unique(dataset.ratings.users[(split.states == State.USER_COLD)])


def new_items(dataset: Dataset, split: Split) -> NDArray[np.int32]:
    return np.unique(dataset.ratings.items[split.states == State.ITEM_COLD])


class TestStateColumn:
    def test_state_column_is_used_unchanged(self) -> None:
        states = [State((user + 2 * item) % 4) for user in range(USERS) for item in range(ITEMS)]
        split = Split.of(all_rated_by_all(states=states), SplitConfig(new_users=0.9, new_items=0.9))
        assert split.states.tolist() == states

    def test_held_out_users_and_ratings_are_warm(self) -> None:
        states = [State.WARM if user < 10 else State.USER_COLD for user in range(USERS) for _ in range(ITEMS)]
        dataset = all_rated_by_all(states=states)
        split = Split.of(dataset, SplitConfig(validation_users=0.3, test_ratings=4))
        assert np.flatnonzero(split.validation_users).max() < 10
        assert split.validation_users.sum() == 3
        assert dataset.ratings.users[split.test].max() < 10


class TestEverything:
    def test_everything_is_training_data_even_with_a_state_column(self) -> None:
        dataset = all_rated_by_all(states=[State.USER_COLD] * (USERS * ITEMS))
        split = Split.everything(dataset)
        assert split.training.tolist() == [True] * len(dataset.ratings)
        assert set(split.states.tolist()) == {State.WARM}
        assert split.validation_users.tolist() == [False] * len(dataset.users)
        assert not split.test.any()
        assert split.config is None


class TestDrawnStates:
    def test_new_users_and_items_are_the_configured_fractions(self) -> None:
        dataset = all_rated_by_all()
        split = Split.of(dataset, SplitConfig(new_users=0.25, new_items=0.4))
        assert len(new_users(dataset, split)) == 10
        assert len(new_items(dataset, split)) == 8

    def test_states_combine_new_users_and_new_items(self) -> None:
        dataset = all_rated_by_all()
        split = Split.of(dataset, SplitConfig())
        user_is_new = np.isin(dataset.ratings.users, new_users(dataset, split))
        item_is_new = np.isin(dataset.ratings.items, new_items(dataset, split))
        np.testing.assert_array_equal(split.states, user_is_new * State.USER_COLD + item_is_new * State.ITEM_COLD)

    def test_new_items_are_the_latest(self) -> None:
        years = [float(1980 + (7 * item) % ITEMS) for item in range(ITEMS)]
        dataset = all_rated_by_all(years=list(years))
        found = new_items(dataset, Split.of(dataset, SplitConfig(new_items=0.25)))
        assert set(found) == set(np.argsort(years)[-5:])

    def test_items_of_unknown_date_count_as_the_oldest(self) -> None:
        years = [None if item < 15 else 1900.0 for item in range(ITEMS)]
        dataset = all_rated_by_all(years=years)
        assert new_items(dataset, Split.of(dataset, SplitConfig(new_items=0.25))).tolist() == [15, 16, 17, 18, 19]

    def test_new_items_are_a_fraction_of_the_rated_items(self) -> None:
        dataset = tiny_dataset([(user, 0, 3.0) for user in range(10)], users=10, items=9, years=[None, *[2000.0] * 8])
        split = Split.of(dataset, SplitConfig(new_users=0.0, new_items=0.4))
        assert (split.states == State.WARM).all()

    def test_fractions_of_0_make_every_rating_warm(self) -> None:
        split = Split.of(all_rated_by_all(), SplitConfig(new_users=0.0, new_items=0.0))
        assert (split.states == State.WARM).all()


configs = st.builds(
    SplitConfig,
    new_users=st.floats(0, 0.6),
    new_items=st.floats(0, 0.6),
    validation_users=st.floats(0.01, 0.4),
    test_ratings=st.integers(0, 20),
    seed=st.integers(0, 10**6),
)


class TestHeldOut:
    @given(configs)
    def test_training_ratings_are_the_warm_ones_that_are_not_held_out(self, config: SplitConfig) -> None:
        dataset = all_rated_by_all()
        split = Split.of(dataset, config)
        expected = [
            state == State.WARM and not split.validation_users[user] and not test
            for state, user, test in zip(split.states, dataset.ratings.users, split.test, strict=True)
        ]
        assert split.training.tolist() == expected

    @given(configs)
    def test_test_ratings_are_warm_and_of_known_users(self, config: SplitConfig) -> None:
        dataset = all_rated_by_all()
        split = Split.of(dataset, config)
        assert (split.states[split.test] == State.WARM).all()
        assert not split.validation_users[dataset.ratings.users[split.test]].any()
        assert not split.validation_users[new_users(dataset, split)].any()

    @given(configs)
    def test_known_users_with_enough_ratings_have_the_configured_number_of_test_ratings(
        self, config: SplitConfig
    ) -> None:
        dataset = all_rated_by_all()
        split = Split.of(dataset, config)
        known = (split.states == State.WARM) & ~split.validation_users[dataset.ratings.users]
        for user in range(USERS):
            of_user = dataset.ratings.users == user
            enough = known[of_user].sum() >= config.test_ratings + 3
            assert split.test[of_user].sum() == (config.test_ratings if enough else 0)

    def test_validation_users_are_the_configured_fraction(self) -> None:
        split = Split.of(all_rated_by_all(), SplitConfig(new_users=0.5, validation_users=0.1))
        assert split.validation_users.sum() == 2

    def test_test_ratings_are_drawn_from_all_ratings_of_a_user(self) -> None:
        dataset = all_rated_by_all()
        split = Split.of(dataset, SplitConfig(new_users=0.0, new_items=0.0, test_ratings=10))
        assert (np.bincount(dataset.ratings.items[split.test], minlength=ITEMS) > 5).all()

    def test_validation_users_are_at_least_one(self) -> None:
        dataset = tiny_dataset([(0, 0, 3.0), (1, 0, 3.0)], users=2, items=1)
        split = Split.of(dataset, SplitConfig(new_users=0.0, new_items=0.0, validation_users=0.01))
        assert split.validation_users.sum() == 1


class TestSeed:
    @staticmethod
    def arrays(config: SplitConfig) -> list[list[int]]:
        split = Split.of(all_rated_by_all(), config)
        return [values.tolist() for values in (split.states, split.validation_users, split.test, split.training)]

    def test_same_seed_gives_the_same_split(self) -> None:
        assert self.arrays(SplitConfig(seed=3)) == self.arrays(SplitConfig(seed=3))

    def test_other_seed_gives_another_split(self) -> None:
        first, other = self.arrays(SplitConfig(seed=3)), self.arrays(SplitConfig(seed=4))
        assert all(one != another for one, another in zip(first, other, strict=True))


@pytest.mark.parametrize(
    "changes", [{"new_users": 1.0}, {"new_items": -0.1}, {"validation_users": 0.0}, {"test_ratings": -1}, {"seeds": 1}]
)
def test_wrong_configuration_is_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        SplitConfig.model_validate(changes)


class TestSplitById:
    CONFIG = SplitConfig(by_id=True, new_items=0.0, test_ratings=0)

    def test_new_users_are_about_the_fraction(self) -> None:
        ids = [f"user {number}" for number in range(10_000)]
        for fraction in (0.05, 0.5):
            share = new_by_id(ids, SplitConfig(by_id=True, new_users=fraction)).mean()
            assert share == pytest.approx(fraction, rel=0.05)

    def test_new_users_stay_new_as_users_are_added(self) -> None:
        few, many = all_rated_by_all(), tiny_dataset([(70, 0, 3.0), (3, 1, 2.0)], users=80, items=2)
        new = {many.users.ids[user] for user in np.flatnonzero(new_by_id(many.users.ids, self.CONFIG))}
        assert {few.users.ids[user] for user in new_users(few, Split.of(few, self.CONFIG))} == new & set(few.users.ids)

    def test_other_seed_chooses_other_users(self) -> None:
        ids = [f"user {number}" for number in range(100)]
        other = self.CONFIG.model_copy(update={"seed": 1})
        assert new_by_id(ids, self.CONFIG).tolist() != new_by_id(ids, other).tolist()

    def test_state_column_is_ignored(self) -> None:
        states = [State.WARM] * (USERS * ITEMS)
        with_states = Split.of(all_rated_by_all(states=states), self.CONFIG)
        np.testing.assert_array_equal(with_states.states, Split.of(all_rated_by_all(), self.CONFIG).states)

    def test_ratings_of_all_other_users_are_trained_on(self) -> None:
        dataset = all_rated_by_all()
        split = Split.of(dataset, self.CONFIG)
        held_out = new_by_id(dataset.users.ids, self.CONFIG) | split.validation_users
        np.testing.assert_array_equal(split.training, ~held_out[dataset.ratings.users])
