"""Groups of items that questions can be about: clusters of items that users rate alike (Chang et al., CSCW 2015)."""

import numpy as np
from numpy.typing import NDArray

from models.elicitation.subject import Subject
from models.elicitation.values import ValueIndex

_ITEMS_OF_A_GROUP = 8
"""How many items stand for a cluster: few enough to be shown, and enough that most users know two of them."""

_LEAST_ITEMS = 3
"""A smaller cluster is no group."""

_ITEMS_OF_A_CLUSTER = 20
"""How many items a cluster has on average."""

_FEWEST_GROUPS, _MOST_GROUPS = 2, 24
"""Bounds of the number of clusters. One group of all items would say nothing."""

_ITERATIONS = 20
"""Most steps of k-means, which then hardly changes any more."""

_LEAST_SHARE, _LEAST_LIFT = 0.5, 1.5
"""A value names a group if at least this share of its items have it, and at least so many times the share of all items
that have it. These decide what is shown, and shape no model."""


def group_subjects(features: NDArray[np.float32], counts: NDArray[np.int64], values: ValueIndex) -> list[Subject]:
    """Groups of popular items, each named by an attribute value if one is typical of it.

    The distance of two items is that of their features: the prior standard deviation of the difference of their
    ratings. Of each cluster, the half that is nearest to its centre is taken, and of that the items with the most
    ratings.

    Args:
        features: float32 [items, features], the items as a Bayesian last layer sees them.
        counts: int64 [items], their numbers of ratings.
        values: Their attribute values.
    """
    clusters = k_means(features, int(np.clip(len(features) // _ITEMS_OF_A_CLUSTER, _FEWEST_GROUPS, _MOST_GROUPS)))
    groups = []
    for cluster in range(int(clusters.max(initial=-1)) + 1):
        rows = np.flatnonzero(clusters == cluster)
        distances = np.linalg.norm(features[rows] - features[rows].mean(axis=0), axis=1)
        near = rows[distances <= np.median(distances)]
        best_known = near[np.argsort(-counts[near], kind="stable")[:_ITEMS_OF_A_GROUP]]
        if len(best_known) >= _LEAST_ITEMS:
            groups.append(Subject.group(best_known, **_name(best_known, values, len(features))))
    return groups


def k_means(points: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """The cluster of each point by Lloyd's algorithm; int64 [points].

    The first centres are drawn as in k-means++ (Arthur & Vassilvitskii 2007), from a fixed seed. SciPy and scikit-learn
    have the same, but take long to import, and only training does that.

    Args:
        points: float32 [points, dimensions].
        count: How many clusters at most.
    """
    if not len(points):
        return np.empty(0, dtype=np.int64)
    lengths = np.square(points).sum(axis=1, keepdims=True)

    def squared_distances(centres: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(lengths - 2 * points @ centres.T + np.square(centres).sum(axis=1))

    generator, chosen = np.random.default_rng(0), [0]
    nearest = squared_distances(points[:1])[:, 0].clip(min=0)
    while len(chosen) < count and nearest.any():
        chosen.append(int(generator.choice(len(points), p=nearest / nearest.sum(dtype=np.float64))))
        nearest = np.minimum(nearest, squared_distances(points[chosen[-1:]])[:, 0]).clip(min=0)
    centres = points[chosen]
    clusters = squared_distances(centres).argmin(axis=1)
    for _ in range(_ITERATIONS):
        sizes = np.bincount(clusters, minlength=len(centres))
        sums = np.zeros_like(centres)
        np.add.at(sums, clusters, points)
        centres = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres)
        former, clusters = clusters, squared_distances(centres).argmin(axis=1)
        if np.array_equal(former, clusters):
            break
    return np.asarray(clusters)


def _name(rows: NDArray[np.int64], values: ValueIndex, items: int) -> dict[str, str]:
    """The value that is most typical of some rows by its lift, as arguments of `Subject.group`; empty for none."""
    shares, all_shares = values.share_with(rows), values.share_with(np.arange(items))
    lifts = np.where(shares >= _LEAST_SHARE, shares / np.maximum(all_shares, 1 / items), 0.0)
    if not len(lifts) or lifts.max() < _LEAST_LIFT:
        return {}
    field, value = values.values[int(lifts.argmax())]
    return {"field": field, "value": value}
