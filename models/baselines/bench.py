"""All baselines, for the benchmarks; needs LightGBM, which the service does without."""

from models.baselines import BASELINES, Baseline
from models.baselines.boosted_trees import BoostedTrees
from models.baselines.gaussian_process import GaussianProcess
from models.baselines.item_neighbours import ItemNeighbours
from models.baselines.matrix_factorisation import MatrixFactorisation
from models.baselines.pairwise_preference_regression import PairwisePreferenceRegression
from models.baselines.wide_and_deep import WideAndDeep

BENCH_BASELINES: tuple[type[Baseline], ...] = (
    *BASELINES,
    ItemNeighbours,
    MatrixFactorisation,
    GaussianProcess,
    PairwisePreferenceRegression,
    WideAndDeep,
    BoostedTrees,
)
"""In the order in which reports show them."""
