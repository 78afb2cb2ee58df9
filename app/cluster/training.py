"""The stages of a training on a Ray cluster, by Ray Train: every worker computes a share of each batch of users.

https://docs.ray.io/en/latest/train/getting-started-pytorch.html shows the pieces. Ray Train starts the workers, makes
their process group, and starts them again from the last checkpoint when one of them or its node is lost. Gradients are
not averaged by DistributedDataParallel but added up (`models.workers`), so that they are those of one process.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import torch
from numpy.typing import NDArray
from ray import train
from ray.train.torch import TorchTrainer, get_device
from ray.util.queue import Queue
from torch import Tensor

from app.cluster.connection import needs_gpu, processors
from app.cluster.messages import messages_to
from models.choice.model import ChoiceModel
from models.choice.trainer import RoundResult
from models.data.dataset import Dataset
from models.data.splits import Split
from models.training.checkpoint import CheckpointError
from models.training.epoch_result import EpochResult
from models.training.observer import TrainingObserver
from models.training.preset import Preset, PresetError
from models.training.stages import (
    PreparedData,
    TrainedLearner,
    restore_learner,
    train_choices,
    train_learner,
    untrained_choice_model,
)
from models.training.threads import compute_in_one_thread
from models.workers import Workers

_FAILURES = 10
"""How many lost workers a stage survives. A worker that fails by itself fails each time."""

_CHECKPOINTS = 2
"""How many checkpoints are kept: the last one, and the one before, while a worker may still read it."""

_TELL_SECONDS = 0.5
"""How often a worker tells the progress within an epoch."""

Weights = dict[str, NDArray[Any]]
"""A state dict as arrays: Ray Train returns no tensors, which may be on a device that the command does not have."""


@dataclass(frozen=True)
class RayTraining:
    """A `TrainingEngine` on the cluster that this process is connected to.

    Attributes:
        storage: Directory for the state of unfinished runs. All machines of the cluster must see it.
        workers: The most workers; None for one a processor, as far as a batch has users. If a node is lost, the others
            go on with fewer.
    """

    storage: Path
    workers: int | None = None

    def train_learner(
        self,
        data: PreparedData,
        *,
        checkpoints: Path,  # noqa: ARG002 - the storage has them
        phase: str,
        epochs: int | None,
        observer: TrainingObserver | None,
    ) -> TrainedLearner:
        """Meta-train the preset's learner, or continue from its last checkpoint in the storage."""
        weights, history = self._run(_learner, data, phase, epochs, observer, data.preset.training.batch_users)
        return TrainedLearner(restore_learner(data, _tensors(weights)), history)

    def train_choices(
        self, data: PreparedData, *, phase: str, rounds: int | None, observer: TrainingObserver | None
    ) -> tuple[ChoiceModel, list[RoundResult]]:
        """Train the preset's choice model. If a worker is lost, this starts again: it has no checkpoints."""
        weights, history = self._run(_choices, data, phase, rounds, observer, data.preset.choice.batch_users)
        model = untrained_choice_model(data)
        model.load_state_dict(_tensors(weights))
        return model.eval(), history

    def _run(
        self,
        stage: "Callable[[_Stage], tuple[Weights, list[Any]]]",
        data: PreparedData,
        phase: str,
        epochs: int | None,
        observer: TrainingObserver | None,
        batch_users: int,
    ) -> tuple[Weights, list[Any]]:
        device = data.encoded.device.type
        most = self.workers or min(processors(device), batch_users)
        told = _Told(observer or TrainingObserver())
        with messages_to(told) as messages:
            work = _Stage(ray.put((data.dataset, data.split)), data.preset, phase, epochs, messages)
            result = TorchTrainer(
                _work,
                train_loop_config={"stage": stage, "work": work},
                scaling_config=train.ScalingConfig(num_workers=(1, most), use_gpu=needs_gpu(device)),
                run_config=train.RunConfig(
                    name=f"{phase}-{stage.__name__.strip('_')}".replace(" ", "-"),
                    storage_path=str(self.storage),
                    failure_config=train.FailureConfig(max_failures=_FAILURES),
                    checkpoint_config=train.CheckpointConfig(num_to_keep=_CHECKPOINTS),
                    logging_config=train.LoggingConfig(log_level="ERROR"),
                ),
            ).fit()
        if isinstance(result.return_value, (PresetError, CheckpointError)):
            raise result.return_value
        weights, history = result.return_value
        return weights, history


@dataclass(frozen=True)
class _Stage:
    """What the workers of a stage do.

    Attributes:
        data: A reference to the data set and its split.
        preset: What to train, and how.
        phase: What the model is for.
        epochs: How many epochs or rounds to train; None for as many as are best for the validation users.
        messages: Where the first worker tells its progress.
    """

    data: ray.ObjectRef
    preset: Preset
    phase: str
    epochs: int | None
    messages: Queue

    def prepared(self) -> PreparedData:
        """The data on this worker's device."""
        dataset: Dataset
        split: Split
        dataset, split = ray.get(self.data)
        return PreparedData.of(dataset, self.preset, split, device=str(get_device()))


def _work(config: dict[str, Any]) -> Any:  # noqa: ANN401 - weights and history, or an error that no retry changes
    """What every worker does."""
    compute_in_one_thread()
    stage, work = config["stage"], config["work"]
    try:
        return stage(work)
    except (PresetError, CheckpointError) as error:
        return error


def _learner(work: _Stage) -> tuple[Weights, list[EpochResult]]:
    workers = Workers.of_process_group()
    with tempfile.TemporaryDirectory() as temporary:
        checkpoints = Path(temporary)
        own = checkpoints / work.phase.replace(" ", "-")
        if former := train.get_checkpoint():
            with former.as_directory() as directory:
                shutil.copytree(directory, own)
        trained = train_learner(
            work.prepared(),
            checkpoints=checkpoints,
            phase=work.phase,
            epochs=work.epochs,
            observer=_Reporter(work.messages, workers, own),
            workers=workers,
        )
    return _arrays(trained.learner.state_dict()), trained.history


def _choices(work: _Stage) -> tuple[Weights, list[RoundResult]]:
    workers = Workers.of_process_group()
    model, history = train_choices(
        work.prepared(),
        phase=work.phase,
        rounds=work.epochs,
        observer=_Reporter(work.messages, workers, None),
        workers=workers,
    )
    return _arrays(model.state_dict()), history


def _arrays(weights: Mapping[str, Tensor]) -> Weights:
    return {name: values.cpu().numpy() for name, values in weights.items()}


def _tensors(weights: Weights) -> dict[str, Tensor]:
    # Copies, because arrays that come from Ray cannot be written.
    return {name: torch.from_numpy(values.copy()) for name, values in weights.items()}


class _Reporter(TrainingObserver):
    """Tells the command the progress of the first worker, and gives Ray Train its checkpoints."""

    def __init__(self, messages: Queue, workers: Workers, checkpoint: Path | None) -> None:
        self._messages = messages
        self._is_first = workers.rank == 0
        self._checkpoint = checkpoint
        self._told_at = 0.0

    def phase_begun(self, phase: str, *, epochs: int) -> None:
        self._tell("phase_begun", phase, epochs=epochs)

    def resumed(self, *, epoch: int) -> None:
        self._tell("resumed", epoch=epoch)

    def batch_done(self, *, epoch: int, users_done: int, users_total: int) -> None:
        now = time.monotonic()
        if now - self._told_at >= _TELL_SECONDS or users_done == users_total:
            self._told_at = now
            self._tell("batch_done", epoch=epoch, users_done=users_done, users_total=users_total)

    def epoch_done(self, result: EpochResult) -> None:
        self._tell("epoch_done", result)
        # All workers have to report, and wait for each other.
        checkpoint = train.Checkpoint.from_directory(str(self._checkpoint)) if self._is_first else None
        train.report({"epoch": result.epoch, "training_loss": result.training_loss}, checkpoint=checkpoint)

    def round_done(self, result: RoundResult) -> None:
        self._tell("round_done", result)

    def _tell(self, method: str, *values: object, **named: object) -> None:
        if self._is_first:
            self._messages.put((method, values, named))


class _Told:
    """Passes on what the first worker tells."""

    def __init__(self, observer: TrainingObserver) -> None:
        self._observer = observer

    def __call__(self, message: tuple[str, tuple[Any, ...], dict[str, Any]]) -> None:
        method, values, named = message
        getattr(self._observer, method)(*values, **named)
