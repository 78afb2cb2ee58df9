from dataclasses import dataclass, field

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch
from models.evaluation import EvaluationConfig
from models.evaluation.batch_runner import HERE, BatchRunner
from models.evaluation.counterfactual import Counterfactuals, with_changed_users
from models.evaluation.lists.measuring import RankedCatalogue
from models.metrics import PredictedRatings
from tests.unit.models.predictions import predicted_ratings
from tests.unit.models.tiny_data import named_entities, tiny_dataset, tiny_episode

CONFIG = EvaluationConfig(bootstrap_resamples=100)
ITEMS = 30

COUNTRIES = ["fr", "jp", "fr", None]
EPISODES = [
    tiny_episode(user=user, support=[(user, 5.0)], query=[(10, 5.0), (11, 1.0)][: 1 + user % 2]) for user in range(4)
]


def dataset(countries: list[str | None]) -> Dataset:
    """Users with a country and an age."""
    ratings = [(user, user, 5.0) for user in range(len(countries))]
    bare = tiny_dataset(ratings, users=len(countries), items=ITEMS)
    ages = pl.Series([20.0 + user for user in range(len(countries))])
    users = named_entities("u", len(countries), country=pl.Series(countries, dtype=pl.String), age=ages)
    return Dataset(bare.schema, users, bare.items, bare.ratings)


class TestChangedUsers:
    def test_only_the_attribute_is_changed_to_the_value_of_another_user(self) -> None:
        extended, changed = with_changed_users(dataset(COUNTRIES), EPISODES, ["country", "age"], seed=0)
        table = extended.users.table
        assert len(table) == 4 + 4 + 4
        for attribute, other in (("country", "age"), ("age", "country")):
            for place, episode in zip(changed[attribute].places, changed[attribute].episodes, strict=True):
                mine, copy = table.row(EPISODES[place].user, named=True), table.row(episode.user, named=True)
                assert copy[attribute] not in (None, mine[attribute])
                assert copy[attribute] in table[attribute][:4].to_list()
                assert copy[other] == mine[other]
                assert (episode.support_items == EPISODES[place].support_items).all()

    def test_attribute_with_a_single_value_changes_only_for_users_without_it(self) -> None:
        _, changed = with_changed_users(dataset(["fr", "fr", "fr", None]), EPISODES, ["country"], seed=0)
        assert changed["country"].places == [3]

    def test_attribute_with_the_same_value_for_all_is_left_out(self) -> None:
        extended, changed = with_changed_users(dataset(["fr"] * 4), EPISODES, ["country"], seed=0)
        assert changed == {}
        assert len(extended.users) == 4

    def test_values_are_drawn_as_often_as_they_occur(self) -> None:
        countries = ["fr"] + ["jp"] * 60 + ["br"] * 20
        episodes = [tiny_episode(user=0, support=[], query=[(1, 1.0)])] * 400
        episodes += [tiny_episode(user=user, support=[], query=[(1, 1.0)]) for user in range(1, 81)]
        extended, changed = with_changed_users(dataset(countries), episodes, ["country"], seed=0)
        drawn = [extended.users.table["country"][episode.user] for episode in changed["country"].episodes[:400]]
        assert drawn.count("jp") / 400 == pytest.approx(0.75, abs=0.08)


@dataclass
class ByCountry:
    """Predicts and ranks by the user's country, or by nothing of the user."""

    users: pl.DataFrame
    ignores_users: bool
    items: int = ITEMS
    gives_logits: bool = False
    sizes: list[int] = field(default_factory=list)

    def _is_jp(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        countries = self.users["country"][batch.users.tolist()].to_list()
        return np.array([not self.ignores_users and country == "jp" for country in countries], dtype=np.float32)

    def predict(self, batch: EpisodeBatch) -> PredictedRatings:
        self.sizes.append(batch.support_items.shape[1])
        return predicted_ratings(3.0 + 0.5 * self._is_jp(batch)[:, None] * np.ones_like(batch.query_ratings))

    def scores(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        # The other users get the first ten items that they have not rated, users from jp 5 others.
        scores = np.tile(-np.arange(self.items, dtype=np.float32), (len(batch.users), 1))
        scores[:, 20:25] += 100 * self._is_jp(batch)[:, None]
        return scores


def counterfactuals(*, ignores_users: bool, items: int = ITEMS) -> tuple[Counterfactuals, ByCountry]:
    """Four users, for whom so many items are ranked."""
    extended, changed = with_changed_users(dataset(["fr", "jp", "fr", "jp"]), EPISODES, ["country", "age"], seed=0)
    by_country = ByCountry(extended.users.table, ignores_users, items)
    catalogue = RankedCatalogue(np.ones(items, np.bool_), np.zeros(items, np.int64), np.zeros(items))
    return Counterfactuals(by_country.predict, by_country, catalogue, EPISODES, changed), by_country


class TestChanges:
    @pytest.mark.parametrize("size", [None, 0])
    @pytest.mark.parametrize("items", [ITEMS, 6], ids=["whole-lists", "short-lists"])
    def test_model_that_ignores_attributes_changes_nothing(self, size: int | None, items: int) -> None:
        found, _ = counterfactuals(ignores_users=True, items=items)
        for change in found.changes(CONFIG, HERE, size=size).values():
            assert change.rating_change.value == 0
            assert change.shared_items.value == 1

    def test_model_that_uses_an_attribute_changes_with_it_alone(self) -> None:
        found, _ = counterfactuals(ignores_users=False)
        changes = found.changes(CONFIG, HERE)
        assert (changes["country"].rating_change.value, changes["country"].shared_items.value) == (0.5, 0.5)
        assert (changes["age"].rating_change.value, changes["age"].shared_items.value) == (0.0, 1.0)

    def test_changes_without_ratings_have_no_support(self) -> None:
        found, by_country = counterfactuals(ignores_users=False)
        done: list[int] = []
        found.changes(CONFIG, BatchRunner(batch_done=done.append), size=0)
        assert set(by_country.sizes) == {0}
        assert sum(done) == found.users_to_predict == 4 + 4 + 4
