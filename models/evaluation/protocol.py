"""The evaluation protocol: in up to four states, the model with and without adaptation, the baselines, and lists."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.artifact import TrainedModel
from models.baselines import ALL_BASELINES, baseline_class
from models.data.dataset import Dataset, State
from models.data.episodes import Episode, EpisodeBatch
from models.data.evaluation_episodes import Order, evaluation_episodes
from models.data.malformed import DataError
from models.data.rating_scale import RatingScale
from models.data.splits import Split
from models.elicitation.strategy import Strategy
from models.evaluation.batch_runner import Apply, BatchRunner, apply_here
from models.evaluation.config import EvaluationConfig
from models.evaluation.counterfactual import Counterfactuals
from models.evaluation.curves import step_curve, step_episodes, support_curve, support_episodes
from models.evaluation.details import calibration, calibration_thresholds, user_errors
from models.evaluation.elicitation import asked_episodes, compare_strategies
from models.evaluation.estimates import UserValues, concatenate_users, estimate_inequality, estimate_measures
from models.evaluation.figures import (
    Calibration,
    EvaluationReport,
    MAECurve,
    PredictorReport,
    StateReport,
)
from models.evaluation.groups import group_differences
from models.evaluation.lists.contest import ListContest
from models.evaluation.predictors import Predict, by_baseline, by_learner
from models.learners.base import AnyLearner
from models.metrics import MAE, PredictedRatings, decoding_of_measures, measure_users


def evaluate(
    model: TrainedModel,
    dataset: Dataset,
    config: EvaluationConfig,
    *,
    episodes: Sequence[Episode] | None = None,
    progress: Callable[[float], None] = lambda _: None,
    apply: Apply = apply_here,
) -> tuple[EvaluationReport, pl.DataFrame]:
    """Evaluate a model and the baselines on the same episodes.

    Args:
        model: A research model (`load_research_model`).
        dataset: A data set of the model's schema; the one it was trained on, unless episodes are given.
        config: What to evaluate.
        episodes: Evaluate these episodes instead of drawing them; the states, the order and the sizes of `config` are
            ignored then.
        progress: Called with the share that is done, 0 to 1. An exception from it stops the evaluation.
        apply: Where to compute.

    Returns:
        The report, and the adapted model's predictions with the columns state, user_id, item_id, rating, predicted (the
        mean), predicted_median and score (by which items are ranked).

    Raises:
        DataError: Order of time is wanted, and the data set has no times; or the model predicts no ratings, and
            episodes are given, or no new user has enough interactions for lists.
    """
    split = Split.of(dataset, model.split)
    episodes_are_drawn = episodes is None
    if model.learner is None:
        if episodes is not None:
            raise DataError("episodes: the model predicts no ratings, so it cannot be evaluated on episodes")
        return _evaluate_lists(model, dataset, split, config, progress, apply), _NO_PREDICTIONS
    if episodes is None:
        episodes = _draw_episodes(dataset, split, config)
    predictors = _predictors(model.learner, model, dataset, split, config)
    by_step = _by_step(model.learner, model, dataset)
    by_state = [
        (state, [episode for episode in episodes if episode.state is state])
        for state in State
        if any(episode.state is state for episode in episodes) or state.label in config.states
    ]
    contest = (
        ListContest.of(model, dataset, split, config)
        if episodes_are_drawn and State.USER_COLD.label in config.states
        else None
    )
    new_users = [episode for episode in episodes if episode.state is State.USER_COLD]
    asked = asked_episodes(new_users)
    counterfactuals = Counterfactuals.of(model, dataset, split, new_users, config)
    total = len(asked) * len(Strategy) + sum(
        _users_to_predict(state_episodes, predictors, by_step) for _, state_episodes in by_state
    )
    if contest is not None:
        total += contest.users_to_rank
    if counterfactuals is not None:
        total += len(new_users) + 2 * counterfactuals.users_to_predict
    done = 0

    def one_batch_done(users: int) -> None:
        nonlocal done
        done += users
        progress(done / total)

    runner = BatchRunner(apply, one_batch_done)
    reports, predictions = [], []
    for state, state_episodes in by_state:
        report, predicted = _evaluate_state(
            state, state_episodes, dataset, model.rating_scale, predictors, config, runner
        )
        if state_episodes:
            report = report.model_copy(update=_curves(state_episodes, predictors, by_step, config, runner))
        reports.append(report)
        predictions.append(predicted)
    adapted = next(iter(predictors.values()))
    elicitation = compare_strategies(model, dataset, asked, adapted, config, runner) if asked else None
    lists = None if contest is None else contest.report(config, runner)
    differences = None
    if counterfactuals is not None:
        differences = group_differences(dataset, new_users, adapted, counterfactuals, config, runner)
    progress(1.0)
    return (
        EvaluationReport(
            model_version=model.version,
            twin_of=model.twin_of,
            data=dataset.schema.name,
            config=config,
            notes=_notes(model, dataset, config) + (_order_notes(config) if episodes_are_drawn else ()),
            decoding=decoding_of_measures(),
            states=tuple(reports),
            elicitation=elicitation,
            lists=lists,
            group_differences=differences,
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
            order=config.order,
            query_size=config.query_size,
            min_ratings=config.min_ratings,
            max_ratings=config.max_ratings,
            seed=config.seed,
        )
    return episodes


def _evaluate_lists(
    model: TrainedModel,
    dataset: Dataset,
    split: Split,
    config: EvaluationConfig,
    progress: Callable[[float], None],
    apply: Apply,
) -> EvaluationReport:
    """The report of a model that predicts no ratings: it has lists only.

    Raises:
        DataError: No new user has enough interactions.
    """
    contest = ListContest.of(model, dataset, split, config)
    if contest is None:
        raise DataError("no new user has enough interactions to measure lists")
    done = 0

    def batch_done(users: int) -> None:
        nonlocal done
        done += users
        progress(done / contest.users_to_rank)

    return EvaluationReport(
        model_version=model.version,
        twin_of=model.twin_of,
        data=dataset.schema.name,
        config=config,
        notes=(
            *_notes(model, dataset, config),
            "The model predicts no ratings, so there are lists and no errors.",
        ),
        states=(),
        elicitation=None,
        lists=contest.report(config, BatchRunner(apply, batch_done)),
    )


def _predictors(
    learner: AnyLearner, model: TrainedModel, dataset: Dataset, split: Split, config: EvaluationConfig
) -> dict[str, Predict]:
    """The adapted model first, then itself without adaptation, then the baselines."""
    preset = model.manifest.preset
    predictors = {
        variant.name(preset.name): by_learner(model, dataset, steps=variant.steps)
        for variant in learner.variants(config.steps)
    }
    for name in ALL_BASELINES:
        if name in config.baselines:
            baseline = baseline_class(name).fit(dataset, split.training & dataset.ratings.rated)
            predictors[name] = by_baseline(baseline, model.rating_scale)
    return predictors


def _by_step(learner: AnyLearner, model: TrainedModel, dataset: Dataset) -> dict[int, Predict]:
    """The model by its number of local steps; empty for a model without local steps."""
    return {
        variant.steps: by_learner(model, dataset, steps=variant.steps)
        for variant in learner.step_variants()
        if variant.steps is not None
    }


def _users_to_predict(
    episodes: Sequence[Episode], predictors: Mapping[str, Predict], by_step: Mapping[int, Predict]
) -> int:
    """How many users the predictors and curves of a state predict in all; progress is measured by it."""
    if not episodes:
        return 0
    sizes, long_enough = support_episodes(episodes)
    return (
        len(episodes) * len(predictors)
        + len(sizes) * len(long_enough) * len(predictors)
        + len(by_step) * len(step_episodes(episodes))
    )


def _curves(
    episodes: Sequence[Episode],
    predictors: Mapping[str, Predict],
    by_step: Mapping[int, Predict],
    config: EvaluationConfig,
    runner: BatchRunner,
) -> dict[str, MAECurve | None]:
    sizes, long_enough = support_episodes(episodes)
    by_support = support_curve(sizes, long_enough, predictors, config, runner)
    if not by_step:
        return {"by_support": by_support, "by_steps": None}
    name = next(iter(predictors)).partition(",")[0]
    by_steps = step_curve(tuple(by_step), step_episodes(episodes), list(by_step.values()), name, config, runner)
    return {"by_support": by_support, "by_steps": by_steps}


def _evaluate_state(
    state: State,
    episodes: Sequence[Episode],
    dataset: Dataset,
    scale: RatingScale,
    predictors: dict[str, Predict],
    config: EvaluationConfig,
    runner: BatchRunner,
) -> tuple[StateReport, pl.DataFrame]:
    measured: dict[str, list[UserValues]] = {name: [] for name in predictors}
    errors = np.empty(len(episodes))
    adapted = next(iter(predictors))
    pooled = _PooledPredictions()
    rows = [_NO_PREDICTIONS]
    runs = {name: runner.run(_Measured(predict), episodes) for name, predict in predictors.items()}
    for name, run in runs.items():
        for positions, batch, (predicted, values) in run:
            measured[name].append(values)
            if name == adapted:
                errors[positions] = values[MAE.name]
                pooled.add(batch, predicted)
                rows.append(_prediction_rows(state, batch, predicted, dataset))
    report = StateReport(
        state=state.label,
        users=len(episodes),
        query_ratings=sum(len(episode.query_items) for episode in episodes),
        mean_support=float(np.mean([len(episode.support_items) for episode in episodes])) if episodes else 0.0,
        episodes_digest=_digest(episodes),
        predictors=tuple(
            PredictorReport(
                name=name,
                measures=estimate_measures(values, resamples=config.bootstrap_resamples, seed=config.seed),
                inequality=estimate_inequality(
                    values[MAE.name], resamples=config.bootstrap_resamples, seed=config.seed
                ),
            )
            for name, parts in measured.items()
            if parts and (values := concatenate_users(parts))
        ),
        user_errors=user_errors(episodes, errors, scale) if episodes else None,
        calibration=pooled.calibration(scale) if episodes else None,
    )
    return report, pl.concat(rows)


@dataclass(frozen=True)
class _Measured:
    """Predicts the query ratings of a batch, and measures the predictions."""

    predict: Predict

    def __call__(self, batch: EpisodeBatch) -> tuple[PredictedRatings, UserValues]:
        predicted = self.predict(batch)
        return predicted, measure_users(predicted, batch.query_ratings, batch.query_mask)


def _digest(episodes: Sequence[Episode]) -> str:
    digest = hashlib.sha256()
    for episode in episodes:
        for rows in (np.array([episode.user], dtype=np.int32), episode.support_items, episode.query_items):
            digest.update(len(rows).to_bytes(4) + rows.tobytes())
    return digest.hexdigest()


class _PooledPredictions:
    """The adapted model's predictions in one state, pooled over users for the calibration."""

    def __init__(self) -> None:
        self._ratings: list[NDArray[np.float32]] = []
        self._means: list[NDArray[np.float32]] = []
        self._at_least: list[NDArray[np.float32]] = []

    def add(self, batch: EpisodeBatch, predicted: PredictedRatings) -> None:
        """Keep one batch."""
        self._ratings.append(batch.query_ratings[batch.query_mask])
        self._means.append(predicted.mean[batch.query_mask])
        if (distribution := predicted.distribution) is not None:
            at_least = [
                distribution.at_least(threshold)[batch.query_mask]
                for threshold in calibration_thresholds(predicted.scale)
            ]
            self._at_least.append(np.stack(at_least, axis=1))

    def calibration(self, scale: RatingScale) -> Calibration:
        """How well the predictions agree with the observed ratings."""
        at_least = np.concatenate(self._at_least) if self._at_least else None
        return calibration(np.concatenate(self._ratings), np.concatenate(self._means), at_least, scale)


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


def _prediction_rows(state: State, batch: EpisodeBatch, predicted: PredictedRatings, dataset: Dataset) -> pl.DataFrame:
    users, _ = np.nonzero(batch.query_mask)
    items = batch.query_items[batch.query_mask]
    return pl.DataFrame(
        {
            "state": [state.label] * len(items),
            "user_id": dataset.users.table["id"][batch.users[users]],
            "item_id": dataset.items.table["id"][items],
            "rating": batch.query_ratings[batch.query_mask],
            "predicted": predicted.mean[batch.query_mask],
            "predicted_median": predicted.median[batch.query_mask],
            "score": predicted.score[batch.query_mask],
        }
    )


def _notes(model: TrainedModel, dataset: Dataset, config: EvaluationConfig) -> tuple[str, ...]:
    notes = []
    if model.twin_of is not None:
        notes.append(
            f"{model.twin_of} was trained on all ratings. The figures are those of its research twin {model.version}, "
            "which was trained in the same way on a part of them."
        )
    split = model.split
    stays_new = split.by_id and not split.new_items and not config.paper_warm  # in other data too
    if dataset.fingerprint != model.manifest.data.fingerprint and not stays_new:
        notes.append("These are not the data that the model was trained on: it may have seen some of these ratings.")
    if (scale := dataset.schema.rating_scale) is not None and scale.continuous:
        notes.append("The scale is continuous: the likelihood is a probability density per rating point.")
    if config.paper_warm and "warm" in config.states:
        notes.append("The warm state is in sample, as in the paper: most of its ratings were trained on.")
    return tuple(notes)


def _order_notes(config: EvaluationConfig) -> tuple[str, ...]:
    if config.order is Order.RANDOM:
        return ()
    notes = ["In order of time: each user's later ratings are predicted from the earlier ones."]
    if "warm" in config.states and not config.paper_warm:
        notes.append(
            "In the warm state, the latest held-out ratings are predicted from the user's ratings before the first of "
            "them; training saw later ratings too."
        )
    return tuple(notes)
