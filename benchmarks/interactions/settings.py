"""Search for the settings of the baselines for purchases, on the customers that are held out for validation.

python -m benchmarks.interactions.settings --grocery DIR
"""

import argparse
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.interactions.__main__ import KNOWN_ITEMS, SCHEMA, SIZES, later_purchases
from models.baselines.lists import list_baseline_class
from models.data.dataset import State
from models.data.reader import read_dataset
from models.data.schema import DatasetSchema
from models.data.splits import Split
from models.evaluation.lists.measuring import RankedCatalogue, measure_lists
from models.metrics.lists import LIST_NDCG
from models.training.threads import compute_in_one_thread

GRIDS = {
    "item neighbours": {"shrinkage": (0, 5, 20, 50)},
    "EASE": {"ridge": (20, 50, 150, 400)},
    "iALS": {"ridge": (1, 10, 30), "confidence": (3, 10, 30)},
}
"""The values that are tried, all combinations of them."""

VALIDATION_USERS = 0.15


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grocery", type=Path, required=True)
    arguments = parser.parse_args()
    compute_in_one_thread()
    dataset, _ = read_dataset(arguments.grocery, schema=DatasetSchema.from_toml(SCHEMA))
    split = Split.of(dataset, KNOWN_ITEMS.model_copy(update={"validation_users": VALIDATION_USERS}))
    catalogue = RankedCatalogue.of(dataset, split.training)
    episodes = {
        size: [
            episode
            for episode in later_purchases(dataset, split, size, State.WARM)
            if split.validation_users[episode.user]
        ]
        for size in SIZES
    }
    print(f"nDCG@10 after {SIZES} purchases, and the mean")
    for name, grid in GRIDS.items():
        for values in product(*grid.values()):
            settings = dict(zip(grid, values, strict=True))
            ranker = list_baseline_class(name)(**settings).fit(dataset, split.training)
            found = [
                measure_lists(ranker, of_size, catalogue, size=size).values[LIST_NDCG.name].mean()
                for size, of_size in episodes.items()
            ]
            print(f"{' '.join(f'{value:.4f}' for value in found)}  {np.mean(found):.4f}  {name} {settings}", flush=True)


if __name__ == "__main__":
    main()
