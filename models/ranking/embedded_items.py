"""Items as one scoring model sees them: embedded, ready to be scored, and shortlisted if there are many."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.artifact import TrainedModel
from models.data.dataset import Entities
from models.inputs.rows import TensorRows
from models.learners.base import AnyScoringModel, ItemScorer, Support
from models.learners.warm_up import LaterRatings
from models.ranking.query import RankBy
from models.ranking.shortlist import ScoreSpace, Shortlist

_EMBEDDED_AT_ONCE = 65_536
"""Items that are embedded at once, which bounds the memory."""


def available_orders(model: TrainedModel) -> tuple[RankBy, ...]:
    """The orders in which a model can rank."""
    return (RankBy.CHOICE,) if model.learner is None else tuple(RankBy)


def scoring_model(model: TrainedModel, rank_by: RankBy) -> AnyScoringModel:
    """The part of a model whose scores choose the items of a list.

    Raises:
        ValueError: The model predicts no ratings, and the list is to be ordered by them.
    """
    if rank_by is RankBy.CHOICE:
        return model.choice
    if model.learner is None:
        raise ValueError(f"{model.version} predicts no ratings, so it cannot rank by them")
    return model.learner


def unknown_user(model: TrainedModel, rank_by: RankBy, vectors: TensorRows) -> tuple[TensorRows, Any]:
    """A user without attributes and ratings: embedded ([1]), and adapted by a scoring model.

    Args:
        model: The model.
        rank_by: Says which scoring model of it.
        vectors: Any items, embedded by that.
    """
    scoring = scoring_model(model, rank_by)
    with torch.inference_mode():
        user = scoring.embed_users(model.manifest.user_encoder.encode_values([{}]).to(model.device))
        no_ratings = torch.zeros(1, 0, device=model.device)
        no_items = vectors.take(no_ratings.long())
        return user, scoring.adapt(Support(user, no_items, no_ratings, no_ratings.bool()))


@dataclass(frozen=True)
class EmbeddedItems:
    """Some items, embedded by one scoring model. It is immutable.

    Attributes:
        model: The model.
        rank_by: Says which scoring model of it has embedded the items.
        vectors: [items], embedded.
        shortlist: The shortlist of these items; None if all of them are scored for every user.
    """

    model: TrainedModel
    rank_by: RankBy
    vectors: TensorRows
    shortlist: Shortlist | None = None

    @classmethod
    def of(cls, model: TrainedModel, rank_by: RankBy, items: Entities) -> "EmbeddedItems":
        """Encode and embed items; without a shortlist."""
        scoring = scoring_model(model, rank_by)

        def embed(table: pl.DataFrame) -> TensorRows:
            embedded: TensorRows = scoring.embed_items(model.manifest.item_encoder.encode(table).to(model.device))
            return embedded

        with torch.inference_mode():
            pieces = (embed(piece) for piece in items.table.iter_slices(_EMBEDDED_AT_ONCE))
            vectors = TensorRows.collect(pieces, len(items)) if len(items) else embed(items.table)
        return cls(model, rank_by, vectors)

    def __len__(self) -> int:
        return len(self.vectors)

    def warmed_up(self, rows: NDArray[np.int64], later: LaterRatings) -> "EmbeddedItems":
        """The same items after some rows (int64 [n]) got ratings ([n]) after training; without a shortlist."""
        selected = torch.from_numpy(rows).to(self.model.device)
        vectors = self.vectors.map(Tensor.clone)
        with torch.inference_mode():
            scoring = scoring_model(self.model, self.rank_by)
            stranger = unknown_user(self.model, self.rank_by, vectors)
            warm = scoring.warmed_up(vectors[selected], later, *stranger)
            for target, values in zip(vectors.tensors(), warm.tensors(), strict=True):
                target[selected] = values
        return EmbeddedItems(self.model, self.rank_by, vectors)

    def with_shortlist(self, counts: NDArray[np.int64]) -> "EmbeddedItems":
        """The same items with a shortlist.

        Args:
            counts: int64 [items], the number of training ratings of each item.
        """
        with torch.inference_mode():
            space = ScoreSpace(self.model, scoring_model(self.model, self.rank_by), self.vectors, counts)
            return self._shortlisted(space, space.features(self.scorer, len(self)))

    def merged(self, kept: NDArray[np.bool_], other: "EmbeddedItems", *, exact: bool) -> "EmbeddedItems":
        """The items that `kept` (bool [items]) marks, then other items.

        Args:
            kept: Which items to keep.
            other: The items to add.
            exact: Whether all items are scored for every user, so that no shortlist is needed.
        """
        rows = torch.from_numpy(kept)
        whole = EmbeddedItems(self.model, self.rank_by, self.vectors[rows].append(other.vectors))
        if self.shortlist is None or exact:
            return whole
        with torch.inference_mode():
            space = self.shortlist.space
            features = torch.cat([self.shortlist.features[:, rows], space.features(other.scorer, len(other))], dim=1)
            return whole._shortlisted(space, features)

    @cached_property
    def scorer(self) -> ItemScorer[Any, Any]:
        """Scores the items."""
        with torch.inference_mode():
            return scoring_model(self.model, self.rank_by).prepare(self.vectors)

    def scores(self, adapted: object, users: TensorRows, rows: NDArray[np.int64]) -> Tensor:
        """Scores of some rows (int64 [n], rising) for B users; float32 [B, n]."""
        is_all = len(rows) == len(self)
        return self.scorer.scores(adapted, users, None if is_all else torch.from_numpy(rows).to(users.device))

    def _shortlisted(self, space: ScoreSpace, features: Tensor) -> "EmbeddedItems":
        scoring = scoring_model(self.model, self.rank_by)
        return replace(self, shortlist=Shortlist(scoring, self.vectors, space, features))
