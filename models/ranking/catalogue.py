"""A snapshot of the catalogue: which items there are, what is known of them, and their scores."""

from collections.abc import Collection, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.artifact import TrainedModel
from models.choice.model import ChoiceItems
from models.data.dataset import Entities
from models.data.item_values import years_of
from models.inputs.rows import TensorRows
from models.ranking.best import best_places
from models.ranking.embedded_items import unknown_user
from models.ranking.field_values import FieldValues
from models.ranking.filters import FieldFilter, Filter
from models.ranking.new_ratings import NewRatings, add_new_ratings
from models.ranking.part import Part, scored_in_full
from models.ranking.query import RankBy

_RECENT_SHARE = 0.02
"""Largest share of a large catalogue in its recent part. Beyond it, both parts are merged. It bounds the time of a
request, because the recent part has no shortlist."""

_BATCH_SCORES = 200_000
"""Scores that are computed at once, which bounds the memory."""


class Catalogue:
    """All items that can be recommended: a main part and, in a large catalogue, a part with the recent changes.

    Items have rows: first those of the main part, then those of the recent part. An item that is removed, or that moves
    to the recent part, leaves its row behind. Such a row is masked in every list. So the cost of a change depends on
    the changed items alone.

    Hidden items are in no list either. What users did with them still counts, and they can be seeds of similar items.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        present: NDArray[np.bool_],
        new_ratings: NewRatings = MappingProxyType({}),
        hidden: NDArray[np.bool_] | None = None,
    ) -> None:
        """Make a catalogue of its parts.

        Args:
            parts: The main part and, if there is one, the recent part.
            present: bool [rows], unset where the row has lost its item.
            new_ratings: The ratings made since training.
            hidden: bool [rows], set where the row's item may be in no list; None if no item is hidden.
        """
        self.parts = tuple(parts)
        self.model = parts[0].model
        self.present = present
        self.hidden = np.zeros(len(present), dtype=np.bool_) if hidden is None else hidden
        self.new_ratings = new_ratings
        self._starts = np.cumsum([0, *map(len, parts)]).tolist()
        self._best_known: dict[tuple[str, str, int], NDArray[np.int64]] = {}

    @classmethod
    def of(
        cls,
        model: TrainedModel,
        items: Entities,
        new_ratings: NewRatings = MappingProxyType({}),
        hidden: Collection[str] = (),
    ) -> "Catalogue":
        """Encode and embed all items, warmed up by the ratings made since training.

        Args:
            model: The model.
            items: The items.
            new_ratings: The ratings made since training.
            hidden: Ids of the items that may be in no list.
        """
        return cls.of_part(Part.of(model, items, new_ratings), new_ratings)._with_hidden((), hidden)

    @classmethod
    def of_part(cls, part: Part, new_ratings: NewRatings = MappingProxyType({})) -> "Catalogue":
        """A catalogue of one part, with a shortlist if it is large."""
        needs_shortlists = not (part.has_shortlists or scored_in_full(len(part)))
        return cls([part.with_shortlists() if needs_shortlists else part], _all_of(part), new_ratings)

    def __len__(self) -> int:
        return len(self.present)

    def with_changes(self, changed: Entities, removed: Collection[str], hidden: Collection[str] = ()) -> "Catalogue":
        """The catalogue with the changed items and without the removed ones.

        Only items whose title or attributes differ are encoded. An item that is merely hidden or shown keeps its row.

        Args:
            changed: New items, and items of the catalogue that have changed.
            removed: Ids of items to remove; unknown ids are ignored.
            hidden: Ids of those changed items that may be in no list.
        """
        # One row after the other: taking several rows at once costs time for every item of the catalogue.
        stored = (self._table.row(row, named=True) for row in self.rows_of(changed.ids))
        before = {item["id"]: item for item in stored}
        differs = [before.get(row["id"]) != row for row in changed.table.iter_rows(named=True)]
        catalogue = self._replaced(Entities(changed.table.filter(pl.Series(differs, dtype=pl.Boolean))), removed)
        return catalogue._with_hidden(changed.ids, hidden)

    def _with_hidden(self, among: Collection[str], hidden: Collection[str]) -> "Catalogue":
        """The catalogue in which the items `hidden` are hidden and the others of `among` are not."""
        mask = self.hidden.copy()
        mask[self.rows_of(among)] = False
        mask[self.rows_of(hidden)] = True
        return Catalogue(self.parts, self.present, self.new_ratings, mask)

    def _replaced(self, changed: Entities, removed: Collection[str]) -> "Catalogue":
        """The catalogue with the changed items, newly encoded and not hidden, and without the removed ones."""
        if not len(changed) and not removed:
            return self
        present = self.present.copy()
        for item_id in {*removed, *changed.ids}:
            if (row := self.row_of(item_id)) is not None:
                present[row] = False
        main, *others = self.parts
        main_present, recent_present = np.split(present, [len(main)])
        main_hidden, recent_hidden = np.split(self.hidden, [len(main)])
        recent_hidden = np.concatenate([recent_hidden[recent_present], np.zeros(len(changed), dtype=np.bool_)])
        recent = Part.of(self.model, changed, self.new_ratings)
        for part in others:
            recent = part.merged(recent_present, recent)
        if main.has_shortlists and len(recent) <= _RECENT_SHARE * len(main):
            present = np.concatenate([main_present, _all_of(recent)])
            return Catalogue([main, recent], present, self.new_ratings, np.concatenate([main_hidden, recent_hidden]))
        whole = Catalogue.of_part(main.merged(main_present, recent), self.new_ratings)
        hidden = np.concatenate([main_hidden[main_present], recent_hidden])
        return Catalogue(whole.parts, whole.present, self.new_ratings, hidden)

    def with_new_ratings(self, new_ratings: NewRatings) -> "Catalogue":
        """The catalogue with these ratings made since training, in place of those that it had.

        Items whose ratings differ are embedded again, as if they had changed.
        """
        former = self.new_ratings
        changed = {item_id for item_id in {*former, *new_ratings} if former.get(item_id) != new_ratings.get(item_id)}
        catalogue = Catalogue(self.parts, self.present, new_ratings, self.hidden)
        rows = self.rows_of(changed)
        if not len(rows):
            return catalogue
        items, hidden = Entities(self.attributes(rows)), self.hidden[rows]
        return catalogue._replaced(items, ())._with_hidden((), [items.ids[place] for place in np.flatnonzero(hidden)])

    def row_of(self, item_id: str) -> int | None:
        """The row of an item; None if the item is not in the catalogue."""
        for part, start in zip(self.parts, self._starts, strict=False):
            row = part.items.row_of.get(item_id)
            if row is not None and self.present[start + row]:
                return int(start + row)
        return None

    def rows_of(self, item_ids: Collection[str]) -> NDArray[np.int64]:
        """The rows of those items that are in the catalogue, rising."""
        rows = (self.row_of(item_id) for item_id in item_ids)
        return np.array(sorted(row for row in rows if row is not None), dtype=np.int64)

    def mask_of(self, item_ids: Collection[str]) -> NDArray[np.bool_]:
        """Which rows have one of these items; bool [rows]."""
        mask = np.zeros(len(self), dtype=np.bool_)
        mask[self.rows_of(item_ids)] = True
        return mask

    @cached_property
    def items(self) -> Entities:
        """The items of the catalogue, in the order of their rows."""
        return Entities(self._table.filter(self.present))

    @cached_property
    def statistics(self) -> pl.DataFrame:
        """The statistics of each row's item, in the order of the rows: from training and with the new ratings."""
        return add_new_ratings(
            pl.concat([part.statistics for part in self.parts]), self.new_ratings, self._unknown_user_gradient_norms
        )

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """int64 [rows], the number of ratings of each row's item, in training and since."""
        return np.asarray(self.statistics["rating_count"].to_numpy())

    @cached_property
    def trained_counts(self) -> NDArray[np.int64]:
        """int64 [rows], the number of training ratings of each row's item."""
        return np.concatenate([part.counts for part in self.parts])

    @cached_property
    def unknown_user(self) -> tuple[TensorRows, Any]:
        """A user without attributes and ratings: embedded ([1]), and adapted by the choice model."""
        return unknown_user(self.model, RankBy.CHOICE, self.parts[0].embedded[RankBy.CHOICE].vectors)

    @cached_property
    def unknown_rater(self) -> tuple[TensorRows, Any]:
        """A user without attributes and ratings: embedded ([1]), and adapted by the learner.

        Raises:
            ValueError: The model predicts no ratings.
        """
        return unknown_user(self.model, RankBy.RATING, self.parts[0].embedded[RankBy.RATING].vectors)

    @cached_property
    def rows_by_id(self) -> NDArray[np.int64]:
        """The rows that have an item, in the order of the items' ids; int64 [items]."""
        ids = self._table.select("id").with_row_index("row").filter(self.present).sort("id")
        return ids["row"].to_numpy().astype(np.int64)

    def name(self, row: int) -> tuple[str, str | None]:
        """The id and the title of a row's item."""
        for part, start in zip(self.parts, self._starts, strict=False):
            if row < start + len(part):
                return part.items.ids[row - start], part.titles[row - start]
        raise IndexError(row)

    def vectors(self, rows: NDArray[np.int64], rank_by: RankBy = RankBy.RATING) -> TensorRows:
        """The items of some rows, embedded by a scoring model; the shape of `rows` becomes the leading dimensions."""
        first, *others = (part.embedded[rank_by] for part in self.parts)
        vectors = first.vectors.take(torch.from_numpy(rows.clip(max=len(first) - 1)).to(self.model.device))
        for part, start in zip(others, self._starts[1:], strict=False):
            inside = torch.from_numpy(rows >= start)
            replacements = part.vectors[torch.from_numpy(rows[rows >= start] - start)]
            for target, values in zip(vectors.tensors(), replacements.tensors(), strict=True):
                target[inside] = values
        return vectors

    def choice_vectors(self, rows: NDArray[np.int64]) -> ChoiceItems:
        """The items of some rows, embedded by the choice model, as in `vectors`."""
        return cast("ChoiceItems", self.vectors(rows, RankBy.CHOICE))

    def attributes(self, rows: NDArray[np.int64]) -> pl.DataFrame:
        """The item table of some rows."""
        return self._table[rows]

    def column(self, name: str) -> pl.Series:
        """One attribute of each row's item, in the order of the rows; null where it is unknown."""
        return pl.concat([part.items.table[name] for part in self.parts])

    def allowed(
        self,
        excluded: Collection[str],
        where: Filter,
        only: Collection[str] | None = None,
    ) -> NDArray[np.bool_]:
        """Which rows may be in a list: those of items that are not hidden and fulfil all conditions; bool [rows].

        Args:
            excluded: Ids of items that may not be in the list; unknown ids are ignored.
            where: Conditions on attributes.
            only: Ids of the only items that may be in the list; unknown ids are ignored. None for all items.

        Raises:
            ValueError: `where` names a field that the items do not have, or conditions that the field does not have.
        """
        allowed = self._listable.copy()
        if only is not None:
            allowed &= self.mask_of(only)
        for item_id in excluded:
            if (row := self.row_of(item_id)) is not None:
                allowed[row] = False
        if where:
            allowed &= self.matching(where)
        return allowed

    def matching(self, where: Filter) -> NDArray[np.bool_]:
        """Which rows' items fulfil all conditions; bool [rows]. ValueError as in `allowed`."""
        return np.concatenate([part.filters.matching(where) for part in self.parts])

    def best_known_with(self, name: str, value: str, n: int) -> NDArray[np.int64]:
        """The n rows with the most ratings whose items have a value; hidden items count too.

        Args:
            name: A field.
            value: Its value; a decade such as "1990s" for a field of years.
            n: How many rows at most.

        Returns:
            int64, the most ratings first; empty for a field or a value that the items do not have.
        """
        key = name, value, n
        if key not in self._best_known:
            try:
                rows = np.flatnonzero(self.present & self.matching({name: self._condition(name, value)}))
            except ValueError:
                return np.empty(0, dtype=np.int64)
            self._best_known[key] = rows[best_places(self.counts[rows].astype(np.float64), self.counts[rows], n)]
        return self._best_known[key]

    @cached_property
    def field_values(self) -> FieldValues:
        """The values that the fields of the items have."""
        return FieldValues(self.model, self.parts)

    @property
    def users_at_once(self) -> int:
        """How many users are scored together, which bounds the memory."""
        return 1 if self.parts[0].has_shortlists else max(1, _BATCH_SCORES // max(1, len(self)))

    def shortlisted(
        self,
        rank_by: RankBy,
        adapted: object,
        users: TensorRows,
        allowed: Sequence[NDArray[np.bool_]],
        ns: Sequence[int],
        needed: Sequence[NDArray[np.int64]],
        added: Sequence[NDArray[np.float32] | None],
    ) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """The items among which each user's best items are, with their scores.

        Args:
            rank_by: The scoring model.
            adapted: What its `adapt` returned for B users, at most `users_at_once`.
            users: [B], embedded by it.
            allowed: For each user, bool [rows].
            ns: For each user, how many of the best items are wanted.
            needed: For each user, allowed rows that must be among the items, even with low scores.
            added: For each user, float32 [rows], what is added to the scores before the best items are chosen; None for
                nothing. The returned scores are without it.

        Returns:
            For each user, rising rows, all allowed, and their scores.
        """
        main = self.parts[0].embedded[rank_by]
        if main.shortlist is None:
            scores = main.scores(adapted, users, np.arange(len(main))).cpu().numpy()
            return [(np.flatnonzero(mask), values[mask]) for mask, values in zip(allowed, scores, strict=True)]
        (mask,), (n,), (own,), (more,) = allowed, ns, needed, added
        main_mask, recent_mask = np.split(mask, [len(main)])
        if scored_in_full(int(np.count_nonzero(main_mask))):
            rows = np.flatnonzero(main_mask)
        else:
            rows = main.shortlist.rows(adapted, users, main_mask, n, None if more is None else more[: len(main)])
            if len(own):
                rows = np.union1d(rows, own[own < len(main)])
        rows = np.concatenate([rows, len(main) + np.flatnonzero(recent_mask)])
        return [(rows, self.scores(rank_by, adapted, users, rows)[0].cpu().numpy())]

    def scores(self, rank_by: RankBy, adapted: object, users: TensorRows, rows: NDArray[np.int64]) -> Tensor:
        """Scores of some rows (int64 [n], rising) for B users, as in `shortlisted`; float32 [B, n]."""
        return torch.cat(
            [
                part.embedded[rank_by].scores(adapted, users, part_rows - start)
                for part, start, part_rows in zip(
                    self.parts, self._starts, np.split(rows, np.searchsorted(rows, self._starts[1:-1])), strict=False
                )
            ],
            dim=1,
        )

    def _unknown_user_gradient_norms(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """The gradient norms of some rows for the unknown user; 1 from a learner without gradient norms."""
        learner = self.model.learner
        norms: Tensor | None
        with torch.inference_mode():
            if learner is None:
                norms = self.model.choice.gradient_norms(self.unknown_user[1], self.choice_vectors(rows[None]))
            else:
                user, adapted = self.unknown_rater
                norms = learner.gradient_norms(adapted, user, self.vectors(rows[None]))
        return np.ones(len(rows)) if norms is None else np.asarray(norms[0].cpu().numpy(), dtype=np.float64)

    def _condition(self, name: str, value: str) -> FieldFilter:
        """The condition that an item has a value of a field, or is of a decade; ValueError if it makes no sense."""
        years = years_of(value) if name == self.model.schema.items.date else None
        return FieldFilter(any_of=(value,)) if years is None else FieldFilter(lowest=years[0], highest=years[1])

    @cached_property
    def _listable(self) -> NDArray[np.bool_]:
        """Which rows have an item that is not hidden; bool [rows]."""
        return self.present & ~self.hidden

    @cached_property
    def _table(self) -> pl.DataFrame:
        return pl.concat([part.items.table for part in self.parts])


def _all_of(part: Part) -> NDArray[np.bool_]:
    return np.ones(len(part), dtype=np.bool_)
