"""Two versions on the same held-out users, and whether the new one is shown to be better."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.artifact import TrainedModel
from models.data.dataset import Dataset, State
from models.data.episodes import Episode, batches
from models.data.malformed import DataError
from models.data.reader import read_dataset
from models.data.splits import Split, new_by_id
from models.evaluation.estimates import UserValues, compare_measures, concatenate_users
from models.evaluation.figures import ComparedMeasure, ReportPart
from models.evaluation.predictors import BATCH_USERS, by_learner
from models.metrics import MAE, measure_users

MIN_USERS = 20
"""Users that a decision needs: with fewer, bootstrap intervals are too narrow. It belongs to the protocol."""

_MAX_QUERIES = 10
"""Most query ratings of a user, as in `EvaluationConfig`. It belongs to the evaluation protocol."""

_RESAMPLES = 10_000
"""Resamples of the bootstrap. The decision depends on an end of the interval, so it needs more than a report."""

_SEED = 0
"""Seed of the query ratings and of the bootstrap. It is fixed, so that a comparison gives the same result again."""


class Comparison(ReportPart):
    """Two versions on the same episodes of the same users.

    Attributes:
        new: The new version.
        active: The version that serves. Both figures are those of the versions' research models.
        users: How many users were compared.
        query_ratings: How many ratings were predicted.
        mean_support: Ratings that the versions adapted to, mean over users.
        measures: By the names in `models.metrics.MEASURES`. A measure that is undefined for all users is missing.
        better: Whether the comparison shows that the new version has the lower MAE.
        verdict: The result in words, with the figures.
        notes: What a reader must know to judge the figures.
    """

    new: str
    active: str
    users: int
    query_ratings: int
    mean_support: float
    measures: dict[str, ComparedMeasure]
    better: bool
    verdict: str
    notes: tuple[str, ...]


def compare(
    new: TrainedModel,
    active: TrainedModel,
    dataset: Dataset,
    *,
    progress: Callable[[float], None] = lambda _: None,
) -> Comparison:
    """Compare a new version with the active one on users that neither was trained on, as far as that can be known.

    Each such user needs two ratings or more. Half of a user's ratings, ten at most, are predicted from the others. The
    new version counts as better if there are enough users and the whole 95 % interval of the difference in MAE lies
    below 0.

    Args:
        new: The research model of the new version. It was trained on the data set, with some users held out.
        active: The research model of any version with the same schema.
        dataset: The data set.
        progress: Called with the share that is done, 0 to 1. An exception from it stops the comparison.
    """
    held_out = _held_out(new, dataset)
    known = trained_on(active, dataset.users.ids)
    notes = _twin_notes(new, active)
    if known is None:
        notes.append(_UNKNOWN.format(version=active.version))
    if known is not None and (known_count := int((held_out & known).sum())):
        notes.append(f"{known_count} held-out users are left out, because {active.version} was trained on them.")
    compared = held_out if known is None else held_out & ~known
    episodes = _episodes(dataset, compared)
    measures = _measures(new, active, dataset, episodes, progress) if episodes else {}
    better, verdict = _verdict(len(episodes), measures.get(MAE.name))
    return Comparison(
        new=new.served_version,
        active=active.served_version,
        users=len(episodes),
        query_ratings=sum(len(episode.query_items) for episode in episodes),
        mean_support=float(np.mean([len(episode.support_items) for episode in episodes])) if episodes else 0.0,
        measures=measures,
        better=better,
        verdict=verdict,
        notes=tuple(notes),
    )


_UNKNOWN = (
    "{version} may have been trained on some of these users: its training data set has moved or changed. Its error "
    "then looks smaller than it is."
)


def _twin_notes(*models: TrainedModel) -> list[str]:
    """Which figures are those of a research twin."""
    return [
        f"{model.twin_of} was trained on all ratings. Its figures are those of its research twin {model.version}."
        for model in models
        if model.twin_of is not None
    ]


def trained_on(model: TrainedModel, user_ids: Sequence[str]) -> NDArray[np.bool_] | None:
    """Which users a research model was trained or validated on: bool [users], or None if that cannot be known.

    A split by ids answers this for any user. With any other split, the model's data set is read again; it must not have
    changed.
    """
    manifest = model.manifest
    if model.split.by_id:
        return ~new_by_id(user_ids, model.split)
    if manifest.data.path is None:
        return None
    try:
        dataset, _ = read_dataset(Path(manifest.data.path), schema=manifest.data_schema, malformed="skip")
    except DataError:
        return None
    if dataset.fingerprint != manifest.data.fingerprint:
        return None
    split = Split.of(dataset, model.split)
    rows = np.unique(dataset.ratings.users[split.training])
    seen = {dataset.users.ids[row] for row in [*rows, *np.flatnonzero(split.validation_users)]}
    return np.array([user_id in seen for user_id in user_ids], dtype=np.bool_)


def _held_out(new: TrainedModel, dataset: Dataset) -> NDArray[np.bool_]:
    states = Split.of(dataset, new.split).states
    held_out = np.zeros(len(dataset.users), dtype=np.bool_)
    held_out[dataset.ratings.users[(states == State.USER_COLD) | (states == State.USER_AND_ITEM_COLD)]] = True
    return held_out


def _episodes(dataset: Dataset, users: NDArray[np.bool_]) -> list[Episode]:
    """One episode for each of these users who has two ratings or more."""
    ratings = dataset.ratings
    episodes = []
    for user in np.flatnonzero(users & (np.diff(ratings.offsets) >= 2)).tolist():
        rows = np.random.default_rng([_SEED, user]).permutation(
            np.arange(ratings.offsets[user], ratings.offsets[user + 1])
        )
        queries = min(len(rows) // 2, _MAX_QUERIES)
        query, support = rows[:queries], rows[queries:]
        episodes.append(Episode.of(ratings, state=State.USER_COLD, user=user, support=support, query=query))
    return episodes


def _measures(
    new: TrainedModel,
    active: TrainedModel,
    dataset: Dataset,
    episodes: Sequence[Episode],
    progress: Callable[[float], None],
) -> dict[str, ComparedMeasure]:
    predictors = [by_learner(model, dataset) for model in (new, active)]
    measured: tuple[list[UserValues], list[UserValues]] = ([], [])
    done = 0
    for positions, batch in batches(episodes, BATCH_USERS):
        for values, predict in zip(measured, predictors, strict=True):
            values.append(measure_users(predict(batch), batch.query_ratings, batch.query_mask))
        done += len(positions)
        progress(done / len(episodes))
    new_values, active_values = map(concatenate_users, measured)
    return compare_measures(new_values, active_values, resamples=_RESAMPLES, seed=_SEED)


def _verdict(users: int, mae: ComparedMeasure | None) -> tuple[bool, str]:
    if mae is None or users < MIN_USERS:
        return False, f"Only {users} held-out users can be compared; {MIN_USERS} are needed to decide."
    change = mae.difference
    better = change.high < 0
    figures = (
        f"MAE {mae.new:.4f} instead of {mae.active:.4f} on {users} held-out users, "
        f"a difference of {change.value:+.4f} (95 % interval {change.low:+.4f} to {change.high:+.4f})."
    )
    return better, f"The new version is {'better' if better else 'not shown to be better'}: {figures}"
