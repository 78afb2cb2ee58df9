"""Some items of a catalogue, embedded, with their training statistics, filters and shortlists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.artifact import TrainedModel
from models.data.dataset import Entities
from models.fields import BaseField
from models.inputs.encoder import ID_FIELD
from models.inputs.similarity import attribute_features
from models.learners.warm_up import LaterRatings
from models.ranking.embedded_items import EmbeddedItems, available_orders
from models.ranking.filters import AttributeFilters
from models.ranking.new_ratings import NewRatings
from models.ranking.query import RankBy

EXACT_ITEMS = 20_000
"""A catalogue of at most this many items is scored in full for every user; a larger one uses a shortlist. It bounds the
time of a request (docs/results/speed.md)."""

_COVARIANCE_SAMPLE = 2048
"""Items from which `Part.unpredicted_covariance` is estimated. It bounds the time."""


def scored_in_full(count: int) -> bool:
    """Whether all of so many items are scored for every user, without a shortlist."""
    return count <= EXACT_ITEMS


def item_fields(model: TrainedModel) -> tuple[BaseField, ...]:
    """The encoded attributes of the items, without their ids."""
    return tuple(field for field in model.manifest.item_encoder.fields if field.name != ID_FIELD)


@dataclass(frozen=True)
class Part:
    """Some items of a catalogue. It is immutable.

    Attributes:
        model: The model.
        items: The items.
        embedded: The items as each scoring model of the model sees them.
    """

    model: TrainedModel
    items: Entities
    embedded: Mapping[RankBy, EmbeddedItems]

    @classmethod
    def of(cls, model: TrainedModel, items: Entities, new_ratings: NewRatings = MappingProxyType({})) -> "Part":
        """Encode and embed items, warmed up by the ratings made since training; without shortlists."""
        part = cls(
            model, items, {rank_by: EmbeddedItems.of(model, rank_by, items) for rank_by in available_orders(model)}
        )
        rated = {items.row_of[item_id]: own for item_id, own in new_ratings.items() if item_id in items.row_of}
        rows = np.array(sorted(row for row, (count, *_) in rated.items() if count), dtype=np.int64)
        if not len(rows):
            return part
        counts, means, meanwhile = torch.tensor([rated[row] for row in rows.tolist()], device=model.device).float().T
        trained_counts = torch.from_numpy(part.counts[rows]).to(counts)
        later = LaterRatings(counts, means, meanwhile, trained_counts)
        return replace(
            part, embedded={rank_by: embedded.warmed_up(rows, later) for rank_by, embedded in part.embedded.items()}
        )

    def __len__(self) -> int:
        return len(self.items)

    @property
    def has_shortlists(self) -> bool:
        """Whether only a shortlist of the items is scored exactly for a user."""
        return self.embedded[RankBy.CHOICE].shortlist is not None

    def with_shortlists(self) -> "Part":
        """The same items with shortlists."""
        embedded = {rank_by: items.with_shortlist(self.counts) for rank_by, items in self.embedded.items()}
        return replace(self, embedded=embedded)

    def merged(self, kept: NDArray[np.bool_], other: "Part") -> "Part":
        """The items that `kept` (bool [items]) marks, then the items of another part.

        The result has shortlists if this part has them and the result is large enough to need them.
        """
        items = Entities(pl.concat([self.items.table.filter(kept), other.items.table]))
        exact = scored_in_full(len(items))
        return Part(
            self.model,
            items,
            {
                rank_by: embedded.merged(kept, other.embedded[rank_by], exact=exact)
                for rank_by, embedded in self.embedded.items()
            },
        )

    @cached_property
    def titles(self) -> Sequence[str | None] | pl.Series:
        """The title of each row. A large part has no list of them, which would take the memory a second time."""
        titles = self.items.table["title"]
        return titles.to_list() if scored_in_full(len(titles)) else titles

    @cached_property
    def statistics(self) -> pl.DataFrame:
        """The training statistics of the items, in their order; 0 for items that training did not see."""
        ids = self.items.table.select("id")
        statistics = ids.join(self.model.statistics, on="id", how="left", maintain_order="left")
        return statistics.with_columns(pl.exclude("id", "rating_mean").fill_null(0))

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """int64 [items], the number of training ratings of each item."""
        return np.asarray(self.statistics["rating_count"].to_numpy())

    @cached_property
    def filters(self) -> AttributeFilters:
        """Finds items by attributes."""
        return AttributeFilters(self.items, self.model.schema.items)

    @cached_property
    def attribute_features(self) -> Sequence[Tensor]:
        """The attribute features of the items, by field (`models.inputs.similarity.attribute_features`)."""
        return attribute_features(item_fields(self.model), self.model.manifest.item_encoder.encode(self.items.table))

    @cached_property
    def unpredicted_covariance(self) -> Tensor:
        """The covariance of the error when an item's vector z is predicted from its attributes; float32 [D, D].

        It is estimated from at most 2,048 items that training saw (`ChoiceModel.unpredicted`). Without any, it is 0.
        """
        choice, rows = self.model.choice, np.flatnonzero(self.counts)
        if not len(rows):
            return torch.zeros(choice.config.dimensions, choice.config.dimensions, device=self.model.device)
        table = self.items.table[rows[:: len(rows) // _COVARIANCE_SAMPLE + 1]]
        with torch.inference_mode():
            errors = choice.unpredicted(self.model.manifest.item_encoder.encode(table).to(self.model.device))
            return errors.T @ errors / len(errors)
