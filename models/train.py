"""Training from beginning to end: from a data set and a preset to an artifact on disk.

The artifact's model is trained on all ratings. Its research twin, trained on a split, says how good it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor

from models.artifact import (
    DataDescription,
    Manifest,
    ModelParts,
    TrainedModel,
    load_artifact,
    require_writable,
    save_artifact,
)
from models.choice.model import ChoiceModel
from models.choice.trainer import ChoiceData, ChoiceTrainer, RoundResult, best_round
from models.data.dataset import Dataset, State
from models.data.episodes import EpisodeBatch, TrainingEpisodes
from models.data.malformed import DataError
from models.data.rating_scale import RatingScale
from models.data.splits import Split, SplitConfig
from models.elicitation.statistics import item_statistics
from models.fields import AttributeField, FieldKind
from models.inputs.encoder import ID_FIELD, FeatureEncoder
from models.learners.base import AnyLearner
from models.learners.episode_predictions import EncodedData
from models.learners.exposure import Exposure
from models.training.checkpoint import Checkpoint, CheckpointError
from models.training.preset import Preset
from models.training.trainer import EpochResult, Trainer, TrainingData, TrainingObserver, best_epoch

ITEM_ID = AttributeField(name=ID_FIELD, kind=FieldKind.CATEGORICAL)
"""The id as a field of the items."""

LEAST_OF_A_USER = 2
"""A user needs one rating or interaction to adapt to, and one to learn from."""

_RESEARCH_MODEL, _SERVED_MODEL = "research model", "served model"
"""The phases of a training."""


def train(
    dataset: Dataset,
    preset: Preset,
    output: Path,
    *,
    data_path: Path | None,
    split_config: SplitConfig | None = None,
    research_only: bool = False,
    device: str = "cpu",
    observer: TrainingObserver | None = None,
) -> TrainedModel:
    """Train a model and save it as an artifact.

    First a research model is trained on a split: it is what evaluations are made with. Then the served model is trained
    in the same way on all ratings, for as many epochs as were best for its research twin.

    Args:
        dataset: The data set.
        preset: What to train, and how.
        output: The artifact's directory. Checkpoints stand beside it while training, in a directory whose name ends
            in `.checkpoint`; an interrupted training continues from there.
        data_path: Where the data set was read from, for the manifest; None for a service's database.
        split_config: How to divide the data for the research model.
        research_only: Whether to train and save the research model only.
        device: A torch device.
        observer: Shows progress.

    Returns:
        The served model, or the research model if there is no other.

    Raises:
        ArtifactError: `output` holds something else than an artifact.
        DataError: The data set has nothing to train on.
        PresetError: The preset's objective needs a distribution that its learner does not predict, or its stopping
            measure is undefined for all validation users.
        CheckpointError: A checkpoint belongs to other settings, or the disk does not take it.
    """
    require_writable(output)
    task = _Task(dataset, preset, data_path, torch.device(device), checkpoint_of(output), observer)
    research = _train_one(task, Split.of(dataset, split_config or SplitConfig()))
    if research_only:
        save_artifact(output, research)
    else:
        save_artifact(output, _train_one(task, Split.everything(dataset), twin=research.manifest), research=research)
    Checkpoint.remove(checkpoint_of(output))
    return load_artifact(output, device=device)


def checkpoint_of(output: Path) -> Path:
    """Where the checkpoints of a training that writes an artifact are."""
    return output.with_name(f"{output.name}.checkpoint")


@dataclass(frozen=True)
class Encoders:
    """The encoders of a data set's users and items."""

    users: FeatureEncoder
    items: FeatureEncoder


def fit_encoders(dataset: Dataset, split: Split, preset: Preset) -> Encoders:
    """Encoders fitted on the users and items that have training ratings.

    Items also have their id as a field, by which known items are found.
    """
    users = dataset.users.table[np.unique(dataset.ratings.users[split.training])]
    items = dataset.items.table[np.unique(dataset.ratings.items[split.training])]
    item_fields = (*dataset.schema.items.fields, ITEM_ID)
    encoding = preset.inputs.encoding
    return Encoders(
        users=FeatureEncoder.fit(dataset.schema.users.fields, users, encoding),
        items=FeatureEncoder.fit(item_fields, items, encoding),
    )


@dataclass(frozen=True)
class TrainedLearner:
    """The learner of a preset alone, without a choice model.

    Attributes:
        learner: In evaluation mode, with the weights of the best epoch.
        encoded: The data set's users and items, encoded for it.
        history: The result of every epoch.
    """

    learner: AnyLearner
    encoded: EncodedData
    history: list[EpochResult]


def train_learner(
    dataset: Dataset,
    preset: Preset,
    split: Split,
    *,
    checkpoints: Path,
    device: str = "cpu",
    observer: TrainingObserver | None = None,
) -> TrainedLearner:
    """Train the learner of a preset alone, as the research model's learner is trained.

    Args:
        dataset: The data set.
        preset: What to train, and how; it has a learner.
        split: The division; it has validation users.
        checkpoints: Directory of the checkpoints, from which an interrupted training goes on. The caller removes it.
        device: A torch device.
        observer: Shows progress.

    Raises:
        DataError: The data set has nothing to train on.
        PresetError: The preset has no learner, or its stopping measure is undefined for all validation users.
        CheckpointError: A checkpoint belongs to other settings, or the disk does not take it.
    """
    task = _Task(dataset, preset, None, torch.device(device), checkpoints, observer)
    require_trainable(dataset, split, preset)
    encoders = fit_encoders(dataset, split, preset)
    encoded = _encode(dataset, encoders, task.device)
    learner, history = _train_learner(task, split, encoders, encoded, None)
    return TrainedLearner(learner.eval(), encoded, history)


def restore_learner(
    dataset: Dataset, preset: Preset, split: Split, weights: Mapping[str, Tensor], *, device: str = "cpu"
) -> TrainedLearner:
    """A learner that `train_learner` trained on the same data, from its weights; without its history."""
    encoders = fit_encoders(dataset, split, preset)
    encoded = _encode(dataset, encoders, torch.device(device))
    learner = _untrained_learner(dataset, _ratings_only(dataset, split), preset, encoders, encoded)
    learner.load_state_dict(weights)
    return TrainedLearner(learner.eval(), encoded, [])


def train_choices(
    dataset: Dataset, preset: Preset, split: Split, *, device: str = "cpu", observer: TrainingObserver | None = None
) -> tuple[ChoiceModel, EncodedData]:
    """Train the choice model of a preset alone; the model in evaluation mode, and the data encoded for it.

    Raises:
        DataError: The data set has nothing to train on.
    """
    task = _Task(dataset, preset, None, torch.device(device), Path(), observer)
    require_trainable(dataset, split, preset)
    encoders = fit_encoders(dataset, split, preset)
    encoded = _encode(dataset, encoders, task.device)
    model, _ = _train_choices(task, split, encoders, encoded, None)
    return model.eval(), encoded


@dataclass(frozen=True)
class _Task:
    """What the two models of a training have in common.

    Attributes:
        dataset: The data set.
        preset: What to train, and how.
        data_path: Where the data set was read from.
        device: Where to compute.
        checkpoints: The directory of the checkpoints.
        observer: Shows progress.
    """

    dataset: Dataset
    preset: Preset
    data_path: Path | None
    device: torch.device
    checkpoints: Path
    observer: TrainingObserver | None


def _train_one(task: _Task, split: Split, *, twin: Manifest | None = None) -> ModelParts:
    """One model, trained on the training ratings of a split.

    Args:
        task: What to train.
        split: The split.
        twin: The manifest of the research twin, which says how many epochs to train and gives the model its figures;
            None for the research model itself.
    """
    dataset, preset = task.dataset, task.preset
    require_trainable(dataset, split, preset)
    encoders = fit_encoders(dataset, split, preset)
    encoded = _encode(dataset, encoders, task.device)
    learner: AnyLearner | None = None
    history: list[EpochResult] = []
    if preset.learner is not None:
        learner, history = _train_learner(task, split, encoders, encoded, twin)
    choice, choice_history = _train_choices(task, split, encoders, encoded, twin)
    return ModelParts(
        manifest=_manifest(task, split, encoders, history, choice_history, twin),
        weights=None if learner is None else learner.state_dict(),
        choice=choice.state_dict(),
        items=dataset.items,
        statistics=item_statistics(choice if learner is None else learner, encoded, dataset, split.training),
        exposure=Exposure.fit(dataset, split.training, seed=preset.training.seed, config=preset.exposure),
    )


def require_trainable(dataset: Dataset, split: Split, preset: Preset) -> None:
    """Refuse data of which too little is left for training.

    Raises:
        DataError: No user has two training ratings, or interactions if the preset takes them.
    """
    needed, usable = "ratings or interactions", split.training
    if preset.learner is not None:
        needed, usable = "ratings", split.training & dataset.ratings.rated
        if not dataset.ratings.rated.any():
            raise DataError(
                f"{dataset.schema.name}: there are no ratings to train the preset {preset.name} on; "
                "use the preset coldstart-implicit for interactions"
            )
    if np.bincount(dataset.ratings.users[usable], minlength=1).max() < LEAST_OF_A_USER:
        raise DataError(
            f"{dataset.schema.name}: nothing is left to train on: among the users and items that are not held out, no "
            f"user has two {needed}; collect more, and begin with `coldstart init --items FILE --out DIR`"
        )


def _train_learner(
    task: _Task, split: Split, encoders: Encoders, encoded: EncodedData, twin: Manifest | None
) -> tuple[AnyLearner, list[EpochResult]]:
    """The preset's learner, meta-trained, and the result of every epoch."""
    ratings = _ratings_only(task.dataset, split)
    torch.manual_seed(task.preset.training.seed)
    learner = _untrained_learner(task.dataset, ratings, task.preset, encoders, encoded)
    learner.fit_statistics(task.dataset, ratings.training, encoded.items)
    return learner, _meta_train(learner, task, ratings, encoders, encoded, twin)


def _ratings_only(dataset: Dataset, split: Split) -> Split:
    """The split without interactions in its training data, because a learner predicts ratings."""
    return replace(split, training=split.training & dataset.ratings.rated)


def _encode(dataset: Dataset, encoders: Encoders, device: torch.device) -> EncodedData:
    return EncodedData(
        users=encoders.users.encode(dataset.users.table).to(device),
        items=encoders.items.encode(dataset.items.table).to(device),
        device=device,
    )


def _untrained_learner(
    dataset: Dataset, split: Split, preset: Preset, encoders: Encoders, encoded: EncodedData
) -> AnyLearner:
    """The preset's learner, without the statistics of the training ratings."""
    return preset.build_learner(
        user_encoder=encoders.users,
        item_encoder=encoders.items,
        scale=_scale_of(dataset),
        mean_rating=float(dataset.ratings.values[split.training].mean(dtype=np.float64)),
    ).to(encoded.device)


def _meta_train(
    learner: AnyLearner,
    task: _Task,
    split: Split,
    encoders: Encoders,
    encoded: EncodedData,
    twin: Manifest | None,
) -> list[EpochResult]:
    """Train, continuing from a checkpoint if there is one; every epoch's result."""
    dataset, preset = task.dataset, task.preset
    phase = _phase(twin)
    data = TrainingData(
        encoded=encoded,
        episodes=_episodes(dataset, preset, split.training),
        validation=_validation_batches(dataset, preset, split) if twin is None else None,
        user_encoder=encoders.users,
        item_encoder=encoders.items,
        scale=_scale_of(dataset),
    )
    epochs = preset.training.epochs if twin is None else _best_epoch(twin.history, preset).epoch
    checkpoint = task.checkpoints / phase.replace(" ", "-")
    identity = {
        "data set": dataset.fingerprint,
        "split": None if split.config is None else split.config.model_dump(mode="json"),
    }
    trainer = Trainer(learner, data, preset, epochs=epochs, checkpoint_directory=checkpoint, identity=identity)
    if task.observer is not None:
        task.observer.phase_begun(phase, epochs=epochs)
    try:
        return trainer.fit(task.observer)
    except SafetensorError as error:  # the checkpoint of the epoch before is still there
        raise CheckpointError(f"{checkpoint}: cannot be written: {error}") from error


def _train_choices(
    task: _Task, split: Split, encoders: Encoders, encoded: EncodedData, twin: Manifest | None
) -> tuple[ChoiceModel, list[RoundResult]]:
    """The choice model, and the result of every round."""
    dataset, preset = task.dataset, task.preset
    torch.manual_seed(preset.training.seed)
    model = preset.build_choice_model(
        user_encoder=encoders.users, item_encoder=encoders.items, schema=dataset.schema
    ).to(encoded.device)
    held_out = (split.states == State.WARM) & split.validation_users[dataset.ratings.users]
    data = ChoiceData(
        dataset=dataset,
        training=split.training,
        validation=held_out if twin is None else None,
        encoded=encoded,
        user_encoder=encoders.users,
        field_dropout=preset.training.field_dropout,
        seed=preset.training.seed,
    )
    rounds = preset.choice.rounds if twin is None else best_round(twin.choice_history)
    observer = task.observer
    if observer is None:
        return model, ChoiceTrainer(model, data).fit(rounds)
    observer.phase_begun(f"choices of the {_phase(twin)}", epochs=rounds)
    return model, ChoiceTrainer(model, data).fit(
        rounds,
        batch_done=lambda number, done, total: observer.batch_done(epoch=number, users_done=done, users_total=total),
        round_done=observer.round_done,
    )


def _phase(twin: Manifest | None) -> str:
    return _RESEARCH_MODEL if twin is None else _SERVED_MODEL


def _manifest(
    task: _Task,
    split: Split,
    encoders: Encoders,
    history: Sequence[EpochResult],
    choice_history: Sequence[RoundResult],
    twin: Manifest | None,
) -> Manifest:
    dataset, preset = task.dataset, task.preset
    return Manifest(
        created_at=datetime.now(UTC),
        preset=preset,
        data_schema=dataset.schema,
        user_encoder=encoders.users,
        item_encoder=encoders.items,
        data=DataDescription(
            name=dataset.schema.name,
            path=None if task.data_path is None else str(task.data_path.resolve()),
            fingerprint=dataset.fingerprint,
            training_ratings=int(split.training.sum()),
            training_users=len(np.unique(dataset.ratings.users[split.training])),
            training_items=len(np.unique(dataset.ratings.items[split.training])),
            mean_rating=_mean_rating(dataset, split),
        ),
        split=split.config,
        history=tuple(history),
        choice_history=tuple(choice_history),
        metrics=_metrics(history, choice_history, preset) if twin is None else twin.metrics,
    )


def _best_epoch(history: Sequence[EpochResult], preset: Preset) -> EpochResult:
    return best_epoch(history, preset.training.stopping_direction)


def _metrics(history: Sequence[EpochResult], choice_history: Sequence[RoundResult], preset: Preset) -> dict[str, float]:
    """The validation measures of a research model, which has validation users."""
    metrics = {}
    if history and (best := _best_epoch(history, preset).validation) is not None:
        metrics["validation_mae"] = best.mae
    if (loss := choice_history[best_round(choice_history) - 1].validation_loss) is not None:
        metrics["validation_choice_loss"] = loss
    return metrics


def _mean_rating(dataset: Dataset, split: Split) -> float | None:
    values = dataset.ratings.values[split.training & dataset.ratings.rated]
    return float(values.mean(dtype=np.float64)) if len(values) else None


def _scale_of(dataset: Dataset) -> RatingScale:
    scale = dataset.schema.rating_scale
    assert scale is not None  # noqa: S101 - there are ratings
    return scale


def _episodes(dataset: Dataset, preset: Preset, ratings: NDArray[np.bool_]) -> TrainingEpisodes:
    training = preset.training
    return TrainingEpisodes(
        dataset,
        ratings,
        max_support=training.max_support,
        max_query=training.max_query,
        in_order_of_time=training.in_order_of_time,
    )


def _validation_batches(dataset: Dataset, preset: Preset, split: Split) -> Sequence[EpisodeBatch]:
    """Fixed episodes of the validation users, drawn as in training."""
    warm = (split.states == State.WARM) & dataset.ratings.rated
    episodes = _episodes(dataset, preset, warm & split.validation_users[dataset.ratings.users])
    generator = np.random.default_rng(preset.training.seed)
    draws = range(preset.training.validation_draws)
    return [batch for _ in draws for batch in episodes.epoch(generator, preset.training.batch_users)]
