"""Two versions on the same held-out users, and whether the new one is shown to be better."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.artifact import TrainedModel
from models.data.dataset import Dataset, State
from models.data.episodes import Episode, batches
from models.data.malformed import DataError
from models.data.reader import read_dataset
from models.data.splits import Split, new_by_id
from models.evaluation.batch_runner import BatchRunner
from models.evaluation.estimates import UserValues, compare_means, compare_measures, concatenate_users
from models.evaluation.figures import ComparedMeasure, ReportPart
from models.evaluation.lists.measuring import RankedCatalogue, measure_lists
from models.evaluation.lists.rankers import ModelRanker
from models.evaluation.predictors import BATCH_USERS, by_learner
from models.metrics import MAE, measure_users
from models.metrics.lists import LIST_NDCG
from models.metrics.measure import Direction
from models.ranking.query import RankBy

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
        query_ratings: How many ratings were predicted, or of versions without ratings how many interactions.
        mean_support: Ratings or interactions that the versions adapted to, mean over users.
        measures: By the names in `models.metrics.MEASURES`, or of versions without ratings by those in
            `models.metrics.lists.LIST_MEASURES`. A measure that is undefined for all users is missing.
        better: Whether the comparison shows that the new version has the lower MAE, or without ratings the higher
            nDCG of lists.
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

    If one of them predicts no ratings, each makes a list of the catalogue for each user instead, from half of what the
    user did. The items of the other half that the user wanted, ten at most, are the relevant ones, and the whole
    interval of the difference in nDCG has to lie above 0.

    Args:
        new: The research model of the new version. It was trained on the data set, with some users held out.
        active: The research model of any version with the same schema.
        dataset: The data set.
        progress: Called with the share that is done, 0 to 1. An exception from it stops the comparison.
    """
    with_ratings = new.learner is not None and active.learner is not None
    held_out = _held_out(new, dataset)
    known = trained_on(active, dataset.users.ids)
    notes = _twin_notes(new, active)
    if known is None:
        notes.append(_UNKNOWN.format(version=active.version))
    if known is not None and (known_count := int((held_out & known).sum())):
        notes.append(f"{known_count} held-out users are left out, because {active.version} was trained on them.")
    compared = held_out if known is None else held_out & ~known
    episodes = _episodes(dataset, compared, dataset.ratings.rated if with_ratings else dataset.liked)
    measure = _measures if with_ratings else _list_measures
    measures = measure(new, active, dataset, episodes, progress) if episodes else {}
    better, verdict = _verdict(len(episodes), measures)
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


def _episodes(dataset: Dataset, users: NDArray[np.bool_], predictable: NDArray[np.bool_]) -> list[Episode]:
    """One episode for each of these users who has two ratings or more, and a predictable one among the queries.

    Args:
        dataset: The data set.
        users: bool [users].
        predictable: bool [ratings], those that may be queries.
    """
    ratings = dataset.ratings
    episodes = []
    for user in np.flatnonzero(users & (np.diff(ratings.offsets) >= 2)).tolist():
        rows = np.random.default_rng([_SEED, user]).permutation(
            np.arange(ratings.offsets[user], ratings.offsets[user + 1])
        )
        query = rows[: len(rows) // 2]
        query = query[predictable[query]][:_MAX_QUERIES]
        if len(query):
            support = rows[~np.isin(rows, query)]
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


def _list_measures(
    new: TrainedModel,
    active: TrainedModel,
    dataset: Dataset,
    episodes: Sequence[Episode],
    progress: Callable[[float], None],
) -> dict[str, ComparedMeasure]:
    """The measures of the lists by which the versions recommend. What the new version was trained on breaks ties."""
    catalogue = RankedCatalogue.of(dataset, Split.of(dataset, new.split).training)
    size = max(len(episode.support_items) for episode in episodes)
    measured: list[UserValues] = []
    done = 0

    def batch_done(users: int) -> None:
        nonlocal done
        done += users
        progress(done / (2 * len(episodes)))

    runner = BatchRunner(batch_done=batch_done)
    for model in (new, active):
        ranker = ModelRanker(model, dataset, RankBy.CHOICE)
        measured.append(measure_lists(ranker, episodes, catalogue, size=size, runner=runner).values)
    return compare_means(*measured, resamples=_RESAMPLES, seed=_SEED)


def _verdict(users: int, measures: Mapping[str, ComparedMeasure]) -> tuple[bool, str]:
    """Whether the new version is better, by MAE or else by the nDCG of lists, and the result in words."""
    measure = MAE if MAE.name in measures else LIST_NDCG
    compared = measures.get(measure.name)
    if compared is None or users < MIN_USERS:
        return False, f"Only {users} held-out users can be compared; {MIN_USERS} are needed to decide."
    change = compared.difference
    if not change.has_interval:
        return False, f"{measure.title} is defined for one held-out user only, which is not enough to decide."
    low, high = change.ends
    better = high < 0 if measure.direction is Direction.LOWER else low > 0
    figures = (
        f"{measure.title} {compared.new:.4f} instead of {compared.active:.4f} on {users} held-out users, "
        f"a difference of {change.value:+.4f} (95 % interval {low:+.4f} to {high:+.4f})."
    )
    return better, f"The new version is {'better' if better else 'not shown to be better'}: {figures}"
