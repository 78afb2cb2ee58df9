import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.artifact import TrainedModel
from models.data.dataset import Dataset, Entities, Ratings
from models.data.splits import Split, SplitConfig, new_by_id
from models.evaluation.comparison import MIN_USERS, Comparison, compare, trained_on
from models.evaluation.figures import ComparedMeasure, Estimate
from models.train import train
from models.training.preset import Preset

BY_ID = SplitConfig(by_id=True, new_items=0.0, test_ratings=0)


def thrice(dataset: Dataset) -> Dataset:
    """The data set with two copies of each user under other ids."""
    ratings, users = dataset.ratings, dataset.users.table
    copies = [users.with_columns(id=pl.lit(prefix) + pl.col("id")) for prefix in ("", "second ", "third ")]
    return replace(
        dataset,
        users=Entities(pl.concat(copies)),
        ratings=Ratings.from_columns(
            user_count=3 * len(users),
            users=np.concatenate([ratings.users + copy * len(users) for copy in range(3)]).astype(np.int32),
            items=np.tile(ratings.items, 3),
            values=np.tile(ratings.values, 3),
        ),
    )


@pytest.fixture(scope="module")
def dataset(two_tastes: Dataset) -> Dataset:
    return thrice(two_tastes)


@pytest.fixture(scope="module")
def well(dataset: Dataset, tiny_preset: Preset, tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    output = tmp_path_factory.mktemp("models") / "well"
    return train(dataset, tiny_preset, output, data_path=None, split_config=BY_ID, research_only=True)


@pytest.fixture(scope="module")
def badly(dataset: Dataset, tiny_preset: Preset, tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    output = tmp_path_factory.mktemp("models") / "badly"
    training = tiny_preset.training.model_copy(update={"epochs": 1, "patience": 1, "learning_rate": 1e-6})
    preset = tiny_preset.model_copy(update={"training": training})
    return train(dataset, preset, output, data_path=None, split_config=BY_ID, research_only=True)


@pytest.fixture(scope="module")
def better(well: TrainedModel, badly: TrainedModel, dataset: Dataset) -> Comparison:
    return compare(well, badly, dataset)


class TestCompare:
    def test_compare_with_a_worse_active_version_is_better(self, better: Comparison) -> None:
        assert better.better
        assert better.measures["mae"].difference.high < 0
        assert better.verdict.startswith("The new version is better: MAE ")

    def test_compare_with_a_better_active_version_is_not_better(
        self, well: TrainedModel, badly: TrainedModel, dataset: Dataset
    ) -> None:
        comparison = compare(badly, well, dataset)
        assert not comparison.better
        assert comparison.measures["mae"].difference.low > 0
        assert "not shown to be better" in comparison.verdict

    def test_compare_with_itself_has_no_difference(self, well: TrainedModel, dataset: Dataset) -> None:
        comparison = compare(well, well, dataset)
        assert comparison.measures["mae"].difference == Estimate(value=0.0, low=0.0, high=0.0)
        assert not comparison.better

    def test_compare_uses_all_held_out_users(self, better: Comparison, dataset: Dataset) -> None:
        assert better.users == new_by_id(dataset.users.ids, BY_ID).sum() >= MIN_USERS
        assert better.query_ratings == 10 * better.users
        assert better.mean_support == 10.0
        assert better.notes == ()

    def test_compare_in_reverse_reverses_the_differences(
        self, better: Comparison, well: TrainedModel, badly: TrainedModel, dataset: Dataset
    ) -> None:
        reverse = compare(badly, well, dataset)
        for name, measure in better.measures.items():
            assert reverse.measures[name].new == pytest.approx(measure.active)
            assert reverse.measures[name].difference.value == pytest.approx(-measure.difference.value)
            assert measure.difference.value == pytest.approx(measure.new - measure.active)

    def test_compare_ignores_the_ratings_of_trained_users(
        self, better: Comparison, well: TrainedModel, badly: TrainedModel, dataset: Dataset
    ) -> None:
        trained = ~new_by_id(dataset.users.ids, BY_ID)[dataset.ratings.users]
        values = np.where(trained, 6 - dataset.ratings.values, dataset.ratings.values).astype(np.float32)
        changed = replace(dataset, ratings=replace(dataset.ratings, values=values))
        assert compare(well, badly, changed) == better

    def test_compare_on_too_few_users_does_not_decide(
        self, well: TrainedModel, badly: TrainedModel, two_tastes: Dataset
    ) -> None:
        comparison = compare(well, badly, two_tastes)
        assert 0 < comparison.users < MIN_USERS
        assert comparison.measures["mae"].difference.high < 0
        assert not comparison.better
        assert f"{MIN_USERS} are needed" in comparison.verdict

    def test_compare_without_held_out_users_has_no_measures(self, well: TrainedModel, dataset: Dataset) -> None:
        known = ~new_by_id(dataset.users.ids, BY_ID)[dataset.ratings.users]
        ratings = dataset.ratings
        rest = Ratings.from_columns(
            user_count=len(dataset.users),
            users=ratings.users[known],
            items=ratings.items[known],
            values=ratings.values[known],
        )
        comparison = compare(well, well, replace(dataset, ratings=rest))
        assert (comparison.users, comparison.measures, comparison.better) == (0, {}, False)

    def test_compare_progress_reaches_1(self, well: TrainedModel, dataset: Dataset) -> None:
        shares: list[float] = []
        compare(well, well, dataset, progress=shares.append)
        assert shares == sorted(shares)
        assert shares[-1] == 1.0

    def test_comparison_json_round_trip(self, better: Comparison) -> None:
        assert isinstance(better.measures["rmse"], ComparedMeasure)
        assert Comparison.model_validate_json(better.model_dump_json()) == better


class TestTrainedOn:
    def test_compare_leaves_out_users_of_the_active_version(
        self, well: TrainedModel, model: TrainedModel, dataset: Dataset
    ) -> None:
        comparison = compare(well, model, dataset)
        held_out = int(new_by_id(dataset.users.ids, BY_ID).sum())
        (note,) = comparison.notes
        known_users = int(note.split()[0])
        assert 0 < known_users < 18
        assert comparison.users == held_out - known_users
        assert model.version in note

    def test_trained_on_reads_the_data_set_again(self, model: TrainedModel, two_tastes: Dataset) -> None:
        split = Split.of(two_tastes, model.split)
        trained = {two_tastes.users.ids[row] for row in np.unique(two_tastes.ratings.users[split.training])}
        validated = {two_tastes.users.ids[row] for row in np.flatnonzero(split.validation_users)}
        ids = [*two_tastes.users.ids, "somebody new"]

        known = trained_on(model, ids)

        assert known is not None
        assert {ids[row] for row in np.flatnonzero(known)} == trained | validated

    def test_trained_on_split_by_ids_needs_no_data_set(self, well: TrainedModel) -> None:
        known = trained_on(well, ["u1", "somebody", "else"])
        assert known is not None
        assert known.tolist() == (~new_by_id(["u1", "somebody", "else"], BY_ID)).tolist()

    @pytest.mark.parametrize("change", ["gone", "changed"])
    def test_trained_on_missing_or_changed_data_set_is_unknown(
        self, model: TrainedModel, well: TrainedModel, dataset: Dataset, dataset_dir: Path, tmp_path: Path, change: str
    ) -> None:
        copy = tmp_path / "data"
        if change == "changed":
            shutil.copytree(dataset_dir, copy)
            lines = (copy / "ratings.csv").read_text(encoding="utf-8").splitlines()
            (copy / "ratings.csv").write_text("\n".join(lines[:-1]), encoding="utf-8")
        moved = model.manifest.data.model_copy(update={"path": str(copy)})
        active = replace(model, manifest=model.manifest.model_copy(update={"data": moved}))

        assert trained_on(active, ["u0"]) is None
        comparison = compare(well, active, dataset)
        assert comparison.users == new_by_id(dataset.users.ids, BY_ID).sum()
        (note,) = comparison.notes
        assert "may have been trained on some of these users" in note
