from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from numpy.typing import NDArray

from models.artifact import TrainedModel, load_artifact
from models.data.dataset import Dataset, Entities, State
from models.data.splits import Split, SplitConfig
from models.learners.network import EstimatorConfig
from models.train import train
from models.training.checkpoint import CheckpointError
from models.training.preset import LocalUpdateConfig, Preset, TrainingConfig, load_preset
from models.training.trainer import EpochResult
from tests.unit.models.tiny_data import tiny_dataset

PRESET = Preset(
    name="small",
    estimator=EstimatorConfig(embedding_dim=4, hidden=(8,)),
    local_update=LocalUpdateConfig(steps=1, prior_ratings=1.0),
    training=TrainingConfig(epochs=2, patience=2, learning_rate=1e-2, field_dropout=0.1),
)

COLDSTART = (
    load_preset("coldstart")
    .with_training(epochs=2)
    .model_copy(update={"estimator": EstimatorConfig(embedding_dim=4, hidden=(8,), collaborative_rank=2)})
)

PRESETS = pytest.mark.parametrize("preset", [PRESET, COLDSTART], ids=["gradient", "coldstart"])


class InterruptAfter:
    """Stops a training once so many epochs are done."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def batch_done(self, *, epoch: int, users_done: int, users_total: int) -> None:
        pass

    def epoch_done(self, result: EpochResult) -> None:
        if result.epoch == self.epochs:
            raise KeyboardInterrupt


def trained(dataset: Dataset, output: Path, preset: Preset = PRESET, **options: object) -> TrainedModel:
    return train(dataset, preset, output, data_path=output.parent, **options)


def interrupt(dataset: Dataset, output: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        trained(dataset, output, observer=InterruptAfter(1))


def have_identical_weights(first: TrainedModel, second: TrainedModel) -> bool:
    own, their = first.learner.state_dict(), second.learner.state_dict()
    return own.keys() == their.keys() and all(torch.equal(value, their[name]) for name, value in own.items())


@pytest.fixture(scope="module")
def artifact(two_tastes: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("training") / "model"
    trained(two_tastes, output)
    return output


class TestTrain:
    def test_saves_what_it_returns(self, artifact: Path, two_tastes: Dataset, tmp_path: Path) -> None:
        assert have_identical_weights(load_artifact(artifact), trained(two_tastes, tmp_path / "again"))

    def test_manifest_describes_the_data_and_the_split(self, artifact: Path, two_tastes: Dataset) -> None:
        manifest = load_artifact(artifact).manifest
        split = Split.of(two_tastes, manifest.split)
        values = two_tastes.ratings.values[split.training]
        assert manifest.preset == PRESET
        assert manifest.data_schema == two_tastes.schema
        assert manifest.data.fingerprint == two_tastes.fingerprint
        assert manifest.data.training_ratings == len(values)
        assert manifest.data.training_users == len(set(two_tastes.ratings.users[split.training]))
        assert manifest.data.training_items == len(set(two_tastes.ratings.items[split.training]))
        assert manifest.data.mean_rating == pytest.approx(values.mean())

    def test_manifest_tells_the_best_epochs_validation_error(self, artifact: Path) -> None:
        manifest = load_artifact(artifact).manifest
        best = min(manifest.history, key=lambda epoch: epoch.validation_loss)
        assert manifest.metrics["validation_mae"] == best.validation_mae

    def test_statistics_count_training_ratings_alone(self, artifact: Path, two_tastes: Dataset) -> None:
        model = load_artifact(artifact)
        training = Split.of(two_tastes, model.manifest.split).training
        expected = np.bincount(two_tastes.ratings.items[training], minlength=len(two_tastes.items))
        assert model.statistics["rating_count"].to_list() == expected.tolist()

    def test_leaves_no_checkpoint_behind(self, artifact: Path) -> None:
        assert [path.name for path in artifact.parent.iterdir()] == [artifact.name]

    def test_data_without_any_attributes_are_learned_by_the_items_ids(self, tmp_path: Path) -> None:
        ratings = [(user, item, 1.0 + 4.0 * (item % 2)) for user in range(12) for item in range(6)]
        model = trained(tiny_dataset(ratings, users=12, items=6), tmp_path / "model")
        [field] = model.manifest.item_encoder.fields
        assert (field.name, model.manifest.user_encoder.fields) == ("id", ())
        assert len(field.values) == model.manifest.data.training_items

    def test_items_ids_are_one_more_field_where_the_preset_asks_for_it(
        self, two_tastes: Dataset, tmp_path: Path
    ) -> None:
        estimator = PRESET.estimator.model_copy(update={"item_ids": True})
        model = trained(two_tastes, tmp_path / "model", PRESET.model_copy(update={"estimator": estimator}))
        *_, ids = model.manifest.item_encoder.fields
        trained_items = model.statistics.filter(pl.col("rating_count") > 0)["id"]
        assert ids.name == "id"
        assert set(ids.values) == set(trained_items)

    def test_without_warm_ratings_there_is_nothing_to_train_on(self, tmp_path: Path) -> None:
        dataset = tiny_dataset([(0, 0, 3.0), (1, 0, 4.0)], users=2, items=1, states=[State.USER_COLD] * 2)
        with pytest.raises(ValueError, match="tiny: no ratings are left to train on"):
            trained(dataset, tmp_path / "model")


class TestInterrupted:
    def test_goes_on_to_the_same_model(self, two_tastes: Dataset, tmp_path: Path) -> None:
        interrupt(two_tastes, tmp_path / "model")
        resumed = trained(two_tastes, tmp_path / "model")
        assert have_identical_weights(resumed, trained(two_tastes, tmp_path / "uninterrupted"))
        assert not (tmp_path / "model.checkpoint").exists()

    def test_refuses_another_preset(self, two_tastes: Dataset, tmp_path: Path) -> None:
        interrupt(two_tastes, tmp_path / "model")
        other = PRESET.model_copy(update={"local_update": LocalUpdateConfig(steps=2)})
        with pytest.raises(CheckpointError, match="another preset"):
            trained(two_tastes, tmp_path / "model", other)

    def test_refuses_another_split(self, two_tastes: Dataset, tmp_path: Path) -> None:
        interrupt(two_tastes, tmp_path / "model")
        with pytest.raises(CheckpointError, match="another split"):
            trained(two_tastes, tmp_path / "model", split_config=SplitConfig(seed=1))

    def test_refuses_other_data(self, two_tastes: Dataset, tmp_path: Path) -> None:
        interrupt(two_tastes, tmp_path / "model")
        values = two_tastes.ratings.values.copy()
        values[0] = 6 - values[0]
        other = replace(two_tastes, ratings=replace(two_tastes.ratings, values=values))
        with pytest.raises(CheckpointError, match="another data set"):
            trained(other, tmp_path / "model")


@pytest.fixture(scope="module")
def fixed_states(two_tastes: Dataset) -> Dataset:
    """The data with their states written down, since changed dates would change the split."""
    states = Split.of(two_tastes, SplitConfig()).states
    return replace(two_tastes, ratings=replace(two_tastes.ratings, states=states))


@pytest.fixture(scope="module")
def split(fixed_states: Dataset) -> Split:
    return Split.of(fixed_states, SplitConfig())


class TestNothingLeaks:
    """What training must not see is turned upside down; the model must not notice."""

    @staticmethod
    def upside_down(dataset: Dataset, kept: NDArray[np.bool_]) -> Dataset:
        """Other values for ratings that are not kept, other attributes for users and items without kept ones."""
        ratings = dataset.ratings
        users = pl.Series(~np.isin(np.arange(len(dataset.users)), ratings.users[kept]))
        items = pl.Series(~np.isin(np.arange(len(dataset.items)), ratings.items[kept]))
        assert users.any()
        assert items.any()
        return replace(
            dataset,
            users=Entities(
                dataset.users.table.with_columns(
                    pl.when(users).then(pl.lit("unseen")).otherwise("country").alias("country"),
                    pl.when(users).then(1e6).otherwise("age").alias("age"),
                )
            ),
            items=Entities(
                dataset.items.table.with_columns(
                    pl.when(items)
                    .then(pl.lit(["unseen", "comedy", "horror"], dtype=pl.List(pl.String)))
                    .otherwise("genre")
                    .alias("genre"),
                    pl.when(items).then(None).otherwise("year").alias("year"),
                )
            ),
            ratings=replace(ratings, values=np.where(kept, ratings.values, 6 - ratings.values).astype(np.float32)),
        )

    def require_same(self, first: TrainedModel, second: TrainedModel) -> None:
        assert have_identical_weights(first, second)
        assert first.manifest.user_encoder == second.manifest.user_encoder
        assert first.manifest.item_encoder == second.manifest.item_encoder
        assert first.manifest.data.mean_rating == second.manifest.data.mean_rating
        columns = ("id", "rating_count", "rating_mean", "rating_entropy", "gradient_value")
        assert first.statistics.select(columns).equals(second.statistics.select(columns))

    @PRESETS
    def test_of_new_users_new_items_and_test_ratings(
        self, fixed_states: Dataset, split: Split, tmp_path: Path, preset: Preset
    ) -> None:
        validation = split.validation_users[fixed_states.ratings.users] & (split.states == State.WARM)
        other = self.upside_down(fixed_states, split.training | validation)
        assert other.fingerprint != fixed_states.fingerprint
        self.require_same(trained(fixed_states, tmp_path / "model", preset), trained(other, tmp_path / "other", preset))

    @PRESETS
    def test_of_validation_users_but_through_the_choice_of_the_epoch(
        self, fixed_states: Dataset, split: Split, tmp_path: Path, preset: Preset
    ) -> None:
        one_epoch = preset.with_training(epochs=1)
        other = self.upside_down(fixed_states, split.training)
        self.require_same(
            trained(fixed_states, tmp_path / "model", one_epoch), trained(other, tmp_path / "other", one_epoch)
        )

    @PRESETS
    def test_while_a_training_rating_does_matter(
        self, fixed_states: Dataset, split: Split, tmp_path: Path, preset: Preset
    ) -> None:
        values = fixed_states.ratings.values.copy()
        first = np.flatnonzero(split.training)[0]
        values[first] = 6 - values[first]
        other = replace(fixed_states, ratings=replace(fixed_states.ratings, values=values))
        assert not have_identical_weights(
            trained(fixed_states, tmp_path / "model", preset), trained(other, tmp_path / "other", preset)
        )
