"""MovieLens-like ratings of any number, for benchmarks only.

Activity, popularity and tastes come from a real data set. Its users fall into groups by what they rated. A made user
has the number of ratings of a real user, and rates items as often as that user's group does. A rating is the group's
mean of the item, moved by the user and by chance. Items are the real ones, each several times, so that their number
grows with that of the ratings. No row of the real data set is copied.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.linalg import svds
from sklearn.cluster import KMeans

from models.data.dataset import Dataset

_GROUPS = 24
_FACTORS = 16
_USERS_AT_ONCE = 20_000
_USER_SPREAD, _SPREAD = 0.4, 0.85
"""Standard deviations of a user's mean and of a rating, in stars, as in MovieLens 1M."""

_RATINGS_OF_AN_ITEM = 250
"""About as many as in MovieLens 1M."""

_FIRST_TIME, _YEARS = 1_000_000_000, 10 * 365 * 86_400

SCHEMA = """
name = "made-up"

[rating_scale]
minimum = 1
maximum = 5

[ratings]
user = "user"
item = "item"
rating = "rating"
time = "time"
[[ratings.files]]
path = "ratings.csv"
"""


@dataclass(frozen=True)
class Fitted:
    """What a real data set is like.

    Attributes:
        activity: int64 [users], the number of ratings of each user.
        group: int64 [users], the group of each user.
        shares: float64 [groups, items], how much of a group's ratings are of each item.
        means: float64 [groups, items], their mean, shrunk to the item's.
    """

    activity: NDArray[np.int64]
    group: NDArray[np.int64]
    shares: NDArray[np.float64]
    means: NDArray[np.float64]

    @classmethod
    def of(cls, dataset: Dataset) -> Self:
        """Fit to a data set of ratings."""
        ratings = dataset.ratings
        users, items = len(dataset.users), len(dataset.items)
        rated = csr_array((np.ones(len(ratings)), ratings.items, ratings.offsets), shape=(users, items))
        left, scale, _ = svds(rated, k=min(_FACTORS, min(users, items) - 1), random_state=0)
        factors = left * scale
        factors /= np.linalg.norm(factors, axis=1, keepdims=True).clip(min=1e-12)
        group = KMeans(min(_GROUPS, users), n_init=1, random_state=0).fit(factors).labels_.astype(np.int64)
        cells = group[ratings.users] * items + ratings.items
        counts, sums = (
            np.bincount(cells, weights=weights, minlength=(group.max() + 1) * items).reshape(-1, items)
            for weights in (None, ratings.values)
        )
        item_means = (sums.sum(axis=0) + 3 * ratings.values.mean()) / (counts.sum(axis=0) + 3)
        return cls(
            activity=np.diff(ratings.offsets),
            group=group,
            shares=(counts + 0.01) / (counts + 0.01).sum(axis=1, keepdims=True),
            means=(sums + 5 * item_means) / (counts + 5),
        )

    def write(self, directory: Path, count: int, *, seed: int = 0) -> int:
        """Write a data set of about so many ratings; the number of its ratings."""
        directory.mkdir(parents=True)
        (directory / "schema.toml").write_text(SCHEMA, encoding="utf-8")
        copies = max(1, round(count / _RATINGS_OF_AN_ITEM / self.shares.shape[1]))
        generator, written, first = np.random.default_rng(seed), 0, 0
        with (directory / "ratings.csv").open("wb") as file:
            while written < count:
                users = min(_USERS_AT_ONCE, max(1, int((count - written) / self.activity.mean())))
                ratings = self._ratings(users, first, copies, generator)
                ratings.write_csv(file, include_header=not first)
                written, first = written + len(ratings), first + users
        return written

    def _ratings(self, users: int, first: int, copies: int, generator: np.random.Generator) -> pl.DataFrame:
        twins = generator.integers(len(self.activity), size=users)
        user = np.repeat(np.arange(users), self.activity[twins])
        group = self.group[twins][user]
        real = np.empty(len(user), dtype=np.int64)
        for place, shares in enumerate(self.shares):
            own = np.flatnonzero(group == place)
            real[own] = generator.choice(len(shares), size=len(own), p=shares)
        item = real * copies + generator.integers(copies, size=len(user))
        # An item that is drawn again is rated once.
        kept = np.unique(user * (self.shares.shape[1] * copies) + item, return_index=True)[1]
        kept = generator.permutation(kept)
        user, item, real, group = user[kept], item[kept], real[kept], group[kept]
        mean = self.means[group, real] + generator.normal(0, _USER_SPREAD, size=users)[user]
        stars = np.rint(generator.normal(mean, _SPREAD)).clip(1, 5).astype(np.int8)
        columns: dict[str, Any] = {
            "user": user + first,
            "item": item,
            "rating": stars,
            "time": _FIRST_TIME + generator.integers(_YEARS, size=len(user)),
        }
        return pl.DataFrame(columns)
