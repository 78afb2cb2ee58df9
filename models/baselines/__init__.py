"""Simple predictors that every report shows beside the learners, and stronger ones that reports show on demand.

Where their constants were tuned, it was within the training ratings of MovieLens 1M: 15 % of the users held out, the
latest 15 % of the items hidden.
"""

from models.baselines.base import Baseline
from models.baselines.gaussian_process import GaussianProcess
from models.baselines.global_mean import GlobalMean
from models.baselines.item_mean_user_bias import ItemMeanUserBias
from models.baselines.item_neighbours import ItemNeighbours
from models.baselines.matrix_factorisation import MatrixFactorisation
from models.baselines.pairwise_preference_regression import PairwisePreferenceRegression
from models.baselines.support_mean import SupportMean
from models.baselines.wide_and_deep import WideAndDeep

BASELINES: tuple[type[Baseline], ...] = (GlobalMean, SupportMean, ItemMeanUserBias)
"""The quick ones, in the order in which reports show them."""

ALL_BASELINES: tuple[type[Baseline], ...] = (
    *BASELINES,
    ItemNeighbours,
    MatrixFactorisation,
    GaussianProcess,
    PairwisePreferenceRegression,
    WideAndDeep,
)
"""All that need no optional package, in the order in which reports show them."""

__all__ = ["ALL_BASELINES", "BASELINES", "Baseline", "GlobalMean", "ItemMeanUserBias", "SupportMean"]
