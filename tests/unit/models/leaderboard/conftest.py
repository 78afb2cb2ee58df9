"""A leaderboard of two quick learners and a broken one on the small data set."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from models.data.reader import read_dataset
from models.inputs.config import InputConfig
from models.leaderboard.config import LeaderboardConfig
from models.leaderboard.figures import Leaderboard, leaderboard_of
from models.leaderboard.jobs import Failure, Job, LeaderboardObserver, do_jobs
from models.leaderboard.workbench import Workbench
from models.learners.matching import MatchingConfig
from models.learners.melu import MeLUConfig
from models.training.preset import Preset, TrainingConfig
from tests.choice import SMALL_CHOICE

QUICK = TrainingConfig(epochs=4, patience=4, batch_users=16, learning_rate=1e-2, max_query=10)
INPUTS = InputConfig(embedding_dim=4)


@dataclass
class Seen(LeaderboardObserver):
    """Remembers the jobs."""

    jobs: list[Job] = field(default_factory=list)

    def planned(self, jobs: Sequence[Job]) -> None:
        self.jobs += jobs


@dataclass(frozen=True)
class Made:
    """A leaderboard and what it was made with."""

    bench: Workbench
    leaderboard: Leaderboard
    failures: list[Failure]


def presets() -> tuple[Preset, ...]:
    """`steps` and `neighbours` can be trained; `broken` asks for a measure that squared errors do not have."""
    common = {"inputs": INPUTS, "choice": SMALL_CHOICE}
    return (
        Preset(name="steps", learner=MeLUConfig(hidden=(8,), steps=2, rate=0.1), training=QUICK, **common),
        Preset(name="neighbours", learner=MatchingConfig(hidden=(8,)), training=QUICK, **common),
        Preset(
            name="broken",
            learner=MatchingConfig(hidden=(8,)),
            training=QUICK.model_copy(update={"stopping_measure": "nll"}),
            **common,
        ),
    )


@pytest.fixture(scope="package")
def made(dataset_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    dataset, _ = read_dataset(dataset_dir)
    config = LeaderboardConfig(
        presets=presets(),
        reference=presets()[0],
        baselines=("item mean + user bias",),
        list_baselines=("popularity",),
        seeds=2,
        bootstrap_resamples=100,
    )
    bench = Workbench(dataset, config, tmp_path_factory.mktemp("leaderboard") / "work")
    failures = do_jobs(bench, processes=1, observer=LeaderboardObserver())
    return Made(bench, leaderboard_of(bench, failures), failures)
