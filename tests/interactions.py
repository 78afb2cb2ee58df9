"""A small data set of interactions, and a model of it, for tests."""

from pathlib import Path

import numpy as np

from models.artifact import TrainedModel
from models.data.dataset import Dataset
from models.data.reader import read_dataset
from models.data.splits import SplitConfig
from models.train import train
from models.training.preset import load_preset
from tests.choice import SMALL_CHOICE

SCHEMA = """
name = "clicks"
[interactions]
user = "user"
item = "item"
kind = "kind"
time = "time"
kinds = { view = 0.2, purchase = 1.0 }
files = [{ path = "interactions.csv" }]
[items]
id = "item"
title = "name"
fields = [{ name = "half", kind = "categorical" }]
files = [{ path = "items.csv" }]
"""

USERS, ITEMS = 40, 20


def write_clicks(directory: Path) -> Path:
    """Users of even rows view and buy items of even rows, those of odd rows the others."""
    generator = np.random.default_rng(0)
    lines = ["user,item,kind,time"]
    for user in range(USERS):
        for place, item in enumerate(generator.permutation(np.arange(user % 2, ITEMS, 2))[:8].tolist()):
            lines.append(f"u{user},i{item},{'purchase' if place % 2 else 'view'},{1000 + 10 * place + user}")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "interactions.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    items = "".join(f"i{item},Item {item},{'even' if item % 2 == 0 else 'odd'}\n" for item in range(ITEMS))
    (directory / "items.csv").write_text("item,name,half\n" + items, encoding="utf-8")
    (directory / "schema.toml").write_text(SCHEMA, encoding="utf-8")
    return directory


def clicks(directory: Path) -> Dataset:
    """The data set, written into a directory and read."""
    dataset, _ = read_dataset(write_clicks(directory))
    return dataset


def trained_on_clicks(directory: Path, *, research_only: bool = False) -> TrainedModel:
    """A model of the data set, trained for a moment into the same directory."""
    preset = load_preset("coldstart-implicit")
    choice = SMALL_CHOICE.model_copy(update={"neighbour_scale": 10.0, "learning_rate": 1e-2, "updates": 60})
    return train(
        clicks(directory),
        preset.model_copy(update={"choice": choice}),
        directory / "model",
        data_path=directory,
        split_config=SplitConfig(new_items=0.0, validation_users=0.2),
        research_only=research_only,
    )
