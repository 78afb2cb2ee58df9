"""What an epoch of a training did, and which epoch is the best."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from models.metrics import Direction


class Validation(BaseModel):
    """What an epoch was like for the validation users.

    Attributes:
        loss: Their mean query loss.
        mae: Their mean absolute error.
        stopping_value: Their value of the stopping measure, by which the best epoch is chosen.
    """

    model_config = ConfigDict(frozen=True)

    loss: float
    mae: float
    stopping_value: float


class EpochResult(BaseModel):
    """What one epoch did.

    Attributes:
        epoch: Counted from 1.
        training_loss: Mean query loss of the epoch's batches.
        validation: The figures of the validation users after the epoch; None if no users are held out.
        seconds: How long training took, validation left out.
        processor_seconds: The processor time of it, over all threads; 0 in a checkpoint of a version that had none.
        users: Episodes trained on.
    """

    model_config = ConfigDict(frozen=True)

    epoch: int
    training_loss: float
    validation: Validation | None
    seconds: float
    processor_seconds: float = 0.0
    users: int


def best_epoch(history: Sequence[EpochResult], direction: Direction) -> EpochResult:
    """The epoch whose weights training ends with: the one with the best stopping value, the last of equals.

    Without validation users that is the last epoch.

    Args:
        history: The result of every epoch.
        direction: Which stopping values are better.
    """

    def order(result: EpochResult) -> tuple[float, int]:
        value = 0.0 if result.validation is None else direction.sign * result.validation.stopping_value
        return value, -result.epoch

    return min(history, key=order)
