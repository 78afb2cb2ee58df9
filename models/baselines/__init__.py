"""Baselines: simple ones that every report shows beside the learners, and stronger ones that reports show on demand.

The module of a baseline is imported at its first use. Several need scikit-learn or SciPy, which take seconds to import,
and a server needs only the names.

The constants of the baselines are no settings, because a comparison needs the same baselines everywhere. Constants that
were tuned were tuned within the training ratings of MovieLens 1M, with 15 % of the users held out and the latest 15 %
of the items hidden.
"""

from collections.abc import Mapping
from pkgutil import resolve_name

from models.baselines.base import Baseline

_CLASSES: Mapping[str, str] = {
    "global mean": "models.baselines.global_mean:GlobalMean",
    "support mean": "models.baselines.support_mean:SupportMean",
    "item mean + user bias": "models.baselines.item_mean_user_bias:ItemMeanUserBias",
    "item neighbours": "models.baselines.item_neighbours:ItemNeighbours",
    "matrix factorisation": "models.baselines.matrix_factorisation:MatrixFactorisation",
    "Gaussian process": "models.baselines.gaussian_process:GaussianProcess",
    "pairwise preference regression": "models.baselines.pairwise_preference_regression:PairwisePreferenceRegression",
    "wide & deep": "models.baselines.wide_and_deep:WideAndDeep",
    "boosted trees": "models.baselines.boosted_trees:BoostedTrees",
}

BENCH_BASELINES: tuple[str, ...] = tuple(_CLASSES)
"""The names of all baselines, in the order of the reports. Boosted trees need LightGBM, which is optional."""

ALL_BASELINES: tuple[str, ...] = tuple(name for name in BENCH_BASELINES if name != "boosted trees")
"""The names of the baselines that need no optional package."""

BASELINES: tuple[str, ...] = ("global mean", "support mean", "item mean + user bias")
"""The names of the quick baselines."""


def baseline_class(name: str) -> type[Baseline]:
    """The class of a baseline."""
    found: type[Baseline] = resolve_name(_CLASSES[name])
    return found


__all__ = ["ALL_BASELINES", "BASELINES", "BENCH_BASELINES", "Baseline", "baseline_class"]
