"""Items that are like some given items, by taste or by attributes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch.nn.functional import normalize

from models.data.entity_table import entity_table
from models.fields import AttributeValue, field_type
from models.fields.folding import folded
from models.inputs.similarity import attribute_cosines, attribute_cosines_to, attribute_features
from models.ranking.best import best_places
from models.ranking.catalogue import Catalogue, item_fields
from models.ranking.diversity import cosines, diverse_places

_POOL = 10
"""A diverse list is chosen from the most similar items, this many times its length. It bounds the time."""


class SimilarBy(StrEnum):
    """What makes two items similar."""

    TASTE = "taste"
    """The same people choose them: the cosine of the choice model's item vectors. That of a new item is predicted from
    its attributes."""

    ATTRIBUTES = "attributes"
    """Their attributes: the mean over the fields of the cosine of their values."""


@dataclass(frozen=True)
class SimilarQuery:
    """A request for items that are like some seed items.

    Attributes:
        item_ids: Ids of seed items of the catalogue.
        described: Attributes of one more seed item, which need not be in the catalogue; None for no such item.
        n: How many items to return at most.
        by: What makes items similar.
        exclude: Ids of items that may not be in the list. Seed items never are.
        where: Field → values; the list has only items with one of the values of every field.
        diversity: How different the items of the list are to be, from 0 to 1 (`diverse_places`).
    """

    item_ids: Sequence[str]
    n: int
    described: Mapping[str, AttributeValue] | None = None
    by: SimilarBy = SimilarBy.TASTE
    exclude: Collection[str] = ()
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)
    diversity: float = 0.0


@dataclass(frozen=True)
class SimilarItem:
    """An item that is like the seed items.

    Attributes:
        item_id: The item.
        title: Its name, if it has one.
        similarity: The mean similarity to the seed items, at most 1.
        shared: Field → the values that the item has in common with a seed item, for fields with categories.
        rank: The place in the list, from 1.
    """

    item_id: str
    title: str | None
    similarity: float
    shared: Mapping[str, Sequence[str]]
    rank: int


def similar_items(catalogue: Catalogue, query: SimilarQuery) -> list[SimilarItem]:
    """The items of a catalogue that are most similar to the seed items, best first.

    Raises:
        KeyError: A seed item is not in the catalogue.
        ValueError: There is no seed item; `where` names a field that the items do not have, or that cannot filter
            items; or items without attributes are to be compared by them.
    """
    seeds = _seed_table(catalogue, query)
    allowed = catalogue.allowed({*query.exclude, *query.item_ids}, query.where)
    rows = np.flatnonzero(allowed)
    similarities = _similarities(catalogue, query.by, seeds)[rows]
    counts = catalogue.counts[rows]
    best = best_places(similarities, counts, _POOL * query.n if query.diversity else query.n)
    if query.diversity:
        between = _similarities_between(catalogue, query.by, rows[best])
        best = best[diverse_places(similarities[best], between, query.n, diversity=query.diversity)]
    shared = _shared_values(catalogue, rows[best], seeds)
    return [
        SimilarItem(*catalogue.name(int(rows[place])), float(similarities[place]), values, rank)
        for rank, (place, values) in enumerate(zip(best.tolist(), shared, strict=True), start=1)
    ]


def _seed_table(catalogue: Catalogue, query: SimilarQuery) -> pl.DataFrame:
    """The item table of the seed items."""
    rows = {item_id: catalogue.row_of(item_id) for item_id in query.item_ids}
    if missing := [item_id for item_id, row in rows.items() if row is None]:
        raise KeyError(missing[0])
    known = catalogue.attributes(np.array(list(rows.values()), dtype=np.int64))
    if query.described is None:
        if not rows:
            raise ValueError("name an item, or describe one")
        return known
    # An empty id is that of no item, so it counts as a new one.
    described = entity_table(catalogue.model.schema.items.fields, [("", None, query.described)])
    return pl.concat([known, described.table])


def _similarities(catalogue: Catalogue, by: SimilarBy, seeds: pl.DataFrame) -> NDArray[np.float64]:
    """The mean similarity of every row to the seed items; float64 [rows]."""
    model = catalogue.model
    encoded = model.manifest.item_encoder.encode(seeds)
    if by is SimilarBy.ATTRIBUTES:
        fields = item_fields(model)
        if not fields:
            raise ValueError("the items have no attributes to compare")
        wanted_features = attribute_features(fields, encoded)
        cosines_of_parts = [attribute_cosines_to(part.attribute_features, wanted_features) for part in catalogue.parts]
        return np.asarray(torch.cat(cosines_of_parts).mean(dim=1).numpy())
    with torch.inference_mode():
        wanted = normalize(model.choice.embed_items(encoded.to(model.device)).vector, dim=1).mean(dim=0)
        vectors = catalogue.choice_vectors(np.arange(len(catalogue))).vector
        return np.asarray((normalize(vectors, dim=1) @ wanted).double().cpu().numpy())


def _similarities_between(catalogue: Catalogue, by: SimilarBy, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """The similarity of every two of some rows; float64 [rows, rows]."""
    if by is SimilarBy.TASTE:
        return cosines(catalogue.choice_vectors(rows).vector.cpu().numpy())
    encoded = catalogue.model.manifest.item_encoder.encode(catalogue.attributes(rows))
    return attribute_cosines(item_fields(catalogue.model), encoded).numpy()


def _shared_values(catalogue: Catalogue, rows: NDArray[np.int64], seeds: pl.DataFrame) -> list[dict[str, list[str]]]:
    """For each row, by field, the values that its item has in common with a seed item."""
    shared: list[dict[str, list[str]]] = [{} for _ in rows]
    table = catalogue.attributes(rows)
    for item_field in catalogue.model.schema.items.fields:
        kind = field_type(item_field)
        if not kind.filterable:
            continue
        wanted = {folded(value) for value in kind.filter_values(seeds[item_field.name])["value"]}
        for row, value in kind.filter_values(table[item_field.name]).rows():
            if folded(value) in wanted:
                shared[row].setdefault(item_field.name, []).append(value)
    return shared
