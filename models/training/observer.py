"""The progress of a training, as those who wait for it see it."""

from models.choice.trainer import RoundResult
from models.training.epoch_result import EpochResult


class TrainingObserver:
    """Receives the progress of training. A subclass overrides the methods that it needs."""

    def phase_begun(self, phase: str, *, epochs: int) -> None:
        """A model is trained from now on, for so many epochs at most; the phase is named after it."""

    def resumed(self, *, epoch: int) -> None:
        """An interrupted training of this model goes on. `epoch` is the last one that was finished."""

    def batch_done(self, *, epoch: int, users_done: int, users_total: int) -> None:
        """A global update was made."""

    def epoch_done(self, result: EpochResult) -> None:
        """An epoch and its validation are over."""

    def round_done(self, result: RoundResult) -> None:
        """A round of the choice model and its validation are over. In this phase, a round is an epoch."""
