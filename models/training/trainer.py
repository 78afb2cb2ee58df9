"""The meta-trainer: global updates from batches of episodes, with early stopping and resumable checkpoints."""

import copy
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.data.episodes import EpisodeBatch
from models.data.rating_scale import RatingScale
from models.data.training_episodes import TrainingEpisodes
from models.data.user_folds import fold_of
from models.fields import InputLayer
from models.inputs.collaborative_inputs import OutOfFold
from models.inputs.encoder import FeatureEncoder
from models.learners.base import AnyLearner, OuterBatch
from models.learners.episode_predictions import (
    EncodedData,
    EpisodeTensors,
    FieldDropout,
    embed_episodes,
    predict_episodes,
)
from models.metrics import MAE, MEASURES, PredictedRatings
from models.training.checkpoint import Checkpoint
from models.training.device_episodes import DeviceEpisodes
from models.training.epoch_result import EpochResult, Validation, best_epoch
from models.training.hard_tasks import HardTasks
from models.training.observer import TrainingObserver
from models.training.preset import MeanOver, Preset, PresetError, TrainingConfig
from models.training.shared_episodes import SharedEpisodes
from models.workers import ALONE, Share, Workers


@dataclass(frozen=True)
class TrainingData:
    """What the trainer learns from.

    Attributes:
        encoded: Users and items.
        episodes: Draws the training episodes.
        validation: Fixed episodes of held-out users; None if no users are held out.
        user_encoder: Encoded the users.
        item_encoder: Encoded the items.
        scale: The rating scale.
    """

    encoded: EncodedData
    episodes: TrainingEpisodes
    validation: Sequence[EpisodeBatch] | None
    user_encoder: FeatureEncoder
    item_encoder: FeatureEncoder
    scale: RatingScale


class Trainer:
    """Meta-trains a learner; leaves it with the weights of the best epoch."""

    def __init__(
        self,
        learner: AnyLearner,
        data: TrainingData,
        preset: Preset,
        *,
        epochs: int | None = None,
        checkpoint_directory: Path | None = None,
        identity: Mapping[str, Any] | None = None,
        workers: Workers = ALONE,
    ) -> None:
        """Prepare training.

        Args:
            learner: Trained in place, on the device it is on.
            data: What to learn from.
            preset: The objective, and how to train.
            epochs: How many epochs to train at most; by default the preset's number, along which the learning rate
                falls in any case.
            checkpoint_directory: Where to write a checkpoint after every epoch, and to go on from the one that is
                there. An interrupted and resumed training gives the same weights as an uninterrupted one.
            identity: What the training depends on besides the preset, as JSON. A checkpoint of another is refused.
            workers: The processes that train together. All of them prepare and fit in the same way, and each writes
                its own checkpoints.
        """
        self._learner = learner
        self._data = data
        self._preset = preset
        self._config = config = preset.training
        self._epochs = config.epochs if epochs is None else epochs
        self._checkpoint_directory = checkpoint_directory
        self._workers = workers
        self._identity = {
            **(identity or {}),
            "preset": preset.model_dump(mode="json"),
            "number of epochs": self._epochs,
        }
        self._optimizer = torch.optim.AdamW(_parameter_groups(learner, config), lr=config.learning_rate, fused=True)
        self._schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self._optimizer, T_max=config.epochs)
        device = data.encoded.device
        self._device_episodes = DeviceEpisodes(data.episodes, data.encoded) if device.type == "cuda" else None
        self._hard_tasks = HardTasks(data.episodes.users, config.hard_tasks) if config.hard_tasks else None
        self._history: list[EpochResult] = []
        workers.agree(tensor for tensor in learner.state_dict().values() if tensor.is_floating_point())
        self._best_weights = _copy_of_weights(learner)

    def fit(self, observer: TrainingObserver | None = None) -> list[EpochResult]:
        """Train until the stopping measure no longer improves or the epochs are used up.

        Without validation users, all epochs are trained.

        Returns:
            The result of every epoch.

        Raises:
            PresetError: The objective needs a distribution that the learner does not predict, or the stopping measure
                is undefined for all validation users.
        """
        self._require_a_distribution()
        if self._checkpoint_directory is not None and Checkpoint.exists(self._checkpoint_directory):
            self._resume(Checkpoint.load(self._checkpoint_directory))
            if observer is not None:
                observer.resumed(epoch=len(self._history))
        while not self._is_finished():
            epoch = len(self._history) + 1
            result = self._train_epoch(epoch, observer)
            self._history.append(result)
            if self._best_epoch() is result:
                self._best_weights = _copy_of_weights(self._learner)
            if self._checkpoint_directory is not None:
                self._checkpoint().save(self._checkpoint_directory)
            if observer is not None:
                observer.epoch_done(result)
        self._learner.load_state_dict(self._best_weights)
        return list(self._history)

    def _require_a_distribution(self) -> None:
        """Refuse a learner without a predicted distribution before training, if the objective needs one.

        Raises:
            PresetError: The learner predicts none.
        """
        if not self._preset.objective.needs_distribution:
            return
        batch = next(self._data.episodes.epoch(np.random.default_rng(0), self._config.batch_users))
        with torch.no_grad():
            predictions = predict_episodes(self._learner, self._data.encoded, batch)
        if predictions.distribution is None:
            raise PresetError(
                "objective: its entropies need a learner that predicts a distribution over the ratings; "
                'use the head "ordinal", or another objective'
            )

    def _is_finished(self) -> bool:
        if not self._history:
            return False
        since_best = len(self._history) - self._best_epoch().epoch
        return since_best >= self._config.patience or len(self._history) >= self._epochs

    def _train_epoch(self, epoch: int, observer: TrainingObserver | None) -> EpochResult:
        # Each epoch draws from its own seeds, so that resuming needs no state of a generator.
        generator = np.random.default_rng([self._config.seed, epoch])
        hard_tasks = self._hard_tasks
        drawn = None if hard_tasks is None else hard_tasks.draw(generator)
        dropout = FieldDropout(
            self._data.user_encoder,
            self._data.item_encoder,
            self._config.field_dropout,
            self._preset.inputs.collaborative is not None,
            self._torch_generator(generator),
        )
        started, processor_started = time.perf_counter(), time.process_time()
        losses: list[Tensor] = []
        user_losses: list[Tensor] = []
        users: list[Tensor] = []
        users_done, users_total = 0, len(self._data.episodes.users)
        self._learner.train()
        for fold, batch in self._batches(generator, drawn):
            episodes = self._embed(fold, batch, dropout, generator)
            if hard_tasks is not None:
                with torch.no_grad():
                    user_losses.append(episodes.query_losses())
                users.append(batch.users)
            losses.append(self._outer_update(episodes))
            users_done += len(batch.users)
            if observer is not None:
                observer.batch_done(epoch=epoch, users_done=users_done, users_total=users_total)
        self._schedule.step()
        if hard_tasks is not None:
            hard_tasks.record(torch.cat(users).cpu().numpy(), torch.cat(user_losses).cpu().numpy())
        seconds, processor_seconds = time.perf_counter() - started, time.process_time() - processor_started
        validation = None if self._data.validation is None else self._validate(self._data.validation)
        return EpochResult(
            epoch=epoch,
            training_loss=float(torch.stack(losses).mean()),
            validation=validation,
            seconds=seconds,
            processor_seconds=processor_seconds,
            users=users_done,
        )

    def _batches(
        self, generator: np.random.Generator, users: NDArray[np.int64] | None
    ) -> Iterator[tuple[int, EpisodeTensors]]:
        """The batches of an epoch, each with the fold of its users. On a GPU they are drawn there."""
        config = self._config
        if self._device_episodes is not None:
            yield from self._device_episodes.epoch(
                generator,
                self._torch_generator(generator),
                config.batch_users,
                users,
                empty_supports=config.empty_supports,
            )
            return
        for batch in self._data.episodes.epoch(generator, config.batch_users, users):
            kept = self._without_some_supports(batch, generator)
            yield int(fold_of(batch.users[0])), EpisodeTensors.of(kept, self._data.encoded)

    def _torch_generator(self, generator: np.random.Generator) -> torch.Generator:
        """A generator on the device of the training, whose seed another one draws."""
        return torch.Generator(self._data.encoded.device).manual_seed(int(generator.integers(2**63)))

    def _without_some_supports(self, batch: EpisodeBatch, generator: np.random.Generator) -> EpisodeBatch:
        kept = generator.random(len(batch.users)) >= self._config.empty_supports
        return replace(batch, support_mask=batch.support_mask & kept[:, None])

    def _embed(
        self, fold: int, batch: EpisodeTensors, dropout: FieldDropout, generator: np.random.Generator
    ) -> OuterBatch:
        out_of_fold = OutOfFold(
            fold=fold,
            as_new=generator.random() < self._config.new_item_batches,
            generator=dropout.generator,
        )
        episodes = embed_episodes(
            self._learner,
            self._data.encoded,
            batch,
            weights=self._weights(batch.query_mask),
            dropout=dropout,
            out_of_fold=out_of_fold,
        )
        if self._workers.is_alone:
            return episodes
        return SharedEpisodes.of(episodes, batch.support_sizes, self._workers.share_of(len(batch.users)))

    def _outer_update(self, episodes: OuterBatch) -> Tensor:
        self._optimizer.zero_grad()
        loss = self._learner.outer_update(episodes, self._preset.objective.loss)
        self._workers.add_up_gradients(self._learner.parameters())
        self._optimizer.step()
        return loss

    def _best_epoch(self) -> EpochResult:
        return best_epoch(self._history, self._config.stopping_direction)

    def _validate(self, batches: Sequence[EpisodeBatch]) -> Validation:
        stopping_measure = MEASURES.get(self._config.stopping_measure)
        self._learner.eval()
        losses, errors, weights, stopping_values = [], [], [], []
        with torch.no_grad():
            for batch in batches:
                share = self._workers.share_of(len(batch.users))
                own = batch.take(share.rows)
                episodes = embed_episodes(self._learner, self._data.encoded, own)
                adapted = episodes.adapt()
                losses.append(share.of_all(adapted.query_losses(episodes.query_ratings, episodes.query_mask)).cpu())
                predicted = PredictedRatings.of(adapted.predictions(), self._data.scale)
                errors.append(self._of_all(share, MAE.per_user(predicted, own.query_ratings, own.query_mask)))
                weights.append(self._weights(torch.from_numpy(batch.query_mask)))
                if stopping_measure is not None:
                    values = stopping_measure.per_user(predicted, own.query_ratings, own.query_mask)
                    stopping_values.append(self._of_all(share, values))
        loss = float(np.average(torch.cat(losses).numpy(), weights=torch.cat(weights).numpy()))
        stopping_value = loss
        if stopping_measure is not None:
            stopping_value = float(stopping_measure.average(np.concatenate(stopping_values)))
            if np.isnan(stopping_value):
                raise PresetError(
                    f"training.stopping_measure: {stopping_measure.name} is undefined for all validation users"
                )
        return Validation(loss=loss, mae=float(np.concatenate(errors).mean()), stopping_value=stopping_value)

    def _of_all(self, share: Share, own: NDArray[np.float64]) -> NDArray[np.float64]:
        """The values of all users of a batch, from those of this worker's share."""
        return np.asarray(share.of_all(self._data.encoded.tensor(own)).cpu().numpy())

    def _weights(self, query_mask: Tensor) -> Tensor:
        """How much each user's mean query loss counts; float32 [B]."""
        counts = query_mask.sum(dim=1).float()
        return torch.ones_like(counts) if self._config.mean_over is MeanOver.USERS else counts

    def _checkpoint(self) -> Checkpoint:
        return Checkpoint(
            identity=self._identity,
            weights=self._learner.state_dict(),
            best_weights=self._best_weights,
            optimizer=self._optimizer.state_dict(),
            schedule=self._schedule.state_dict(),
            history=[result.model_dump() for result in self._history],
            user_losses=None if self._hard_tasks is None else torch.from_numpy(self._hard_tasks.losses),
        )

    def _resume(self, checkpoint: Checkpoint) -> None:
        checkpoint.require_identity(self._identity)
        self._learner.load_state_dict(checkpoint.weights)
        self._best_weights = checkpoint.best_weights
        self._optimizer.load_state_dict(checkpoint.optimizer)
        self._schedule.load_state_dict(checkpoint.schedule)
        if self._hard_tasks is not None and checkpoint.user_losses is not None:
            self._hard_tasks.losses = checkpoint.user_losses.numpy()
        self._history = [EpochResult.model_validate(result) for result in checkpoint.history]


def _copy_of_weights(learner: nn.Module) -> dict[str, Tensor]:
    return copy.deepcopy(learner.state_dict())


def _parameter_groups(learner: nn.Module, config: TrainingConfig) -> list[dict[str, object]]:
    """Parameters with and without weight decay: only the fields' input layers are drawn towards 0."""
    layers = [module for module in learner.modules() if isinstance(module, InputLayer)]
    embeddings = {id(parameter) for layer in layers for parameter in layer.parameters()}
    trained = [parameter for parameter in learner.parameters() if parameter.requires_grad]
    return [
        {
            "params": [parameter for parameter in trained if id(parameter) in embeddings],
            "weight_decay": config.weight_decay,
        },
        {
            "params": [parameter for parameter in trained if id(parameter) not in embeddings],
            "weight_decay": 0.0,
        },
    ]
