"""Searching the rates and sizes of a preset with a tree-structured Parzen estimator (Bergstra et al., NIPS 2011).

Trials are compared on warm users that are held out of training, as the epochs of a training are, so a search sees none
of the data that an evaluation measures.
"""

import json
import logging
import math
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna

from models.data.dataset import Dataset
from models.data.splits import Split, SplitConfig
from models.learners.search_space import Between, OneOf, SearchSpace
from models.training.epoch_result import best_epoch
from models.training.observer import TrainingObserver
from models.training.preset import Preset, PresetError
from models.training.searches import Confirmation, Search, Trial
from models.training.stages import PreparedData, train_learner


def space_of(preset: Preset) -> SearchSpace:
    """The space of a preset's learner, widened so that the preset's own values are in it.

    Raises:
        PresetError: The preset has no learner, or the space names a setting that it does not have.
    """
    if preset.learner is None:
        raise PresetError(f"the preset {preset.name} has no learner, so there is nothing to search")
    own = settings_of(preset, preset.learner.search_space)
    return {path: _with_own(values, own[path]) for path, values in preset.learner.search_space.items()}


def settings_of(preset: Preset, space: SearchSpace) -> dict[str, Any]:
    """The values that a preset has for the settings of a space, as JSON.

    Raises:
        PresetError: The space names a setting that the preset does not have.
    """
    tables = preset.model_dump(mode="json")
    found = {}
    for path in space:
        value: Any = tables
        for name in path.split("."):
            if not isinstance(value, Mapping) or name not in value:
                raise PresetError(f"the preset {preset.name} has no setting {path}, which its search space names")
            value = value[name]
        found[path] = value
    return found


def with_settings(preset: Preset, settings: Mapping[str, Any]) -> Preset:
    """A preset with other values of some settings, given by their paths."""
    tables = preset.model_dump(mode="json")
    for path, value in settings.items():
        *folders, name = path.split(".")
        table = tables
        for folder in folders:
            table = table[folder]
        table[name] = value
    return Preset.model_validate(tables)


def search(
    dataset: Dataset,
    preset: Preset,
    *,
    trials: int,
    begun: Search,
    device: str = "cpu",
    observer: TrainingObserver | None = None,
    trial_done: Callable[[Search], None] = lambda _: None,
) -> Search:
    """Try settings of a preset until there are so many trials. The first trial has the preset's own values.

    Args:
        dataset: What to train on; it is divided as for any research model.
        preset: What to search.
        trials: How many trials there should be at the end, those of `begun` included.
        begun: The search so far, with its space, seed and epochs; trials of it are not repeated.
        device: A torch device.
        observer: Shows the progress of each training.
        trial_done: Called after every trial with the search so far.

    Raises:
        PresetError: The preset cannot be trained.
        DataError: The data set has nothing to train on.
    """
    optuna.logging.set_verbosity(logging.WARNING)
    split = Split.of(dataset, SplitConfig())
    direction = preset.training.stopping_direction
    study = optuna.create_study(
        direction="minimize",
        # Another seed after an interruption, because the first draws have been made.
        sampler=optuna.samplers.TPESampler(seed=begun.seed + len(begun.trials)),
    )
    distributions = {path: _distribution(values) for path, values in begun.space.items()}
    for trial in begun.trials:
        study.add_trial(_finished(trial, distributions, direction.sign))
    if not begun.trials:
        study.enqueue_trial(_coded(settings_of(preset, begun.space), begun.space))
    found = begun
    while len(found.trials) < trials:
        asked = study.ask(distributions)
        settings = _decoded(asked.params, begun.space)
        trial = _tried(dataset, with_settings(preset, settings), split, settings, device=device, observer=observer)
        if trial.value is None:
            study.tell(asked, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(asked, direction.sign * trial.value)
        all_trials = (*found.trials, trial)
        best = min(
            (each for each in all_trials if each.value is not None),
            key=lambda each: direction.sign * (each.value or 0.0),
            default=None,
        )
        found = found.model_copy(update={"trials": all_trials, "best": best})
        trial_done(found)
    return found


def confirm(
    dataset: Dataset, preset: Preset, found: Search, *, device: str = "cpu", observer: TrainingObserver | None = None
) -> Confirmation:
    """Compare the first and the best trial of a search on other data, on its validation users.

    A learning rate that is best on a small data set, or after a few epochs, may not be best on a larger one.

    Args:
        dataset: The other data.
        preset: The preset that was searched, with the epochs to train.
        found: The search, with a best trial.
        device: A torch device.
        observer: Shows the progress of each training.

    Raises:
        PresetError: The preset cannot be trained, or no trial of the search has a value.
        DataError: The data set has nothing to train on.
    """
    if found.best is None:
        raise PresetError(f"no trial of the search of {preset.name} has a value, so there is nothing to confirm")
    split = Split.of(dataset, SplitConfig())
    own, best = (
        _tried(dataset, with_settings(preset, settings), split, settings, device=device, observer=observer)
        for settings in (found.trials[0].settings, found.best.settings)
    )
    return Confirmation(data=dataset.schema.name, fingerprint=dataset.fingerprint, own=own, best=best)


def begin(dataset: Dataset, preset: Preset, *, seed: int, command: str) -> Search:
    """A search without trials.

    Raises:
        PresetError: The preset has no learner, or its space names a setting that it does not have.
    """
    return Search(
        preset=preset.name,
        command=command,
        data=dataset.schema.name,
        fingerprint=dataset.fingerprint,
        measure=preset.training.stopping_measure,
        direction=preset.training.stopping_direction.value,
        seed=seed,
        epochs=preset.training.epochs,
        space=dict(space_of(preset)),
    )


def _tried(
    dataset: Dataset,
    preset: Preset,
    split: Split,
    settings: dict[str, Any],
    *,
    device: str,
    observer: TrainingObserver | None,
) -> Trial:
    with tempfile.TemporaryDirectory() as checkpoints:
        data = PreparedData.of(dataset, preset, split, device=device)
        history = train_learner(data, checkpoints=Path(checkpoints), observer=observer).history
    seconds = sum(result.seconds for result in history)
    best = best_epoch(history, preset.training.stopping_direction).validation
    if best is None or not math.isfinite(best.stopping_value):
        return Trial(settings=settings, value=None, mae=None, epochs=len(history), seconds=seconds)
    return Trial(settings=settings, value=best.stopping_value, mae=best.mae, epochs=len(history), seconds=seconds)


def _with_own(values: Between | OneOf, own: Any) -> Between | OneOf:  # noqa: ANN401 - any JSON
    if isinstance(values, Between):
        return Between(low=min(values.low, own), high=max(values.high, own))
    listed = json.loads(json.dumps(values.values))
    return OneOf(values=tuple(listed if own in listed else [own, *listed]))


def _distribution(values: Between | OneOf) -> optuna.distributions.BaseDistribution:
    if isinstance(values, Between):
        return optuna.distributions.FloatDistribution(values.low, values.high, log=True)
    # Optuna's categories are plain values, and a setting may be a list.
    return optuna.distributions.CategoricalDistribution([json.dumps(value) for value in values.values])


def _coded(settings: Mapping[str, Any], space: SearchSpace) -> dict[str, Any]:
    return {path: json.dumps(value) if isinstance(space[path], OneOf) else value for path, value in settings.items()}


def _decoded(params: Mapping[str, Any], space: SearchSpace) -> dict[str, Any]:
    return {path: json.loads(value) if isinstance(space[path], OneOf) else value for path, value in params.items()}


def _finished(
    trial: Trial, distributions: dict[str, optuna.distributions.BaseDistribution], sign: int
) -> optuna.trial.FrozenTrial:
    coded = {
        path: json.dumps(value)
        if isinstance(distributions[path], optuna.distributions.CategoricalDistribution)
        else value
        for path, value in trial.settings.items()
    }
    if trial.value is None:
        return optuna.trial.create_trial(params=coded, distributions=distributions, state=optuna.trial.TrialState.FAIL)
    return optuna.trial.create_trial(params=coded, distributions=distributions, value=sign * trial.value)
