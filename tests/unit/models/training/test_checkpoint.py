import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from models.training.checkpoint import Checkpoint, CheckpointError

IDENTITY = {"preset": {"steps": 1}, "data set": "abc"}


def checkpoint_after(epochs: int) -> Checkpoint:
    """The checkpoint of a small training after some epochs."""
    torch.manual_seed(0)
    layer = nn.Linear(2, 1)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)
    for _ in range(epochs):
        layer(torch.ones(1, 2)).sum().backward()
        optimizer.step()
        schedule.step()
    return Checkpoint(
        identity=IDENTITY,
        weights={name: value.detach().clone() for name, value in layer.state_dict().items()},
        best_weights={name: torch.full_like(value, epochs) for name, value in layer.state_dict().items()},
        optimizer=optimizer.state_dict(),
        schedule=schedule.state_dict(),
        history=[{"epoch": epoch, "validation_mae": 1 / epoch} for epoch in range(1, epochs + 1)],
    )


def require_equal(actual: Checkpoint, expected: Checkpoint) -> None:
    torch.testing.assert_close(actual.weights, expected.weights, rtol=0, atol=0)
    torch.testing.assert_close(actual.best_weights, expected.best_weights, rtol=0, atol=0)
    torch.testing.assert_close(actual.optimizer["state"], expected.optimizer["state"], rtol=0, atol=0)
    # JSON has no tuples.
    assert without_tuples(actual.optimizer["param_groups"]) == without_tuples(expected.optimizer["param_groups"])
    assert actual.schedule == expected.schedule
    assert actual.history == expected.history
    assert actual.identity == expected.identity


def without_tuples(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {name: list(value) if isinstance(value, tuple) else value for name, value in group.items()} for group in groups
    ]


class TestRoundTrip:
    def test_loaded_checkpoint_equals_the_saved_one(self, tmp_path: Path) -> None:
        checkpoint_after(3).save(tmp_path / "new" / "directory")
        require_equal(Checkpoint.load(tmp_path / "new" / "directory"), checkpoint_after(3))

    def test_later_checkpoint_replaces_the_earlier_one(self, tmp_path: Path) -> None:
        for epochs in (1, 2):
            checkpoint_after(epochs).save(tmp_path)
        require_equal(Checkpoint.load(tmp_path), checkpoint_after(2))
        assert len(list(tmp_path.glob("*.safetensors"))) == 1

    def test_optimizer_loads_the_state_of_a_checkpoint(self, tmp_path: Path) -> None:
        checkpoint_after(2).save(tmp_path)
        layer = nn.Linear(2, 1)
        optimizer = torch.optim.AdamW(layer.parameters(), lr=0.5)
        optimizer.load_state_dict(Checkpoint.load(tmp_path).optimizer)
        expected = checkpoint_after(2).optimizer
        torch.testing.assert_close(optimizer.state_dict()["state"], expected["state"], rtol=0, atol=0)
        assert optimizer.param_groups[0]["lr"] == expected["param_groups"][0]["lr"]

    def test_checkpoint_exists_after_saving_until_it_is_removed(self, tmp_path: Path) -> None:
        directory = tmp_path / "checkpoint"
        seen = [Checkpoint.exists(directory)]
        checkpoint_after(1).save(directory)
        seen.append(Checkpoint.exists(directory))
        Checkpoint.remove(directory)
        assert [*seen, Checkpoint.exists(directory), directory.exists()] == [False, True, False, False]


class TestKilledWhileSaving:
    def test_first_checkpoint_without_its_state_file_does_not_exist(self, tmp_path: Path) -> None:
        checkpoint_after(1).save(tmp_path / "whole")
        (tmp_path / "half").mkdir()
        for tensors in (tmp_path / "whole").glob("*.safetensors"):
            shutil.copy(tensors, tmp_path / "half")
        assert not Checkpoint.exists(tmp_path / "half")

    def test_save_killed_before_the_state_file_leaves_the_earlier_checkpoint(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        checkpoint_after(1).save(tmp_path)
        self.save_until_killed(checkpoint_after(2), tmp_path, monkeypatch, "replace")
        require_equal(Checkpoint.load(tmp_path), checkpoint_after(1))

    def test_save_killed_before_removing_the_earlier_leaves_the_later_checkpoint(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        checkpoint_after(1).save(tmp_path)
        self.save_until_killed(checkpoint_after(2), tmp_path, monkeypatch, "unlink")
        require_equal(Checkpoint.load(tmp_path), checkpoint_after(2))

    def test_half_written_files_of_a_later_epoch_are_ignored(self, tmp_path: Path) -> None:
        checkpoint_after(1).save(tmp_path)
        (tmp_path / "2-checkpoint.safetensors").write_bytes(b"half")
        (tmp_path / "checkpoint.json.new").write_text('{"epochs": 2,', encoding="utf-8")
        require_equal(Checkpoint.load(tmp_path), checkpoint_after(1))
        checkpoint_after(2).save(tmp_path)
        require_equal(Checkpoint.load(tmp_path), checkpoint_after(2))

    @staticmethod
    def save_until_killed(
        checkpoint: Checkpoint,
        directory: Path,
        monkeypatch: pytest.MonkeyPatch,
        step: str,
    ) -> None:
        """Save, but stop at the first call of this method of `Path`."""

        def kill(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(Path, step, kill)
            with pytest.raises(KeyboardInterrupt):
                checkpoint.save(directory)


class TestIdentity:
    def test_checkpoint_of_the_same_identity_is_accepted(self) -> None:
        checkpoint_after(1).require_identity(dict(IDENTITY))

    @pytest.mark.parametrize(
        ("other", "name"),
        [
            ({**IDENTITY, "preset": {"steps": 2}}, "preset"),
            ({**IDENTITY, "data set": "xyz"}, "data set"),
            ({**IDENTITY, "split": 1}, "split"),
        ],
    )
    def test_checkpoint_of_another_identity_error_names_the_difference(self, other: dict[str, Any], name: str) -> None:
        with pytest.raises(CheckpointError, match=f"another {name}"):
            checkpoint_after(1).require_identity(other)
