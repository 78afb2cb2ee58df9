"""Training, evaluation, comparison and lists on a Ray cluster of this machine give what one process gives."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

pytest.importorskip("ray", reason="the extra ray is not installed")

from app.cluster.comparison import do_jobs_on_cluster
from app.cluster.connection import connected
from app.cluster.evaluation import apply_on_cluster
from app.cluster.lists import RankingOnCluster
from app.cluster.training import RayTraining
from app.lists.export_ranking import ranked_lists
from app.lists.feedback import Feedback, ListOptions
from app.storage.users import UserState
from models.artifact import TrainedModel, load_artifact
from models.data.dataset import Dataset
from models.data.reader import read_dataset
from models.evaluation import EvaluationConfig, evaluate
from models.leaderboard.config import LeaderboardConfig
from models.leaderboard.jobs import LeaderboardObserver, do_jobs
from models.leaderboard.workbench import Workbench
from models.ranking import Recommender
from models.train import train
from models.training.epoch_result import EpochResult
from models.training.observer import TrainingObserver
from models.training.preset import Preset

# Ray warns of files and sockets that it leaves to the end of the process.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> Iterator[None]:
    with connected(None):
        yield


@pytest.fixture(scope="module")
def dataset(dataset_dir: Path) -> Dataset:
    return read_dataset(dataset_dir)[0]


@pytest.fixture(scope="module")
def model(model_dir: Path) -> TrainedModel:
    return load_artifact(model_dir)


class Told(TrainingObserver):
    def __init__(self) -> None:
        self.phases: list[str] = []
        self.epochs: list[int] = []

    def phase_begun(self, phase: str, *, epochs: int) -> None:  # noqa: ARG002 - the interface
        self.phases.append(phase)

    def epoch_done(self, result: EpochResult) -> None:
        self.epochs.append(result.epoch)


def assert_same_weights(trained: TrainedModel, expected: TrainedModel) -> None:
    for own, other in ((trained.learner, expected.learner), (trained.choice, expected.choice)):
        for name, values in other.state_dict().items():
            torch.testing.assert_close(own.state_dict()[name], values, rtol=1e-3, atol=1e-3)


def test_model_trained_by_two_workers_is_that_of_one_process(
    dataset: Dataset, model: TrainedModel, tiny_preset: Preset, tmp_path: Path
) -> None:
    told = Told()
    together = train(
        dataset,
        tiny_preset,
        tmp_path / "model",
        data_path=None,
        research_only=True,
        observer=told,
        engine=RayTraining(tmp_path / "model.checkpoint", workers=2),
    )
    assert told.phases == ["research model", "choices of the research model"]
    assert told.epochs == [epoch.epoch for epoch in together.manifest.history]
    assert_same_weights(together, model)


def test_evaluation_on_a_cluster_is_that_of_one_process(dataset: Dataset, model: TrainedModel) -> None:
    config = EvaluationConfig(bootstrap_resamples=100)
    here, _ = evaluate(model, dataset, config)
    there, _ = evaluate(model, dataset, config, apply=apply_on_cluster("cpu"))
    assert there == here


def test_lists_of_a_cluster_are_those_of_one_process(dataset: Dataset, model: TrainedModel) -> None:
    recommender, options = Recommender(model, dataset.items), ListOptions(5)
    users = [(UserState("u1", {}, "1"), Feedback()), (UserState("u2", {"country": "fr"}, "1"), Feedback())]

    async def there() -> object:
        return await RankingOnCluster(recommender, options).lists_of(users)

    assert asyncio.run(there()).equals(ranked_lists(recommender, users, options))


def test_comparison_on_a_cluster_has_all_results(dataset: Dataset, tiny_preset: Preset, tmp_path: Path) -> None:
    config = LeaderboardConfig(
        presets=(tiny_preset,), reference=tiny_preset, baselines=(), list_baselines=(), seeds=1, device="cpu"
    )
    bench = Workbench(dataset, config, tmp_path)
    assert not do_jobs(bench, processes=1, observer=LeaderboardObserver(), elsewhere=do_jobs_on_cluster)
    assert bench.errors_file(tiny_preset, 0).exists()
    assert bench.lists_file(tiny_preset, 0).exists()
