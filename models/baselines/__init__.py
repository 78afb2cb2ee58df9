"""Simple predictors that every report shows beside the learners, and stronger ones that the benchmarks add.

Where their constants were tuned, it was within the training ratings of MovieLens 1M: 15 % of the users held out, the
latest 15 % of the items hidden.
"""

from models.baselines.base import Baseline
from models.baselines.global_mean import GlobalMean
from models.baselines.item_mean_user_bias import ItemMeanUserBias
from models.baselines.support_mean import SupportMean

BASELINES: tuple[type[Baseline], ...] = (GlobalMean, SupportMean, ItemMeanUserBias)
"""In the order in which reports show them."""

__all__ = ["BASELINES", "Baseline", "GlobalMean", "ItemMeanUserBias", "SupportMean"]
