"""All baselines, for the benchmarks; needs LightGBM, which the service does without."""

from models.baselines import ALL_BASELINES, Baseline
from models.baselines.boosted_trees import BoostedTrees

BENCH_BASELINES: tuple[type[Baseline], ...] = (*ALL_BASELINES, BoostedTrees)
"""In the order in which reports show them."""
