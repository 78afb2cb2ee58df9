from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.baselines.global_mean import GlobalMean
from models.data.dataset import Dataset, State
from models.data.episodes import EpisodeBatch, batches
from models.data.evaluation_episodes import evaluation_episodes
from models.data.rating_scale import RatingScale
from models.data.splits import Split, SplitConfig
from models.data.training_episodes import TrainingEpisodes
from models.inputs.config import InputConfig
from models.inputs.encoder import FeatureEncoder
from models.learners.base import AnyLearner
from models.learners.episode_predictions import EncodedData, embed_episodes, predict_episodes
from models.learners.melu import MeLUConfig
from models.metrics import MAE, PredictedRatings
from models.training.checkpoint import CheckpointError
from models.training.epoch_result import EpochResult, Validation
from models.training.observer import TrainingObserver
from models.training.preset import MeanOver, Preset, TrainingConfig
from models.training.trainer import Trainer, TrainingData
from tests.unit.models.predictions import predicted_ratings

PRESET = Preset(
    name="small",
    inputs=InputConfig(embedding_dim=8, embedding_scale=1.0),
    learner=MeLUConfig(hidden=(16,), steps=2, rate=0.05, prior_ratings=1.0),
    training=TrainingConfig(
        epochs=4, patience=4, batch_users=8, learning_rate=1e-2, max_query=10, field_dropout=0.1, weight_decay=0.1
    ),
)

SCALE = RatingScale(minimum=1, maximum=5)

Weights = dict[str, Tensor]


class Interrupted(Exception):  # noqa: N818 - it is no error
    """The training was interrupted, as by Ctrl-C."""


class Recorder(TrainingObserver):
    """Records the trainer's reports and the learner's weights after every epoch. It may interrupt the training."""

    def __init__(self, learner: AnyLearner, *, interrupt_at_users: tuple[int, int] | None = None) -> None:
        self.learner = learner
        self.interrupt_at_users = interrupt_at_users
        self.done: list[tuple[int, int, int]] = []
        self.resumed_after: list[int] = []
        self.results: list[EpochResult] = []
        self.weights: list[Weights] = []

    def resumed(self, *, epoch: int) -> None:
        self.resumed_after.append(epoch)

    def batch_done(self, *, epoch: int, users_done: int, users_total: int) -> None:
        self.done.append((epoch, users_done, users_total))
        if self.interrupt_at_users is not None and (epoch, users_done) >= self.interrupt_at_users:
            raise Interrupted

    def epoch_done(self, result: EpochResult) -> None:
        self.results.append(result)
        self.weights.append(weights_of(self.learner))


@pytest.fixture(scope="module")
def data(two_tastes: Dataset) -> TrainingData:
    split = Split.of(two_tastes, SplitConfig(validation_users=0.2))
    trained_users = np.unique(two_tastes.ratings.users[split.training])
    trained_items = np.unique(two_tastes.ratings.items[split.training])
    users = FeatureEncoder.fit(two_tastes.schema.users.fields, two_tastes.users.table[trained_users])
    items = FeatureEncoder.fit(two_tastes.schema.items.fields, two_tastes.items.table[trained_items])
    episodes = evaluation_episodes(two_tastes, split, State.WARM, users=split.validation_users)
    return TrainingData(
        encoded=EncodedData(
            users.encode(two_tastes.users.table), items.encode(two_tastes.items.table), torch.device("cpu")
        ),
        episodes=TrainingEpisodes(two_tastes, split.training, max_support=80, max_query=10),
        validation=[batch for _, batch in batches(episodes, 64)],
        user_encoder=users,
        item_encoder=items,
        scale=SCALE,
    )


def new_learner(data: TrainingData, preset: Preset = PRESET) -> AnyLearner:
    torch.manual_seed(preset.training.seed)
    return preset.build_learner(
        user_encoder=data.user_encoder,
        item_encoder=data.item_encoder,
        scale=SCALE,
        mean_rating=3.0,
    )


def weights_of(learner: AnyLearner) -> Weights:
    return {name: value.detach().clone() for name, value in learner.state_dict().items()}


def are_identical(first: Weights, second: Weights) -> bool:
    return first.keys() == second.keys() and all(torch.equal(value, second[name]) for name, value in first.items())


def trained(
    data: TrainingData, preset: Preset = PRESET, *, checkpoints: Path | None = None, identity: str = "this data"
) -> tuple[Weights, list[EpochResult]]:
    """Train a new learner to the end; its weights and the history."""
    learner = new_learner(data, preset)
    trainer = Trainer(learner, data, preset, checkpoint_directory=checkpoints, identity={"data set": identity})
    history = trainer.fit()
    return weights_of(learner), history


def interrupt(data: TrainingData, checkpoints: Path, *, epoch: int, users: int) -> None:
    """Train with checkpoints, and interrupt an epoch after some users."""
    learner = new_learner(data)
    trainer = Trainer(learner, data, PRESET, checkpoint_directory=checkpoints, identity={"data set": "this data"})
    with pytest.raises(Interrupted):
        trainer.fit(Recorder(learner, interrupt_at_users=(epoch, users)))


def validation_error(data: TrainingData, learner: AnyLearner, *, steps: int | None = None) -> float:
    errors = []
    for batch in data.validation:
        with torch.no_grad():
            predictions = predict_episodes(learner, data.encoded, batch, steps=steps)
        predicted = PredictedRatings.of(predictions, SCALE)
        errors.append(MAE.per_user(predicted, batch.query_ratings, batch.query_mask))
    return float(np.concatenate(errors).mean())


def with_training(**changes: object) -> Preset:
    """The preset with some changes of its training."""
    return PRESET.model_copy(update={"training": PRESET.training.model_copy(update=changes)})


def with_one_query_rating_of_the_first(batch: EpisodeBatch) -> EpisodeBatch:
    mask = batch.query_mask.copy()
    mask[0, 1:] = False
    return replace(batch, query_mask=mask)


class TestLearning:
    @pytest.mark.parametrize("second_order", [False, True], ids=["first-order", "second-order"])
    def test_error_after_adaptation_is_half_of_global_mean_and_of_no_adaptation(
        self, data: TrainingData, two_tastes: Dataset, second_order: bool
    ) -> None:
        config = PRESET.learner.model_copy(update={"second_order": second_order})
        learner = new_learner(data, PRESET.model_copy(update={"learner": config}))
        Trainer(learner, data, PRESET).fit()
        learner.eval()
        everything = np.ones(len(two_tastes.ratings), dtype=np.bool_)
        mean = GlobalMean.fit(two_tastes, everything)
        of_the_mean = np.concatenate(
            [
                MAE.per_user(predicted_ratings(mean.predict(batch)), batch.query_ratings, batch.query_mask)
                for batch in data.validation
            ]
        ).mean()
        assert validation_error(data, learner) < 0.5 * of_the_mean
        assert validation_error(data, learner) < 0.5 * validation_error(data, learner, steps=0)

    def test_weights_of_second_order_differ_from_first_order(self, data: TrainingData) -> None:
        config = PRESET.learner.model_copy(update={"second_order": True})
        second = PRESET.model_copy(update={"learner": config})
        assert not are_identical(trained(data)[0], trained(data, second)[0])

    def test_history_of_best_epoch_has_the_error_of_the_final_weights(self, data: TrainingData) -> None:
        learner = new_learner(data)
        history = Trainer(learner, data, PRESET).fit()
        learner.eval()
        best = min(history, key=lambda result: result.validation.loss)
        with torch.no_grad():
            losses = [embed_episodes(learner, data.encoded, batch).query_losses() for batch in data.validation]
        assert torch.cat(losses).mean().item() == pytest.approx(best.validation.loss, abs=1e-6)
        assert validation_error(data, learner) == pytest.approx(best.validation.mae, abs=1e-6)

    def test_validation_loss_is_the_mean_over_users_or_ratings_as_the_preset_says(self, data: TrainingData) -> None:
        with_unequal_users = replace(data, validation=[with_one_query_rating_of_the_first(data.validation[0])])
        (batch,) = with_unequal_users.validation
        of_ratings = batch.query_mask.sum(axis=1)
        assert len(set(of_ratings)) > 1
        for mean_over, weights in ((MeanOver.USERS, None), (MeanOver.RATINGS, of_ratings)):
            learner = new_learner(data)
            preset = with_training(epochs=1, patience=1, batch_users=1000, field_dropout=0.0, mean_over=mean_over)
            (result,) = Trainer(learner, with_unequal_users, preset).fit()
            with torch.no_grad():
                losses = embed_episodes(learner, data.encoded, batch).query_losses()
            assert result.validation.loss == pytest.approx(np.average(losses, weights=weights), abs=1e-6)

    def test_weights_with_mean_over_ratings_differ_from_mean_over_users(self, data: TrainingData) -> None:
        assert not are_identical(trained(data)[0], trained(data, with_training(mean_over=MeanOver.RATINGS))[0])

    def test_epoch_trains_on_every_user(self, data: TrainingData) -> None:
        learner = new_learner(data)
        recorder = Recorder(learner)
        history = Trainer(learner, data, PRESET).fit(recorder)
        assert recorder.results == history
        users = len(data.episodes.users)
        assert [result.epoch for result in history] == [1, 2, 3, 4]
        assert {result.users for result in history} == {users}
        assert [done for done in recorder.done if done[1] == users] == [(epoch, users, users) for epoch in (1, 2, 3, 4)]

    def test_epochs_draw_different_episodes(self, data: TrainingData) -> None:
        drawn: list[list[int]] = []

        class Recording(TrainingEpisodes):
            def __init__(self) -> None:
                vars(self).update(vars(data.episodes))

            def epoch(
                self, generator: np.random.Generator, batch_users: int, users: NDArray[np.int64] | None = None
            ) -> Iterator[EpisodeBatch]:
                whole = list(super().epoch(generator, batch_users, users))
                drawn.append([item for batch in whole for item in batch.query_items.ravel().tolist()])
                return iter(whole)

        Trainer(new_learner(data), replace(data, episodes=Recording()), PRESET).fit()
        assert len(drawn) == 4
        assert all(first != second for first, second in combinations(drawn, 2))


class TestSeed:
    def test_weights_with_same_seed_are_the_same(self, data: TrainingData) -> None:
        assert are_identical(trained(data)[0], trained(data)[0])

    def test_weights_with_other_seed_differ(self, data: TrainingData) -> None:
        assert not are_identical(trained(data)[0], trained(data, PRESET.with_training(seed=1))[0])

    def test_weights_with_same_start_and_other_seed_of_episodes_differ(self, data: TrainingData) -> None:
        weights = []
        for seed in (0, 1):
            learner = new_learner(data)
            Trainer(learner, data, PRESET.with_training(seed=seed)).fit()
            weights.append(weights_of(learner))
        assert not are_identical(*weights)


class TestEarlyStopping:
    @pytest.fixture
    def recorder(self, data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> Recorder:
        """A training whose best epoch is the second. Without early stopping it would be the sixth."""
        losses: Iterator[float] = iter([3.0, 1.0, 2.0, 1.5, 0.5, 0.4])
        maes: Iterator[float] = iter([0.1, 0.9, 0.2, 0.3, 0.4, 0.5])  # these must not choose the epoch
        monkeypatch.setattr(
            Trainer,
            "_validate",
            lambda *_: Validation(loss=(loss := next(losses)), mae=next(maes), stopping_value=loss),
        )
        learner = new_learner(data)
        recorder = Recorder(learner)
        Trainer(learner, data, with_training(epochs=6, patience=2)).fit(recorder)
        return recorder

    def test_training_stops_when_patience_is_used_up(self, recorder: Recorder) -> None:
        assert len(recorder.weights) == 4

    def test_training_ends_with_the_weights_of_the_best_epoch(self, recorder: Recorder) -> None:
        same = [are_identical(weights_of(recorder.learner), weights) for weights in recorder.weights]
        assert same == [False, True, False, False]


class TestWithoutValidation:
    def test_training_of_some_epochs_ends_with_the_weights_after_them(self, data: TrainingData) -> None:
        """The learning rate falls as in the longer training, whose first epochs these are."""
        longer, learner = Recorder(new_learner(data)), new_learner(data)
        Trainer(longer.learner, data, PRESET).fit(longer)

        history = Trainer(learner, replace(data, validation=None), PRESET, epochs=2).fit()

        assert [(result.epoch, result.validation) for result in history] == [(1, None), (2, None)]
        assert are_identical(weights_of(learner), longer.weights[1])

    def test_training_uses_up_its_epochs_whatever_the_patience(self, data: TrainingData) -> None:
        preset = with_training(epochs=3, patience=1)
        assert len(Trainer(new_learner(data), replace(data, validation=None), preset).fit()) == 3

    def test_checkpoint_of_another_number_of_epochs_is_refused(self, data: TrainingData, tmp_path: Path) -> None:
        Trainer(new_learner(data), data, PRESET, epochs=1, checkpoint_directory=tmp_path).fit()
        with pytest.raises(CheckpointError, match="another number of epochs"):
            Trainer(new_learner(data), data, PRESET, epochs=2, checkpoint_directory=tmp_path).fit()


class TestResuming:
    @pytest.mark.parametrize(
        ("epoch", "users"), [(1, 16), (2, 16), (3, 48), (4, 10**6)], ids=["first", "second", "third", "after-all"]
    )
    def test_resumed_training_gives_the_weights_of_an_uninterrupted_one(
        self, data: TrainingData, tmp_path: Path, epoch: int, users: int
    ) -> None:
        expected, whole_history = trained(data)
        interrupt(data, tmp_path, epoch=epoch, users=min(users, len(data.episodes.users)))
        weights, history = trained(data, checkpoints=tmp_path)
        assert are_identical(weights, expected)
        assert [result.validation.loss for result in history] == [result.validation.loss for result in whole_history]

    def test_resumed_training_keeps_the_best_epoch_from_before(
        self, data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        errors = iter([1.0, 2.0, 2.0, 2.0])
        monkeypatch.setattr(
            Trainer, "_validate", lambda *_: Validation(loss=(loss := next(errors)), mae=1.0, stopping_value=loss)
        )
        learner = new_learner(data)
        recorder = Recorder(learner, interrupt_at_users=(2, 1))
        with pytest.raises(Interrupted):
            Trainer(learner, data, PRESET, checkpoint_directory=tmp_path, identity={"data set": "this data"}).fit(
                recorder
            )
        assert are_identical(trained(data, checkpoints=tmp_path)[0], recorder.weights[0])

    def test_resumed_training_after_the_last_epoch_does_nothing(self, data: TrainingData, tmp_path: Path) -> None:
        expected, history = trained(data, checkpoints=tmp_path)
        learner = new_learner(data)
        recorder = Recorder(learner)
        trainer = Trainer(learner, data, PRESET, checkpoint_directory=tmp_path, identity={"data set": "this data"})
        assert trainer.fit(recorder) == history
        assert recorder.done == []
        assert recorder.resumed_after == [len(history)]
        assert are_identical(weights_of(learner), expected)

    def test_checkpoint_of_another_preset_is_refused(self, data: TrainingData, tmp_path: Path) -> None:
        interrupt(data, tmp_path, epoch=2, users=1)
        with pytest.raises(CheckpointError, match="another preset"):
            trained(data, PRESET.with_training(epochs=5), checkpoints=tmp_path)

    def test_checkpoint_of_another_data_set_is_refused(self, data: TrainingData, tmp_path: Path) -> None:
        interrupt(data, tmp_path, epoch=2, users=1)
        with pytest.raises(CheckpointError, match="another data set"):
            trained(data, checkpoints=tmp_path, identity="other data")


class TestWeightDecay:
    def test_weight_decay_shrinks_unused_embeddings(self, data: TrainingData) -> None:
        unknown_country = "network.embed_users.layers.0.weight"
        kept, decayed = (
            trained(data, with_training(field_dropout=0.0, weight_decay=decay))[0][unknown_country][0]
            for decay in (0.0, 10.0)
        )
        initial = weights_of(new_learner(data))[unknown_country][0]
        assert torch.equal(kept, initial)
        assert decayed.norm() < 0.9 * initial.norm()
