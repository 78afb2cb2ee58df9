"""Writing and reading small data sets in tests."""

import gzip
from pathlib import Path

from models.data.dataset import Dataset
from models.data.reader import read_dataset


def write(directory: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        content = text.encode("latin-1" if name in {"u.item", "movies.dat"} else "utf-8")
        (directory / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return directory


def read(directory: Path) -> Dataset:
    dataset, malformed = read_dataset(directory)
    assert not malformed
    return dataset


def triples(dataset: Dataset) -> list[tuple[str, str, float]]:
    """User id, item id and rating, in the data set's order."""
    ratings = dataset.ratings
    return [
        (dataset.users.ids[user], dataset.items.ids[item], value)
        for user, item, value in zip(
            ratings.users.tolist(), ratings.items.tolist(), ratings.values.tolist(), strict=True
        )
    ]
