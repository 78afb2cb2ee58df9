"""Search for the settings of the baselines for lists, on the users that are held out for validation.

    python -m benchmarks.lists.settings --data DIR [--draws 3]

Every setting ranks the catalogue for the validation users, with the protocol of `models.data.list_episodes` on their
`warm` ratings, in a few draws of the order. The setting with the highest nDCG@10, mean over support sizes, is best. The
defaults in `models/baselines/lists/` are the best settings for MovieLens 1M.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.baselines.lists import ListBaseline, list_baseline_class
from models.data.dataset import Dataset
from models.data.list_episodes import ListEpisodes, list_episodes
from models.data.reader import read_dataset
from models.data.splits import Split, SplitConfig
from models.evaluation.lists.measuring import RankedCatalogue, measure_lists
from models.metrics.lists import LIST_NDCG
from models.training.threads import compute_in_one_thread

GRIDS: Mapping[str, Mapping[str, Sequence[float]]] = {
    "popularity": {},
    "popularity × mean liked": {"prior_ratings": (3.0, 10.0, 30.0, 100.0)},
    "item neighbours": {"shrinkage": (0.0, 30.0, 100.0, 150.0, 200.0, 300.0), "other_weight": (0.0, 0.1, 0.25, 1.0)},
    "EASE": {"ridge": (500.0, 2000.0, 5000.0, 10_000.0, 20_000.0, 50_000.0), "other_weight": (0.0, 0.1, 0.25, 1.0)},
    "iALS": {
        "factors": (16, 32, 64),
        "ridge": (10.0, 30.0, 100.0, 150.0, 200.0, 300.0),
        "confidence": (2.0, 3.0, 5.0, 7.0, 10.0),
        "other_weight": (0.0, 0.5),
    },
}
"""The values that are tried, all combinations of them."""


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=3, help="seeds of the order of the users' ratings")
    parser.add_argument("--baselines", nargs="*", default=list(GRIDS))
    arguments = parser.parse_args()
    compute_in_one_thread()
    dataset, _ = read_dataset(arguments.data)
    split = Split.of(dataset, SplitConfig())
    draws = [list_episodes(dataset, split, users=split.validation_users, seed=seed) for seed in range(arguments.draws)]
    print(f"{len(draws[0].catalogue)} users, nDCG@10 after {draws[0].sizes} ratings, and the mean")
    for name in arguments.baselines:
        print(f"\n{name}")
        for settings, values in sorted(search(name, dataset, split, draws), key=lambda found: -found[1].mean()):
            shown = ", ".join(f"{key} {value:g}" for key, value in settings.items())
            print(f"{' '.join(f'{value:.4f}' for value in values)}  {values.mean():.4f}  {shown}", flush=True)


def search(
    name: str, dataset: Dataset, split: Split, draws: Sequence[ListEpisodes]
) -> Iterator[tuple[dict[str, float], NDArray[np.float64]]]:
    """Each setting of a baseline's grid with its nDCG@10 by support size, mean over users and draws."""
    for values in product(*GRIDS[name].values()):
        settings = dict(zip(GRIDS[name], values, strict=True))
        yield settings, measured(list_baseline_class(name)(**settings), dataset, split, draws)


def measured(
    baseline: ListBaseline, dataset: Dataset, split: Split, draws: Sequence[ListEpisodes]
) -> NDArray[np.float64]:
    """The nDCG@10 of a baseline by support size; float64 [sizes]."""
    ranker = baseline.fit(dataset, split.training)
    catalogue = RankedCatalogue.of(dataset, split.training)
    by_draw = [
        [
            measure_lists(ranker, draw.catalogue, catalogue, size=size).values[LIST_NDCG.name].mean()
            for size in draws[0].sizes
        ]
        for draw in draws
    ]
    return np.asarray(np.mean(by_draw, axis=0))


if __name__ == "__main__":
    main()
