"""A data set of interactions without ratings, whose right answers are known."""

from pathlib import Path

import numpy as np

from tests.csv_files import write_csv

SCHEMA = """
name = "purchases"

[interactions]
user = "user"
item = "item"
kind = "what"
time = "time"
kinds = { view = 0.2, purchase = 1.0, dislike = -1.0 }
[[interactions.files]]
path = "interactions.csv"

[users]
id = "user"
[[users.files]]
path = "users.csv"
[[users.fields]]
name = "country"
kind = "categorical"

[items]
id = "item"
title = "name"
[[items.files]]
path = "items.csv"
[[items.fields]]
name = "genre"
kind = "multi_valued"
"""

USERS, ITEMS = 120, 40


def write_purchases(directory: Path, *, users: int = USERS) -> None:
    """Write a data set in which half of the users buy comedies (odd items), and the others horror films (even ones).

    They also view a film or two before they buy it. Only what users bought tells their taste.
    """
    generator = np.random.default_rng(0)
    directory.mkdir(parents=True)
    (directory / "schema.toml").write_text(SCHEMA, encoding="utf-8")

    write_csv(
        directory / "users.csv",
        ["user", "country"],
        [[f"u{user}", ("fr", "jp", "br")[user % 3]] for user in range(users)],
    )
    write_csv(
        directory / "items.csv",
        ["item", "name", "genre"],
        [[f"i{item}", f"Film {item}", "comedy" if item % 2 else "horror"] for item in range(ITEMS)],
    )
    interactions: list[list[object]] = []
    for user in range(users):
        taste = user // 7 % 2
        for place, item in enumerate(2 * generator.permutation(ITEMS // 2)[:10] + taste):
            moment = 1_700_000_000 + 100_000 * user + 100 * place
            if place < 2:
                interactions.append([f"u{user}", f"i{item}", "view", moment])
            interactions.append([f"u{user}", f"i{item}", "purchase", moment + 10])
    write_csv(directory / "interactions.csv", ["user", "item", "what", "time"], interactions)
