"""The stages that are measured, each in a process of its own, so that its memory is its own."""

import resource
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.scale.generator import Fitted
from models.data.dataset import State
from models.data.episodes import EpisodeBatch, batches
from models.data.evaluation_episodes import evaluation_episodes
from models.data.large import convert_ratings
from models.data.reader import read_dataset
from models.data.splits import Split, SplitConfig
from models.data.training_episodes import TrainingEpisodes
from models.learners.episode_predictions import EpisodeTensors, embed_episodes, predict_episodes
from models.training.preset import load_preset
from models.training.stages import PreparedData
from models.training.threads import compute_in_one_thread

PRESET = "melu"
UPDATES = 200
USERS_AN_UPDATE = 32
EVALUATED = 1000
"""Users that are evaluated, at most, so that the cost does not grow with the data set."""


def generate(data: Path, work: Path, count: int) -> int:
    """Write the made-up ratings; returns how many."""
    return Fitted.of(read_dataset(data)[0]).write(work / "text", count)


def convert(data: Path, work: Path, count: int) -> int:  # noqa: ARG001 - all stages have the same arguments
    """Convert them to mapped arrays."""
    return convert_ratings(work / "text", work / "arrays")


def open_and_split(data: Path, work: Path, count: int) -> int:  # noqa: ARG001
    """Map the arrays, divide the ratings into states, and encode users and items."""
    dataset = read_dataset(work / "arrays")[0]
    PreparedData.of(dataset, load_preset(PRESET), Split.of(dataset, SplitConfig()))
    return len(dataset.ratings)


def train(data: Path, work: Path, count: int) -> int:  # noqa: ARG001
    """A fixed number of global updates; returns the ratings of their episodes."""
    prepared, learner = _learner(work)
    ratings = prepared.split.training
    training = prepared.preset.training
    episodes = TrainingEpisodes(
        prepared.dataset, ratings, max_support=training.max_support, max_query=training.max_query
    )
    optimizer = torch.optim.AdamW(learner.parameters(), lr=training.learning_rate, fused=True)
    seen = 0
    started = time.perf_counter(), time.process_time()
    for _, batch in zip(range(UPDATES), episodes.epoch(np.random.default_rng(0), USERS_AN_UPDATE), strict=False):
        optimizer.zero_grad()
        tensors = EpisodeTensors.of(batch, prepared.encoded)
        learner.outer_update(embed_episodes(learner, prepared.encoded, tensors), prepared.preset.objective.loss)
        optimizer.step()
        seen += _ratings_of(batch)
    _restart(started)
    return seen


def evaluate(data: Path, work: Path, count: int) -> int:  # noqa: ARG001
    """Adapt to new users, and predict their query ratings; returns the ratings of their episodes."""
    prepared, learner = _learner(work)
    started = time.perf_counter(), time.process_time()
    states = prepared.split.states == State.USER_COLD
    cold = np.unique(prepared.dataset.ratings.users[states])[:EVALUATED]
    chosen = np.zeros(len(prepared.dataset.users), dtype=np.bool_)
    chosen[cold] = True
    episodes = evaluation_episodes(prepared.dataset, prepared.split, State.USER_COLD, users=chosen)
    seen = 0
    with torch.inference_mode():
        for _, batch in batches(episodes, USERS_AN_UPDATE):
            predict_episodes(learner.eval(), prepared.encoded, batch)
            seen += _ratings_of(batch)
    _restart(started)
    return seen


STAGES = {
    "generate": generate,
    "convert": convert,
    "open and split": open_and_split,
    "train": train,
    "evaluate": evaluate,
}

_started: list[tuple[float, float]] = []


def run(stage: str, data: Path, work: Path, count: int) -> dict[str, Any]:
    """Run a stage in this process: its ratings, seconds, CPU seconds and peak memory."""
    compute_in_one_thread()
    if stage == "generate":
        shutil.rmtree(work, ignore_errors=True)
    began = time.perf_counter(), time.process_time()
    ratings = STAGES[stage](data, work, count)
    seconds, cpu_seconds = (
        _started[-1] if _started else (time.perf_counter() - began[0], time.process_time() - began[1])
    )
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return {"ratings": ratings, "seconds": seconds, "cpu_seconds": cpu_seconds, "peak_bytes": peak}


def _restart(started: tuple[float, float]) -> None:
    """Count the time from here alone."""
    _started.append((time.perf_counter() - started[0], time.process_time() - started[1]))


def _learner(work: Path) -> Any:  # noqa: ANN401 - the data and a learner
    dataset = read_dataset(work / "arrays")[0]
    preset = load_preset(PRESET)
    prepared = PreparedData.of(dataset, preset, Split.of(dataset, SplitConfig()))
    torch.manual_seed(0)
    learner = preset.build_learner(
        user_encoder=prepared.encoders.users,
        item_encoder=prepared.encoders.items,
        scale=dataset.schema.rating_scale,
        mean_rating=3.5,
    )
    return prepared, learner


def _ratings_of(batch: EpisodeBatch) -> int:
    return int(batch.support_mask.sum() + batch.query_mask.sum())
