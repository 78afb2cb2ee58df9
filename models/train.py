"""Training from beginning to end: from a data set and a preset to an artifact on disk.

The artifact's model is trained on all ratings. Its research twin, trained on a split, says how good it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

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
from models.choice.trainer import RoundResult, best_round
from models.data.dataset import Dataset
from models.data.splits import Split, SplitConfig
from models.elicitation.answer_noise import fit_answers
from models.elicitation.outcome_values import outcome_values
from models.elicitation.statistics import item_statistics
from models.learners.base import AnyLearner
from models.learners.exposure import Exposure
from models.training.checkpoint import Checkpoint
from models.training.engine import LOCAL_ENGINE, TrainingEngine
from models.training.epoch_result import EpochResult, best_epoch
from models.training.observer import TrainingObserver
from models.training.preset import Preset
from models.training.stages import RESEARCH_MODEL, SERVED_MODEL, PreparedData


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
    engine: TrainingEngine = LOCAL_ENGINE,
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
        engine: Where to train.

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
    task = _Task(dataset, preset, data_path, device, checkpoint_of(output), observer, engine)
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
class _Task:
    """What the two models of a training have in common.

    Attributes:
        dataset: The data set.
        preset: What to train, and how.
        data_path: Where the data set was read from.
        device: A torch device.
        checkpoints: The directory of the checkpoints.
        observer: Shows progress.
        engine: Where to train.
    """

    dataset: Dataset
    preset: Preset
    data_path: Path | None
    device: str
    checkpoints: Path
    observer: TrainingObserver | None
    engine: TrainingEngine


def _train_one(task: _Task, split: Split, *, twin: Manifest | None = None) -> ModelParts:
    """One model, trained on the training ratings of a split.

    Args:
        task: What to train.
        split: The split.
        twin: The manifest of the research twin, which says how many epochs to train and gives the model its figures;
            None for the research model itself.
    """
    dataset, preset = task.dataset, task.preset
    data = PreparedData.of(dataset, preset, split, device=task.device)
    phase = RESEARCH_MODEL if twin is None else SERVED_MODEL
    trained = None
    if preset.learner is not None:
        epochs = None if twin is None else _best_epoch(twin.history, preset).epoch
        trained = task.engine.train_learner(
            data, checkpoints=task.checkpoints, phase=phase, epochs=epochs, observer=task.observer
        )
    rounds = None if twin is None else best_round(twin.choice_history)
    choice, choice_history = task.engine.train_choices(data, phase=phase, rounds=rounds, observer=task.observer)
    learner = None if trained is None else trained.learner
    if learner is not None:
        fit_answers(learner, data.encoded, dataset, split.training, seed=preset.training.seed)
    return ModelParts(
        manifest=_manifest(task, data, [] if trained is None else trained.history, choice_history, twin),
        weights=None if learner is None else learner.state_dict(),
        choice=choice.state_dict(),
        items=dataset.items,
        statistics=_statistics(data, learner, choice),
        exposure=Exposure.fit(dataset, split.training, seed=preset.training.seed, config=preset.exposure),
    )


def _statistics(data: PreparedData, learner: AnyLearner | None, choice: ChoiceModel) -> pl.DataFrame:
    """What candidate strategies need to know of the items."""
    dataset, training = data.dataset, data.split.training
    statistics = item_statistics(choice if learner is None else learner, data.encoded, dataset, training)
    values = outcome_values(learner, choice, data.encoded, dataset, training, seed=data.preset.training.seed)
    return statistics.with_columns(outcome_value=pl.Series(values))


def _manifest(
    task: _Task,
    data: PreparedData,
    history: Sequence[EpochResult],
    choice_history: Sequence[RoundResult],
    twin: Manifest | None,
) -> Manifest:
    dataset, preset, split = data.dataset, data.preset, data.split
    return Manifest(
        created_at=datetime.now(UTC),
        preset=preset,
        data_schema=dataset.schema,
        user_encoder=data.encoders.users,
        item_encoder=data.encoders.items,
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
