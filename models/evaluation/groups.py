"""Whether groups of users are served differently, by each attribute of the users."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.data.dataset import Dataset
from models.data.episodes import Episode
from models.evaluation.batch_runner import BatchRunner
from models.evaluation.config import EvaluationConfig
from models.evaluation.counterfactual import Counterfactuals, compared_attributes
from models.evaluation.estimates import UserValues, estimate_difference, estimate_means
from models.evaluation.figures import AttributeGroup, AttributeGroups, Estimate, GroupDifferences, GroupGap
from models.evaluation.predictors import Predict
from models.fields import FieldKind
from models.metrics import MAE, MEASURES
from models.metrics.measure import Measure

LEAST_USERS = 20
"""Users of the smallest group that is compared. It belongs to the evaluation protocol."""

_COMPARED = (MAE, MEASURES["ndcg@3_linear"])
"""The measures that are compared between groups. They belong to the evaluation protocol."""

_QUARTERS = (25, 50, 75)
"""Percentiles at which the values of a number are divided into groups. They belong to the evaluation protocol."""

_UNKNOWN = "unknown"


def group_differences(
    dataset: Dataset,
    episodes: Sequence[Episode],
    predict: Predict,
    counterfactuals: Counterfactuals,
    config: EvaluationConfig,
    runner: BatchRunner,
) -> GroupDifferences:
    """The measures of each group of users, the gaps between groups, and what changes with an attribute.

    Args:
        dataset: The data set.
        episodes: Of users of one state, one at least.
        predict: The evaluated model.
        counterfactuals: The model with changed attributes of these users.
        config: Seed and resamples of the bootstrap.
        runner: Predicts and ranks.
    """
    values = {measure.name: np.empty(len(episodes)) for measure in _COMPARED}
    for positions, batch, predicted in runner.run(predict, episodes):
        for measure in _COMPARED:
            values[measure.name][positions] = measure.per_user(predicted, batch.query_ratings, batch.query_mask)
    with_support = counterfactuals.changes(config, runner)
    without_support = counterfactuals.changes(config, runner, size=0)
    rows = [episode.user for episode in episodes]
    attributes = []
    for field in compared_attributes(dataset.schema):
        groups = groups_of(dataset.users.table[field.name][rows], field.kind)
        attributes.append(
            compare_groups(field.name, groups, values, config).model_copy(
                update={
                    "with_support": with_support.get(field.name),
                    "without_support": without_support.get(field.name),
                }
            )
        )
    return GroupDifferences(
        state=episodes[0].state.label,
        users=len(episodes),
        changed_users=len(counterfactuals.episodes),
        least_users=LEAST_USERS,
        attributes=tuple(attributes),
    )


def groups_of(values: pl.Series, kind: FieldKind) -> dict[str, NDArray[np.int64]]:
    """The places of the users of each group, by the group's name; users without a value are a group too.

    Args:
        values: One value for each user.
        kind: A number's values are divided at their quartiles. Any other value is a group.
    """
    if kind is FieldKind.CONTINUOUS:
        known, unknown = np.flatnonzero(values.is_not_null()), np.flatnonzero(values.is_null())
        numbers = values.drop_nulls().to_numpy()
        quarters = np.searchsorted(np.percentile(numbers, _QUARTERS), numbers) if len(numbers) else numbers
        parts = [np.flatnonzero(quarters == quarter) for quarter in np.unique(quarters)]
        groups = {_range(numbers[part]): known[part] for part in parts}
        return {**groups, _UNKNOWN: unknown} if len(unknown) else groups
    names = np.array(values.fill_null(_UNKNOWN).to_list())
    return {str(name): np.flatnonzero(names == name) for name in np.unique(names)}


def _range(numbers: NDArray[np.floating]) -> str:
    low, high = numbers.min(), numbers.max()
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def compare_groups(
    attribute: str, groups: Mapping[str, NDArray[np.int64]], values: UserValues, config: EvaluationConfig
) -> AttributeGroups:
    """The averages of the groups that are large enough, and their largest gaps.

    Args:
        attribute: The name of the attribute.
        groups: The places of the users of each group.
        values: Each measure's values for the users, by the names in `models.metrics.MEASURES`.
        config: Seed and resamples of the bootstrap.
    """
    large = {name: places for name, places in groups.items() if len(places) >= LEAST_USERS}
    return AttributeGroups(
        attribute=attribute,
        groups=tuple(
            AttributeGroup(name=name, users=len(places), measures=_averages(places, values, config))
            for name, places in large.items()
        ),
        small_groups=len(groups) - len(large),
        small_group_users=sum(len(places) for name, places in groups.items() if name not in large),
        gaps={
            name: gap
            for name, of_users in values.items()
            if (gap := _largest_gap(MEASURES[name], large, of_users, config)) is not None
        },
    )


def _averages(places: NDArray[np.int64], values: UserValues, config: EvaluationConfig) -> dict[str, Estimate]:
    return {
        name: estimate_means(of_users[places, None], resamples=config.bootstrap_resamples, seed=config.seed)[0]
        for name, of_users in values.items()
        if not np.isnan(of_users[places]).all()
    }


def _largest_gap(
    measure: Measure, groups: Mapping[str, NDArray[np.int64]], values: NDArray[np.float64], config: EvaluationConfig
) -> GroupGap | None:
    """The gap between the worst and the best group; None if fewer than two groups have a value."""
    defined = {
        name: of_group for name, places in groups.items() if len(of_group := values[places][~np.isnan(values[places])])
    }
    if len(defined) < 2:
        return None
    # By costs, so that more is worse for any measure.
    costs = {name: measure.direction.sign * of_group for name, of_group in defined.items()}
    worst = max(costs, key=lambda name: costs[name].mean())
    best = min(costs, key=lambda name: costs[name].mean())
    gap = estimate_difference(costs[worst], costs[best], resamples=config.bootstrap_resamples, seed=config.seed)
    return GroupGap(worst=worst, best=best, gap=gap, chance=_chance(list(costs.values()), config))


def _chance(groups: Sequence[NDArray[np.float64]], config: EvaluationConfig) -> float:
    """The share of random divisions into groups of the same sizes whose largest gap is as large, these groups included.

    This is the p-value of a permutation test (Phipson & Smyth, Stat. Appl. Genet. Mol. Biol. 9 (2010) 39).
    """
    pooled = np.concatenate(groups)
    starts = np.cumsum([0, *(len(group) for group in groups[:-1])])
    sizes = np.array([len(group) for group in groups])

    def largest_gap(values: NDArray[np.float64]) -> float:
        return float(np.ptp(np.add.reduceat(values, starts) / sizes))

    observed = largest_gap(pooled) - 1e-12
    generator = np.random.default_rng(config.seed)
    as_large = sum(largest_gap(generator.permutation(pooled)) >= observed for _ in range(config.bootstrap_resamples))
    return (1 + as_large) / (1 + config.bootstrap_resamples)
