"""The steps of a leaderboard: each trains or measures something, and keeps its result in the work directory."""

import hashlib
import json
import time
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from safetensors.torch import load_file, save_file

from models.baselines import baseline_class
from models.baselines.lists import NEW_ITEM_BASELINES, list_baseline_class
from models.data.dataset import Dataset, State
from models.data.episodes import EpisodeBatch
from models.data.evaluation_episodes import evaluation_episodes
from models.data.rating_scale import RatingScale
from models.data.splits import Split
from models.evaluation.predictors import Predict, by_baseline, measure_episodes, predictor_of
from models.leaderboard.config import LeaderboardConfig
from models.leaderboard.lists import (
    CATALOGUE,
    NEW_ITEMS,
    EmbeddedCatalogue,
    Liking,
    list_tasks,
    measure_ranker,
    measure_shortlists,
    shortlists,
)
from models.leaderboard.store import Cells, load_cells, save_cells
from models.learners.base import AnyLearner
from models.learners.episode_predictions import EncodedData
from models.metrics import MAE
from models.training.checkpoint import Checkpoint
from models.training.epoch_result import EpochResult
from models.training.observer import TrainingObserver
from models.training.preset import Preset, PresetError
from models.training.stages import PreparedData, restore_learner, train_choices, train_learner

ADAPTED, NOT_ADAPTED = "adapted", "not_adapted"
"""The two variants of a learner, each with cells for all states."""

_TIMED_RATINGS, _TIMED_USERS, _UNTIMED_USERS = 10, 50, 5
"""Ratings of each user whose adaptation is timed, how many users, and how many go before them."""


class Training(BaseModel):
    """What the training of a learner was like.

    Attributes:
        parameters: How many numbers were trained.
        history: The result of every epoch.
    """

    model_config = ConfigDict(frozen=True)

    parameters: int
    history: tuple[EpochResult, ...]

    @property
    def seconds(self) -> float:
        """The processor time of training, validation left out."""
        return sum(result.processor_seconds for result in self.history)


@dataclass(frozen=True)
class Workbench:
    """Does the steps for one data set. A step whose result is there already is not done again.

    Attributes:
        dataset: The data set.
        config: What is compared.
        work: Where the results of all data sets are.
    """

    dataset: Dataset
    config: LeaderboardConfig
    work: Path

    @cached_property
    def split(self) -> Split:
        """How the data set is divided."""
        return Split.of(self.dataset, self.config.split)

    @cached_property
    def states(self) -> tuple[State, ...]:
        """The states in which some user has enough ratings."""
        return tuple(state for state in State if evaluation_episodes(self.dataset, self.split, state))

    @property
    def scale(self) -> RatingScale:
        """The rating scale.

        Raises:
            ValueError: The data set has no ratings.
        """
        if self.dataset.schema.rating_scale is None:
            raise ValueError(f"{self.dataset.schema.name} has no ratings")
        return self.dataset.schema.rating_scale

    def shortlists_file(self, preset: Preset, seed: int) -> Path:
        """Where the shortlists of a preset's choice model are."""
        return self._of_dataset / f"choices-{self._choice_key(preset, seed)}" / "shortlists.npz"

    def errors_file(self, preset: Preset, seed: int) -> Path:
        """Where the measures of a learner's predicted ratings are."""
        return self._directory(preset, seed) / "errors.npz"

    def lists_file(self, preset: Preset, seed: int) -> Path:
        """Where the measures of a preset's lists are. A learner's depend on the reference's choice model too."""
        chooser = self.config.reference if preset.learner is not None else preset
        return self._directory(preset, seed) / f"lists-{self._choice_key(chooser, seed)}.npz"

    def adaptation_file(self, preset: Preset, seed: int) -> Path:
        """Where the time of an adaptation is."""
        return self._directory(preset, seed) / "adaptation.json"

    def baseline_file(self, name: str) -> Path:
        """Where the measures of a baseline are, those of each seed in cells of its own."""
        return self._baselines / f"{_slug(name)}-{self.config.seeds}.npz"

    def list_baseline_file(self, name: str) -> Path:
        """Where the measures of the lists of a baseline are."""
        return self._baselines / f"lists-{_slug(name)}-{self.config.seeds}.npz"

    def training(self, preset: Preset, seed: int) -> Training:
        """What the training of a learner was like."""
        file = self._directory(preset, seed) / "training.json"
        return Training.model_validate_json(file.read_bytes())

    def adaptation_milliseconds(self, preset: Preset) -> float:
        """How long an adaptation takes; `time_adaptation` measured it."""
        return float(json.loads(self.adaptation_file(preset, 0).read_bytes())["milliseconds"])

    def make_shortlists(self, preset: Preset, seed: int, observer: TrainingObserver) -> None:
        """Train the choice model of a preset, and let it choose the items that a list is made of."""
        data = self._prepared(preset, seed)
        choice, _ = train_choices(data, observer=observer)
        tasks = list_tasks(self.dataset, self.split, seed=seed)
        save_cells(self.shortlists_file(preset, seed), shortlists(EmbeddedCatalogue(choice, data.encoded), tasks))

    def measure_learner(self, preset: Preset, seed: int, observer: TrainingObserver) -> None:
        """Train a learner, and measure its predictions, adapted and not, in all states.

        Raises:
            PresetError: It cannot be trained, or it diverged.
        """
        directory = self._directory(preset, seed)
        checkpoints = directory / "checkpoint"
        data = self._prepared(preset, seed)
        trained = train_learner(data, checkpoints=checkpoints, observer=observer)
        save_file(trained.learner.state_dict(), directory / "weights.safetensors")
        parameters = sum(values.numel() for values in trained.learner.parameters() if values.requires_grad)
        training = Training(parameters=parameters, history=tuple(trained.history))
        (directory / "training.json").write_text(training.model_dump_json(), encoding="utf-8")
        cells: Cells = {}
        for variant, steps in ((ADAPTED, None), (NOT_ADAPTED, 0)):
            predict = predictor_of(trained.learner, data.encoded, self.scale, steps=steps)
            measured = self._errors(predict, seed)
            if not all(np.isfinite(values[MAE.name]).all() for values in measured.values()):
                raise PresetError("its predictions are no numbers: try lower rates")
            cells |= {f"{variant}-{cell}": values for cell, values in measured.items()}
        save_cells(self.errors_file(preset, seed), cells)
        Checkpoint.remove(checkpoints)

    def measure_lists(self, preset: Preset, seed: int) -> None:
        """Measure the lists of a preset, from shortlists that are there."""
        tasks = list_tasks(self.dataset, self.split, seed=seed)
        if preset.learner is None:
            cells = measure_shortlists(load_cells(self.shortlists_file(preset, seed)), tasks)
        else:
            shortlisted = load_cells(self.shortlists_file(self.config.reference, seed))
            cells = measure_shortlists(shortlisted, tasks, liking=Liking(*self._restored(preset, seed), self.scale))
        save_cells(self.lists_file(preset, seed), cells)

    def measure_baseline(self, name: str) -> None:
        """Fit a baseline, and measure its predictions on the episodes of all seeds."""
        training = self.split.training & self.dataset.ratings.rated
        predict = by_baseline(baseline_class(name).fit(self.dataset, training), self.scale)
        cells: Cells = {}
        for seed in range(self.config.seeds):
            cells |= {f"{seed}-{cell}": values for cell, values in self._errors(predict, seed).items()}
        save_cells(self.baseline_file(name), cells)

    def measure_list_baseline(self, name: str) -> None:
        """Fit a baseline for lists, and measure its lists for all seeds.

        Raises:
            BaselineLeftOutError: A package is missing, or the data set is too large.
        """
        ranker = list_baseline_class(name)().fit(self.dataset, self.split.training)
        ranked = NEW_ITEMS if name in NEW_ITEM_BASELINES else CATALOGUE
        cells: Cells = {}
        for seed in range(self.config.seeds):
            all_tasks = list_tasks(self.dataset, self.split, seed=seed)
            tasks = {cell: task for cell, task in all_tasks.items() if cell.startswith(ranked)}
            cells |= {f"{seed}-{cell}": values for cell, values in measure_ranker(ranker, tasks).items()}
        save_cells(self.list_baseline_file(name), cells)

    def time_adaptation(self, preset: Preset) -> None:
        """Time how long the learner of the first seed needs to adapt to a user and to score the catalogue.

        Nothing else should run meanwhile. The result is the median over users with ten ratings, or with fewer if users
        have no more, in milliseconds.
        """
        catalogue = EmbeddedCatalogue(*self._restored(preset, 0))
        episodes = evaluation_episodes(self.dataset, self.split, self.states[0])[: _UNTIMED_USERS + _TIMED_USERS]
        milliseconds = []
        with torch.inference_mode():
            scorer = catalogue.model.prepare(catalogue.items)
            for episode in episodes:
                batch = EpisodeBatch.of([episode.with_support(slice(_TIMED_RATINGS))])
                support = catalogue.support(batch)
                started = time.perf_counter()
                scorer.scores(catalogue.model.adapt(support), support.users).cpu()
                milliseconds.append(1000 * (time.perf_counter() - started))
        # The first ones are slower, because memory is allocated and code is read.
        median = float(np.median(milliseconds[min(_UNTIMED_USERS, len(milliseconds) - 1) :]))
        self.adaptation_file(preset, 0).write_text(json.dumps({"milliseconds": median}), encoding="utf-8")

    def _errors(self, predict: Predict, seed: int) -> dict[str, dict[str, Any]]:
        return {
            state.label: measure_episodes(predict, evaluation_episodes(self.dataset, self.split, state, seed=seed))
            for state in self.states
        }

    def _prepared(self, preset: Preset, seed: int) -> PreparedData:
        return PreparedData.of(self.dataset, preset.with_training(seed=seed), self.split, device=self.config.device)

    def _restored(self, preset: Preset, seed: int) -> tuple[AnyLearner, EncodedData]:
        """The learner that was trained, and the data encoded for it."""
        data = self._prepared(preset, seed)
        return restore_learner(data, load_file(self._directory(preset, seed) / "weights.safetensors")), data.encoded

    @cached_property
    def _of_dataset(self) -> Path:
        identity = [self.dataset.fingerprint, self.config.split.model_dump(mode="json"), version(_PACKAGE)]
        return self.work / f"{self.dataset.schema.name}-{_digest(identity)}"

    @property
    def _baselines(self) -> Path:
        return self._of_dataset / "baselines"

    def _directory(self, preset: Preset, seed: int) -> Path:
        identity = preset.with_training(seed=seed).model_dump(mode="json")
        return self._of_dataset / f"{preset.name}-{_digest(identity)}"

    def _choice_key(self, preset: Preset, seed: int) -> str:
        """Of a choice model: it depends on a part of its preset alone."""
        parts = preset.model_dump(mode="json", include={"inputs": True, "choice": True, "training": {"field_dropout"}})
        return _digest([parts, seed])


_PACKAGE = "coldstart-recommender"


def _digest(identity: Any) -> str:  # noqa: ANN401 - anything that is JSON
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]


def _slug(name: str) -> str:
    return "-".join("".join(letter if letter.isalnum() else " " for letter in name).split())
