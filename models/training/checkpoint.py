"""An interrupted training on disk: tensors as safetensors, all else as JSON; nothing is pickled."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

_TENSORS = "checkpoint.safetensors"
_STATE = "checkpoint.json"
_USER_LOSSES = "user_losses"


class CheckpointError(ValueError):
    """A checkpoint belongs to another training."""


@dataclass(frozen=True)
class Checkpoint:
    """Everything that training goes on from.

    Attributes:
        identity: What the training depends on, by name: it only goes on with the same.
        weights: The learner's current weights.
        best_weights: Its weights after the best epoch so far.
        optimizer: The optimizer's state dict.
        schedule: The learning rate schedule's state dict.
        history: The results of the epochs so far.
        user_losses: float64 [users], the running mean query losses of hard-task sampling; None without it.
    """

    identity: dict[str, Any]
    weights: dict[str, Tensor]
    best_weights: dict[str, Tensor]
    optimizer: dict[str, Any]
    schedule: dict[str, Any]
    history: list[dict[str, Any]]
    user_losses: Tensor | None = None

    @staticmethod
    def exists(directory: Path) -> bool:
        """Whether there is a checkpoint in a directory."""
        return (directory / _STATE).exists()

    @staticmethod
    def remove(directory: Path) -> None:
        """Delete the checkpoint in a directory, once nothing is left to resume."""
        # A model of interactions has no checkpoints.
        if directory.exists():
            shutil.rmtree(directory)

    def save(self, directory: Path) -> None:
        """Write into a directory, whole or not at all: a kill leaves the former checkpoint."""
        directory.mkdir(parents=True, exist_ok=True)
        moments = {
            f"optimizer.{index}.{name}": value
            for index, slots in self.optimizer["state"].items()
            for name, value in slots.items()
        }
        tensors = {
            **{f"weights.{name}": value for name, value in self.weights.items()},
            **{f"best.{name}": value for name, value in self.best_weights.items()},
            **moments,
            **({} if self.user_losses is None else {_USER_LOSSES: self.user_losses}),
        }
        state = {
            "epochs": len(self.history),
            "identity": self.identity,
            "param_groups": self.optimizer["param_groups"],
            "schedule": self.schedule,
            "history": self.history,
        }
        # The tensors' file is named by its epoch, and the state that names it is replaced last.
        tensors_path = directory / f"{len(self.history)}-{_TENSORS}"
        save_file({name: value.contiguous() for name, value in tensors.items()}, tensors_path)
        temporary = directory / f"{_STATE}.new"
        temporary.write_text(json.dumps(state), encoding="utf-8")
        temporary.replace(directory / _STATE)
        for stale in directory.glob(f"*-{_TENSORS}"):
            if stale != tensors_path:
                stale.unlink()

    @classmethod
    def load(cls, directory: Path) -> "Checkpoint":
        """Read what `save` wrote."""
        state = json.loads((directory / _STATE).read_text(encoding="utf-8"))
        tensors = load_file(directory / f"{state['epochs']}-{_TENSORS}")
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in _under("optimizer", tensors).items():
            index, slot = name.split(".", 1)
            moments.setdefault(int(index), {})[slot] = value
        return cls(
            identity=state["identity"],
            weights=_under("weights", tensors),
            best_weights=_under("best", tensors),
            optimizer={"state": moments, "param_groups": state["param_groups"]},
            schedule=state["schedule"],
            history=state["history"],
            user_losses=tensors.get(_USER_LOSSES),
        )

    def require_identity(self, identity: dict[str, Any]) -> None:
        """Refuse to go on with anything else than it was begun with.

        Raises:
            CheckpointError: Names the first thing that differs.
        """
        for name, value in identity.items():
            if self.identity.get(name) != value:
                raise CheckpointError(
                    f"the interrupted training had another {name}: go on with the same, or remove its checkpoint"
                )


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(f"{prefix}."): value for name, value in tensors.items() if name.startswith(f"{prefix}.")}
