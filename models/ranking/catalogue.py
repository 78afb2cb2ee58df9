"""A snapshot of the catalogue, with all that ranking needs to know of its items."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.artifact import TrainedModel
from models.data.dataset import Entities
from models.inputs.rows import TensorRows
from models.learners.base import ItemScorer, Support
from models.ranking.collected import Collected, with_collected
from models.ranking.filters import AttributeFilters
from models.ranking.shortlist import ScoreSpace, Shortlist

EXACT_ITEMS = 20_000
"""Up to so many items all are scored for every user; of more, a shortlist."""

_RECENT_SHARE = 0.02
"""Once so large a share of a large catalogue has changed, it is put together anew."""

_BATCH_SCORES = 200_000
"""Most scores computed at once."""

_EMBEDDED_AT_ONCE = 65_536
"""Items, so that what embedding needs in between is small beside the vectors."""


@dataclass(frozen=True)
class Part:
    """Some items of a catalogue; nothing of it changes.

    Attributes:
        model: The model.
        items: The items.
        vectors: [items], embedded by the learner.
        shortlist: Of these items, if there are too many to score all of them for every user.
    """

    model: TrainedModel
    items: Entities
    vectors: TensorRows
    shortlist: Shortlist | None = None

    @classmethod
    def of(cls, model: TrainedModel, items: Entities) -> "Part":
        """Encode and embed items; without a shortlist."""

        def embed(table: pl.DataFrame) -> TensorRows:
            rows = model.manifest.item_encoder.encode(table).to(model.device)
            embedded: TensorRows = model.learner.embed_items(rows)
            return embedded

        with torch.inference_mode():
            pieces = (embed(piece) for piece in items.table.iter_slices(_EMBEDDED_AT_ONCE))
            vectors = TensorRows.collect(pieces, len(items)) if len(items) else embed(items.table)
        return cls(model, items, vectors)

    def __len__(self) -> int:
        return len(self.items)

    def with_shortlist(self) -> "Part":
        """The same items with a shortlist."""
        with torch.inference_mode():
            space = ScoreSpace(self.model, self.vectors, self.counts)
            features = space.features(self.scorer, len(self))
            return replace(self, shortlist=Shortlist(self.model, self.vectors, space, features))

    def joined(self, kept: NDArray[np.bool_], other: "Part") -> "Part":
        """The items where `kept` (bool [items]) is set, then another part's; with a shortlist if this one has one."""
        rows = torch.from_numpy(kept)
        items = Entities(pl.concat([self.items.table.filter(kept), other.items.table]))
        whole = Part(self.model, items, self.vectors[rows].append(other.vectors))
        if self.shortlist is None or len(whole) <= EXACT_ITEMS:
            return whole
        with torch.inference_mode():
            space = self.shortlist.space
            features = torch.cat([self.shortlist.features[:, rows], space.features(other.scorer, len(other))], dim=1)
            return replace(whole, shortlist=Shortlist(self.model, whole.vectors, space, features))

    @cached_property
    def scorer(self) -> ItemScorer[Any, Any]:
        """The items, prepared for being scored."""
        with torch.inference_mode():
            return self.model.learner.prepare(self.vectors)

    @cached_property
    def titles(self) -> pl.Series:
        """The titles by row; as a list they would be in memory a second time."""
        return self.items.table["title"]

    @cached_property
    def statistics(self) -> pl.DataFrame:
        """What training saw of the items, in their order; nothing of those that came later."""
        joined = self.items.table.select("id").join(self.model.statistics, on="id", how="left", maintain_order="left")
        return joined.with_columns(pl.exclude("id", "rating_mean").fill_null(0))

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """int64 [items], the training ratings of each."""
        return np.asarray(self.statistics["rating_count"].to_numpy())

    @cached_property
    def filters(self) -> AttributeFilters:
        """Finds items by attributes."""
        return AttributeFilters(self.items, self.model.schema.items)

    def scores(self, adapted: object, users: TensorRows, rows: NDArray[np.int64]) -> Tensor:
        """Scores of some rows (int64 [n], rising) for B users; float32 [B, n]."""
        every = len(rows) == len(self)
        return self.scorer.scores(adapted, users, None if every else torch.from_numpy(rows).to(users.device))


class Catalogue:
    """All items that can be recommended: a part that is settled and, in a large catalogue, one that lately changed.

    Items have rows, the settled part's first. Rows whose items are gone or have moved to the other part stay, and are
    not allowed in any list, so that a change costs as much as it changes.
    """

    def __init__(
        self, parts: Sequence[Part], present: NDArray[np.bool_], collected: Collected = MappingProxyType({})
    ) -> None:
        """Put parts together.

        Args:
            parts: The settled one, and perhaps the recent one.
            present: bool [rows], unset where an item is gone.
            collected: The ratings made since training.
        """
        self.parts = tuple(parts)
        self.model = parts[0].model
        self.present = present
        self.collected = collected
        self._starts = np.cumsum([0, *map(len, parts)]).tolist()

    @classmethod
    def of(cls, model: TrainedModel, items: Entities) -> "Catalogue":
        """Encode and embed all items."""
        return cls.settled(Part.of(model, items))

    @classmethod
    def settled(cls, part: Part, collected: Collected = MappingProxyType({})) -> "Catalogue":
        """A catalogue of one part, with a shortlist if it is large."""
        needs_shortlist = len(part) > EXACT_ITEMS and part.shortlist is None
        return cls([part.with_shortlist() if needs_shortlist else part], _all_of(part), collected)

    def __len__(self) -> int:
        return len(self.present)

    def with_changes(self, changed: Entities, removed: Collection[str]) -> "Catalogue":
        """The catalogue with new or changed items, and without others; only the changed ones are encoded."""
        present = self.present.copy()
        for item_id in {*removed, *changed.ids}:
            if (row := self.row_of(item_id)) is not None:
                present[row] = False
        settled, *recent = self.parts
        of_settled, of_recent = np.split(present, [len(settled)])
        newest = Part.of(self.model, changed)
        for part in recent:
            newest = part.joined(of_recent, newest)
        if settled.shortlist is not None and len(newest) <= _RECENT_SHARE * len(settled):
            present = np.concatenate([of_settled, _all_of(newest)])
            return Catalogue([settled, newest], present, self.collected)
        return Catalogue.settled(settled.joined(of_settled, newest), self.collected)

    def with_collected(self, collected: Collected) -> "Catalogue":
        """The same catalogue with other ratings made since training."""
        return Catalogue(self.parts, self.present, collected)

    def row_of(self, item_id: str) -> int | None:
        """The row of an item, if it is there."""
        for part, start in zip(self.parts, self._starts, strict=False):
            row = part.items.row_of.get(item_id)
            if row is not None and self.present[start + row]:
                return int(start + row)
        return None

    @cached_property
    def items(self) -> Entities:
        """The items that are there, in the order of their rows."""
        return Entities(self._table.filter(self.present))

    @cached_property
    def statistics(self) -> pl.DataFrame:
        """What is known of the ratings of each row's item, in the rows' order: by training and since."""
        return with_collected(
            pl.concat([part.statistics for part in self.parts]), self.collected, self._gradient_norms_of_nobody
        )

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """int64 [rows], the ratings of each: those of training and those since."""
        return np.asarray(self.statistics["rating_count"].to_numpy())

    @cached_property
    def trained_counts(self) -> NDArray[np.int64]:
        """int64 [rows], the training ratings of each."""
        return np.concatenate([part.counts for part in self.parts])

    @cached_property
    def nobody(self) -> tuple[TensorRows, Any]:
        """Somebody of whom nothing is known: the user, embedded, and what the learner makes of that."""
        learner = self.model.learner
        with torch.inference_mode():
            user = learner.embed_users(self.model.manifest.user_encoder.encode_values([{}]).to(self.model.device))
            nothing = torch.zeros(1, 0, device=self.model.device)
            items = self.vectors(np.zeros((1, 0), dtype=np.int64))
            return user, learner.adapt(Support(user, items, nothing, nothing.bool()))

    def name(self, row: int) -> tuple[str, str | None]:
        """Id and title."""
        for part, start in zip(self.parts, self._starts, strict=False):
            if row < start + len(part):
                return part.items.ids[row - start], part.titles[row - start]
        raise IndexError(row)

    def vectors(self, rows: NDArray[np.int64]) -> TensorRows:
        """The embedded items of rows in any shape, which becomes the leading dimensions."""
        first, *others = self.parts
        vectors = first.vectors.take(torch.from_numpy(rows.clip(max=len(first) - 1)).to(self.model.device))
        for part, start in zip(others, self._starts[1:], strict=False):
            inside = torch.from_numpy(rows >= start)
            replacements = part.vectors[torch.from_numpy(rows[rows >= start] - start)]
            for target, values in zip(vectors.tensors(), replacements.tensors(), strict=True):
                target[inside] = values
        return vectors

    def attributes(self, rows: NDArray[np.int64]) -> pl.DataFrame:
        """The table of some rows."""
        return self._table[rows]

    def allowed(self, left_out: Collection[str], where: Mapping[str, Sequence[str]]) -> NDArray[np.bool_]:
        """Which rows may be in a list; bool [rows].

        Raises:
            ValueError: `where` names a field that the items do not have.
        """
        allowed = self.present.copy()
        for item_id in left_out:
            if (row := self.row_of(item_id)) is not None:
                allowed[row] = False
        if where:
            allowed &= np.concatenate([part.filters.matching(where) for part in self.parts])
        return allowed

    @property
    def users_at_once(self) -> int:
        """So many users are scored together, so that a batch over a large catalogue needs no more memory."""
        return max(1, _BATCH_SCORES // max(1, len(self))) if self.parts[0].shortlist is None else 1

    def contenders(
        self, adapted: object, users: TensorRows, allowed: Sequence[NDArray[np.bool_]], ns: Sequence[int]
    ) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """The items among which each user's best are, with their scores.

        Args:
            adapted: What the learner's `adapt` returned for B users, at most `users_at_once`.
            users: [B], embedded.
            allowed: Of each user, bool [rows].
            ns: How many of the best each wants.

        Returns:
            Of each user, rising rows, all allowed, and their scores.
        """
        (settled, *_), (shortlist) = self.parts, self.parts[0].shortlist
        if shortlist is None:
            scores = settled.scores(adapted, users, np.arange(len(settled))).cpu().numpy()
            return [(np.flatnonzero(own), values[own]) for own, values in zip(allowed, scores, strict=True)]
        (own,), (n,) = allowed, ns
        of_settled, of_recent = np.split(own, [len(settled)])
        if np.count_nonzero(of_settled) <= EXACT_ITEMS:
            rows = np.flatnonzero(of_settled)
        else:
            rows = shortlist.rows(adapted, users, of_settled, n)
        rows = np.concatenate([rows, len(settled) + np.flatnonzero(of_recent)])
        return [(rows, self.scores(adapted, users, rows)[0].cpu().numpy())]

    def scores(self, adapted: object, users: TensorRows, rows: NDArray[np.int64]) -> Tensor:
        """Scores of some rows (int64 [n], rising) for B users; float32 [B, n]."""
        return torch.cat(
            [
                part.scores(adapted, users, own - start)
                for part, start, own in zip(
                    self.parts, self._starts, np.split(rows, np.searchsorted(rows, self._starts[1:-1])), strict=False
                )
            ],
            dim=1,
        )

    def _gradient_norms_of_nobody(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Gradient norms of rows for an unknown user; 1 from a learner without gradient norms."""
        user, adapted = self.nobody
        with torch.inference_mode():
            norms = self.model.learner.gradient_norms(adapted, user, self.vectors(rows[None]))
        return np.ones(len(rows)) if norms is None else np.asarray(norms[0].cpu().numpy(), dtype=np.float64)

    @cached_property
    def _table(self) -> pl.DataFrame:
        return pl.concat([part.items.table for part in self.parts])


def _all_of(part: Part) -> NDArray[np.bool_]:
    return np.ones(len(part), dtype=np.bool_)
