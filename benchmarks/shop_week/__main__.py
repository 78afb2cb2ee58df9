"""Simulate a week of a shop with an A/B test whose effect is known, and say whether the service's report is right.

    python -m benchmarks.shop_week --data DIR [--out docs/results] [--seed 0] [--work DIR]

Writes shop-week.md, shop-week.json and shop-week.svg. The model is the preset `coldstart`, trained on half of the users
and on the known items alone, unless the work directory has it already. Training takes a minute, and the three simulated
weeks take some minutes of one core. The schema of the data set must name a date of the items, and the items must have a
field `year`.
"""

import argparse
import asyncio
import json
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from benchmarks.shop_week.figures import Figures, figures_of
from benchmarks.shop_week.page import page
from benchmarks.shop_week.plots import plot_week
from benchmarks.shop_week.visitors import visitors_of
from benchmarks.shop_week.week import World, arriving_items, simulate
from models.artifact import TrainedModel, load_artifact
from models.data.dataset import Dataset
from models.data.reader import read_dataset
from models.data.splits import Split, SplitConfig
from models.train import train
from models.training.preset import load_preset
from models.training.threads import compute_in_one_thread

_SPLIT = SplitConfig(new_users=0.5)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[2] / "docs" / "results")
    parser.add_argument("--seed", type=int, default=0, help="of the visits, the assignments, and their repetitions")
    parser.add_argument("--work", type=Path, default=Path(".coldstart/bench-shop-week"))
    arguments = parser.parse_args()
    compute_in_one_thread()
    dataset, _ = read_dataset(arguments.data)
    artifact = arguments.work / arguments.data.name
    figures = asyncio.run(measure(dataset, _trained(dataset, arguments.data, artifact), artifact, seed=arguments.seed))
    rounded = json.loads(json.dumps(asdict(figures)), parse_float=lambda number: round(float(number), 6))
    for repeated in (rounded["test"], rounded["same"]):
        del repeated["differences"]  # thousands, which only the plot shows
    (arguments.out / "shop-week.json").write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")
    seed = f" --seed {arguments.seed}" if arguments.seed else ""
    (arguments.out / "shop-week.md").write_text(
        page(figures, f"python -m benchmarks.shop_week --data DIR{seed}"), encoding="utf-8"
    )
    plot_week(figures, arguments.out / "shop-week.svg")


async def measure(dataset: Dataset, model: TrainedModel, artifact: Path, *, seed: int) -> Figures:
    """Simulate the week with the test, and the weeks without it that say what the truth is."""
    split = Split.of(dataset, _SPLIT)
    trained_at = model.manifest.created_at
    world = World(
        model=artifact,
        opening=trained_at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1),
        visitors=visitors_of(dataset, split, seed=seed),
        arriving=arriving_items(dataset, split),
        liked_from=dataset.schema.rating_scale.liked_from,
    )
    week, everybody, nobody = [await simulate(world, percent=percent) for percent in (50, 100, 0)]
    return figures_of(world, week, everybody, nobody, seed=seed, model=model.version, items=len(dataset.items))


def _trained(dataset: Dataset, data_path: Path, artifact: Path) -> TrainedModel:
    if not (artifact / "manifest.json").exists():
        preset = load_preset("coldstart")
        train(dataset, preset, artifact, data_path=data_path, split_config=_SPLIT, research_only=True)
    return load_artifact(artifact)


if __name__ == "__main__":
    main()
