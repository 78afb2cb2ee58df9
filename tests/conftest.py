"""A small generated data set whose right answers are known, and a model trained on it, for every test."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from models.data.reader import read_dataset
from models.elicitation import outcome_values
from models.learners.melu import MeLUConfig
from models.train import train
from models.training.preset import Preset, TrainingConfig, load_preset
from models.training.threads import compute_in_one_thread
from tests.choice import SMALL_CHOICE
from tests.csv_files import write_csv
from tests.purchases import write_purchases

# Every run draws the same examples. No test depends on how long an example or drawing it takes.
settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    max_examples=50,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")

SCHEMA = """
name = "two-tastes"

[rating_scale]
minimum = 1
maximum = 5

[ratings]
user = "user"
item = "item"
rating = "stars"
[[ratings.files]]
path = "ratings.csv"

[users]
id = "user"
[[users.files]]
path = "users.csv"
[[users.fields]]
name = "country"
kind = "categorical"
[[users.fields]]
name = "age"
kind = "continuous"

[items]
id = "item"
title = "name"
date = "year"
[[items.files]]
path = "items.csv"
[[items.fields]]
name = "genre"
kind = "multi_valued"
[[items.fields]]
name = "year"
kind = "continuous"
"""

USERS, ITEMS = 120, 40


def write_two_tastes(directory: Path) -> None:
    """Write a data set in which half of the users love comedies and hate horror, and the others the reverse.

    Only a user's ratings tell the user's taste. Attributes do not, and the number hardly: the taste changes after every
    seventh user.
    """
    generator = np.random.default_rng(0)
    directory.mkdir(parents=True)
    (directory / "schema.toml").write_text(SCHEMA, encoding="utf-8")

    countries = ["fr", "jp", "br"]
    write_csv(
        directory / "users.csv",
        ["user", "country", "age"],
        [[f"u{user}", countries[user % 3], 18 + user % 50] for user in range(USERS)],
    )
    write_csv(
        directory / "items.csv",
        ["item", "name", "genre", "year"],
        [[f"i{item}", f"Film {item}", "comedy" if item % 2 else "horror", 1980 + item] for item in range(ITEMS)],
    )
    ratings: list[list[object]] = []
    for user in range(USERS):
        for item in generator.permutation(ITEMS)[:20]:
            likes = (item % 2 == 1) == (user // 7 % 2 == 1)
            noise = int(generator.random() < 0.2)
            ratings.append([f"u{user}", f"i{item}", 5 - noise if likes else 1 + noise])
    write_csv(directory / "ratings.csv", ["user", "item", "stars"], ratings)


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Compute in one thread, because several processes run tests at once."""
    compute_in_one_thread()


@pytest.fixture(scope="session", autouse=True)
def _short_shortlist() -> Iterator[None]:
    """A training chooses questions among few items: among all of them, that takes as long as a small training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outcome_values, "_SHORTLIST", 4)
        yield


@pytest.fixture(scope="session")
def dataset_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with its schema: 120 users, 40 films, 2,400 ratings."""
    directory = tmp_path_factory.mktemp("data") / "two-tastes"
    write_two_tastes(directory)
    return directory


@pytest.fixture(scope="session")
def tiny_preset() -> Preset:
    """A small MeLU that trains fast."""
    return Preset(
        name="tiny",
        learner=MeLUConfig(steps=2, rate=0.05, prior_ratings=1.0),
        choice=SMALL_CHOICE,
        training=TrainingConfig(epochs=8, patience=8, batch_users=8, learning_rate=5e-3, max_query=10),
    )


@pytest.fixture(scope="session")
def model_dir(dataset_dir: Path, tiny_preset: Preset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact trained on the data set of `dataset_dir`."""
    output = tmp_path_factory.mktemp("models") / "tiny"
    dataset, _ = read_dataset(dataset_dir)
    train(dataset, tiny_preset, output, data_path=dataset_dir, research_only=True)
    return output


@pytest.fixture(scope="session")
def other_model_dir(dataset_dir: Path, tiny_preset: Preset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another artifact, trained on the same data."""
    output = tmp_path_factory.mktemp("models") / "other"
    training = tiny_preset.training.model_copy(update={"epochs": 1, "patience": 1})
    preset = tiny_preset.model_copy(update={"name": "other", "training": training})
    train(read_dataset(dataset_dir)[0], preset, output, data_path=dataset_dir, research_only=True)
    return output


@pytest.fixture(scope="session")
def purchases_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory of interactions without ratings: 120 users, 40 films."""
    directory = tmp_path_factory.mktemp("data") / "purchases"
    write_purchases(directory)
    return directory


@pytest.fixture(scope="session")
def implicit_preset() -> Preset:
    """A small model without ratings. Tastes come from choices alone, which takes more updates than to learn ratings."""
    choice = SMALL_CHOICE.model_copy(update={"updates": 200, "updates_per_round": 100})
    return load_preset("coldstart-implicit").model_copy(update={"choice": choice})


@pytest.fixture(scope="session")
def implicit_model_dir(purchases_dir: Path, implicit_preset: Preset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact of a model without ratings, trained on the data set of `purchases_dir`."""
    output = tmp_path_factory.mktemp("models") / "implicit"
    train(read_dataset(purchases_dir)[0], implicit_preset, output, data_path=purchases_dir, research_only=True)
    return output
