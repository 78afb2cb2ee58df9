"""The stages of a training: prepare a data set, train the preset's learner on it, and train its choice model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor

from models.choice.model import ChoiceModel
from models.choice.trainer import ChoiceData, ChoiceTrainer, RoundResult
from models.data.dataset import Dataset, State
from models.data.episodes import EpisodeBatch
from models.data.malformed import DataError
from models.data.rating_scale import RatingScale
from models.data.splits import Split
from models.data.training_episodes import TrainingEpisodes
from models.fields import AttributeField, FieldKind
from models.inputs.encoder import ID_FIELD, FeatureEncoder
from models.learners.base import AnyLearner
from models.learners.episode_predictions import EncodedData
from models.training.checkpoint import CheckpointError
from models.training.epoch_result import EpochResult
from models.training.observer import TrainingObserver
from models.training.preset import Preset
from models.training.trainer import Trainer, TrainingData
from models.workers import ALONE, Workers

ITEM_ID = AttributeField(name=ID_FIELD, kind=FieldKind.CATEGORICAL)
"""The id as a field of the items."""

LEAST_OF_A_USER = 2
"""A user needs one rating or interaction to adapt to, and one to learn from."""

RESEARCH_MODEL, SERVED_MODEL = "research model", "served model"
"""The phases of a training, each named after the model that it makes."""


@dataclass(frozen=True)
class Encoders:
    """The encoders of a data set's users and items."""

    users: FeatureEncoder
    items: FeatureEncoder


@dataclass(frozen=True)
class PreparedData:
    """A data set, ready to train the models of a preset on.

    Attributes:
        dataset: The data set.
        preset: What to train, and how.
        split: How the data set is divided.
        encoders: Fitted on the users and items that have training ratings.
        encoded: The users and items, encoded, on the device of the training.
    """

    dataset: Dataset
    preset: Preset
    split: Split
    encoders: Encoders
    encoded: EncodedData

    @classmethod
    def of(cls, dataset: Dataset, preset: Preset, split: Split, *, device: str = "cpu") -> Self:
        """Check that there is something to train on, and encode the users and items.

        Raises:
            DataError: Too little is left for training.
        """
        require_trainable(dataset, split, preset)
        encoders = fit_encoders(dataset, split, preset)
        target = torch.device(device)
        encoded = EncodedData(
            users=encoders.users.encode(dataset.users.table).to(target),
            items=encoders.items.encode(dataset.items.table).to(target),
            device=target,
        )
        return cls(dataset, preset, split, encoders, encoded)


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


def require_trainable(dataset: Dataset, split: Split, preset: Preset) -> None:
    """Refuse data that have too little left for training.

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


@dataclass(frozen=True)
class TrainedLearner:
    """The learner of a preset alone, without a choice model.

    Attributes:
        learner: In evaluation mode, with the weights of the best epoch.
        history: The result of every epoch.
    """

    learner: AnyLearner
    history: list[EpochResult]


def train_learner(
    data: PreparedData,
    *,
    checkpoints: Path,
    phase: str = RESEARCH_MODEL,
    epochs: int | None = None,
    observer: TrainingObserver | None = None,
    workers: Workers = ALONE,
) -> TrainedLearner:
    """Meta-train the preset's learner, or continue from its checkpoint.

    Args:
        data: What to train on, and how.
        checkpoints: The directory of the checkpoints. The caller removes it.
        phase: What the learner is for; the observer shows it, and the checkpoints are named after it.
        epochs: How many epochs to train. None for as many as are best for the validation users.
        observer: Shows progress.
        workers: The processes that train together. All of them call this in the same way.

    Raises:
        PresetError: The preset has no learner, its objective needs a distribution that the learner does not predict, or
            its stopping measure is undefined for all validation users.
        CheckpointError: A checkpoint belongs to other settings, or the disk does not take it.
    """
    dataset, preset = data.dataset, data.preset
    torch.manual_seed(preset.training.seed)
    learner, ratings = _untrained_learner(data), _training_ratings(data)
    learner.fit_statistics(dataset, ratings, data.encoded.items)
    training_data = TrainingData(
        encoded=data.encoded,
        episodes=_episodes(dataset, preset, ratings),
        validation=_validation_batches(data) if epochs is None else None,
        user_encoder=data.encoders.users,
        item_encoder=data.encoders.items,
        scale=_scale_of(dataset),
    )
    split = data.split.config
    checkpoint = checkpoints / phase.replace(" ", "-")
    trainer = Trainer(
        learner,
        training_data,
        preset,
        epochs=epochs,
        checkpoint_directory=checkpoint,
        identity={
            "data set": dataset.fingerprint,
            "split": None if split is None else split.model_dump(mode="json"),
        },
        workers=workers,
    )
    if observer is not None:
        observer.phase_begun(phase, epochs=preset.training.epochs if epochs is None else epochs)
    try:
        history = trainer.fit(observer)
    except SafetensorError as error:  # the checkpoint of the epoch before is still there
        raise CheckpointError(f"{checkpoint}: cannot be written: {error}") from error
    return TrainedLearner(learner.eval(), history)


def restore_learner(data: PreparedData, weights: Mapping[str, Tensor]) -> AnyLearner:
    """A learner that `train_learner` trained on the same data, from its weights; in evaluation mode."""
    learner = _untrained_learner(data)
    learner.load_state_dict(weights)
    return learner.eval()


def train_choices(
    data: PreparedData,
    *,
    phase: str = RESEARCH_MODEL,
    rounds: int | None = None,
    observer: TrainingObserver | None = None,
    workers: Workers = ALONE,
) -> tuple[ChoiceModel, list[RoundResult]]:
    """Train the preset's choice model; the model in evaluation mode, and the result of every round.

    Args:
        data: What to train on, and how.
        phase: What the model is for; the observer shows it.
        rounds: How many rounds to train. None for as many as are best for the validation users.
        observer: Shows progress.
        workers: The processes that train together. All of them call this in the same way.
    """
    dataset, preset, split = data.dataset, data.preset, data.split
    torch.manual_seed(preset.training.seed)
    model = untrained_choice_model(data)
    held_out = (split.states == State.WARM) & split.validation_users[dataset.ratings.users]
    trainer = ChoiceTrainer(
        model,
        ChoiceData(
            dataset=dataset,
            training=split.training,
            validation=held_out if rounds is None else None,
            encoded=data.encoded,
            user_encoder=data.encoders.users,
            field_dropout=preset.training.field_dropout,
            seed=preset.training.seed,
            workers=workers,
        ),
    )
    most = preset.choice.rounds if rounds is None else rounds
    if observer is None:
        history = trainer.fit(most)
    else:
        observer.phase_begun(f"choices of the {phase}", epochs=most)
        history = trainer.fit(
            most,
            batch_done=lambda number, done, all_: observer.batch_done(epoch=number, users_done=done, users_total=all_),
            round_done=observer.round_done,
        )
    return model.eval(), history


def untrained_choice_model(data: PreparedData) -> ChoiceModel:
    """The preset's choice model; initial weights come from torch's global generator."""
    return data.preset.build_choice_model(
        user_encoder=data.encoders.users, item_encoder=data.encoders.items, schema=data.dataset.schema
    ).to(data.encoded.device)


def _untrained_learner(data: PreparedData) -> AnyLearner:
    """The preset's learner, without the statistics of the training ratings."""
    values = data.dataset.ratings.values[_training_ratings(data)]
    return data.preset.build_learner(
        user_encoder=data.encoders.users,
        item_encoder=data.encoders.items,
        scale=_scale_of(data.dataset),
        mean_rating=float(values.mean(dtype=np.float64)),
    ).to(data.encoded.device)


def _training_ratings(data: PreparedData) -> NDArray[np.bool_]:
    """Bool [ratings], the training data without interactions, because a learner predicts ratings."""
    return data.split.training & data.dataset.ratings.rated


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


def _validation_batches(data: PreparedData) -> Sequence[EpisodeBatch]:
    """Fixed episodes of the validation users, drawn as in training."""
    dataset, preset, split = data.dataset, data.preset, data.split
    warm = (split.states == State.WARM) & dataset.ratings.rated
    episodes = _episodes(dataset, preset, warm & split.validation_users[dataset.ratings.users])
    generator = np.random.default_rng(preset.training.seed)
    draws = range(preset.training.validation_draws)
    return [batch for _ in draws for batch in episodes.epoch(generator, preset.training.batch_users)]
