import numpy as np
import polars as pl
import pytest

from models.artifact import TrainedModel
from models.data.dataset import Dataset, State
from models.data.splits import Split
from models.evaluation import EvaluationConfig, evaluate
from models.evaluation.counterfactual import Counterfactuals
from models.evaluation.groups import compare_groups, groups_of
from models.fields import FieldKind
from tests.unit.models.tiny_data import tiny_episode

CONFIG = EvaluationConfig(bootstrap_resamples=200)

GROUPS = {"a": np.arange(40), "b": np.arange(40, 80), "c": np.arange(80, 100), "few": np.arange(100, 119)}
"""The places of 119 users."""


def places(groups: dict[str, np.ndarray]) -> dict[str, list[int]]:
    """The groups with their places as lists."""
    return {name: found.tolist() for name, found in groups.items()}


class TestGroupsOf:
    def test_each_value_is_a_group_and_so_is_the_unknown_one(self) -> None:
        values = pl.Series(["b", None, "a", "b", "unknown"])
        assert places(groups_of(values, FieldKind.CATEGORICAL)) == {"a": [2], "b": [0, 3], "unknown": [1, 4]}

    def test_numbers_are_divided_into_quarters_named_by_their_range(self) -> None:
        values = pl.Series([50.0, 10.0, None, 20.0, 30.0, 11.5, 40.0, 60.0, 70.0])
        assert places(groups_of(values, FieldKind.CONTINUOUS)) == {
            "10 to 11.5": [1, 5],
            "20 to 30": [3, 4],
            "40 to 50": [0, 6],
            "60 to 70": [7, 8],
            "unknown": [2],
        }

    def test_numbers_that_are_all_the_same_are_one_group(self) -> None:
        assert places(groups_of(pl.Series([3.0, 3.0]), FieldKind.CONTINUOUS)) == {"3": [0, 1]}

    def test_numbers_without_any_known_value_are_one_unknown_group(self) -> None:
        values = pl.Series([None, None], dtype=pl.Float64)
        assert places(groups_of(values, FieldKind.CONTINUOUS)) == {"unknown": [0, 1]}


class TestCompareGroups:
    NOISE = np.random.default_rng(0).uniform(-0.1, 0.1, 119)

    def values(self, of_b: float) -> dict[str, np.ndarray]:
        """Errors of about 1, in the group b of about `of_b`; the smaller the error, the better the order."""
        errors = np.where((np.arange(119) >= 40) & (np.arange(119) < 80), of_b, 1.0) + self.NOISE
        ndcg = 1 - errors / 4
        ndcg[0] = np.nan
        return {"mae": errors, "ndcg@3_linear": ndcg}

    def test_gap_of_a_group_with_larger_errors_is_found(self) -> None:
        found = compare_groups("letter", GROUPS, self.values(1.5), CONFIG)
        assert [group.name for group in found.groups] == ["a", "b", "c"]
        assert (found.small_groups, found.small_group_users) == (1, 19)
        for name, expected in (("mae", 0.5), ("ndcg@3_linear", 0.125)):
            gap = found.gaps[name]
            assert gap.worst == "b"
            assert gap.gap.value == pytest.approx(expected, abs=expected / 5)
            assert 0 < gap.gap.low < gap.gap.value < gap.gap.high
            assert gap.chance == pytest.approx(1 / 201)
        values = self.values(1.5)
        assert found.groups[1].measures["mae"].value == pytest.approx(values["mae"][40:80].mean())
        assert found.groups[0].measures["ndcg@3_linear"].undefined_users == 1

    def test_chance_of_groups_that_do_not_matter_is_uniform(self) -> None:
        generator = np.random.default_rng(1)
        chances = [
            compare_groups("letter", GROUPS, {"mae": generator.gamma(2.0, 0.5, 119)}, CONFIG).gaps["mae"].chance
            for _ in range(40)
        ]
        assert np.mean(chances) == pytest.approx(0.5, abs=0.15)
        assert np.quantile(chances, [0.1, 0.9]) == pytest.approx([0.1, 0.9], abs=0.15)

    def test_gap_of_equal_errors_is_0_and_certain_by_chance(self) -> None:
        gap = compare_groups("letter", GROUPS, {"mae": np.ones(119)}, CONFIG).gaps["mae"]
        assert (gap.gap.value, gap.gap.low, gap.gap.high, gap.chance) == (0.0, 0.0, 0.0, 1.0)

    def test_one_large_group_has_no_gap(self) -> None:
        found = compare_groups("letter", {"a": np.arange(100)}, self.values(1.0), CONFIG)
        assert len(found.groups) == 1
        assert found.gaps == {}


class TestReport:
    def test_report_has_the_groups_of_new_users(self, model: TrainedModel, two_tastes: Dataset) -> None:
        report, _ = evaluate(model, two_tastes, EvaluationConfig(min_ratings=4, query_size=2, bootstrap_resamples=100))
        found = report.group_differences
        assert found.state == "user_cold"
        assert found.users == report.states[1].users
        assert [attribute.attribute for attribute in found.attributes] == ["country", "age"]
        for attribute in found.attributes:
            assert sum(group.users for group in attribute.groups) + attribute.small_group_users == found.users
            assert attribute.without_support.rating_change.value > 0
            assert 0 <= attribute.with_support.shared_items.value <= 1

    def test_report_without_new_users_has_no_groups(self, model: TrainedModel, two_tastes: Dataset) -> None:
        episodes = [tiny_episode(user=0, support=[(2, 5.0)], query=[(4, 5.0)], state=State.WARM)]
        report, _ = evaluate(model, two_tastes, CONFIG, episodes=episodes)
        assert report.group_differences is None

    def test_users_without_attributes_have_no_counterfactuals(self, model: TrainedModel, two_tastes: Dataset) -> None:
        users = two_tastes.schema.users.model_copy(update={"fields": ()})
        schema = two_tastes.schema.model_copy(update={"users": users})
        bare = Dataset(schema, two_tastes.users, two_tastes.items, two_tastes.ratings)
        episodes = [tiny_episode(user=0, support=[(2, 5.0)], query=[(4, 5.0)], state=State.USER_COLD)]
        split = Split.of(two_tastes, model.split)
        assert Counterfactuals.of(model, bare, split, episodes, CONFIG) is None
