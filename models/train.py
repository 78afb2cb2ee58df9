"""From a data set and a preset to an artifact on disk."""

from collections.abc import Sequence
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
from models.data.schema import AttributeField, FieldKind
from models.data.splits import Split, SplitConfig
from models.elicitation.statistics import item_statistics
from models.inputs.features import ID_FIELD, FeatureEncoder
from models.learners.episode_predictions import EncodedData
from models.learners.exposure import Exposure
from models.training.builder import build_learner
from models.training.checkpoint import Checkpoint, CheckpointError
from models.training.preset import Preset
from models.training.trainer import Trainer, TrainingData, TrainingObserver, best_epoch

_ITEM_ID = AttributeField(name=ID_FIELD, kind=FieldKind.CATEGORICAL)
"""The id as a field of the items, where the preset asks for it or where they have no other."""

_VALIDATION_DRAWS = 4
"""Episodes of each validation user, of different support sizes: fewer make early stopping noisy."""


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
    """Split, fit the encoders, meta-train, compute the evidence candidates, and save the artifact.

    Args:
        dataset: The data set.
        preset: Learner and training.
        output: The artifact's directory. While training, its checkpoint stands beside it, in a directory of the same
            name with `.checkpoint` behind; a training that was interrupted goes on from there.
        data_path: Where the data set was read from, for the manifest; None if from a service's database alone.
        split_config: How to divide the data.
        device: A torch device.
        observer: Shows progress.

    Raises:
        ArtifactError: `output` holds something else than an artifact.
        DataError: The data set has nothing to train on.
        CheckpointError: The checkpoint beside `output` belongs to other settings, or the disk does not take it.
    """
    require_writable(output)
    split_config = split_config or SplitConfig()
    split = Split.of(dataset, split_config)
    if not split.training.any():
        raise DataError(f"{dataset.schema.name}: no ratings are left to train on")
    training_values = dataset.ratings.values[split.training]
    mean_rating = float(training_values.mean(dtype=np.float64))
    user_encoder, item_encoder = fit_encoders(dataset, split, preset)
    torch.manual_seed(preset.training.seed)
    target = torch.device(device)
    learner = build_learner(
        preset,
        user_encoder=user_encoder,
        item_encoder=item_encoder,
        scale=dataset.schema.rating_scale,
        mean_rating=mean_rating,
    ).to(target)
    encoded = EncodedData(
        users=user_encoder.encode(dataset.users.table).to(target),
        items=item_encoder.encode(dataset.items.table).to(target),
        device=target,
    )
    learner.fit_statistics(dataset, split.training, encoded.items)
    checkpoint = checkpoint_of(output)
    data = TrainingData(
        encoded=encoded,
        episodes=_episodes(dataset, preset, split.training),
        validation=_validation_batches(dataset, preset, split),
        user_encoder=user_encoder,
        item_encoder=item_encoder,
        keep_item_ids=preset.estimator.collaborative_rank > 0,
    )
    trainer = Trainer(
        learner,
        data,
        preset.training,
        checkpoint_directory=checkpoint,
        identity={
            "data set": dataset.fingerprint,
            "split": split_config.model_dump(mode="json"),
            "preset": preset.model_dump(mode="json"),
        },
    )
    try:
        history = trainer.fit(observer)
    except SafetensorError as error:  # as far as it got: the former checkpoint is still there
        raise CheckpointError(f"{checkpoint}: cannot be written: {error}") from error
    manifest = Manifest(
        created_at=datetime.now(UTC),
        preset=preset,
        data_schema=dataset.schema,
        user_encoder=user_encoder,
        item_encoder=item_encoder,
        data=DataDescription(
            name=dataset.schema.name,
            path=None if data_path is None else str(data_path.resolve()),
            fingerprint=dataset.fingerprint,
            training_ratings=len(training_values),
            training_users=len(np.unique(dataset.ratings.users[split.training])),
            training_items=len(np.unique(dataset.ratings.items[split.training])),
            mean_rating=mean_rating,
        ),
        split=split_config,
        history=tuple(history),
        metrics={"validation_mae": best_epoch(history).validation_mae},
    )
    statistics = item_statistics(learner, encoded, dataset, split.training)
    save_artifact(
        output,
        manifest=manifest,
        weights=learner.state_dict(),
        items=dataset.items,
        statistics=statistics,
        exposure=Exposure.fit(dataset, split.training, seed=preset.training.seed),
    )
    Checkpoint.remove(checkpoint)
    return load_artifact(output, device=device)


def checkpoint_of(output: Path) -> Path:
    """Where the checkpoint of a training that writes an artifact is."""
    return output.with_name(f"{output.name}.checkpoint")


def fit_encoders(dataset: Dataset, split: Split, preset: Preset) -> tuple[FeatureEncoder, FeatureEncoder]:
    """Encoders fitted on the users and items that have training ratings."""
    users = dataset.users.table[np.unique(dataset.ratings.users[split.training])]
    items = dataset.items.table[np.unique(dataset.ratings.items[split.training])]
    # Collaborative inputs are looked up by id. Items without other fields are known by their ids alone.
    estimator = preset.estimator
    item_fields = dataset.schema.items.fields
    if estimator.item_ids or estimator.collaborative_rank or not item_fields:
        item_fields = (*item_fields, _ITEM_ID)
    return FeatureEncoder.fit(dataset.schema.users.fields, users), FeatureEncoder.fit(item_fields, items)


def _episodes(dataset: Dataset, preset: Preset, ratings: NDArray[np.bool_]) -> TrainingEpisodes:
    return TrainingEpisodes(
        dataset,
        ratings,
        max_support=preset.training.max_support,
        max_query=preset.training.max_query,
    )


def _validation_batches(dataset: Dataset, preset: Preset, split: Split) -> Sequence[EpisodeBatch]:
    """Fixed episodes of the held-out users, drawn as in training."""
    warm = split.states == State.WARM
    episodes = _episodes(dataset, preset, warm & split.validation_users[dataset.ratings.users])
    generator = np.random.default_rng(preset.training.seed)
    return [batch for _ in range(_VALIDATION_DRAWS) for batch in episodes.epoch(generator, preset.training.batch_users)]
