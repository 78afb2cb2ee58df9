"""A shop whose only item attribute is a description, with a right answer that only its meaning gives."""

from pathlib import Path

import numpy as np

from tests.csv_files import write_csv

USERS = 60

SCHEMA = """
name = "shop"
rating_scale = { minimum = 1, maximum = 5 }

[ratings]
files = [{ path = "ratings.csv" }]
user = "user"
item = "item"
rating = "stars"

[items]
files = [{ path = "items.csv" }]
id = "item"
fields = [{ name = "description", kind = "text", encoder = "sentence" }]
"""

DESCRIPTIONS = [
    ("Espresso machine with milk frother", "Tent for two people"),
    ("Grinder for coffee beans", "Sleeping bag for cold nights"),
    ("Filter coffee maker", "Trekking poles of carbon"),
    ("Roasted beans from Ethiopia", "Boots for long hikes"),
    ("Teapot with a strainer", "Waterproof jacket with a hood"),
    ("Kettle with a gooseneck", "Gas stove for camping"),
    ("Cold brew bottle", "Head torch with a red light"),
    ("Milk jug of steel", "Compass and map case"),
    ("Scale for baristas", "Backpack with a rain cover"),
    ("Green tea from Japan", "Insulated sleeping mat"),
]
"""The items with even and those with odd numbers."""

NEW_DRINK, NEW_GEAR = "Porcelain cups to serve a cappuccino", "Climbing rope to go up mountains"
"""Texts that share no word with those above except the smallest ones, which say nothing."""


def write_sentence_data(directory: Path) -> None:
    """Each user likes the items with even numbers or those with odd ones."""
    generator = np.random.default_rng(0)
    directory.mkdir(parents=True)
    (directory / "schema.toml").write_text(SCHEMA, encoding="utf-8")
    texts = [text for pair in DESCRIPTIONS for text in pair]
    write_csv(directory / "items.csv", ["item", "description"], [(f"i{row}", text) for row, text in enumerate(texts)])
    ratings = [
        (f"u{user}", f"i{item}", 5 if item % 2 == user % 2 else 1)
        for user in range(USERS)
        for item in generator.permutation(len(texts))[:14]
    ]
    write_csv(directory / "ratings.csv", ["user", "item", "stars"], ratings)
