"""Training from beginning to end: from a data set and a preset to an artifact on disk."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from models.artifact import (
    DataDescription,
    Manifest,
    TrainedModel,
    load_artifact,
    require_writable,
    save_artifact,
)
from models.data.dataset import Dataset, State
from models.data.episodes import EpisodeBatch, TrainingEpisodes
from models.data.malformed import DataError
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

_ITEM_ID = AttributeField(name=ID_FIELD, kind=FieldKind.CATEGORICAL)
"""The id as a field of the items."""


def train(
    dataset: Dataset,
    preset: Preset,
    output: Path,
    *,
    data_path: Path | None,
    split_config: SplitConfig | None = None,
    device: str = "cpu",
    observer: TrainingObserver | None = None,
) -> TrainedModel:
    """Train a model and save it as an artifact.

    Args:
        dataset: The data set.
        preset: What to train, and how.
        output: The artifact's directory. A checkpoint stands beside it while training, in a directory whose name ends
            in `.checkpoint`; an interrupted training continues from there.
        data_path: Where the data set was read from, for the manifest; None for a service's database.
        split_config: How to divide the data.
        device: A torch device.
        observer: Shows progress.

    Raises:
        ArtifactError: `output` holds something else than an artifact.
        DataError: The data set has nothing to train on.
        PresetError: The preset's stopping measure is undefined for all validation users.
        CheckpointError: The checkpoint belongs to other settings, or the disk does not take it.
    """
    require_writable(output)
    split_config = split_config or SplitConfig()
    split = _split(dataset, split_config)
    encoders = fit_encoders(dataset, split, preset)
    encoded = _encode(dataset, encoders, torch.device(device))
    learner = _new_learner(dataset, split, preset, encoders, encoded)
    history = _meta_train(learner, dataset, split, split_config, preset, encoders, encoded, output, observer)
    save_artifact(
        output,
        manifest=_manifest(dataset, split, split_config, preset, encoders, history, data_path),
        weights=learner.state_dict(),
        items=dataset.items,
        statistics=item_statistics(learner, encoded, dataset, split.training),
        exposure=Exposure.fit(dataset, split.training, seed=preset.training.seed, config=preset.exposure),
    )
    Checkpoint.remove(checkpoint_of(output))
    return load_artifact(output, device=device)


def checkpoint_of(output: Path) -> Path:
    """Where the checkpoint of a training that writes an artifact is."""
    return output.with_name(f"{output.name}.checkpoint")


@dataclass(frozen=True)
class Encoders:
    """The encoders of a data set's users and items."""

    users: FeatureEncoder
    items: FeatureEncoder


def fit_encoders(dataset: Dataset, split: Split, preset: Preset) -> Encoders:
    """Encoders fitted on the users and items that have training ratings.

    Items also have their id as a field if the preset needs it, or if they have no other field.
    """
    users = dataset.users.table[np.unique(dataset.ratings.users[split.training])]
    items = dataset.items.table[np.unique(dataset.ratings.items[split.training])]
    item_fields = dataset.schema.items.fields
    if preset.needs_item_ids or not item_fields:
        item_fields = (*item_fields, _ITEM_ID)
    encoding = preset.inputs.encoding
    return Encoders(
        users=FeatureEncoder.fit(dataset.schema.users.fields, users, encoding),
        items=FeatureEncoder.fit(item_fields, items, encoding),
    )


def _split(dataset: Dataset, config: SplitConfig) -> Split:
    split = Split.of(dataset, config)
    if not split.training.any():
        raise DataError(f"{dataset.schema.name}: no ratings are left to train on")
    return split


def _encode(dataset: Dataset, encoders: Encoders, device: torch.device) -> EncodedData:
    return EncodedData(
        users=encoders.users.encode(dataset.users.table).to(device),
        items=encoders.items.encode(dataset.items.table).to(device),
        device=device,
    )


def _new_learner(
    dataset: Dataset, split: Split, preset: Preset, encoders: Encoders, encoded: EncodedData
) -> AnyLearner:
    """The preset's learner with the statistics of the training ratings, before meta-training."""
    torch.manual_seed(preset.training.seed)
    learner = preset.build_learner(
        user_encoder=encoders.users,
        item_encoder=encoders.items,
        scale=dataset.schema.rating_scale,
        mean_rating=_mean_rating(dataset, split),
    ).to(encoded.device)
    learner.fit_statistics(dataset, split.training, encoded.items)
    return learner


def _meta_train(
    learner: AnyLearner,
    dataset: Dataset,
    split: Split,
    split_config: SplitConfig,
    preset: Preset,
    encoders: Encoders,
    encoded: EncodedData,
    output: Path,
    observer: TrainingObserver | None,
) -> list[EpochResult]:
    """Train, continuing from a checkpoint if there is one; every epoch's result."""
    checkpoint = checkpoint_of(output)
    data = TrainingData(
        encoded=encoded,
        episodes=_episodes(dataset, preset, split.training),
        validation=_validation_batches(dataset, preset, split),
        user_encoder=encoders.users,
        item_encoder=encoders.items,
        scale=dataset.schema.rating_scale,
    )
    identity = {"data set": dataset.fingerprint, "split": split_config.model_dump(mode="json")}
    try:
        return Trainer(learner, data, preset, checkpoint_directory=checkpoint, identity=identity).fit(observer)
    except SafetensorError as error:  # the checkpoint of the epoch before is still there
        raise CheckpointError(f"{checkpoint}: cannot be written: {error}") from error


def _manifest(
    dataset: Dataset,
    split: Split,
    split_config: SplitConfig,
    preset: Preset,
    encoders: Encoders,
    history: Sequence[EpochResult],
    data_path: Path | None,
) -> Manifest:
    return Manifest(
        created_at=datetime.now(UTC),
        preset=preset,
        data_schema=dataset.schema,
        user_encoder=encoders.users,
        item_encoder=encoders.items,
        data=DataDescription(
            name=dataset.schema.name,
            path=None if data_path is None else str(data_path.resolve()),
            fingerprint=dataset.fingerprint,
            training_ratings=int(split.training.sum()),
            training_users=len(np.unique(dataset.ratings.users[split.training])),
            training_items=len(np.unique(dataset.ratings.items[split.training])),
            mean_rating=_mean_rating(dataset, split),
        ),
        split=split_config,
        history=tuple(history),
        metrics={"validation_mae": best_epoch(history, preset.training.stopping_direction).validation_mae},
    )


def _mean_rating(dataset: Dataset, split: Split) -> float:
    return float(dataset.ratings.values[split.training].mean(dtype=np.float64))


def _episodes(dataset: Dataset, preset: Preset, ratings: NDArray[np.bool_]) -> TrainingEpisodes:
    return TrainingEpisodes(
        dataset, ratings, max_support=preset.training.max_support, max_query=preset.training.max_query
    )


def _validation_batches(dataset: Dataset, preset: Preset, split: Split) -> Sequence[EpisodeBatch]:
    """Fixed episodes of the validation users, drawn as in training."""
    warm = split.states == State.WARM
    episodes = _episodes(dataset, preset, warm & split.validation_users[dataset.ratings.users])
    generator = np.random.default_rng(preset.training.seed)
    draws = range(preset.training.validation_draws)
    return [batch for _ in draws for batch in episodes.epoch(generator, preset.training.batch_users)]
