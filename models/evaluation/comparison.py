"""Two versions on the same held-out users, and whether the new one is shown to be better."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from models.artifact import Manifest, TrainedModel
from models.data.dataset import Dataset, State
from models.data.episodes import Episode, batches
from models.data.malformed import DataError
from models.data.reader import read_dataset
from models.data.splits import Split, new_by_id
from models.evaluation.figures import Estimate
from models.evaluation.predictors import by_learner, measure_users
from models.metrics.bootstrap import bootstrap_means, interval_95

LEAST_USERS = 20
"""Of fewer users, bootstrap intervals are too narrow to decide by."""

_MOST_QUERIES = 10
_RESAMPLES = 10_000
_SEED = 0
_BATCH_USERS = 64


class _ReportPart(BaseModel):
    model_config = ConfigDict(frozen=True)


class ComparedMeasure(_ReportPart):
    """One measure of both versions, mean over users.

    Attributes:
        new: Of the new version.
        active: Of the active one.
        difference: New − active, user by user, with its bootstrap 95 % interval.
    """

    new: float
    active: float
    difference: Estimate


class Comparison(_ReportPart):
    """Two versions on the same episodes of the same users.

    Attributes:
        new: The new version.
        active: The version that serves.
        users: Users compared.
        query_ratings: Ratings that were predicted.
        mean_support: Ratings that the versions adapted to, mean over users.
        measures: By measure, as in an evaluation's report; none without users.
        better: Whether the new version is shown to have the lower MAE.
        verdict: That in words, with the figures.
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

    Of each such user with two ratings or more, half of them, ten at most, are predicted from the rest. The new version
    is shown to be better if the whole 95 % interval of the difference in MAE lies below 0, and there are enough users
    to rely on the interval.

    Args:
        new: Trained on the data set, with users held out of it.
        active: Any model of the same schema.
        dataset: The data set.
        progress: Called with the share done, 0 to 1; what it raises stops the comparison.
    """
    held_out = _held_out(new, dataset)
    known = trained_on(active.manifest, dataset.users.ids)
    notes = [_UNKNOWN.format(version=active.version)] if known is None else []
    if known is not None and (left_out := int((held_out & known).sum())):
        notes.append(f"{left_out} held-out users are left out, because {active.version} was trained on them.")
    compared = held_out if known is None else held_out & ~known
    episodes = _episodes(dataset, compared)
    measures = _measures(new, active, dataset, episodes, progress) if episodes else {}
    better, verdict = _verdict(len(episodes), measures.get("mae"))
    return Comparison(
        new=new.version,
        active=active.version,
        users=len(episodes),
        query_ratings=sum(len(episode.query_items) for episode in episodes),
        mean_support=float(np.mean([len(episode.support_items) for episode in episodes])) if episodes else 0.0,
        measures=measures,
        better=better,
        verdict=verdict,
        notes=tuple(notes),
    )


_UNKNOWN = (
    "{version} may have been trained on some of these users: the data set that it was trained on is not where it was, "
    "or has changed. That makes its error look smaller than it is."
)


def trained_on(manifest: Manifest, user_ids: Sequence[str]) -> NDArray[np.bool_] | None:
    """Which users a model was trained on or chosen by: bool [users], or None if that cannot be found out.

    A split by ids says it of everybody. Otherwise the data set is read again, and has to be the same.
    """
    if manifest.split.by_id:
        return ~new_by_id(user_ids, manifest.split)
    if manifest.data.path is None:
        return None
    try:
        dataset, _ = read_dataset(Path(manifest.data.path), schema=manifest.data_schema, malformed="skip")
    except DataError:
        return None
    if dataset.fingerprint != manifest.data.fingerprint:
        return None
    split = Split.of(dataset, manifest.split)
    rows = np.unique(dataset.ratings.users[split.training])
    seen = {dataset.users.ids[row] for row in [*rows, *np.flatnonzero(split.validation_users)]}
    return np.array([user_id in seen for user_id in user_ids], dtype=np.bool_)


def _held_out(new: TrainedModel, dataset: Dataset) -> NDArray[np.bool_]:
    states = Split.of(dataset, new.manifest.split).states
    held_out = np.zeros(len(dataset.users), dtype=np.bool_)
    held_out[dataset.ratings.users[(states == State.USER_COLD) | (states == State.USER_AND_ITEM_COLD)]] = True
    return held_out


def _episodes(dataset: Dataset, users: NDArray[np.bool_]) -> list[Episode]:
    """One episode of each of these users who has two ratings or more."""
    ratings = dataset.ratings
    episodes = []
    for user in np.flatnonzero(users & (np.diff(ratings.offsets) >= 2)).tolist():
        rows = np.random.default_rng([_SEED, user]).permutation(
            np.arange(ratings.offsets[user], ratings.offsets[user + 1])
        )
        queries = min(len(rows) // 2, _MOST_QUERIES)
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
    measured: list[list[dict[str, NDArray[np.float64]]]] = [[], []]
    done = 0
    for positions, batch in batches(episodes, _BATCH_USERS):
        for own, predict in zip(measured, predictors, strict=True):
            own.append(measure_users(batch, predict(batch)))
        done += len(positions)
        progress(done / len(episodes))
    names = [name for name in measured[0][0] if name in measured[1][0]]
    values = np.stack(
        [np.concatenate([each[name] for each in own]) for own in measured for name in names], axis=1
    )  # [users, new's measures then active's]: resampled together
    means = values.mean(axis=0)
    resampled = bootstrap_means(values, resamples=_RESAMPLES, seed=_SEED)
    for place in (names.index("rmse"), len(names) + names.index("rmse")):
        means[place], resampled[:, place] = np.sqrt(means[place]), np.sqrt(resampled[:, place])
    (new_means, active_means), (new_drawn, active_drawn) = np.split(means, 2), np.split(resampled, 2, axis=1)
    low, high = interval_95(new_drawn - active_drawn)
    return {
        name: ComparedMeasure(
            new=float(new_means[place]),
            active=float(active_means[place]),
            difference=Estimate(
                value=float(new_means[place] - active_means[place]), low=float(low[place]), high=float(high[place])
            ),
        )
        for place, name in enumerate(names)
    }


def _verdict(users: int, mae: ComparedMeasure | None) -> tuple[bool, str]:
    if mae is None or users < LEAST_USERS:
        return False, f"Only {users} held-out users can be compared; {LEAST_USERS} are needed to decide."
    change = mae.difference
    better = change.high < 0
    figures = (
        f"MAE {mae.new:.4f} instead of {mae.active:.4f} on {users} held-out users, "
        f"a difference of {change.value:+.4f} (95 % interval {change.low:+.4f} to {change.high:+.4f})."
    )
    return better, f"The new version is {'better' if better else 'not shown to be better'}: {figures}"
