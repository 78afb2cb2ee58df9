import numpy as np
import polars as pl
import pytest

from models.data.dataset import Dataset, Ratings, State
from tests.unit.models.tiny_data import named_entities, tiny_dataset

TRIPLES = [(2, 0, 5.0), (0, 1, 3.0), (2, 1, 1.0), (0, 0, 4.0)]


class TestRatings:
    @pytest.fixture
    def ratings(self) -> Ratings:
        users, items, values = np.array(TRIPLES).T
        return Ratings.from_columns(
            user_count=4,
            users=users.astype(np.int32),
            items=items.astype(np.int32),
            values=values.astype(np.float32),
            times=np.array([10, 20, 30, 40]),
            states=np.array([0, 1, 2, 3], dtype=np.int8),
        )

    def test_ratings_in_any_order_are_sorted_by_user_and_stay_in_order_within_a_user(self, ratings: Ratings) -> None:
        assert ratings.users.tolist() == [0, 0, 2, 2]
        assert ratings.items.tolist() == [1, 0, 0, 1]
        assert ratings.values.tolist() == [3.0, 4.0, 5.0, 1.0]

    def test_offsets_of_a_user_without_ratings_are_equal(self, ratings: Ratings) -> None:
        assert ratings.offsets.tolist() == [0, 2, 2, 4, 4]

    def test_times_and_states_stay_with_their_ratings(self, ratings: Ratings) -> None:
        assert ratings.times is not None
        assert ratings.times.tolist() == [20, 40, 10, 30]
        assert ratings.states is not None
        assert ratings.states.tolist() == [1, 3, 0, 2]

    def test_len_is_the_number_of_ratings(self, ratings: Ratings) -> None:
        assert len(ratings) == 4


class TestEntities:
    def test_row_of_an_id_is_its_row(self) -> None:
        entities = named_entities("u", 3)
        assert len(entities) == 3
        assert [entities.row_of[entity_id] for entity_id in entities.ids] == [0, 1, 2]


class TestState:
    @pytest.mark.parametrize("state", list(State))
    def test_from_label_of_a_state_is_that_state(self, state: State) -> None:
        assert State.from_label(state.label) is state

    def test_labels_are_the_names_in_the_files(self) -> None:
        assert [state.label for state in State] == ["warm", "user_cold", "item_cold", "user_and_item_cold"]

    def test_from_label_unknown_raises_key_error(self) -> None:
        with pytest.raises(KeyError):
            State.from_label("hot")


class TestFingerprint:
    def fingerprint(self, **changes: object) -> str:
        arguments = {"ratings": TRIPLES, "users": 3, "items": 2, **changes}
        return tiny_dataset(**arguments).fingerprint

    def test_fingerprint_same_contents_is_the_same(self) -> None:
        assert self.fingerprint() == self.fingerprint()

    def test_fingerprint_other_order_of_users_is_the_same(self) -> None:
        assert self.fingerprint(ratings=sorted(TRIPLES, key=lambda triple: -triple[0])) == self.fingerprint()

    @pytest.mark.parametrize(
        "changes",
        [
            {"ratings": [*TRIPLES[:-1], (0, 0, 5.0)]},
            {"ratings": [*TRIPLES[:-1], (1, 0, 4.0)]},
            {"users": 4},
            {"items": 3},
            {"years": [1990.0, None]},
            {"states": [State.WARM] * 4},
            {"times": [1, 2, 3, 4]},
        ],
        ids=["value", "user", "users", "items", "attributes", "states", "times"],
    )
    def test_fingerprint_other_contents_is_different(self, changes: dict[str, object]) -> None:
        assert self.fingerprint(**changes) != self.fingerprint()

    def test_fingerprint_one_other_time_is_different(self) -> None:
        assert self.fingerprint(times=[1, 2, 3, 4]) != self.fingerprint(times=[1, 2, 3, 5])

    def test_fingerprint_other_title_is_different(self) -> None:
        dataset = tiny_dataset(TRIPLES, users=3, items=2)
        titled = named_entities("i", 2)
        titled.table = titled.table.with_columns(pl.lit("Film").alias("title"))
        assert Dataset(dataset.schema, dataset.users, titled, dataset.ratings).fingerprint != dataset.fingerprint
