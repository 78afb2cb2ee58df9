"""Where the stages of a training run: in this process, or wherever another engine runs them."""

from pathlib import Path
from typing import Protocol

from models.choice.model import ChoiceModel
from models.choice.trainer import RoundResult
from models.training.observer import TrainingObserver
from models.training.stages import PreparedData, TrainedLearner, train_choices, train_learner


class TrainingEngine(Protocol):
    """Runs the two stages of a training. Arguments, results and errors are those of `models.training.stages`."""

    def train_learner(
        self,
        data: PreparedData,
        *,
        checkpoints: Path,
        phase: str,
        epochs: int | None,
        observer: TrainingObserver | None,
    ) -> TrainedLearner:
        """Meta-train the preset's learner, or continue from its checkpoint."""

    def train_choices(
        self, data: PreparedData, *, phase: str, rounds: int | None, observer: TrainingObserver | None
    ) -> tuple[ChoiceModel, list[RoundResult]]:
        """Train the preset's choice model."""


class LocalEngine:
    """Runs the stages in this process."""

    train_learner = staticmethod(train_learner)
    train_choices = staticmethod(train_choices)


LOCAL_ENGINE = LocalEngine()
