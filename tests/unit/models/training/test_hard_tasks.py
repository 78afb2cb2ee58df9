from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from models.data.dataset import Dataset
from models.train import train
from models.training.epoch_result import EpochResult
from models.training.hard_tasks import HardTasks
from models.training.observer import TrainingObserver
from models.training.preset import Preset

USERS = np.array([3, 5, 8, 9])


def test_first_epoch_draws_every_user_once() -> None:
    assert HardTasks(USERS, 2.0).draw(np.random.default_rng(0)).tolist() == USERS.tolist()


def test_users_are_drawn_in_proportion_to_the_power_of_their_loss() -> None:
    hard = HardTasks(USERS, 2.0)
    hard.record(USERS, np.array([1.0, 2.0, 3.0, 0.0]))
    generator = np.random.default_rng(0)
    epochs = 2000
    counts = Counter(user for _ in range(epochs) for user in hard.draw(generator).tolist())
    expected = 4 * np.array([1, 4, 9, 0]) / 14
    np.testing.assert_allclose([counts[user] / epochs for user in USERS.tolist()], expected, atol=0.05)


def test_draws_of_an_epoch_are_the_expected_ones_rounded() -> None:
    hard = HardTasks(USERS, 1.0)
    hard.record(USERS, np.array([1.0, 2.0, 3.0, 4.0]))
    for seed in range(20):
        drawn = hard.draw(np.random.default_rng(seed)).tolist()
        assert len(drawn) == 4
        assert [drawn.count(user) for user in USERS.tolist()] == pytest.approx([0.4, 0.8, 1.2, 1.6], abs=1)


def test_running_mean_moves_towards_the_mean_of_an_epochs_losses() -> None:
    hard = HardTasks(USERS, 1.0)
    hard.record(np.array([3, 5]), np.array([1.0, 2.0]))
    np.testing.assert_array_equal(hard.losses, [1.0, 2.0, np.nan, np.nan])
    hard.record(np.array([5, 8, 5]), np.array([3.0, 7.0, 5.0]))
    np.testing.assert_allclose(hard.losses, [1.0, 2.0 + 0.3 * 2.0, 7.0, np.nan])


def test_users_without_loss_are_drawn_like_the_average() -> None:
    hard = HardTasks(USERS, 1.0)
    hard.record(np.array([3, 5]), np.array([1.0, 3.0]))
    drawn = [hard.draw(np.random.default_rng(seed)).tolist() for seed in range(400)]
    assert np.mean([epoch.count(8) for epoch in drawn]) == pytest.approx(1.0, abs=0.1)


def test_draws_when_all_losses_are_0_are_every_user_once() -> None:
    hard = HardTasks(USERS, 1.0)
    hard.record(USERS, np.zeros(4))
    assert hard.draw(np.random.default_rng(0)).tolist() == USERS.tolist()


class Interrupted(Exception):  # noqa: N818 - it is no error
    """The training was interrupted, as by Ctrl-C."""


class InterruptAfter(TrainingObserver):
    """Interrupts training after an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def epoch_done(self, result: EpochResult) -> None:
        if result.epoch == self.epoch:
            raise Interrupted


def test_resumed_training_with_hard_tasks_gives_the_same_weights(
    two_tastes: Dataset, tiny_preset: Preset, tmp_path: Path
) -> None:
    def weights(name: str, power: float = 3.0, observer: TrainingObserver | None = None) -> Mapping[str, torch.Tensor]:
        changes = {"hard_tasks": power, "epochs": 3, "patience": 3}
        preset = tiny_preset.model_copy(update={"training": tiny_preset.training.model_copy(update=changes)})
        output = tmp_path / name
        model = train(two_tastes, preset, output, data_path=None, research_only=True, observer=observer)
        return model.learner.state_dict()

    at_once = weights("at-once")
    with pytest.raises(Interrupted):
        weights("resumed", observer=InterruptAfter(2))
    torch.testing.assert_close(weights("resumed"), at_once, rtol=0, atol=0)
    without = weights("without", power=0.0)
    assert any(not torch.equal(value, at_once[name]) for name, value in without.items())
