"""What all parts measure with: a preset's untrained models on a device, one update, and a clock that waits for it."""

import copy
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from models.choice.model import ChoiceModel
from models.data.dataset import Dataset
from models.data.splits import Split, SplitConfig
from models.data.training_episodes import TrainingEpisodes
from models.inputs.collaborative_inputs import OutOfFold
from models.learners.base import AnyLearner
from models.learners.episode_predictions import (
    EmbeddedEpisodes,
    EncodedData,
    EpisodeTensors,
    FieldDropout,
    embed_episodes,
)
from models.training.device_episodes import DeviceEpisodes
from models.training.preset import Preset, load_preset
from models.training.stages import PreparedData

Batch = tuple[int, EpisodeTensors]
"""A batch with the fold of its users."""


@dataclass(frozen=True)
class Bench:
    """A preset's untrained models and a data set on one device.

    Attributes:
        data: The data set, encoded on the device.
        learner: The rating model; its collaborative inputs are fitted.
        choice: The choice model.
        episodes: What training draws from.
        dropout: Field dropout as in training, whose generator is on the device.
    """

    data: PreparedData
    learner: AnyLearner
    choice: ChoiceModel
    episodes: TrainingEpisodes
    dropout: FieldDropout

    @classmethod
    def of(cls, dataset: Dataset, preset: Preset, device: torch.device) -> Self:
        """Build everything; the initial weights are the same on every device."""
        data = PreparedData.of(dataset, preset, Split.of(dataset, SplitConfig()), device=str(device))
        ratings = data.split.training & dataset.ratings.rated
        encoders, training = data.encoders, preset.training
        torch.manual_seed(training.seed)
        learner = preset.build_learner(
            user_encoder=encoders.users,
            item_encoder=encoders.items,
            scale=dataset.schema.rating_scale,
            mean_rating=float(dataset.ratings.values[ratings].mean(dtype=np.float64)),
        )
        choice = preset.build_choice_model(
            user_encoder=encoders.users, item_encoder=encoders.items, schema=dataset.schema
        )
        learner.to(device).fit_statistics(dataset, ratings, data.encoded.items)
        dropout = FieldDropout(
            encoders.users,
            encoders.items,
            training.field_dropout,
            keep_item_ids=preset.inputs.collaborative is not None,
            generator=torch.Generator(device).manual_seed(0),
        )
        episodes = TrainingEpisodes(dataset, ratings, max_support=training.max_support, max_query=training.max_query)
        return cls(data, learner, choice.to(device).eval(), episodes, dropout)

    @classmethod
    def of_preset(cls, dataset: Dataset, name: str, device: torch.device) -> Self:
        """The bench of a built-in preset."""
        return cls.of(dataset, load_preset(name), device)

    def on(self, device: torch.device) -> "Bench":
        """The same models and data on another device."""
        encoded = self.data.encoded
        moved_data = EncodedData(encoded.users.to(device), encoded.items.to(device), device)
        return Bench(
            replace(self.data, encoded=moved_data),
            copy.deepcopy(self.learner).to(device),
            copy.deepcopy(self.choice).to(device),
            self.episodes,
            replace(self.dropout, generator=torch.Generator(device).manual_seed(0)),
        )

    @property
    def device(self) -> torch.device:
        """Where everything is."""
        return self.data.encoded.device

    def batches(self, batch_users: int, updates: int, *, seed: int = 0) -> Iterator[Batch]:
        """At least so many batches of one epoch. Users are repeated where the data set has too few for them."""
        users = np.resize(self.episodes.users, batch_users * updates)
        generator, drawing = np.random.default_rng(seed), self.dropout.generator
        return DeviceEpisodes(self.episodes, self.data.encoded).epoch(generator, drawing, batch_users, users)

    def embedded(self, batch: Batch, *, dropout: bool = True) -> EmbeddedEpisodes:
        """The batch as training embeds it."""
        fold, tensors = batch
        return embed_episodes(
            self.learner,
            self.data.encoded,
            tensors,
            dropout=self.dropout if dropout else None,
            out_of_fold=OutOfFold(fold, as_new=False, generator=self.dropout.generator),
        )

    def optimizer(self) -> torch.optim.Optimizer:
        """That of training, at a rate of 0, so that every measurement is of the same model."""
        on_gpu = self.device.type == "cuda"
        return torch.optim.AdamW(self.learner.parameters(), lr=0.0, fused=True, capturable=on_gpu)

    def update(self, optimizer: torch.optim.Optimizer, batch: Batch) -> Tensor:
        """One global update; returns its loss."""
        optimizer.zero_grad()
        loss = self.learner.outer_update(self.embedded(batch), self.data.preset.objective.loss)
        optimizer.step()
        return loss


def moved(batch: Batch, device: torch.device) -> Batch:
    """The same batch on another device."""
    fold, tensors = batch
    values = {field.name: getattr(tensors, field.name) for field in fields(tensors)}
    return fold, replace(
        tensors, **{name: value.to(device) for name, value in values.items() if isinstance(value, Tensor)}
    )


def wait_for(device: torch.device) -> None:
    """Wait until the device has done everything."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds_of(work: Callable[[], object], device: torch.device, *, repeats: int = 5, warm_up: int = 2) -> float:
    """Median seconds until the device has done the work."""
    for _ in range(warm_up):
        work()
    seconds = []
    for _ in range(repeats):
        wait_for(device)
        started = time.perf_counter()
        work()
        wait_for(device)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


class Traffic(TorchDispatchMode):
    """Adds up what operations read and write, each on its own, as if nothing stayed in a cache.

    Attributes:
        bytes: The sum so far. Views count nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        """Run an operation, and note the sizes of its tensors."""
        result = func(*args, **(kwargs or {}))
        if not func.is_view:
            leaves = tree_leaves((args, kwargs, result))
            self.bytes += sum(leaf.numel() * leaf.element_size() for leaf in leaves if isinstance(leaf, Tensor))
        return result


@dataclass(frozen=True)
class Work:
    """What a computation takes.

    Attributes:
        flops: Multiplications and additions of its matrix products, factorisations and triangular systems.
        bytes: What its operations read and write (`Traffic`).
    """

    flops: float
    bytes: float

    @classmethod
    def of(cls, work: Callable[[], object]) -> Self:
        """Count by running it once."""
        counter = FlopCounterMode(
            display=False,
            custom_mapping={
                torch.ops.aten.linalg_cholesky_ex: _cholesky_flops,
                torch.ops.aten.linalg_solve_triangular: _triangular_flops,
            },
        )
        with Traffic() as traffic, counter:
            work()
        return cls(float(counter.get_total_flops()), float(traffic.bytes))

    def shares(self, seconds: float, limits: dict[str, float]) -> dict[str, float]:
        """How much of the device's limits is reached if it takes so many seconds."""
        return {
            "flop_share": self.flops / seconds / limits["flops_per_second"],
            "bandwidth_share": self.bytes / seconds / limits["bytes_per_second"],
        }


def _cholesky_flops(shape: list[int], **_: object) -> float:
    *batch, _rows, size = shape
    return float(np.prod(batch)) * size**3 / 3


def _triangular_flops(shape: list[int], other: list[int], **_: object) -> float:
    *batch, _rows, size = shape
    return float(np.prod(batch)) * size**2 * other[-1]


def limits_of(device: torch.device) -> dict[str, float]:
    """What the device reaches at best: one large float32 product, and one large copy; each a second."""
    on_gpu = device.type == "cuda"
    size, numbers = (8192, 2**28) if on_gpu else (512, 2**22)
    left, right = torch.rand(2, size, size, device=device)
    source = torch.rand(numbers, device=device)
    target = torch.empty_like(source)
    return {
        "flops_per_second": 2 * size**3 / seconds_of(lambda: left @ right, device),
        "bytes_per_second": 2 * source.nbytes / seconds_of(lambda: target.copy_(source), device),
    }


def peak_bytes(device: torch.device) -> int | None:
    """The most memory of the device that tensors took since the last call; None on a CPU."""
    if device.type != "cuda":
        return None
    peak = torch.cuda.max_memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    return peak
