"""Training on a Ray cluster of two nodes: the same result for any number of workers, lost workers, and throughput.

    python -m benchmarks.cluster --data DIR [--epochs 3]

Writes docs/results/cluster.{md,json}. It needs the extra `ray`. Both nodes are on this machine, so their workers share
its cores. The preset is `coldstart`; its choice model takes few updates. Each training is compared with that of one
process without Ray: the loss of each epoch, and the predictions, MAE and nDCG of new users. In two more trainings, a
worker (SIGKILL) and a node are lost in the second epoch. The command ends with 1 if a measure differs by more than
.002.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import ray
from numpy.typing import NDArray
from ray.cluster_utils import Cluster

from app.cluster.connection import connected
from app.cluster.training import RayTraining
from benchmarks.harness import environment, table
from models.data.dataset import Dataset, State
from models.data.reader import read_dataset
from models.evaluation import EvaluationConfig, evaluate
from models.metrics import MAE
from models.train import train
from models.training.engine import LOCAL_ENGINE, TrainingEngine
from models.training.epoch_result import EpochResult
from models.training.observer import TrainingObserver
from models.training.preset import Preset, load_preset
from models.training.threads import compute_in_one_thread

RESULTS = Path(__file__).parents[1] / "docs" / "results"
WORKERS = (1, 2, 4)
NODES, PROCESSORS = 2, 2
TOLERANCE = 0.002
"""The most by which a final measure may differ from that of one process."""

_MEASURES = {MAE.name: "MAE", "ndcg@10_linear": "nDCG@10"}
_STORE_BYTES = 200 * 1024**2

Figures = dict[str, Any]
Lose = Callable[["LocalCluster"], None]


def main() -> None:
    """Run from the command line. Exits with 1 if a measure differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=3)
    arguments = parser.parse_args()
    compute_in_one_thread()
    dataset = read_dataset(arguments.data)[0]
    preset = load_preset("coldstart").with_training(epochs=arguments.epochs)
    choice = preset.choice.model_copy(update={"updates": 100, "updates_per_round": 100})
    figures = measure(dataset, preset.model_copy(update={"choice": choice}))
    figures["data"] = arguments.data.name
    (RESULTS / "cluster.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "cluster.md").write_text(page(figures), encoding="utf-8")
    sys.exit(any(abs(run[name]) > TOLERANCE for run in figures["runs"].values() for name in _differences()))


@dataclass(frozen=True)
class LocalCluster:
    """A Ray cluster on this machine, to which this process is connected."""

    cluster: Cluster

    def lose_worker(self) -> None:
        """Kill one worker of the training that runs."""
        os.kill(max(_training_processes()), signal.SIGKILL)

    def lose_node(self) -> None:
        """Kill the second node with all its workers."""
        self.cluster.remove_node(next(iter(self.cluster.worker_nodes)), allow_graceful=False)


def _training_processes() -> list[int]:
    """The ids of Ray Train's workers."""
    commands = Path("/proc").glob("[0-9]*/cmdline")
    return [int(file.parent.name) for file in commands if b"RayTrainWorker" in file.read_bytes()]


@contextmanager
def local_cluster() -> Iterator[LocalCluster]:
    """Start the nodes, and stop them when the block ends."""
    cluster = Cluster()
    for _ in range(NODES):
        cluster.add_node(num_cpus=PROCESSORS, object_store_memory=_STORE_BYTES, include_dashboard=False)
    try:
        with connected(cluster.address):
            yield LocalCluster(cluster)
    finally:
        cluster.shutdown()


@dataclass
class Watching(TrainingObserver):
    """Keeps what a training tells, and does something in its second epoch, when there is a checkpoint of the first."""

    in_second_epoch: Callable[[], None] | None = None
    epochs: list[EpochResult] = field(default_factory=list)
    resumed_after: list[int] = field(default_factory=list)

    def resumed(self, *, epoch: int) -> None:
        """See `TrainingObserver`."""
        self.resumed_after.append(epoch)

    def batch_done(self, *, epoch: int, users_done: int, users_total: int) -> None:  # noqa: ARG002 - the interface
        """See `TrainingObserver`."""
        if epoch == 2 and self.in_second_epoch is not None:
            self.in_second_epoch()
            self.in_second_epoch = None

    def epoch_done(self, result: EpochResult) -> None:
        """See `TrainingObserver`."""
        self.epochs.append(result)
        print(f"epoch {result.epoch}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Run:
    """A finished training."""

    history: Sequence[EpochResult]
    predicted: NDArray[np.float64]
    watched: Watching
    measures: dict[str, float]

    def figures(self, reference: "Run") -> Figures:
        """Its figures, and how far they are from those of another training."""
        later = [epoch for epoch in self.watched.epochs if epoch.epoch > 1]
        return {
            **self.measures,
            **{f"{name} difference": value - reference.measures[name] for name, value in self.measures.items()},
            "loss difference": max(
                abs(own.training_loss - its.training_loss)
                for own, its in zip(self.history, reference.history, strict=True)
            ),
            "prediction difference": float(np.abs(self.predicted - reference.predicted).max()),
            "users_per_second": sum(epoch.users for epoch in later) / sum(epoch.seconds for epoch in later),
            "resumed_after": self.watched.resumed_after,
        }


def measure(dataset: Dataset, preset: Preset) -> Figures:
    """Train in one process, and then in each way on a cluster."""
    print("one process", file=sys.stderr, flush=True)
    reference = trained(dataset, preset, None)
    runs = {"one process": reference.figures(reference)}
    ways: dict[str, tuple[int, Lose | None]] = {
        f"{count} worker{'s' * (count > 1)}": (count, None) for count in WORKERS
    }
    ways["2 workers, one killed"] = (2, LocalCluster.lose_worker)
    ways["4 workers, a node killed"] = (4, LocalCluster.lose_node)
    for name, (workers, lose) in ways.items():
        print(name, file=sys.stderr, flush=True)
        with local_cluster() as cluster:
            found = trained(dataset, preset, workers, partial(lose, cluster) if lose else None)
        runs[name] = found.figures(reference)
    return {"environment": environment(), "epochs": preset.training.epochs, "ray": ray.__version__, "runs": runs}


def trained(
    dataset: Dataset, preset: Preset, workers: int | None, in_second_epoch: Callable[[], None] | None = None
) -> Run:
    """Train with so many workers on the cluster, or in this process, and evaluate."""
    watched = Watching(in_second_epoch)
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "model"
        engine: TrainingEngine = (
            LOCAL_ENGINE if workers is None else RayTraining(Path(directory) / "checkpoints", workers=workers)
        )
        model = train(
            dataset, preset, out, data_path=None, research_only=True, device="cpu", observer=watched, engine=engine
        )
    config = EvaluationConfig(states=(State.USER_COLD.label,), baselines=(), list_baselines=(), bootstrap_resamples=100)
    report, predictions = evaluate(model, dataset, config)
    measures = report.states[0].predictors[0].measures
    return Run(
        model.manifest.history,
        predictions["predicted"].to_numpy(),
        watched,
        {name: measures[name].value for name in _MEASURES},
    )


def _differences() -> list[str]:
    return [f"{name} difference" for name in _MEASURES]


def page(figures: Figures) -> str:
    """The whole page."""
    where = figures["environment"]
    rows = [
        [
            name,
            f"{run['loss difference']:.1e}",
            f"{run['prediction difference']:.1e}",
            *(f"{run[measure]:.4f} ({run[f'{measure} difference']:+.4f})" for measure in _MEASURES),
            ", ".join(map(str, run["resumed_after"])),
            f"{run['users_per_second']:,.0f}",
        ]
        for name, run in figures["runs"].items()
    ]
    names = ["training loss", "predicted ratings", *_MEASURES.values(), "continued after epoch", "users/s"]
    parts = [
        "# Training on a Ray cluster",
        "Regenerated by `python -m benchmarks.cluster --data DIR` with the extra `ray`; all figures are in "
        f"cluster.json. Measured on {where['measured_at'][:10]}: {where['cpu']}, {where['cores']} cores, Ray "
        f"{figures['ray']}.",
        f"Data set {figures['data']}, preset `coldstart`, {figures['epochs']} epochs. The cluster has {NODES} nodes of "
        f"{PROCESSORS} processors each, all on one machine. With more workers than its {where['cores']} cores, users "
        "per second tell what sharing the work costs, not what it gains.",
        '"Training loss" and "predicted ratings" are the largest differences to one process: of a loss, and of a '
        "new user's predicted rating. MAE and nDCG are those of new users (`user_cold`), with the difference. Users "
        "per second are those of the epochs after the first. In the last two trainings, a worker (SIGKILL) or a node "
        "with its workers was lost in the second epoch. Ray goes on from the last checkpoint that it has, without the "
        "lost node. Where no epoch is named, it had none yet, and the training began again. An epoch takes a second.",
        "tests/unit/models/test_workers.py holds the gradient of each update to that of one process within 1e-5.",
        table(["", *names], rows),
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
