"""A data set whose only item attributes are vectors, with a right answer that is known."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.csv_files import write_csv

DIMENSIONS = 6
USERS, ITEMS = 90, 40

SCHEMA = """
name = "vectors"
rating_scale = { minimum = 1, maximum = 5 }

[ratings]
files = [{ path = "ratings.csv" }]
user = "user"
item = "item"
rating = "stars"

[users]
files = [{ path = "users.csv" }]
id = "user"
fields = [{ name = "age", kind = "continuous" }]

[items]
files = [{ path = "items.csv" }]
id = "item"
fields = [{ name = "image", kind = "vector" }]
"""


def vector_near(group: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """A vector near the first or the second axis, of whatever length."""
    vector = 0.2 * generator.normal(size=DIMENSIONS)
    vector[group] += 1.0
    return vector * generator.uniform(0.5, 3.0)


def write_vector_data(directory: Path) -> None:
    """Items with even numbers lie near the first axis, the others near the second; each user likes one of both."""
    generator = np.random.default_rng(0)
    directory.mkdir(parents=True)
    (directory / "schema.toml").write_text(SCHEMA, encoding="utf-8")
    vectors = [vector_near(item % 2, generator).round(4).tolist() for item in range(ITEMS)]
    items = [(f"i{item}", json.dumps(vector)) for item, vector in enumerate(vectors)]
    write_csv(directory / "items.csv", ["item", "image"], items)
    write_csv(directory / "users.csv", ["user", "age"], [(f"u{user}", 18 + user % 50) for user in range(USERS)])
    ratings: list[tuple[str, str, int]] = []
    for user in range(USERS):
        for item in generator.permutation(ITEMS)[:20]:
            likes = item % 2 == user // 7 % 2
            noise = int(generator.random() < 0.2)
            ratings.append((f"u{user}", f"i{item}", 5 - noise if likes else 1 + noise))
    write_csv(directory / "ratings.csv", ["user", "item", "stars"], ratings)
