"""Several processes that train together leave the gradients of one process."""

import multiprocessing
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, distributed

from models.data.reader import read_dataset
from models.data.splits import Split, SplitConfig
from models.learners.closed_form import ClosedFormConfig
from models.learners.melu import MeLUConfig
from models.learners.reptile import ReptileConfig
from models.training.objectives.taml_inequality import TAMLInequalityConfig
from models.training.preset import Preset, TrainingConfig
from models.training.stages import PreparedData, train_choices, train_learner
from models.training.threads import compute_in_one_thread
from models.workers import ALONE, Workers
from tests.choice import SMALL_CHOICE

WORKERS = 3
"""Does not divide the 8 users of a batch, and is more than some last batch of a fold has."""

NO_STEP = 1e-30
"""A rate at which all updates start at the same weights."""

TRAINING = TrainingConfig(
    epochs=1,
    patience=1,
    batch_users=8,
    learning_rate=NO_STEP,
    field_dropout=0.1,
    empty_supports=0.2,
    new_item_batches=0.3,
    hard_tasks=1.0,
)
PRESET = Preset(
    name="melu",
    learner=MeLUConfig(hidden=(8,), steps=2, rate=0.05, prior_ratings=1.0),
    training=TRAINING,
    choice=SMALL_CHOICE.model_copy(update={"updates": 3, "updates_per_round": 3, "learning_rate": NO_STEP}),
)
PRESETS = {
    "melu": PRESET,
    "closed-form": PRESET.model_copy(update={"learner": ClosedFormConfig()}),
    "reptile": PRESET.model_copy(update={"learner": ReptileConfig(hidden=(8,), steps=2)}),
    # This objective is no mean over users.
    "taml": PRESET.model_copy(update={"objective": TAMLInequalityConfig(weight=10.0)}),
}

Figures = dict[str, Tensor]


@dataclass(frozen=True)
class Recording(Workers):
    """Keeps the gradient of every update."""

    gradients: list[Tensor] = field(default_factory=list)

    def add_up_gradients(self, parameters: Iterable[Tensor]) -> None:
        parameters = list(parameters)
        super().add_up_gradients(parameters)
        self.gradients.append(torch.cat([each.grad.flatten() for each in parameters if each.grad is not None]))


def figures_of(dataset_dir: Path, checkpoints: Path, workers: Workers) -> Figures:
    """The gradients of all updates, and the losses after them."""
    dataset, _ = read_dataset(dataset_dir)
    split = Split.of(dataset, SplitConfig())
    figures: Figures = {}
    for name, preset in PRESETS.items():
        recording = Recording(workers.rank, workers.count)
        data = PreparedData.of(dataset, preset, split)
        trained = train_learner(data, checkpoints=checkpoints / name, workers=recording)
        validation = trained.history[0].validation
        assert validation is not None
        figures[f"{name}: gradients"] = torch.cat(recording.gradients)
        figures[f"{name}: losses"] = torch.tensor([trained.history[0].training_loss, validation.loss, validation.mae])
    recording = Recording(workers.rank, workers.count)
    _, history = train_choices(PreparedData.of(dataset, PRESET, split), workers=recording)
    figures["choices: gradients"] = torch.cat(recording.gradients)
    figures["choices: losses"] = torch.tensor([history[0].training_loss, history[0].validation_loss or 0.0])
    return figures


def work(rank: int, dataset_dir: Path, directory: Path) -> None:
    """What one worker does."""
    compute_in_one_thread()
    store = f"file://{directory / 'store'}"
    distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=WORKERS)
    figures = figures_of(dataset_dir, directory / str(rank), Workers.of_process_group())
    save_file(figures, directory / f"{rank}.safetensors")
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def together(dataset_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Figures]:
    """The figures of each worker."""
    directory = tmp_path_factory.mktemp("workers")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "torch._dynamo"])  # the imports take longer than the work
    processes = [context.Process(target=work, args=(rank, dataset_dir, directory)) for rank in range(WORKERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [load_file(directory / f"{rank}.safetensors") for rank in range(WORKERS)]


@pytest.fixture(scope="module")
def alone(dataset_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Figures:
    return figures_of(dataset_dir, tmp_path_factory.mktemp("alone"), ALONE)


@pytest.mark.parametrize("name", [*PRESETS, "choices"])
def test_gradients_and_losses_of_several_workers_are_those_of_one(
    name: str, together: list[Figures], alone: Figures
) -> None:
    for figures in together:
        for kind in ("gradients", "losses"):
            expected = alone[f"{name}: {kind}"]
            assert expected.abs().max() > 1e-3
            torch.testing.assert_close(figures[f"{name}: {kind}"], expected, rtol=0, atol=1e-5)


def test_users_of_a_batch_are_shared_without_gaps() -> None:
    for users in (1, 2, 8):
        shares = [Workers(rank, WORKERS).share_of(users) for rank in range(WORKERS)]
        rows = np.concatenate([share.rows for share in shares if share.counts])
        assert sorted(rows.tolist()) == list(range(users))
        assert all(len(share.rows) for share in shares)


def test_one_process_computes_whole_batches() -> None:
    share = ALONE.share_of(5)
    values = torch.rand(5)
    assert values[share.rows].data_ptr() == values.data_ptr()
    assert share.of_all(values) is values
