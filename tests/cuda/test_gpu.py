"""What needs a GPU: it computes what the CPU computes, and a training step neither waits for it nor copies to it.

`python -m benchmarks.gpu` runs these tests without the fixtures of the other tests.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.gpu.bench import Bench
from benchmarks.gpu.equality import differences
from models.data.dataset import Dataset, State
from models.data.splits import Split, SplitConfig
from models.training.preset import Preset, load_preset
from models.training.stages import PreparedData, train_learner
from tests.unit.models.tiny_data import tiny_dataset

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU"),
]
GPU = torch.device("cuda")


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """60 users have rated 20 of 40 items each, and like every other item."""
    generator = np.random.default_rng(0)
    ratings = [
        (user, int(item), 5.0 if (user + item) % 2 else 1.0)
        for user in range(60)
        for item in generator.permutation(40)[:20]
    ]
    return tiny_dataset(ratings, users=60, items=40, states=[State.WARM] * len(ratings))


@pytest.fixture(params=["coldstart", "melu"])
def preset(request: pytest.FixtureRequest) -> Preset:
    return load_preset(request.param)


def test_gpu_computes_what_the_cpu_computes(dataset: Dataset, preset: Preset) -> None:
    found = differences(Bench.of(dataset, preset, GPU))
    assert max(found["losses"], found["gradients"], found["scores"]) < 1e-3


def test_a_training_step_never_waits(dataset: Dataset, preset: Preset) -> None:
    bench = Bench.of(dataset, preset, GPU)
    optimizer = bench.optimizer()
    batches = bench.batches(8, 8)
    bench.update(optimizer, next(batches))
    torch.cuda.set_sync_debug_mode("error")
    try:
        for batch in batches:
            bench.update(optimizer, batch)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_training_lowers_the_loss(dataset: Dataset, preset: Preset, tmp_path: Path) -> None:
    data = PreparedData.of(dataset, preset, Split.of(dataset, SplitConfig()), device="cuda")
    history = train_learner(data, checkpoints=tmp_path, epochs=5).history
    assert history[-1].training_loss < history[0].training_loss
