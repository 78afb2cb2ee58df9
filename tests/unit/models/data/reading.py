"""Writing and reading small data sets in tests."""

import gzip
from pathlib import Path

from models.data.dataset import Dataset
from models.data.reader import read_dataset

SHOP = """
name = "shop"
rating_scale = { minimum = 1, maximum = 5 }

[ratings]
files = [{ path = "ratings.csv" }]
user = "customer"
item = "product"
rating = "stars"
time = "when"
state = "state"

[users]
files = [{ path = "customers.csv" }]
id = "customer"
fields = [{ name = "age", kind = "continuous" }, { name = "country", kind = "categorical" }]

[items]
files = [{ path = "products.csv" }, { path = "details.csv" }]
id = "product"
title = "name"
fields = [
    { name = "colour", kind = "multi_valued", separators = ["|", ", "] },
    { name = "price", column = "eur", kind = "continuous" },
    { name = "about", kind = "text" },
]
"""

SHOP_FILES = {
    "schema.toml": SHOP,
    "ratings.csv": (
        "customer,product,stars,when,state\n"
        "u2,p1,5,200,warm\n"
        "u1,p2,4,100,item_cold\n"
        "u2,p3,1,150,user_cold\n"
        "u9,p9,3,300,user_and_item_cold\n"
    ),
    "customers.csv": "customer,age,country\nu1,31,fr\nu2,,jp\nu3,57.5,\n",
    "products.csv": "product,name,colour,eur\np2,Pot,red| blue ,\np1,,|,10\n",
    "details.csv": "product,name,eur,about\np3,Cup,3,for tea\np2,Other,7.5,cast iron\np1,Pan,99,\n",
}


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
