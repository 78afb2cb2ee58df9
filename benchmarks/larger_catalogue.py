"""Catalogues larger than the data set's: its items first, then made ones that are similar to them."""

from collections.abc import Iterator

import numpy as np
import polars as pl
import torch

from models.artifact import TrainedModel
from models.data.dataset import Entities
from models.inputs.rows import TensorRows
from models.ranking.embedded_items import EmbeddedItems
from models.ranking.part import Part

_JITTER = 0.3
_AT_ONCE = 50_000


def part_of(model: TrainedModel, size: int, *, seed: int = 0) -> Part:
    """The first `size` items of the model's catalogue, and made ones after them if there are not so many.

    A made item has the attributes of an item that is drawn at random, and that item's vector plus 0.3 times the
    difference of two others' vectors. So the made vectors spread along the same directions as the real ones, and no two
    are alike.
    """
    known = Part.of(model, Entities(model.items.table[:size]))
    made = size - len(known)
    if made <= 0:
        return known
    generator = np.random.default_rng(seed)
    like, one, other = (torch.from_numpy(rows) for rows in generator.integers(len(known), size=(3, made)))

    def larger(vectors: TensorRows) -> TensorRows:
        def pieces() -> Iterator[TensorRows]:
            yield vectors
            for chosen in zip(*(torch.split(rows, _AT_ONCE) for rows in (like, one, other)), strict=True):
                base, plus, minus = (vectors.take(rows).tensors() for rows in chosen)
                yield type(vectors)(
                    *(start + _JITTER * (end - begin) for start, end, begin in zip(base, plus, minus, strict=True))
                )

        return TensorRows.collect(pieces(), size)

    table = known.items.table[like.numpy()].with_columns(pl.Series("id", [f"made-{number}" for number in range(made)]))
    items = Entities(pl.concat([known.items.table, table]))
    embedded = {rank_by: EmbeddedItems(model, rank_by, larger(own.vectors)) for rank_by, own in known.embedded.items()}
    return Part(model, items, embedded)
