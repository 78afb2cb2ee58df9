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
from models.inputs.collaborative_inputs import CollaborativeConfig
from models.inputs.config import InputConfig
from models.inputs.factorisation import FactorisationConfig
from models.learners.base import Support
from models.learners.closed_form import ClosedFormConfig
from models.learners.melu import MeLU, MeLUConfig
from models.train import train
from models.training.checkpoint import CheckpointError
from models.training.epoch_result import EpochResult
from models.training.observer import TrainingObserver
from models.training.preset import Preset, TrainingConfig, load_preset
from tests.choice import SMALL_CHOICE
from tests.unit.models.tiny_data import tiny_dataset, with_times

PRESET = Preset(
    name="small",
    inputs=InputConfig(embedding_dim=4),
    learner=MeLUConfig(hidden=(8,), steps=1, prior_ratings=1.0),
    choice=SMALL_CHOICE,
    training=TrainingConfig(epochs=2, patience=2, learning_rate=1e-2, field_dropout=0.1),
)

COLDSTART = (
    load_preset("coldstart")
    .with_training(epochs=2)
    .model_copy(
        update={
            "inputs": InputConfig(
                embedding_dim=4, collaborative=CollaborativeConfig(factorisation=FactorisationConfig(rank=2))
            ),
            "learner": ClosedFormConfig(hidden=(8,)),
            "choice": SMALL_CHOICE,
        }
    )
)

PRESETS = pytest.mark.parametrize("preset", [PRESET, COLDSTART], ids=["melu", "coldstart"])


class InterruptAfter(TrainingObserver):
    """Interrupts a training after some epochs."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def epoch_done(self, result: EpochResult) -> None:
        if result.epoch == self.epochs:
            raise KeyboardInterrupt


def trained(dataset: Dataset, output: Path, preset: Preset = PRESET, **options: object) -> TrainedModel:
    return train(dataset, preset, output, data_path=output.parent, **{"research_only": True, **options})


def interrupt(dataset: Dataset, output: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        trained(dataset, output, observer=InterruptAfter(1))


def have_identical_weights(first: TrainedModel, second: TrainedModel) -> bool:
    def are_identical(weights: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> bool:
        return weights.keys() == others.keys() and all(
            torch.equal(value, others[name]) for name, value in weights.items()
        )

    return all(
        are_identical(module.state_dict(), other.state_dict())
        for module, other in ((first.learner, second.learner), (first.choice, second.choice))
    )


@pytest.fixture(scope="module")
def artifact(two_tastes: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("training") / "model"
    trained(two_tastes, output)
    return output


class TestTrain:
    def test_saved_artifact_equals_the_returned_model(
        self, artifact: Path, two_tastes: Dataset, tmp_path: Path
    ) -> None:
        assert have_identical_weights(load_artifact(artifact), trained(two_tastes, tmp_path / "again"))

    def test_manifest_of_training_describes_data_and_split(self, artifact: Path, two_tastes: Dataset) -> None:
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

    def test_manifest_of_training_has_the_validation_error_of_the_best_epoch(self, artifact: Path) -> None:
        manifest = load_artifact(artifact).manifest
        best = min(manifest.history, key=lambda epoch: epoch.validation.loss)
        assert manifest.metrics["validation_mae"] == best.validation.mae

    def test_statistics_of_training_count_training_ratings_alone(self, artifact: Path, two_tastes: Dataset) -> None:
        model = load_artifact(artifact)
        training = Split.of(two_tastes, model.split).training
        expected = np.bincount(two_tastes.ratings.items[training], minlength=len(two_tastes.items))
        assert model.statistics["rating_count"].to_list() == expected.tolist()

    def test_finished_training_leaves_no_checkpoint(self, artifact: Path) -> None:
        assert [path.name for path in artifact.parent.iterdir()] == [artifact.name]

    def test_training_without_attributes_uses_the_item_ids(self, tmp_path: Path) -> None:
        ratings = [(user, item, 1.0 + 4.0 * (item % 2)) for user in range(12) for item in range(6)]
        model = trained(tiny_dataset(ratings, users=12, items=6), tmp_path / "model")
        [field] = model.manifest.item_encoder.fields
        assert (field.name, model.manifest.user_encoder.fields) == ("id", ())
        assert len(field.values) == model.manifest.data.training_items

    def test_training_with_item_ids_in_the_preset_encodes_them(self, two_tastes: Dataset, tmp_path: Path) -> None:
        inputs = PRESET.inputs.model_copy(update={"item_ids": True})
        model = trained(two_tastes, tmp_path / "model", PRESET.model_copy(update={"inputs": inputs}))
        *_, ids = model.manifest.item_encoder.fields
        trained_items = model.statistics.filter(pl.col("rating_count") > 0)["id"]
        assert ids.name == "id"
        assert set(ids.values) == set(trained_items)

    @pytest.mark.parametrize("share", [0.0, 1.0])
    def test_support_sets_are_earlier_than_query_sets_where_the_preset_says_so(
        self, two_tastes: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float
    ) -> None:
        are_earlier, adapt = [], MeLU.adapt

        def record(learner: MeLU, support: Support, *, steps: int | None = None) -> object:
            if learner.training:
                assert support.times is not None
                assert support.now is not None
                are_earlier.append(bool((support.times < support.now.unsqueeze(1))[support.mask].all()))
            return adapt(learner, support, steps=steps)

        monkeypatch.setattr(MeLU, "adapt", record)
        training = PRESET.training.model_copy(update={"epochs": 1, "patience": 1, "in_order_of_time": share})
        preset = PRESET.model_copy(update={"training": training})
        train(with_times(two_tastes), preset, tmp_path / "model", data_path=None, research_only=True)
        assert all(are_earlier) is bool(share)

    def test_training_without_warm_ratings_is_refused(self, tmp_path: Path) -> None:
        dataset = tiny_dataset([(0, 0, 3.0), (1, 0, 4.0)], users=2, items=1, states=[State.USER_COLD] * 2)
        with pytest.raises(ValueError, match="tiny: nothing is left to train on"):
            trained(dataset, tmp_path / "model")


class TestInterrupted:
    def test_interrupted_training_resumes_to_the_same_model(self, two_tastes: Dataset, tmp_path: Path) -> None:
        interrupt(two_tastes, tmp_path / "model")
        resumed = trained(two_tastes, tmp_path / "model")
        assert have_identical_weights(resumed, trained(two_tastes, tmp_path / "uninterrupted"))
        assert not (tmp_path / "model.checkpoint").exists()

    def test_interrupted_training_of_another_preset_is_refused(self, two_tastes: Dataset, tmp_path: Path) -> None:
        interrupt(two_tastes, tmp_path / "model")
        other = PRESET.model_copy(update={"learner": MeLUConfig(steps=2)})
        with pytest.raises(CheckpointError, match="another preset"):
            trained(two_tastes, tmp_path / "model", other)

    def test_interrupted_training_of_another_split_is_refused(self, two_tastes: Dataset, tmp_path: Path) -> None:
        interrupt(two_tastes, tmp_path / "model")
        with pytest.raises(CheckpointError, match="another split"):
            trained(two_tastes, tmp_path / "model", split_config=SplitConfig(seed=1))

    def test_interrupted_training_on_other_data_is_refused(self, two_tastes: Dataset, tmp_path: Path) -> None:
        interrupt(two_tastes, tmp_path / "model")
        values = two_tastes.ratings.values.copy()
        values[0] = 6 - values[0]
        other = replace(two_tastes, ratings=replace(two_tastes.ratings, values=values))
        with pytest.raises(CheckpointError, match="another data set"):
            trained(other, tmp_path / "model")


@pytest.fixture(scope="module")
def fixed_states(two_tastes: Dataset) -> Dataset:
    """The data set with given states, because changed dates would change the split."""
    states = Split.of(two_tastes, SplitConfig()).states
    return replace(two_tastes, ratings=replace(two_tastes.ratings, states=states))


@pytest.fixture(scope="module")
def split(fixed_states: Dataset) -> Split:
    return Split.of(fixed_states, SplitConfig())


class TestNothingLeaks:
    """Held-out ratings and attributes are changed; the model must stay the same."""

    @staticmethod
    def with_other_held_out_data(dataset: Dataset, kept: NDArray[np.bool_]) -> Dataset:
        """Change all ratings but the kept ones, and the attributes of users and items without kept ratings."""
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
    def test_model_with_other_new_users_items_and_test_ratings_stays_the_same(
        self, fixed_states: Dataset, split: Split, tmp_path: Path, preset: Preset
    ) -> None:
        validation = split.validation_users[fixed_states.ratings.users] & (split.states == State.WARM)
        other = self.with_other_held_out_data(fixed_states, split.training | validation)
        assert other.fingerprint != fixed_states.fingerprint
        self.require_same(trained(fixed_states, tmp_path / "model", preset), trained(other, tmp_path / "other", preset))

    @PRESETS
    def test_model_of_one_epoch_with_other_validation_users_stays_the_same(
        self, fixed_states: Dataset, split: Split, tmp_path: Path, preset: Preset
    ) -> None:
        one_epoch = preset.with_training(epochs=1)
        other = self.with_other_held_out_data(fixed_states, split.training)
        self.require_same(
            trained(fixed_states, tmp_path / "model", one_epoch), trained(other, tmp_path / "other", one_epoch)
        )

    @PRESETS
    def test_model_with_another_training_rating_differs(
        self, fixed_states: Dataset, split: Split, tmp_path: Path, preset: Preset
    ) -> None:
        values = fixed_states.ratings.values.copy()
        first = np.flatnonzero(split.training)[0]
        values[first] = 6 - values[first]
        other = replace(fixed_states, ratings=replace(fixed_states.ratings, values=values))
        assert not have_identical_weights(
            trained(fixed_states, tmp_path / "model", preset), trained(other, tmp_path / "other", preset)
        )
