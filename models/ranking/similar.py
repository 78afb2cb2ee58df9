"""Items that are like some given items, by taste or by attributes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from models.artifact import TrainedModel
from models.choice.model import ChoiceItems
from models.data.entity_table import entity_table
from models.fields import AttributeValue, field_type
from models.fields.folding import folded
from models.inputs.encoder import EncodedRows
from models.inputs.rows import TensorRows
from models.inputs.similarity import attribute_cosines_to, attribute_features
from models.learners.base import Support
from models.ranking.best import best_places
from models.ranking.catalogue import Catalogue
from models.ranking.diversity import diverse_places
from models.ranking.filters import Filter
from models.ranking.part import item_fields
from models.ranking.query import RankBy
from models.ranking.similarities import similarities

_POOL = 10
"""A diverse list is chosen from the most similar items, this many times its length. It bounds the time."""

_ATTRIBUTES_WEIGHT = 2.0
"""The same attributes as the seed items count as much as e² times as many people who choose an item with them. It
shapes lists of similar items only, and no model."""


class SimilarBy(StrEnum):
    """What makes items similar."""

    BOTH = "both"
    """Taste and attributes."""

    TASTE = "taste"
    """The same people choose them. For a new item, this is predicted from its attributes."""

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
        where: The list has only items that fulfil these conditions.
        diversity: How different the items of the list are to be, from 0 to 1 (`diverse_places`).
    """

    item_ids: Sequence[str]
    n: int
    described: Mapping[str, AttributeValue] | None = None
    by: SimilarBy = SimilarBy.BOTH
    exclude: Collection[str] = ()
    where: Filter = field(default_factory=dict)
    diversity: float = 0.0


@dataclass(frozen=True)
class SimilarItem:
    """An item that is like the seed items.

    Attributes:
        item_id: The item.
        title: Its name, if it has one.
        similarity: By attributes, the mean cosine with the seed items. Otherwise relative to the most similar item that
            may be in the list, which has 1.
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

    The similarity by taste of item j to the seed items s is P(j | s) / √P(j): how probably a user who chose them
    chooses j next, according to the choice model. For one seed item this is proportional to the cosine of the sets of
    people who choose the two, P(j, s) / √(P(j) P(s)). Neither popular nor rare items have an advantage. By both, it is
    multiplied by the exponential of twice the cosine of the attributes.

    Raises:
        KeyError: A seed item is not in the catalogue.
        ValueError: There is no seed item; or `where` names a field that the items do not have, or conditions that the
            field does not have.
    """
    seeds = _seed_table(catalogue, query)
    allowed = catalogue.allowed({*query.exclude, *query.item_ids}, query.where)
    rows = np.flatnonzero(allowed)
    scores = _scores(catalogue, query.by, seeds)[rows]
    counts = catalogue.counts[rows]
    best = best_places(scores, counts, _POOL * query.n if query.diversity else query.n)
    if query.diversity:
        between = similarities(catalogue, rows[best])
        best = best[diverse_places(scores[best], between, query.n, diversity=query.diversity)]
    shared = _shared_values(catalogue, rows[best], seeds)
    shown = scores if query.by is SimilarBy.ATTRIBUTES else np.exp(scores - scores.max(initial=-np.inf))
    return [
        SimilarItem(*catalogue.name(int(rows[place])), float(shown[place]), values, rank)
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
    # No item has an empty id, so this one counts as new.
    described = entity_table(catalogue.model.schema.items.fields, [("", None, query.described)])
    return pl.concat([known, described.table])


def _scores(catalogue: Catalogue, by: SimilarBy, seeds: pl.DataFrame) -> NDArray[np.float64]:
    """How similar every row is to the seed items; float64 [rows]."""
    encoded = catalogue.model.manifest.item_encoder.encode(seeds)
    scores = np.zeros(len(catalogue))
    if by is not SimilarBy.TASTE:
        wanted = attribute_features(item_fields(catalogue.model), encoded)
        cosines = [attribute_cosines_to(part.attribute_features, wanted) for part in catalogue.parts]
        scores += torch.cat(cosines).mean(dim=1).numpy()
    if by is SimilarBy.BOTH:
        scores *= _ATTRIBUTES_WEIGHT
    if by is not SimilarBy.ATTRIBUTES:
        scores += _log_cosines(catalogue, encoded)
    return scores


def _log_cosines(catalogue: Catalogue, seeds: EncodedRows) -> NDArray[np.float64]:
    """The logarithm of P(j | seeds) / √P(j) of every row, up to a constant; float64 [rows]."""
    model = catalogue.model
    user, adapted = catalogue.unknown_user
    with torch.inference_mode():
        chosen = model.choice.adapt(_who_chose(model, user, model.choice.embed_items(seeds.to(model.device))))
        users = user.take(torch.zeros(2, dtype=torch.long, device=model.device))
        rows = np.arange(len(catalogue))
        given, always = catalogue.scores(RankBy.CHOICE, torch.cat([chosen, adapted]), users, rows).double()
        return np.asarray((given - always / 2).cpu().numpy())


def _who_chose(model: TrainedModel, user: TensorRows, items: ChoiceItems) -> Support[Any, Any]:
    """The support set of an unknown user ([1], embedded) who chose some items and likes them."""
    shape = (1, len(items))
    mask = torch.ones(shape, dtype=torch.bool, device=model.device)
    own = items.expand(1)
    scale, kinds = model.schema.rating_scale, model.schema.kinds
    if scale is not None:
        return Support(user, own, torch.full(shape, scale.maximum, device=model.device), mask)
    strongest = max(range(len(kinds)), key=list(kinds.values()).__getitem__)
    return Support(
        users=user,
        items=items[:0].expand(1),
        ratings=torch.zeros(1, 0, device=model.device),
        mask=mask[:, :0],
        interaction_items=own,
        interaction_kinds=torch.full(shape, strongest, device=model.device),
        interaction_mask=mask,
    )


def _shared_values(catalogue: Catalogue, rows: NDArray[np.int64], seeds: pl.DataFrame) -> list[dict[str, list[str]]]:
    """For each row, by field, the values that its item has in common with a seed item."""
    shared: list[dict[str, list[str]]] = [{} for _ in rows]
    table = catalogue.attributes(rows)
    for item_field in catalogue.model.schema.items.fields:
        kind = field_type(item_field)
        if not kind.filterable or kind.ordered:
            continue
        wanted = {folded(value) for value in kind.filter_values(seeds[item_field.name])["value"]}
        for row, value in kind.filter_values(table[item_field.name]).rows():
            if folded(value) in wanted:
                shared[row].setdefault(item_field.name, []).append(value)
    return shared
