"""The evaluation protocol: four states, with and without adaptation, beside the baselines (METHODS.md, measures)."""

from collections.abc import Callable, Sequence
from typing import Annotated

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from models.artifact import TrainedModel
from models.baselines import BASELINES
from models.data.dataset import Dataset, State
from models.data.episodes import Episode, EpisodeBatch, batches, evaluation_episodes
from models.data.splits import Split
from models.meta.preset import Rule
from models.metrics.bootstrap import bootstrap_means, interval_95
from models.predictors import Decoded, Predict, by_baseline, by_learner, measure_users

_BATCH_USERS = 64


class EvaluationConfig(BaseModel):
    """What to evaluate.

    Attributes:
        states: Labels of the states, all four by default.
        seed: Of the draw of query ratings and of the bootstrap.
        steps: Local steps of the adapted model; the preset's by default.
        paper_warm: Evaluate the warm state on random ratings, trained on or not, as the paper does.
        query_size: Query ratings of a user.
        min_ratings: A user with fewer ratings in a state is left out.
        max_ratings: A user with more ratings in a state is left out.
        bootstrap_resamples: Resamples of users behind each 95 % interval.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    states: tuple[str, ...] = tuple(state.label for state in State)
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    steps: Annotated[int, Field(ge=1, le=100)] | None = None
    paper_warm: bool = False
    query_size: Annotated[int, Field(ge=1)] = 10
    min_ratings: Annotated[int, Field(ge=2)] = 13
    max_ratings: Annotated[int, Field(ge=2)] = 100
    bootstrap_resamples: Annotated[int, Field(ge=100, le=100_000)] = 1000

    @field_validator("states")
    @classmethod
    def _states_exist(cls, states: tuple[str, ...]) -> tuple[str, ...]:
        known = [state.label for state in State]
        for label in states:
            if label not in known:
                raise ValueError(f"{label!r} is not a state: use {', '.join(known)}")
        if not states or len(set(states)) < len(states):
            raise ValueError("name at least one state, and each once")
        return states


class Estimate(BaseModel):
    """A mean over users with its bootstrap 95 % interval."""

    model_config = ConfigDict(frozen=True)

    value: float
    low: float
    high: float


class PredictorReport(BaseModel):
    """One predictor's figures in one state.

    By measure: `mae` of the median, which is the best decoding for it, `mae_of_mean`, `rmse` of the mean,
    `ndcg@3_linear` and so on, and `nll`, the negative log likelihood in nats, of those that predict a distribution.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    measures: dict[str, Estimate]


class StateReport(BaseModel):
    """One state's figures; a state without users has no predictors."""

    model_config = ConfigDict(frozen=True)

    state: str
    users: int
    query_ratings: int
    mean_support: float
    predictors: tuple[PredictorReport, ...]


class EvaluationReport(BaseModel):
    """An evaluation's result.

    Attributes:
        model_version: The model that was evaluated.
        data: Name of the data set.
        config: What was asked for.
        notes: What a reader must know to judge the figures.
        states: One report a state.
    """

    model_config = ConfigDict(frozen=True)

    model_version: str
    data: str
    config: EvaluationConfig
    notes: tuple[str, ...]
    states: tuple[StateReport, ...]


def evaluate(
    model: TrainedModel,
    dataset: Dataset,
    config: EvaluationConfig,
    *,
    episodes: Sequence[Episode] | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> tuple[EvaluationReport, pl.DataFrame]:
    """Evaluate a model and the baselines on the same episodes.

    Args:
        model: The model.
        dataset: A data set of the model's schema; the one it was trained on, unless episodes are given.
        config: What to evaluate.
        episodes: Evaluate these instead of drawing the protocol's; `config.states` and sizes are ignored.
        progress: Called with the share done, 0 to 1; what it raises stops the evaluation.

    Returns:
        The report, and the adapted model's predictions with the columns state, user_id, item_id, rating, predicted (the
        mean), predicted_median and score (what ranks).
    """
    split = Split.of(dataset, model.manifest.split)
    if episodes is None:
        episodes = _draw_episodes(dataset, split, config)
    predictors = _predictors(model, dataset, split, config)
    by_state = [
        (state, [episode for episode in episodes if episode.state is state])
        for state in State
        if any(episode.state is state for episode in episodes) or state.label in config.states
    ]
    total = sum(len(own) for _, own in by_state)
    done = 0

    def one_batch_done(users: int) -> None:
        nonlocal done
        done += users
        progress(done / total)

    reports, predictions = [], []
    for state, own in by_state:
        report, predicted = _evaluate_state(state, own, dataset, predictors, config, one_batch_done)
        reports.append(report)
        predictions.append(predicted)
    progress(1.0)
    return (
        EvaluationReport(
            model_version=model.version,
            data=dataset.schema.name,
            config=config,
            notes=_notes(model, dataset, config),
            states=tuple(reports),
        ),
        pl.concat(predictions),
    )


def _draw_episodes(dataset: Dataset, split: Split, config: EvaluationConfig) -> list[Episode]:
    episodes = []
    for label in config.states:
        state = State.from_label(label)
        episodes += evaluation_episodes(
            dataset,
            split,
            state,
            in_sample=config.paper_warm,
            query_size=config.query_size,
            min_ratings=config.min_ratings,
            max_ratings=config.max_ratings,
            seed=config.seed,
        )
    return episodes


def _predictors(model: TrainedModel, dataset: Dataset, split: Split, config: EvaluationConfig) -> dict[str, Predict]:
    """The adapted model first, then itself without adaptation, then the baselines."""
    preset = model.manifest.preset
    steps = config.steps or preset.local_update.steps
    names = (f"{preset.name}, {steps} steps", f"{preset.name}, 0 steps")
    if preset.local_update.rule is Rule.CLOSED_FORM:
        names = (preset.name, f"{preset.name}, not adapted")
    predictors = {
        name: by_learner(model, dataset, steps=own_steps) for name, own_steps in zip(names, (steps, 0), strict=True)
    }
    for baseline in BASELINES:
        predictors[baseline.name] = by_baseline(baseline.fit(dataset, split.training), model.schema.rating_scale)
    return predictors


def _evaluate_state(
    state: State,
    episodes: Sequence[Episode],
    dataset: Dataset,
    predictors: dict[str, Predict],
    config: EvaluationConfig,
    batch_done: Callable[[int], None],
) -> tuple[StateReport, pl.DataFrame]:
    values: dict[str, list[dict[str, NDArray[np.float64]]]] = {name: [] for name in predictors}
    predicted: list[pl.DataFrame] = []
    adapted = next(iter(predictors))
    for _, batch in batches(episodes, _BATCH_USERS):
        for name, predict in predictors.items():
            predictions = predict(batch)
            values[name].append(measure_users(batch, predictions))
            if name == adapted:
                predicted.append(_prediction_rows(state, batch, predictions, dataset))
        batch_done(len(batch.users))
    report = StateReport(
        state=state.label,
        users=len(episodes),
        query_ratings=sum(len(episode.query_items) for episode in episodes),
        mean_support=float(np.mean([len(episode.support_items) for episode in episodes])) if episodes else 0.0,
        predictors=tuple(
            PredictorReport(name=name, measures=_estimates(own, config)) for name, own in values.items() if own
        ),
    )
    return report, pl.concat(predicted or [_NO_PREDICTIONS])


_NO_PREDICTIONS = pl.DataFrame(
    schema={
        "state": pl.String,
        "user_id": pl.String,
        "item_id": pl.String,
        "rating": pl.Float32,
        "predicted": pl.Float32,
        "predicted_median": pl.Float32,
        "score": pl.Float32,
    }
)


def _prediction_rows(state: State, batch: EpisodeBatch, predictions: Decoded, dataset: Dataset) -> pl.DataFrame:
    users, _ = np.nonzero(batch.query_mask)
    items = batch.query_items[batch.query_mask]
    return pl.DataFrame(
        {
            "state": [state.label] * len(items),
            "user_id": dataset.users.table["id"][batch.users[users]],
            "item_id": dataset.items.table["id"][items],
            "rating": batch.query_ratings[batch.query_mask],
            "predicted": predictions.mean[batch.query_mask],
            "predicted_median": predictions.median[batch.query_mask],
            "score": predictions.score[batch.query_mask],
        }
    )


def _estimates(
    batches_of_values: Sequence[dict[str, NDArray[np.float64]]], config: EvaluationConfig
) -> dict[str, Estimate]:
    names = list(batches_of_values[0])
    values = np.stack([np.concatenate([own[name] for own in batches_of_values]) for name in names], axis=1)
    resampled = bootstrap_means(values, resamples=config.bootstrap_resamples, seed=config.seed)
    means = values.mean(axis=0)
    root = names.index("rmse")
    means[root], resampled[:, root] = np.sqrt(means[root]), np.sqrt(resampled[:, root])
    low, high = interval_95(resampled)
    return {
        name: Estimate(value=float(means[column]), low=float(low[column]), high=float(high[column]))
        for column, name in enumerate(names)
    }


def _notes(model: TrainedModel, dataset: Dataset, config: EvaluationConfig) -> tuple[str, ...]:
    notes = []
    if dataset.fingerprint != model.manifest.data.fingerprint:
        notes.append("These are not the data that the model was trained on: it may have seen some of these ratings.")
    if config.paper_warm and "warm" in config.states:
        notes.append("The warm state is in sample, as in the paper: most of its ratings were trained on.")
    return tuple(notes)
