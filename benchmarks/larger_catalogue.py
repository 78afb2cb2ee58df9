"""Catalogues larger than the data set's: its own items first, then made ones that are like them."""

import numpy as np
import polars as pl
import torch

from models.artifact import TrainedModel
from models.data.dataset import Entities
from models.ranking.catalogue import Part

_JITTER = 0.3
_AT_ONCE = 50_000


def part_of(model: TrainedModel, size: int, *, seed: int = 0) -> Part:
    """The first `size` items of the model's catalogue or, where there are not so many, made ones after them.

    A made item has the attributes of some item, drawn at random, and that item's vector moved by the difference of two
    others' times 0.3: so the made vectors spread along the directions in which the real ones do, and no two are alike.
    """
    known = Part.of(model, Entities(model.items.table[:size]))
    made = size - len(known)
    if made <= 0:
        return known
    generator = np.random.default_rng(seed)
    like, one, other = generator.integers(len(known), size=(3, made))
    vectors = known.vectors.new_empty(size, known.vectors.shape[1])
    vectors[: len(known)] = known.vectors
    for start in range(0, made, _AT_ONCE):
        chosen = slice(start, start + _AT_ONCE)
        base, plus, minus = (known.vectors[torch.from_numpy(rows[chosen])] for rows in (like, one, other))
        vectors[len(known) :][chosen] = base + _JITTER * (plus - minus)
    table = known.items.table[like].with_columns(pl.Series("id", [f"made-{number}" for number in range(made)]))
    return Part(model, Entities(pl.concat([known.items.table, table])), vectors)
